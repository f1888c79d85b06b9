//! Specs: what their packages will do in a build root, before anybody builds them.

mod hostile;
mod refused;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

use crate::rpms::Built;
use crate::support::{fixture, supervisor};
use crate::users::ordinary::{Ids, Ordinary};

/// What a spec has to begin with.
const PREAMBLE: &str =
    "Name: mypkg\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n";

/// Standard output, standard error, exit code.
type Said = (String, String, Option<i32>);

fn said(done: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&done.stdout), text(&done.stderr), done.status.code())
}

fn check(arguments: &[&str]) -> Said {
    said(&Command::new(supervisor()).args(["rpm", "check"]).args(arguments).output().expect("a run"))
}

/// A spec of these bytes after the [`PREAMBLE`], in a directory of its own.
fn spec(rest: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("mypkg.spec");
    fs::write(&file, [PREAMBLE.as_bytes(), rest.as_ref()].concat()).expect("a spec");
    (directory, file)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// The document of a check on x86_64, and its exit code.
fn document(files: &[&str]) -> (Value, Option<i32>) {
    let (stdout, stderr, code) = check(&[&["--static", "--arch", "x86_64", "--format", "json"], files].concat());
    let document = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    (document, code)
}

/// The body of the first scriptlet.
fn body(document: &Value) -> &str {
    document["reports"][0]["scriptlets"][0]["body"].as_str().unwrap_or_else(|| panic!("{document:#}"))
}

/// The reports by package, without what says from which file they are and how that was read.
fn reports(mut document: Value) -> Vec<Value> {
    let mut reports = std::mem::take(document["reports"].as_array_mut().expect("reports"));
    for report in &mut reports {
        report["file"].take();
        report["notes"].take();
        for finding in report["findings"].as_array_mut().expect("findings") {
            finding["spec_line"].take();
        }
        for skipped in report["coverage"]["skipped"].as_array_mut().expect("what was skipped") {
            skipped["why"].take();
        }
    }
    reports.sort_by_key(|report| report["package"]["name"].as_str().map(str::to_owned));
    reports
}

/// The strongest thing to be said of reading a spec: nothing is found otherwise in what rpmbuild makes of it.
#[rstest]
#[case::every_kind_of_scriptlet("spec/every.spec")]
#[case::before_anything_is_there("rules/bootstrap.spec")]
#[case::what_boots("rules/boot.spec")]
#[case::devices("rules/devices.spec")]
#[case::rpm_itself("rules/database.spec")]
#[case::the_machine("rules/hardware.spec")]
#[case::users("rules/identity.spec")]
#[case::the_kernel("rules/kernel.spec")]
#[case::order("rules/ordering.spec")]
#[case::places("rules/places.spec")]
#[case::scripts("rules/script.spec")]
#[case::security("rules/security.spec")]
#[case::services("rules/services.spec")]
#[case::the_readme_s("readme.spec")]
#[case::harmful("room/hostile.spec")]
#[case::refused("room/refused.spec")]
fn a_spec_is_judged_as_the_packages_that_rpmbuild_makes_of_it(#[case] spec: &str) {
    let built = Built::of(spec);
    let files = built.files();
    let (of_packages, code) = document(&files.iter().map(|file| text(file)).collect::<Vec<_>>());
    let (of_spec, code_of_spec) = document(&[text(&fixture("rpm").join(spec))]);
    let (of_packages, of_spec) = (reports(of_packages), reports(of_spec));
    assert_eq!(of_spec.len(), files.len());
    assert_eq!((of_spec, code_of_spec), (of_packages, code));
}

/// All that rpm 4.18 has: what newer ones have besides is a line of a script to it.
#[test]
fn every_kind_of_scriptlet_and_trigger_is_read() {
    let (document, _) = document(&[text(&fixture("rpm/spec/every.spec"))]);
    let reports = reports(document);
    let scriptlets = reports.iter().flat_map(|report| report["scriptlets"].as_array().expect("scriptlets"));
    let told = |scriptlet: &Value| {
        let [slot, interpreter] = ["slot", "interpreter"].map(|key| scriptlet[key].as_str().expect("text"));
        let conditions: Vec<&str> =
            scriptlet["conditions"].as_array().expect("conditions").iter().filter_map(Value::as_str).collect();
        let flags = [("expands_macros", " -e"), ("is_query_format", " -q")];
        let flags: String = flags.iter().filter(|(key, _)| scriptlet[key] == true).map(|(_, flag)| *flag).collect();
        let priority = scriptlet["priority"].as_u64().map(|priority| format!(" {priority}")).unwrap_or_default();
        format!("{slot} {interpreter}{flags}{priority} {}", conditions.join(", ")).trim_end().to_owned()
    };
    let told: Vec<String> = scriptlets.map(told).collect();
    let expected = [
        "pretrans <lua>",
        "pre /bin/sh",
        "post /sbin/ldconfig",
        "preun /bin/sh -e",
        "postun /bin/sh -q",
        "posttrans /bin/sh",
        "verify /bin/sh",
        "triggerin /usr/bin/perl bar, foo 1",
        "triggerprein /bin/sh foo",
        "filetriggerin /bin/sh 200 /usr/lib, /usr/share",
        "filetriggerun <lua> 1000000 /usr/lib",
        "transfiletriggerin /bin/sh 300 /usr/lib",
        "transfiletriggerpostun /bin/sh 1000000 /usr/lib",
        "pre /bin/bash -e",
        "post /bin/sh",
        "triggerpostun /bin/sh baz, foo 3",
        "transfiletriggerun /bin/sh 1000000 /usr/lib",
        "post /bin/sh",
        "triggerun /bin/sh foo",
        "filetriggerpostun /bin/sh 1000000 /usr/lib",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_is_not_the_same_on_every_architecture_is_told() {
    let (stdout, stderr, code) = check(&["--arch", "all", text(&fixture("rpm/spec/arch.spec"))]);
    let (_, differences) = stdout.split_once("Not the same on every architecture\n").expect("differences");
    let expected = "  arch-1-1
    %post is a scriptlet of /bin/sh: aarch64, ppc64le, riscv64, x86_64
  arch-1-1
    %post is a scriptlet of /bin/sh: s390x
  arch-1-1
    %post is found by grub.probe: s390x
  arch-data-1-1
    %post is a scriptlet of /bin/sh: aarch64, riscv64, s390x, x86_64
  arch-data-1-1
    %post is a scriptlet of /bin/sh: ppc64le
";
    assert_eq!((differences, stderr.as_str(), code), (expected, "", Some(0)));
}

#[test]
fn one_spec_is_one_screen() {
    let (_directory, file) =
        spec("ExclusiveArch: noarch\n%post\ntouch /etc/mypkg\n%{?systemd_post}\n%postun\n%files\n");
    let (stdout, stderr, code) = check(&["--arch", "x86_64", text(&file)]);
    let version = Command::new("rpmspec").arg("--version").output().expect("rpmspec").stdout;
    let version = String::from_utf8_lossy(&version).trim().replace("RPM version ", "");
    let expected = format!(
        "\
✔ mypkg-1-1.noarch: works
{} in the build root osbuild-v190 on x86_64

Worth knowing
  %postun       assumes: A scriptlet without a body does nothing.
                [scriptlet.empty]

2 scriptlets: 2 read, 0 executed, 0 emulated, 0 simulated, 2 skipped
  skipped       all: a spec was read, and there is no package yet that could be
                installed
  note          read from a spec, by rpm {version}
  note          this machine's rpm has no %systemd_post, so what that stands for
                is not judged: read the spec on a system that has
                systemd-rpm-macros, or build it and check the packages
  more          rootcontract explain scriptlet.empty
",
        text(&file)
    );
    assert_eq!((stdout, stderr.as_str(), code), (expected, "", Some(0)));
}

/// A line of a scriptlet is one of the spec too, unless a macro made it. Code scanning shows the spec's, or none.
#[rstest]
#[case::as_it_stands("%post\n:\n  sysctl -w a.b=1\n", Some(11))]
#[case::in_two_scripts(
    "%post\nsysctl -w a.b=1\n%package -n b\nSummary: b\n%description -n b\nb\n%post -n b\nsysctl -w a.b=1\n%files -n b\n",
    None
)]
#[case::in_another_script("%post\n%{?nothing}sysctl -w a.b=1\n%preun -p <lua>\n--sysctl -w a.b=1\n", None)]
#[case::made_by_a_macro("%define set sysctl -w a.b=1\n%post\n%set\n", None)]
fn a_finding_is_at_a_line_of_the_spec(#[case] rest: &str, #[case] expected: Option<u64>) {
    let (_directory, file) = spec(format!("{rest}%files\n"));
    let (stdout, stderr, code) = check(&["--format", "sarif", "--arch", "x86_64", text(&file)]);
    let log: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    let region = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"];
    assert_eq!((region.as_u64(), code), (expected, Some(1)), "{log:#}");
    let (document, _) = document(&[text(&file)]);
    assert_eq!(document["reports"][0]["findings"][0]["spec_line"].as_u64(), expected);
    let (stdout, _, _) = check(&["--arch", "x86_64", text(&file)]);
    let told = expected.map(|line| format!("     sysctl -w a.b=1 (line {line} of the spec)\n"));
    assert!(stdout.contains(&told.unwrap_or("     sysctl -w a.b=1\n".to_owned())), "{stdout}");
}

/// What a spec says of a macro that rpm has not, and whether that is told.
#[rstest]
#[case::left_as_it_is("%post\n%systemd_post a.service\n", true)]
#[case::left_out("%post\n:\n%{?systemd_post:%systemd_post a.service}\n", true)]
#[case::asked_for("%post\n:\n%{!?systemd_post:true}\n", true)]
#[case::in_a_comment("# %%systemd_post a.service\n%post\n:\n", false)]
#[case::defined("%define systemd_post() true\n%post\n%systemd_post a.service\n", false)]
#[case::only_begins_like_it("%post\n:\n%{?systemd_post_of_mine}\n", false)]
#[case::known("%post\n%{__rm} -f /etc/mypkg\n", false)]
fn a_macro_that_rpm_has_not_is_told(#[case] rest: &str, #[case] is_told: bool) {
    let (_directory, file) = spec(format!("{rest}%files\n"));
    let (document, _) = document(&[text(&file)]);
    let notes = document["reports"][0]["notes"].as_array().unwrap_or_else(|| panic!("{document:#}"));
    let begins = "this machine's rpm has no %systemd_post, ";
    let told = notes.iter().filter_map(Value::as_str).any(|note| note.starts_with(begins));
    assert_eq!(told, is_told, "{notes:?}");
}

/// A spec that is not for every architecture is judged for those that it is for.
#[rstest]
#[case::some_are_left("ExclusiveArch: x86_64 s390x", &["s390x", "x86_64"], "the spec is not for aarch64, ppc64le, riscv64 ")]
#[case::one_is_not("ExcludeArch: riscv64", &["aarch64", "ppc64le", "s390x", "x86_64"], "the spec is not for riscv64 ")]
fn a_spec_is_judged_for_what_it_is_for(#[case] tag: &str, #[case] expected: &[&str], #[case] note: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("some.spec");
    fs::write(&file, PREAMBLE.replace("BuildArch: noarch", tag) + "%files\n").expect("a spec");
    let (stdout, stderr, code) = check(&["--arch", "all", "--format", "json", text(&file)]);
    let document: Value = serde_json::from_str(&stdout).expect("JSON");
    let reports = document["reports"].as_array().expect("reports");
    let mut architectures: Vec<&str> = reports.iter().filter_map(|report| report["arch"].as_str()).collect();
    architectures.sort_unstable();
    assert_eq!((architectures.as_slice(), stderr.as_str(), code), (expected, "", Some(0)));
    assert!(reports[0]["notes"][1].as_str().expect("a note").starts_with(note), "{}", reports[0]["notes"]);
}

/// What is beside a spec is there when it is read, and nothing else of the machine that is not in `/usr`.
#[rstest]
#[case::included("%include lines.inc\n", "echo of lines.inc")]
#[case::in_the_sources(
    "%{lua: local file = io.open(rpm.expand('%{_sourcedir}/lines.inc')); file:read(); print('%post\\n' .. file:read())}\n",
    "echo of lines.inc"
)]
#[case::of_the_system("%post\n%([ -x /usr/bin/rpm ] && echo there)\n", "there")]
#[case::of_nobody_else("%post\n%(ls -d /home /root /opt /srv 2>/dev/null; echo none)\n", "none")]
fn a_spec_sees_what_is_beside_it(#[case] rest: &str, #[case] expected: &str) {
    let (directory, file) = spec(format!("{rest}%files\n"));
    fs::write(directory.path().join("lines.inc"), "%post\necho of lines.inc\n").expect("a file");
    let (document, code) = document(&[text(&file)]);
    assert_eq!((body(&document), code), (expected, Some(0)));
}

/// The two directories that rpmbuild has.
#[test]
fn sources_may_lie_apart() {
    let directory = tempfile::tempdir().expect("a directory");
    let [specs, sources] = ["SPECS", "SOURCES"].map(|name| directory.path().join(name));
    for directory in [&specs, &sources] {
        fs::create_dir(directory).expect("a directory");
    }
    fs::write(sources.join("lines.inc"), "%post\necho apart\n").expect("a file");
    let file = specs.join("mypkg.spec");
    fs::write(
        &file,
        format!("{PREAMBLE}%include %{{SOURCE0}}\n%files\n").replace("%desc", "Source0: lines.inc\n%desc"),
    )
    .expect("a spec");
    let (document, code) = document(&[text(&file)]);
    assert_eq!((body(&document), code), ("echo apart", Some(0)));
}

#[rstest]
#[case::alone(Ids::Alone)]
#[case::with_subordinate_ids(Ids::Subordinate)]
fn an_ordinary_user_reads_a_spec_like_root(#[case] ids: Ids) {
    let user = Ordinary::new();
    let place = user.place().join("spec");
    fs::create_dir(&place).expect("a directory");
    for name in ["every.spec", "every.inc"] {
        fs::copy(fixture("rpm/spec").join(name), place.join(name)).expect("a copy");
    }
    let file = place.join("every.spec");
    let words = ["--arch", "x86_64", text(&file)];
    let done = user.run(ids, &[&["rpm", "check"], words.as_slice()].concat());
    assert_eq!(said(&done), check(&words));
    assert_eq!(user.left(), [""; 0]);
}

/// Neither what is asked for by a directory, nor a script, is read as a spec.
#[test]
fn only_what_is_named_as_a_spec_is_read_as_one() {
    let (directory, file) = spec("%files\n");
    let (stdout, stderr, code) = check(&[text(directory.path())]);
    let begins = format!("rootcontract: {} has no package in it", directory.path().display());
    assert!(stdout.is_empty() && stderr.starts_with(&begins) && code == Some(2), "{stdout}{stderr}");
    let (stdout, stderr, code) = check(&["--scriptlet", "post", "--arch", "x86_64", text(&file)]);
    assert!(stdout.contains(" script-0-0.noarch: ") && stderr.is_empty() && code == Some(1), "{stdout}{stderr}");
}
