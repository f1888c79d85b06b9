use rstest::rstest;

use super::*;

const DELTA: &str = r#"schema = "rootcontract.contract/1"
profile = "mine"
version = 1
extends = "osbuild-v190"
says = "x"
upstream = { project = "x", commit = "x", release = "x" }

[ignored]
"process.affinity" = "mine to ignore"

[[without]]
reason = "There is none here."
clauses = ["mount.boot.read-only", "abi.page-size.x86-64"]

[[clause]]
id = "mount.usr.read-only"
level = "must"
says = "`/usr` is on a disk of its own."
why = "x"
origin = "x"
since = "x"
expect.mount = { at = "/usr", flags = ["ro"] }

[[clause]]
id = "process.timer.slack"
level = "must"
says = "x"
why = "x"
origin = "x"
since = "x"
expect.fact = { path = "process.timer_slack", equals = 50000 }
"#;

fn parsed(text: &str) -> Result<Contract, ContractError> {
    Contract::parse("my.toml", text.as_bytes())
}

#[test]
fn what_is_said_replaces_adds_and_takes_out_and_everything_else_stays() {
    let base = Contract::builtin("osbuild-v190").expect("a contract");
    let mine = parsed(DELTA).expect("a contract");
    let replaced = mine.clause("mount.usr.read-only").expect("the clause");
    assert_eq!(replaced.says, "`/usr` is on a disk of its own.");
    assert_eq!(mine.clause("mount.boot.read-only"), None);
    assert_eq!(mine.clause("abi.page-size.x86-64"), None, "clauses of one architecture as well");
    assert_eq!(mine.clause("mount.tmp.fresh"), base.clause("mount.tmp.fresh"));
    assert_eq!(mine.clauses.len(), base.clauses.len() + 1 - 2);
    let own: Vec<_> = mine.own().into_iter().map(|clause| clause.id.to_string()).collect();
    assert_eq!(own, ["mount.usr.read-only", "process.timer.slack"]);
}

#[test]
fn a_replaced_clause_stands_where_the_other_stood() {
    let place = |contract: &Contract| contract.clauses.iter().position(|one| one.id.as_str() == "mount.usr.read-only");
    let base = Contract::builtin("osbuild-v190").expect("a contract");
    assert_eq!(place(&parsed(DELTA).expect("a contract")), place(&base));
}

#[test]
fn ignored_facts_are_the_other_s_but_for_what_is_read_or_ignored_for_another_reason() {
    let mine = parsed(DELTA).expect("a contract");
    let reason = |path: &str| mine.ignored.iter().find(|(known, _)| known.to_string() == path).map(|(_, why)| &**why);
    assert_eq!(reason("process.affinity"), Some("mine to ignore"));
    assert_eq!(reason("process.timer_slack"), None, "a clause reads it");
    assert!(reason("hostname").is_some());
}

#[rstest]
#[case::twice("abi.page-size.x86-64", "mount.boot.read-only", "13: without: `mount.boot.read-only` is taken out twice")]
#[case::unknown_key("reason =", "because =", "12: because: unknown key `because`, expected `clauses` or `reason`")]
#[case::no_id(
    "mount.boot.read-only",
    "Boot",
    "13: clauses: `Boot` is no clause id: it is an area, a dot, and dotted words of a-z, 0-9 and `-`"
)]
fn an_odd_extension_is_refused_in_one_line(#[case] from: &str, #[case] to: &str, #[case] line: &str) {
    let error = parsed(&DELTA.replacen(from, to, 1)).expect_err("an odd extension");
    assert_eq!(error.to_string(), format!("my.toml:{line}"));
}

#[test]
fn a_clause_that_says_what_is_so_already_is_odd() {
    let base = Contract::builtin("osbuild-v190").expect("a contract");
    let same = base.clause("mount.usr.read-only").expect("the clause");
    let says = "says = \"`/usr` is on a disk of its own.\"\nwhy = \"x\"\norigin = \"x\"\nsince = \"x\"\nexpect.mount = { at = \"/usr\", flags = [\"ro\"] }";
    let kept = format!(
        "says = {:?}\nwhy = {:?}\ninstead = {:?}\norigin = {:?}\nsince = {:?}\nwhen = {{ phase = [\"raw\", \"runner\"] }}\nexpect.mount = {{ at = \"/usr\", flags = [\"ro\", \"nosuid\", \"nodev\"] }}",
        same.says,
        same.why,
        same.instead.as_deref().unwrap_or_default(),
        same.origin,
        same.since
    );
    let text = DELTA.replace(says, &kept);
    let remarks: Vec<_> = parsed(&text).expect("a contract").lint(&text).iter().map(ToString::to_string).collect();
    assert_eq!(remarks, ["16: mount.usr.read-only: is so in what it extends: leave it out"]);
}
