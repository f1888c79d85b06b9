//! Documents the command prints without building anything, and the proof.

use std::path::{Path, PathBuf};

use rstest::rstest;

use super::{json, rootcontract};

fn in_the_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_contract_in_the_tree_is_the_one_printed() {
    let kept = std::fs::read_to_string(in_the_tree("conformance/CONTRACT.md")).expect("CONTRACT.md");
    let printed = rootcontract(["contract"]).assert().code(0).stderr("").get_output().stdout.clone();
    assert!(printed == kept.as_bytes(), "run `rootcontract contract > conformance/CONTRACT.md`");
}

fn readme() -> String {
    std::fs::read_to_string(in_the_tree("README.md")).expect("README.md")
}

/// What stands in the README between these two.
fn shown<'readme>(readme: &'readme str, begin: &str) -> &'readme str {
    let (_, rest) = readme.split_once(begin).unwrap_or_else(|| panic!("no {begin}"));
    rest.split_once("```").expect("an end").0
}

#[test]
fn the_readme_explains_as_the_command_does() {
    let printed = rootcontract(["explain", "mount.proc-sys.uncovered"]).assert().code(0).stderr("");
    let readme = readme();
    printed.stdout(shown(&readme, "# rootcontract explain mount.proc-sys.uncovered\n").to_owned());
}

/// But for what it was built with.
#[test]
fn the_readme_checks_as_the_command_does() {
    let only = ["--only", "mount.usr.r*", "--only", "device.null.*", "--only", "uts.*"];
    let printed = rootcontract(["check", "--profile", "osbuild"]).args(only).assert().code(0);
    let table = String::from_utf8(printed.get_output().stdout.clone()).expect("text");
    let clauses = |text: &str| text.split_once("\n\n").map(|(_, clauses)| clauses.to_owned()).expect("a heading");
    let line = "# rootcontract check --profile osbuild --only 'mount.usr.r*' --only 'device.null.*' --only 'uts.*'\n";
    assert_eq!(clauses(&table), clauses(shown(&readme(), line)));
}

/// There it is compiled.
#[test]
fn the_readme_s_program_is_the_library_s() {
    let library = std::fs::read_to_string(in_the_tree("src/lib.rs")).expect("src/lib.rs");
    let program: String =
        shown(&readme(), "```rust\n").lines().map(|line| format!("//! {line}").trim_end().to_owned() + "\n").collect();
    assert_eq!(shown(&library, "//! ```no_run\n"), program + "//! ");
}

#[rstest]
#[case::contract("contract", "rootcontract.contracts/1")]
#[case::clauses("clauses", "rootcontract.clauses/1")]
fn documents_name_every_clause_of_both_profiles(#[case] verb: &str, #[case] schema: &str) {
    let printed = rootcontract([verb, "--format", "json"]).assert().code(0).stderr("").get_output().stdout.clone();
    let document = json(&printed);
    assert_eq!(document["schema"], schema);
    let profiles: Vec<_> = document["reports"].as_array().expect("reports").iter().collect();
    let names: Vec<_> = profiles.iter().filter_map(|report| report["profile"].as_str()).collect();
    assert_eq!(names, ["osbuild-v190", "osbuild-v19"]);
    for report in profiles {
        let key = if verb == "contract" { "clause" } else { "clauses" };
        let clauses = report[key].as_array().expect("clauses").len();
        assert!(clauses >= 120, "{clauses} clauses in {}", report["profile"]);
    }
}

#[test]
fn a_clause_is_explained_in_words() {
    let printed = rootcontract(["explain", "mount.usr.read-only"]).assert().code(0).stderr("");
    let text = String::from_utf8(printed.get_output().stdout.clone()).expect("text");
    assert!(text.starts_with("mount.usr.read-only (must) in osbuild-v190, osbuild-v19, hardened\n"), "{text}");
    for label in ["says", "why", "expects", "from", "since"] {
        assert!(text.lines().any(|line| line.trim_start().starts_with(label)), "no {label}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100) && !text.contains('\u{1b}'), "{text}");
}

#[rstest]
#[case::v19("osbuild-v19")]
#[case::v190("osbuild-v190")]
#[case::hardened("hardened")]
fn our_own_contracts_have_no_remarks(#[case] profile: &str) {
    let file = in_the_tree(&format!("conformance/contract/{profile}.toml"));
    rootcontract(["contract", "lint"]).arg(file).assert().code(0).stdout("").stderr("");
}

#[test]
fn remarks_name_the_file_and_the_line() {
    let file = in_the_tree("fixtures/contract/good.toml");
    let assert = rootcontract(["contract", "lint"]).arg(&file).assert().code(1).stderr("");
    let remarks = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    let start = format!("{}:1: no clause closes ", file.display());
    assert!(remarks.lines().count() == 8 && remarks.lines().all(|line| line.starts_with(&start)), "{remarks}");
}

#[rstest]
fn a_bad_contract_is_refused_in_a_line(#[files("fixtures/contract/bad/*.toml")] file: PathBuf) {
    let assert = rootcontract(["contract", "lint"]).arg(&file).assert().code(2).stdout("");
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(stderr.starts_with(&format!("rootcontract: {}", file.display())), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    // A check refuses it the same way, before it builds anything.
    rootcontract(["check", "--contract"]).arg(&file).assert().code(2).stdout("").stderr(stderr);
}

#[rstest]
#[case::zeros(&[0; 1 << 20])]
#[case::no_text(&[0xff; 1 << 20])]
#[case::nested(&[b'['; 1 << 20])]
#[case::escapes(b"schema = \"\x1b[31m\"")]
fn junk_is_no_contract(#[case] bytes: &[u8]) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, bytes).expect("a file");
    let assert = rootcontract(["contract", "lint"]).arg(file.path()).assert().code(2).stdout("");
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(stderr.lines().count() == 1 && stderr.len() < 1000 && !stderr.contains('\u{1b}'), "{stderr:.1000}");
}

#[test]
fn a_device_without_an_end_is_no_contract() {
    let assert = rootcontract(["contract", "lint", "/dev/zero"]).assert().code(2).stdout("");
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(stderr.starts_with("rootcontract: ") && stderr.lines().count() == 1, "{stderr:.1000}");
}

#[test]
fn a_proof_names_every_mutant_and_holds() {
    let mut prove = rootcontract(["prove", "--profile", "osbuild", "--format", "json"]);
    let assert = prove.assert().code(0);
    let document = json(&assert.get_output().stdout);
    let text = document.to_string();
    assert!(text.contains("osbuild-v190") && text.contains("mount.usr.read-only"), "{text:.500}");
}
