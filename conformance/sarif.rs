//! What is written as SARIF keeps to the schema of version 2.1.0, and says what code scanning looks for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jsonschema::Validator;
use rootcontract::report::{Document, Summary};
use rootcontract::verify::Verdict;
use rstest::{fixture, rstest};
use serde_json::{Value, json};

use crate::rpms::Built;
use crate::support::supervisor;

/// OASIS's schema, as the crate that writes the logs brings it.
#[fixture]
#[once]
fn schema() -> Validator {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == "serde-sarif").expect("serde-sarif");
    let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
    let text = fs::read_to_string(manifest.with_file_name("src").join("schema.json")).expect("the schema");
    // A bracket that closes nothing is a character of its own in ECMAScript only.
    let text = text.replace("{2}]?$", r"{2}\\]?$");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(schema["title"], "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
}

/// What a command writes as SARIF, which keeps to the schema, and how it ends.
fn log(schema: &Validator, directory: &Path, words: &[&str]) -> (Value, Option<i32>) {
    let done = Command::new(supervisor()).args(words).current_dir(directory).output().expect("a run");
    let told = String::from_utf8_lossy(&done.stderr);
    let log: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    let errors: Vec<String> =
        schema.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, [""; 0]);
    (log, done.status.code())
}

fn results(log: &Value) -> &Vec<Value> {
    log["runs"][0]["results"].as_array().expect("results")
}

const STATIC: [&str; 6] = ["rpm", "check", "--static", "--arch", "x86_64", "--format=sarif"];

#[rstest]
fn a_package_s_findings_are_in_its_file_and_its_scriptlet(schema: &Validator) {
    let built = Built::of("readme.spec");
    let directory = tempfile::tempdir().expect("a directory");
    let name = "my pkg:1%.rpm";
    fs::copy(built.file("mypkg"), directory.path().join(name)).expect("a copy");
    let (log, code) = log(schema, directory.path(), &[&STATIC[..], &[name]].concat());
    assert_eq!(code, Some(1));
    let of_setting = |result: &&Value| result["ruleId"] == "kernel.settings";
    let result = results(&log).iter().find(of_setting).expect("a result");
    let location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": "my%20pkg%3A1%25.rpm", "index": 0 },
            "region": {
                "startLine": 2,
                "startColumn": 1,
                "snippet": { "text": "sysctl -w vm.swappiness=10 >/dev/null 2>&1 || :" },
            },
        },
        "logicalLocations": [
            { "name": "%post", "fullyQualifiedName": "mypkg-1-1.noarch/%post", "kind": "function" },
        ],
    });
    assert_eq!(result["locations"], json!([location]));
    assert_eq!((&result["kind"], &result["level"]), (&json!("fail"), &json!("error")));
    let driver = &log["runs"][0]["tool"]["driver"];
    let rule = &driver["rules"][usize::try_from(result["ruleIndex"].as_u64().expect("a number")).expect("small")];
    assert_eq!((&rule["id"], &driver["name"]), (&json!("kernel.settings"), &json!("rootcontract")));
    assert!(rule["help"]["text"].as_str().expect("help").contains("Instead: Ship a file in `/usr/lib/sysctl.d`"));
    let note = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
    let text = "mypkg-1-1.noarch in osbuild-v190 on x86_64: fails the build. 2 scriptlets: 2 read, 0 executed, \
                0 emulated, 0 simulated, 2 skipped; all: it was to be read only";
    assert_eq!(note["message"]["text"], text);
    assert_eq!(note["properties"]["coverage"]["read"], 2);
}

/// Every rule, every format of a finding.
#[rstest]
fn the_packages_of_every_rule_keep_to_the_schema(schema: &Validator) {
    let families = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rpm/rules")).expect("specs");
    let specs: Vec<PathBuf> = families.map(|entry| entry.expect("a spec").path()).collect();
    for spec in specs.iter().filter(|spec| spec.extension().is_some()) {
        let name = spec.file_name().and_then(|name| name.to_str()).expect("a name");
        let built = Built::of(&format!("rules/{name}"));
        let packages = built.packages();
        let (log, _) = log(schema, &packages, &[&STATIC[..], &["--profile", "osbuild", "."]].concat());
        assert!(!results(&log).is_empty(), "{name}");
    }
}

#[rstest]
fn one_finding_in_several_rooms_is_one_result(schema: &Validator) {
    let built = Built::of("readme.spec");
    let check = |arch: &str| {
        let words = ["rpm", "check", "--static", "--format=sarif", "--arch", arch, "mypkg-1-1.noarch.rpm"];
        let (log, _) = log(schema, &built.packages(), &words);
        results(&log).clone()
    };
    let (one, all) = (check("x86_64"), check("all"));
    assert_eq!(one.len(), all.len());
    assert_eq!(one[0]["partialFingerprints"], all[0]["partialFingerprints"]);
    assert_eq!(all[0]["properties"]["rooms"].as_array().map(Vec::len), Some(5));
}

#[rstest]
fn a_waived_finding_is_suppressed_with_its_justification(schema: &Validator) {
    let directory = tempfile::tempdir().expect("a directory");
    let waivers = "schema = \"rootcontract.rpm-waivers/1\"\n[[waiver]]\nrule = \"kernel.settings\"\nreason = \"ours\"\nowner = \"me\"\nexpires = 9999-12-31\n";
    fs::write(directory.path().join("waivers.toml"), waivers).expect("a file");
    fs::write(directory.path().join("post.sh"), "sysctl -w a.b=1\nudevadm control --reload\n").expect("a file");
    let words = ["--scriptlet", "post", "--waivers", "waivers.toml", "post.sh"];
    let (log, code) = log(schema, directory.path(), &[&STATIC[..], &words].concat());
    let of = |rule: &str| results(&log).iter().find(|result| result["ruleId"] == rule).expect("a result");
    let by = json!([{ "kind": "external", "status": "accepted", "justification": "ours (me, until 9999-12-31)" }]);
    assert_eq!((&of("kernel.settings")["suppressions"], &of("kernel.settings")["level"]), (&by, &json!("error")));
    assert_eq!((&of("udev.control")["suppressions"], code), (&json!([]), Some(0)));
}

#[rstest]
fn what_can_t_be_judged_is_told_and_the_run_is_no_success(schema: &Validator) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("no.rpm"), "no package").expect("a file");
    let (log, code) = log(schema, directory.path(), &[&STATIC[..], &["no.rpm"]].concat());
    let invocation = &log["runs"][0]["invocations"][0];
    let note = &invocation["toolExecutionNotifications"][0];
    assert_eq!((&invocation["executionSuccessful"], &note["level"], code), (&json!(false), &json!("error"), Some(2)));
    assert_eq!(note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "no.rpm");
}

/// `check`, and what is made of it again; a baseline says what is new.
#[rstest]
fn a_check_s_clauses_are_results_with_their_standing_to_the_baseline(schema: &Validator) {
    let directory = tempfile::tempdir().expect("a directory");
    let check = ["check", "--profile", "osbuild", "--only", "device.*", "--format"];
    let (first, code) =
        log(schema, directory.path(), &[&check[..], &["sarif", "--format", "json=before.json"]].concat());
    assert_eq!(code, Some(0));
    assert!(results(&first).iter().all(|result| result["baselineState"].is_null()));
    let kinds: Vec<&str> = results(&first).iter().filter_map(|result| result["kind"].as_str()).collect();
    assert!(kinds.contains(&"pass"), "{kinds:?}");
    let (shown, _) = log(schema, directory.path(), &["report", "show", "before.json", "--format", "sarif"]);
    assert_eq!(results(&shown), results(&first));
    let file = directory.path().join("before.json");
    let mut before = Document::load(&file).expect("a document");
    let clause = "device.null.number";
    let mut findings = before.reports[0].findings.iter_mut();
    let finding = findings.find(|finding| finding.clause.as_str() == clause).expect("a finding");
    (finding.verdict, finding.found) = (Verdict::Broken, Some("a file".to_owned()));
    before.reports[0].summary = Summary::of(&before.reports[0].findings);
    fs::write(&file, serde_json::to_string(&before).expect("JSON")).expect("written");
    let (since, code) = log(schema, directory.path(), &[&check[..], &["sarif", "--baseline", "before.json"]].concat());
    assert_eq!(code, Some(1));
    for result in results(&since) {
        let expected = if result["ruleId"] == clause { "updated" } else { "unchanged" };
        assert_eq!(result["baselineState"], expected, "{}", result["ruleId"]);
    }
}
