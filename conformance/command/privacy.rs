//! What is the caller's own stays out of what we print: documents end up in artefacts of others' builds.

use rstest::rstest;

use super::{json, rootcontract, valid};

const SECRET: &str = "hunter2-is-in-nobodys-document";

#[rstest]
#[case::v19("osbuild-v19")]
#[case::v190("osbuild-v190")]
fn a_foreign_variable_is_never_shown(#[case] profile: &str, #[values("probe", "check", "plan")] verb: &str) {
    let mut command = rootcontract([verb, "--profile", profile]);
    if verb == "check" {
        command.args(["--format", "json"]);
    }
    let assert = command.env("SECRET_TOKEN", SECRET).assert().code(0);
    for stream in [&assert.get_output().stdout, &assert.get_output().stderr] {
        assert!(!String::from_utf8_lossy(stream).contains("hunter2"), "{verb} shows a secret");
    }
}

/// v19 passes the environment on: the contract tells so, and the document has the name alone.
#[test]
fn the_name_of_an_inherited_variable_is_told() {
    let mut probe = rootcontract(["probe", "--profile", "osbuild-v19"]);
    let assert = probe.env("SECRET_TOKEN", SECRET).assert().code(0);
    let document = json(&assert.get_output().stdout);
    valid(&document, "facts");
    let variables = document["probe"]["environment"].as_object().expect("variables");
    assert_eq!(variables.get("SECRET_TOKEN"), Some(&serde_json::Value::Null));
    assert!(document["launch"]["environment"]["inherited"].to_string().contains("SECRET_TOKEN"));
}
