//! `matrix`: every profile in every place, and what is not to be had is told and never passed over.

mod machines;

use std::path::{Path, PathBuf};

use rootcontract::arch::GATED;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

use super::{json, rootcontract, valid};

/// What was said on standard error, without times and without what this process may not do.
fn talk(stderr: &[u8]) -> String {
    let text = String::from_utf8(stderr.to_vec()).expect("escaped, so text");
    let lines = text.lines().filter(|line| !line.starts_with("rootcontract: warning: "));
    lines.map(|line| timeless(line) + "\n").collect()
}

/// Every `0.4 s` as `T s`.
fn timeless(text: &str) -> String {
    let words = text.split(' ').collect::<Vec<_>>();
    let is_time = |index: usize| {
        let number = words[index].trim_start_matches('(');
        words.get(index + 1).is_some_and(|unit| unit.trim_matches([')', ';', ',', '\n']) == "s")
            && number.contains('.')
            && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let told = |index: usize| match words[index].strip_prefix('(') {
        _ if !is_time(index) => words[index],
        Some(_) => "(T",
        None => "T",
    };
    (0..words.len()).map(told).collect::<Vec<_>>().join(" ")
}

/// What a report is about and what came of it, without what was found: that differs from one look to the next.
fn gist(report: &Value) -> Value {
    let mut gist = report.clone();
    for finding in gist["findings"].as_array_mut().expect("findings") {
        finding.as_object_mut().expect("a finding").remove("found");
    }
    gist
}

/// Those of all reports.
fn gists(document: &Value) -> Vec<Value> {
    document["reports"].as_array().expect("reports").iter().map(gist).collect()
}

/// A directory without anything.
fn elsewhere() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

#[rstest]
#[case::x86_64("x86_64")]
#[case::aarch64("aarch64")]
#[case::ppc64le("ppc64le")]
#[case::s390x("s390x")]
#[case::riscv64("riscv64")]
fn a_tree_is_checked_as_by_check(#[case] arch: &str) {
    let tree = format!("target/trees/{arch}");
    let check = rootcontract(["check", "--root", &tree, "--format", "json"]).output().expect("a run");
    let matrix = rootcontract(["matrix", "--arch", arch, "--in", "trees", "--format", "json"]).output().expect("a run");
    let [alone, together] = [&check, &matrix].map(|done| json(&done.stdout));
    valid(&together, "report");
    assert_eq!(gists(&together), gists(&alone));
    assert_eq!((matrix.status.code(), &together["failures"]), (check.status.code(), &alone["failures"]));
    let told = format!("rootcontract: 1/1 {tree}: osbuild-v19 ");
    let talk = talk(&matrix.stderr);
    assert!(talk.starts_with(&told) && talk.lines().count() == 1, "{talk}");
    let native = rootcontract::arch::native().is_some_and(|native| native.name == arch);
    let evidence = if native { "native" } else { "user-emulated" };
    for report in together["reports"].as_array().expect("reports") {
        let counts = [&report["summary"]["held"], &report["summary"]["unknown"]].map(|count| count.as_u64());
        assert!(report["evidence"] == evidence && counts[0] >= Some(100) && counts[1] == Some(0), "{counts:?}");
    }
}

#[test]
fn all_trees_are_one_table_with_the_differences_below() {
    let done = rootcontract(["matrix", "--in", "trees", "--jobs", "2"]).output().expect("a run");
    let table = String::from_utf8(done.stdout).expect("text");
    assert!(table.lines().all(|line| line.chars().count() <= 100) && !table.contains('\u{1b}'), "{table}");
    let columns: Vec<_> = table.lines().next().expect("a heading").split_whitespace().collect();
    assert_eq!(columns, ["place", "arch", "evidence", "kernel", "bwrap", "osbuild-v19", "osbuild-v190"]);
    let rows: Vec<_> = table.lines().skip(1).take_while(|line| !line.is_empty()).collect();
    let of: Vec<_> = rows.iter().filter_map(|row| row.split_whitespace().nth(1)).collect();
    assert_eq!(of, GATED, "{table}");
    let emulated = "not applicable in 4 of 5 places\n";
    assert!(table.contains(emulated) && table.contains("user-emulated: the kernel and bubblewrap"), "{table}");
    assert!(table.lines().last().expect("a total").starts_with("10 cells: "), "{table}");
    let talk = talk(&done.stderr);
    assert_eq!(talk.lines().count(), 5, "{talk}");
    assert!(talk.lines().last().expect("a line").starts_with("rootcontract: 5/5 "), "{talk}");
}

#[test]
fn the_shards_of_a_matrix_are_the_whole_when_they_are_merged() {
    let directory = elsewhere();
    let file = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let matrix = |name: &str, more: &[&str]| {
        let format = format!("json={}", file(name));
        let mut matrix = rootcontract(["matrix", "--in", "trees", "--only", "[alp]*", "--format", &format]);
        matrix.args(more).output().expect("a run").status.code()
    };
    let whole_code = matrix("whole.json", &[]);
    let codes = ["1/2", "2/2"].map(|shard| matrix(&format!("{}.json", &shard[..1]), &["--shard", shard]));
    assert_eq!(codes.into_iter().flatten().max(), whole_code, "{codes:?}");
    let whole = json(&std::fs::read(file("whole.json")).expect("a document"));
    let first = json(&std::fs::read(file("1.json")).expect("a document"));
    valid(&first, "report");
    assert_eq!((&first["shard"]["number"], &first["shard"]["of"]), (&1.into(), &2.into()));
    assert_eq!((gists(&first).len(), gists(&whole).len()), (6, 10));
    let merge = rootcontract(["report", "merge", &file("2.json"), &file("1.json"), "--format", "json"]).assert();
    let merged = json(&merge.code(whole_code.expect("a code")).stderr("").get_output().stdout);
    assert_eq!(gists(&merged), gists(&whole));
    assert_eq!((&merged["failures"], &merged["shard"]), (&whole["failures"], &whole["shard"]));
    // Merging once more changes nothing.
    std::fs::write(file("merged.json"), merged.to_string()).expect("a file");
    let again = rootcontract(["report", "show", &file("merged.json"), "--format", "json"]).assert();
    assert_eq!(json(&again.code(whole_code.expect("a code")).stderr("").get_output().stdout), merged);
    let broken = first["reports"].as_array().expect("reports").iter().any(|report| report["summary"]["broken"] != 0);
    let told = predicates::str::contains("\n  reason    shard 2 of 2 is not among the documents\n");
    let half = rootcontract(["report", "merge", &file("1.json")]).assert();
    half.code(if broken { 1 } else { 2 }).stderr("").stdout(told);
}

#[test]
fn what_is_not_there_could_not_be_checked() {
    let directory = crate::support::runnable_by_all();
    let mut matrix = assert_cmd::Command::new(directory.path().join("rootcontract"));
    matrix.args(["matrix", "--arch", "s390x", "--profile", "osbuild"]);
    let assert = matrix.current_dir(directory.path()).assert().code(2);
    let tree = "there is no such tree: `ci/tree s390x` makes it";
    let machine = "there is no such machine: `ci/machine s390x` makes one";
    let mut talk: Vec<_> = talk(&assert.get_output().stderr).lines().map(|line| line[18..].to_owned()).collect();
    talk.sort();
    let told = [("target/machines/s390x-*", machine), ("target/trees/s390x", tree)];
    assert_eq!(talk, told.map(|(place, reason)| format!("{place}: could not be checked: {reason} (T s)")));
    let table = format!(
        "place                    arch   evidence  kernel  bwrap  osbuild-v190\n\
         target/trees/s390x       s390x                           ? not checked\n\
         target/machines/s390x-*  s390x                           ? not checked\n\n\
         ? 2 cells could not be checked\n  \
           target/trees/s390x (osbuild-v190)\n  \
           reason    {tree}\n  \
           target/machines/s390x-* (osbuild-v190)\n  \
           reason    {machine}\n\n\
         2 cells: 2 could not be checked\n"
    );
    assert.stdout(table);
}

/// As probes are found wherever one is.
#[test]
fn usual_places_are_found_from_elsewhere() {
    let directory = elsewhere();
    let mut matrix = rootcontract(["matrix", "--in", "trees", "--arch", "x86_64", "--profile", "osbuild"]);
    matrix.args(["--only", "uts.*", "--format", "json"]).current_dir(directory.path());
    let document = json(&matrix.assert().code(0).get_output().stdout);
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/target/trees/x86_64");
    assert_eq!((&document["reports"][0]["place"], &document["failures"]), (&place.into(), &Value::Array(vec![])));
}

/// A tree whose only program is a header of this architecture.
fn tree_of(arch: &str) -> TempDir {
    let arch = rootcontract::arch::named(arch).expect("an architecture");
    let tree = elsewhere();
    std::fs::create_dir_all(tree.path().join("usr/bin")).expect("a directory");
    let mut program = vec![0x7f, b'E', b'L', b'F', 1, 1, 1];
    program.resize(16, 0);
    program.extend([2, 0]);
    program.extend(arch.elf_machine.to_le_bytes());
    program.resize(64, 0);
    std::fs::write(tree.path().join("usr/bin/sh"), program).expect("a program");
    tree
}

/// `matrix` about one named place, from where there is no probe but the native one; what it exits with, what it prints
/// about the place, and what it says. The place is called PLACE.
fn about_one_tree(tree: &Path) -> (Option<i32>, Vec<String>, String) {
    let directory = crate::support::runnable_by_all();
    let mut matrix = assert_cmd::Command::new(directory.path().join("rootcontract"));
    matrix.env_remove("ROOTCONTRACT_PROBE").env("RUST_BACKTRACE", "1").args(["matrix", "--tree"]).arg(tree);
    let done = matrix.output().expect("a run");
    let name = tree.to_string_lossy().into_owned();
    let stdout = String::from_utf8(done.stdout).expect("text").replace(&name, "PLACE");
    let reason = stdout.lines().skip_while(|line| !line.starts_with("? ")).take_while(|line| !line.is_empty());
    // A reason may go on below.
    let reason = reason.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    (done.status.code(), reason, talk(&done.stderr).replace(&name, "PLACE"))
}

#[rstest]
#[case::not_there(None, "cannot open the root PLACE: No such file or directory")]
#[case::without_a_system(
    Some(elsewhere()),
    "the root PLACE has no usr directory: name the root of an installed system"
)]
#[case::without_a_probe(
    Some(tree_of("armv7")),
    "there is no rootcontract-probe for armv7: build it with ci/probes armv7, or name one with --probe"
)]
fn a_tree_that_is_no_use_could_not_be_checked(#[case] tree: Option<TempDir>, #[case] reason: &str) {
    let gone = elsewhere().path().to_owned();
    let (code, told, talk) = about_one_tree(tree.as_ref().map_or(gone.as_path(), TempDir::path));
    assert_eq!(code, Some(2));
    let expected =
        ["? 2 cells could not be checked", "PLACE (osbuild-v19, osbuild-v190)", &format!("reason {reason}")].join(" ");
    assert_eq!(told.join(" "), expected);
    assert_eq!(talk, format!("rootcontract: 1/1 PLACE: could not be checked: {reason} (T s)\n"));
}

#[test]
fn a_file_is_no_tree() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let (code, told, _) = about_one_tree(file.path());
    assert_eq!(
        (code, told.last().map(String::as_str)),
        (Some(2), Some("reason cannot open the root PLACE: Not a directory"))
    );
}

#[rstest]
#[case::no_file(&["--file", "/nonexistent"], "read matrix /nonexistent: No such file or directory")]
#[case::no_end(&["--file", "/dev/zero"], "/dev/zero: larger than 65536 bytes, no matrix is")]
#[case::no_clause(&["--only", "nothing.*"], "no clause matches `nothing.*`: `rootcontract clauses` lists them")]
#[case::two_on_stdout(&["--format", "json", "--format", "human"], "two formats would go to standard output: give all but one a file, as in --format json=FILE")]
#[case::an_empty_shard(&["--tree", "a", "--tree", "b", "--shard", "3/4"], "shard 3/4 is empty, which is no pass: there are 2 places, so --shard K/2 has work for each")]
fn what_cannot_be_begun_is_told_in_a_line(#[case] options: &[&str], #[case] line: &str) {
    rootcontract(["matrix"]).args(options).assert().code(2).stdout("").stderr(format!("rootcontract: {line}\n"));
}

#[rstest]
#[case::no_architecture(&["--arch", "s390"], "[possible values: all, x86_64, aarch64, ppc64le, s390x, riscv64, i686, armv7]")]
#[case::no_shard(&["--shard", "3/2"], "a shard is K/N, as in 2/3, with K from 1 to N and N at most 1000")]
#[case::no_kind_of_place(&["--in", "boats"], "[possible values: trees, machines]")]
#[case::no_jobs(&["--jobs", "0"], "invalid value '0' for '--jobs <N>'")]
fn bad_options_are_told(#[case] options: &[&str], #[case] told: &str) {
    rootcontract(["matrix"]).args(options).assert().code(2).stdout("").stderr(predicates::str::contains(told));
}

#[test]
fn a_matrix_in_a_file_is_added_to_by_options() {
    let directory = elsewhere();
    let file = directory.path().join("matrix.toml");
    let matrix =
        "schema = \"rootcontract.matrix/1\"\nprofiles = [\"osbuild\"]\ntrees = [\"here\"]\nonly = [\"abi.*\"]\n";
    std::fs::write(&file, matrix).expect("a file");
    let mut both = rootcontract(["matrix", "--tree", "/nonexistent", "--format", "json", "--file"]);
    let document = json(&both.arg(&file).assert().code(2).get_output().stdout);
    let here = directory.path().join("here").to_string_lossy().into_owned();
    let failures = document["failures"].as_array().expect("failures");
    let cells: Vec<_> = failures.iter().map(|cell| (cell["place"].as_str(), cell["profile"].as_str())).collect();
    assert_eq!(cells, [here.as_str(), "/nonexistent"].map(|place| (Some(place), Some("osbuild-v190"))));
    std::fs::write(&file, matrix.replace("trees", "tree")).expect("a file");
    let unknown = "tree: unknown key `tree`, expected one of `schema`, `profiles`, `architectures`, `in`, `trees`, \
                   `machines`, `bwraps`, `only`";
    let line = format!("rootcontract: {}:3: {unknown}\n", file.display());
    rootcontract(["matrix", "--file"]).arg(&file).assert().code(2).stdout("").stderr(line);
}

#[test]
fn a_pattern_that_is_about_other_architectures_leaves_something_unchecked() {
    let only = ["matrix", "--in", "trees", "--arch", "s390x", "--arch", "riscv64", "--only", "*.s390x"];
    let reason = "no clause about riscv64 matches `*.s390x`: there is nothing to check";
    let told = predicates::str::contains(format!("\n  reason    {reason}\n"));
    rootcontract(only).assert().code(2).stdout(told);
}

/// What CI systems read has every cell, checked or not.
#[test]
fn what_was_not_checked_is_in_every_format() {
    let directory = elsewhere();
    let files = ["json", "junit", "github"].map(|kind| (kind, directory.path().join(kind)));
    let mut matrix = rootcontract(["matrix", "--tree", "/", "--tree", "/nonexistent", "--profile", "osbuild"]);
    for (kind, file) in &files {
        matrix.args(["--format", &format!("{kind}={}", file.display())]);
    }
    matrix.assert().code(2).stdout("");
    let [document, junit, github] = files.map(|(_, file): (_, PathBuf)| std::fs::read_to_string(file).expect("a file"));
    let reason = "cannot open the root /nonexistent: No such file or directory";
    assert_eq!(json(document.as_bytes())["failures"][0]["reason"], reason);
    assert!(junit.contains(&format!("<error message=\"{reason}\" type=\"not checked\"/>")), "{junit:.2000}");
    let error = format!("::error title=osbuild-v190 in /nonexistent could not be checked::{reason}\n");
    assert!(github.starts_with(&error), "{github}");
    assert!(github.lines().last().expect("a total").contains("::1 checked, 1 could not be: 0 broken, 0 unknown, "));
}

#[rstest]
#[case::no_file(&["/nonexistent"], "read report /nonexistent: No such file or directory")]
#[case::no_end(&["/dev/zero"], "read report /dev/zero: longer than 67108864 bytes")]
#[case::nothing(&["/dev/null"], "read report /dev/null: not what `rootcontract check --format json` prints: EOF while parsing a value at line 1 column 0")]
fn what_is_no_document_is_not_merged(
    #[case] files: &[&str],
    #[case] line: &str,
    #[values("merge", "show")] verb: &str,
) {
    let line = format!("rootcontract: {line}\n");
    rootcontract(["report", verb]).args(files).assert().code(2).stdout("").stderr(line);
}

#[test]
fn the_same_twice_is_not_merged() {
    let directory = elsewhere();
    let file = directory.path().join("report.json").to_string_lossy().into_owned();
    let check = ["check", "--profile", "osbuild", "--only", "abi.*", "--format", &format!("json={file}")];
    rootcontract(check).assert().code(0);
    let arch = rootcontract::arch::native().expect("an architecture").name;
    let line = format!(
        "rootcontract: merge reports: {file} and {file} both have osbuild-v190 in / ({arch}): name one of them\n"
    );
    rootcontract(["report", "merge", &file, &file]).assert().code(2).stdout("").stderr(line);
    let shown = rootcontract(["report", "merge", &file]).assert().code(0).stderr("").get_output().stdout.clone();
    rootcontract(["report", "show", &file]).assert().code(0).stderr("").stdout(shown);
}
