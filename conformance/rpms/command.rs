//! `rootcontract rpm check`: what is printed, and how it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rstest::rstest;
use serde_json::Value;

use super::Built;
use crate::support::supervisor;

/// Standard output, standard error, exit code.
fn check(arguments: &[&str]) -> (String, String, Option<i32>) {
    let done =
        Command::new(supervisor()).args(["rpm", "check", "--static", "--arch", "x86_64"]).args(arguments).output();
    let done = done.expect("a run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&done.stdout), text(&done.stderr), done.status.code())
}

/// A script of its own in a file.
fn script(directory: &Path, body: &str) -> PathBuf {
    let file = directory.join("script.sh");
    fs::write(&file, body).expect("a file");
    file
}

fn of_script(moment: &str, body: &str, more: &[&str]) -> (String, String, Option<i32>) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = script(directory.path(), body);
    let file = file.to_string_lossy();
    check(&[&["--scriptlet", moment, &file], more].concat())
}

#[test]
fn one_package_is_one_screen() {
    let body = "udevadm control --reload\nuseradd -r mypkg || :\nfirewall-cmd --reload\n";
    let (stdout, stderr, code) = of_script("post", body, &["--scenario", "install"]);
    let expected = "\
✘ script-0-0.noarch: fails the build
FILE in the build root osbuild-v190 on x86_64
  fails the build         install; rpm 6.0 (Fedora 43)
  works, effects skipped  install; rpm 4.16 (EL 9), 4.20 (Fedora 42)

✘ firewall.daemon: fails the build with rpm 6.0 (install)
  %post:3:1     firewall-cmd --reload
  assumes       firewalld runs.
  osbuild       `FirewallD is not running`, and a status that is not 0.
  instead       Ship a service file in `/usr/lib/firewalld/services`; where a
                rule has to be set, `firewall-offline-cmd`.
  why           `firewall-cmd` speaks with firewalld over D-Bus, and neither is
                there.
  rests on      mount.scriptlet.run

– udev.control: works, effects skipped (install)
  %post:1:1     udevadm control --reload
  assumes       udev runs, and reads its rules again.
  osbuild       Nothing happens; the rules are read when the image boots.
  instead       Drop it (systemd's file triggers do it), or ask first: `[ -S
                /run/udev/control ] && udevadm control --reload`.
  why           There is no udev: `/run/udev/control` is not there. Today's
                udevadm says `Running in chroot, ignoring request`, older ones
                fail.
  rests on      mount.scriptlet.run

Worth knowing
  %post:2:1     useradd -r mypkg || : — assumes: A program that no dependency
                brings is there. [requires.missing]

1 scriptlet: 1 read, 0 executed, 0 emulated, 0 simulated, 1 skipped
  skipped       %post: it was to be read only
  more          rootcontract explain firewall.daemon
";
    let (_, named) = stdout.split_once("noarch: fails the build\n").expect("a title");
    let (file, _) = named.split_once(" in the build root").expect("a file");
    assert!(file.ends_with("/script.sh"), "{file}");
    let stdout = stdout.replace(file, "FILE");
    assert_eq!((stdout.as_str(), stderr.as_str(), code), (expected, "", Some(1)));
}

/// What the README shows is what is printed.
#[test]
fn the_readme_s_example_is_what_is_printed() {
    let built = Built::of("readme.spec");
    let (stdout, stderr, code) = check(&[&built.file("mypkg").to_string_lossy()]);
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README");
    let (_, example) =
        readme.split_once("$ rootcontract rpm check --static mypkg-1-1.noarch.rpm\n").expect("an example");
    let (example, _) = example.split_once("```\n").expect("its end");
    assert_eq!((stdout.as_str(), stderr.as_str(), code), (example, "", Some(1)));
}

#[rstest]
#[case::works("post", "touch /etc/mypkg\n", Some(0))]
#[case::effects_skipped("post", "systemctl start mypkg\n", Some(0))]
#[case::hidden("post", "firewall-cmd --reload || :\n", Some(0))]
#[case::changes_the_host("post", "sysctl -w a.b=1\n", Some(1))]
#[case::breaks_the_image("post", "hostname > /etc/mypkg\n", Some(1))]
#[case::fails("pre", "firewall-cmd --reload\n", Some(1))]
#[case::changes_the_host_by_another("post", "nice -n 5 sudo -u root sh -ec 'sysctl -w a.b=1'\n", Some(1))]
#[case::changes_the_host_at_its_end("post", "trap 'sysctl -w a.b=1' EXIT\n", Some(1))]
#[case::changes_the_host_from_there("post", "cd /proc/sys/kernel && echo x > core_pattern\n", Some(1))]
#[case::unknown("post", "if true; then\n", Some(2))]
#[case::put_together("post", "eval \"$X\"\n", Some(2))]
#[case::of_another_language("post", "#!/usr/bin/python3\nimport os\n", Some(2))]
#[case::long("post", &"#\n".repeat(200_000), Some(2))]
fn the_exit_code_says_what_becomes_of_a_build(#[case] moment: &str, #[case] body: &str, #[case] expected: Option<i32>) {
    let (stdout, stderr, code) = of_script(moment, body, &[]);
    assert_eq!((stderr.as_str(), code), ("", expected), "{stdout}");
}

/// Each rpm has its own idea of a scriptlet that fails.
#[rstest]
#[case::before_the_files("pre", "4.16", "fails-build")]
#[case::after_the_files("post", "4.16", "effects-skipped")]
#[case::after_the_files_today("post", "6.0", "fails-build")]
#[case::before_another_goes("triggerin", "4.20", "effects-skipped")]
#[case::before_another_goes_today("triggerin", "6.0", "fails-build")]
fn what_a_failure_comes_to_is_rpm_s(#[case] moment: &str, #[case] rpm: &str, #[case] expected: &str) {
    let more = ["--rpm-version", rpm, "--scenario", "install", "--format", "json"];
    let (stdout, _, _) = of_script(moment, "firewall-cmd --reload\n", &more);
    let document: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(document["reports"][0]["verdicts"][0]["verdict"], expected);
}

/// What `$1` is decides which way a script goes.
#[rstest]
#[case::first_install("post", "[ \"$1\" -eq 1 ]", &["install"])]
#[case::upgrade("post", "[ $1 -gt 1 ]", &["upgrade"])]
#[case::last_one_goes("preun", "[ \"$1\" = 0 ]", &["erase"])]
#[case::replaced("postun", "test $1 -ge 1", &["upgrade"])]
#[case::bash_s_brackets("post", "[[ $1 == 2 ]]", &["upgrade"])]
fn a_script_goes_one_way(#[case] moment: &str, #[case] test: &str, #[case] expected: &[&str]) {
    let body = format!("if {test}; then\n  sysctl -w a.b=1\nfi\n");
    let (stdout, _, _) = of_script(moment, &body, &["--format", "json"]);
    let document: Value = serde_json::from_str(&stdout).expect("JSON");
    let finding = document["reports"][0]["findings"].as_array().expect("findings").first().expect("a finding");
    let scenarios: Vec<&str> =
        finding["scenarios"].as_array().expect("scenarios").iter().filter_map(Value::as_str).collect();
    assert_eq!((finding["rule"].as_str(), scenarios.as_slice()), (Some("kernel.settings"), expected));
    assert_eq!((finding["place"]["line"].as_u64(), finding["place"]["column"].as_u64()), (Some(2), Some(3)));
}

/// A name, a line or a file can't speak to the terminal, and is given to no shell.
#[test]
fn nothing_of_a_package_is_printed_as_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let touched = directory.path().join("touched");
    let body = format!("sysctl -w a.b=1 \u{1b}[2J\u{202e}$(touch {})\n", touched.display());
    let file = script(directory.path(), &body);
    for format in ["human", "json", "junit", "github", "sarif"] {
        let (stdout, stderr, code) = check(&["--scriptlet", "post", &file.to_string_lossy(), "--format", format]);
        assert!(!stdout.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{stdout:?}");
        assert_eq!((stderr.as_str(), code), ("", Some(1)));
    }
    assert!(!touched.exists());
}

#[test]
fn a_waived_finding_counts_for_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let waivers = directory.path().join("waivers.toml");
    let waiver = |rule: &str, day: &str| {
        format!(
            "schema = \"rootcontract.rpm-waivers/1\"\n[[waiver]]\nrule = \"{rule}\"\nreason = \"ours\"\nowner = \"me\"\nexpires = {day}\n"
        )
    };
    let with = |text: String| {
        fs::write(&waivers, text).expect("a file");
        of_script("post", "sysctl -w a.b=1\n", &["--waivers", &waivers.to_string_lossy()])
    };
    let (stdout, stderr, code) = with(waiver("kernel.settings", "9999-12-31"));
    assert_eq!((stderr.as_str(), code), ("", Some(0)), "{stdout}");
    assert!(stdout.contains("kernel.settings: waived: ours (me, until 9999-12-31)\n"), "{stdout}");
    let (_, _, code) = with(waiver("kernel.settings", "2026-01-01"));
    assert_eq!(code, Some(1));
    let unneeded = waiver("kernel.settings", "9999-12-31")
        + &waiver("secret.made", "9999-12-31").replace("schema = \"rootcontract.rpm-waivers/1\"\n", "");
    let (_, stderr, code) = with(unneeded);
    let line = format!("rootcontract: {}: secret.made of me finds nothing: remove the waiver\n", waivers.display());
    assert_eq!((stderr, code), (line, Some(1)));
    let (stdout, stderr, code) = with(waiver("no.rule", "9999-12-31"));
    let line = format!("rootcontract: {}:3: rule: no rule is called `no.rule`\n", waivers.display());
    assert_eq!((stdout.as_str(), stderr, code), ("", line, Some(2)));
}

#[test]
fn what_is_asked_wrongly_is_told_in_a_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let (stdout, stderr, code) = check(&[&directory.path().to_string_lossy()]);
    let line = format!(
        "rootcontract: {} has no package in it: there is no file in it whose name ends in .rpm\n",
        directory.path().display()
    );
    assert_eq!((stdout.as_str(), stderr, code), ("", line, Some(2)));
}

/// Whatever its name: packages are told apart by the file that was given.
#[rstest]
#[case::plain("mypkg.rpm", "mypkg.rpm", "mypkg.rpm")]
#[case::odd("my pkg,\u{1b}:1.rpm", "my pkg,\\x1b:1.rpm", "my pkg%2C\\x1b%3A1.rpm")]
fn every_report_names_the_file_that_was_given(#[case] name: &str, #[case] escaped: &str, #[case] annotated: &str) {
    let built = Built::of("readme.spec");
    let directory = tempfile::tempdir().expect("a directory");
    fs::copy(built.file("mypkg"), directory.path().join(name)).expect("a copy");
    let told = |format: &str| {
        let check = ["rpm", "check", "--static", "--format", format, "--", name];
        let done = Command::new(supervisor()).args(check).current_dir(directory.path()).output().expect("a run");
        String::from_utf8(done.stdout).expect("text")
    };
    let document: Value = serde_json::from_str(&told("json")).expect("JSON");
    assert_eq!(
        (&document["reports"][0]["file"], &document["failures"]),
        (&Value::from(escaped), &Value::Array(vec![]))
    );
    let junit = quick_junit::Report::deserialize_from_str(&told("junit")).expect("XML");
    let properties = &junit.test_suites[0].properties;
    let file = properties.iter().find(|property| property.name.as_str() == "file").expect("the file");
    assert_eq!(file.value.as_str(), escaped);
    let annotations = told("github");
    assert!(annotations.starts_with(&format!("::error file={annotated},title=")), "{annotations}");
}

/// Scripts have no other names.
#[test]
fn what_has_the_same_name_is_told_apart_by_its_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let files = ["a.sh", "b.sh"].map(|name| directory.path().join(name).to_string_lossy().into_owned());
    files.iter().for_each(|file| fs::write(file, "touch /etc/mypkg\n").expect("a script"));
    let [one, other] = &files;
    let told = |format: &str| check(&["--scriptlet", "post", one, other, "--format", format]).0;
    let human = told("human");
    let headings: Vec<&str> = human.lines().filter(|line| line.starts_with('✔')).collect();
    assert_eq!(headings, files.clone().map(|file| format!("✔ script-0-0.noarch ({file}): works")));
    let junit = quick_junit::Report::deserialize_from_str(&told("junit")).expect("XML");
    let suites: Vec<&str> = junit.test_suites.iter().map(|suite| suite.name.as_str()).collect();
    let expected = files.map(|file| format!("script-0-0.noarch ({file}) in osbuild-v190 on x86_64"));
    assert_eq!(suites, expected);
}

#[test]
fn a_package_on_standard_input_has_no_other_name() {
    let built = Built::of("readme.spec");
    let package = fs::File::open(built.file("mypkg")).expect("a package");
    let done = Command::new(supervisor())
        .args(["rpm", "check", "--static", "--format", "json", "-"])
        .stdin(package)
        .output()
        .expect("a run");
    let document: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(document["reports"][0]["file"], "-");
}

/// Two builds of a package whose scriptlets are not the same.
#[test]
fn what_differs_between_architectures_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let spec = directory.path().join("twin.spec");
    let text = "Name: twin\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\n%description\nx\n%ifarch s390x\n%post\nzipl\n%endif\n%files\n";
    fs::write(&spec, text).expect("a file");
    for target in ["s390x-linux", "x86_64-linux"] {
        let topdir = format!("_topdir {}", directory.path().display());
        let done = Command::new("rpmbuild")
            .args(["-bb", "--quiet", "--target", target, "--define", &topdir])
            .arg(&spec)
            .output();
        assert!(done.expect("rpmbuild").status.success());
    }
    let packages = ["s390x", "x86_64"].map(|arch| directory.path().join(format!("RPMS/{arch}/twin-1-1.{arch}.rpm")));
    let done = Command::new(supervisor()).args(["rpm", "check", "--static"]).args(packages).output().expect("a run");
    let stdout = String::from_utf8_lossy(&done.stdout);
    assert!(stdout.contains("Not the same on every architecture\n  twin-1-1\n"), "{stdout}");
    assert!(stdout.contains("%post is found by grub.probe: s390x\n"), "{stdout}");
}

/// What is assumed in several places is told once, and a package that is all right in two lines.
#[test]
fn nothing_is_said_twice() {
    let (stdout, _, _) = of_script("post", "systemctl start a\nsystemctl start b\n", &["--scenario", "install"]);
    let places = "\n  %post:1:1     systemctl start a\n  %post:2:1     systemctl start b\n  assumes ";
    assert_eq!((stdout.matches("\n  why ").count(), stdout.contains(places)), (1, true), "{stdout}");
    let (stdout, stderr, code) = of_script("post", "exit 0\n", &[]);
    let (_, rest) = stdout.split_once(" in the build root osbuild-v190 on x86_64\n").expect("a room");
    let expected = "
1 scriptlet: 1 read, 0 executed, 0 emulated, 0 simulated, 1 skipped
  skipped       %post: it was to be read only
";
    assert_eq!((rest, stderr.as_str(), code), (expected, "", Some(0)));
}

/// Terminals open with 80 columns.
#[test]
fn no_line_is_wider_than_a_terminal() {
    for family in ["services", "kernel", "script", "bootstrap", "places"] {
        let built = Built::of(&format!("rules/{family}.spec"));
        let (stdout, _, _) = check(&[&built.packages().to_string_lossy()]);
        let wide: Vec<&str> = stdout.lines().filter(|line| line.chars().count() > 80).collect();
        assert_eq!(wide, [""; 0]);
    }
}

#[test]
fn the_json_document_keeps_to_its_schema() {
    let built = Built::of("rules/kernel.spec");
    let (stdout, stderr, _) = check(&["--format", "json", &built.packages().to_string_lossy()]);
    let document: Value = serde_json::from_str(&stdout).expect("JSON");
    let schema = rootcontract::rpm::report::schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!((errors, stderr.as_str()), (Vec::new(), ""));
}

#[test]
fn a_rule_is_explained_with_what_comes_of_it_in_each_profile() {
    let done = Command::new(supervisor()).args(["explain", "kernel.settings", "--profile", "osbuild"]).output();
    let done = done.expect("a run");
    let expected = "\
kernel.settings, a rule about scriptlets
  assumes   Kernel settings are the image's.
  why       There is one kernel, that of the machine that builds, and `/proc/sys` is not covered.
  osbuild   As root the setting of the machine that builds is changed. The image gets nothing of it.
  instead   Ship a file in `/usr/lib/sysctl.d`: it takes effect when the image boots.
  so        osbuild-v190: the machine that builds is changed (proc.printk.writable)
";
    let said = (String::from_utf8_lossy(&done.stdout).into_owned(), done.status.code());
    assert_eq!(said, (expected.to_owned(), Some(0)));
    assert_eq!(done.stderr, b"");
}
