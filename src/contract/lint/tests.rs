use rstest::rstest;

use crate::contract::Contract;

const ODD: &str = include_str!("../../../fixtures/contract/odd.toml");

fn remarks(text: &str) -> Vec<String> {
    let contract = Contract::parse("my.toml", text.as_bytes()).expect("a contract");
    contract.lint(text).iter().map(ToString::to_string).collect()
}

#[test]
fn the_lint_says_what_is_odd_and_where() {
    let expected = [
        "12: mount.usr.no-flags: `why` is empty: a clause nobody can explain helps nobody",
        "12: mount.usr.no-flags: `flags` is empty, and every mount has ro or rw: it can never hold",
        "30: process.umask.again: `may` is for what can be missing; what this expects always has an answer: use should",
        "30: process.umask.again: expects the same as process.umask.first: keep one",
        "40: process.cwd.any: the fact is compared with itself: it cannot fail",
        "49: root.home.absent: a hazard is what can happen because the clause holds, but this one expects that something \
         is not there",
        "59: security.reboot.nothing: `gives` is empty: it can never hold",
        "1: no clause closes devices: add one that expects `closed = \"devices\"`",
        "1: no clause closes environment: add one that expects `closed = \"environment\"`",
        "1: no clause closes descriptors: add one that expects `closed = \"descriptors\"`",
        "1: no clause closes root: add one that expects `closed = \"root\"`",
        "1: no clause closes processes: add one that expects `closed = \"processes\"`",
        "1: no clause closes capabilities: add one that expects `closed = \"capabilities\"`",
        "1: no clause closes directories: add one that expects `closed = \"directories\"`",
        "1: ignored fact hostname has no reason: say why nobody needs it",
        "1: ignored fact process.umask is read by process.umask.first: take it off the list",
    ];
    assert_eq!(remarks(ODD), expected);
}

#[rstest]
#[case::oldest(0)]
#[case::newest(1)]
#[case::hardened(2)]
fn the_built_in_contracts_have_nothing_odd(#[case] index: usize) {
    let (profile, text) = Contract::BUILTIN[index];
    assert_eq!(Contract::builtin(profile).expect("a contract").lint(text), Vec::new());
}

#[rstest]
#[case::not_said(
    "",
    "`observed-on` is missing: say where a rule of one architecture was seen to hold, `[]` for nowhere yet"
)]
#[case::nothing_said("observed-on = [\" \"]", "`observed-on` names nothing: leave the empty word out")]
fn a_rule_of_one_architecture_says_where_it_was_seen(#[case] line: &str, #[case] says: &str) {
    let text = include_str!("../../../fixtures/contract/good.toml").replace("observed-on = []", line);
    assert!(remarks(&text).contains(&format!("21: device.null.number: {says}")), "{:?}", remarks(&text));
}

#[rstest]
#[case::no_property("mounts-below = { at = \"/\" }", "no property of the mounts is given: it can hardly fail")]
#[case::no_propagation(
    "mounts-below = { at = \"/\", propagation = [] }",
    "`propagation` is empty, and every mount has one: it can never hold"
)]
#[case::bare_device("device = { at = \"/dev/null\" }", "no property of the device is given: say at least its `kind`")]
#[case::bare_node("node = { at = \"/etc\" }", "no property of the node is given: say at least its `kind`")]
#[case::bare_directory("directory = { at = \"/etc\" }", "neither `exactly` nor `contains` is given: it cannot fail")]
#[case::empty_variable("variable = { name = \"A\", one-of = [] }", "`one-of` is empty: it can never hold")]
#[case::bare_capabilities("capabilities = { set = \"ambient\" }", "no capability is given: it cannot fail")]
#[case::bare_fact("fact = { path = \"process.umask\" }", "no value of the fact is given: it cannot fail")]
#[case::no_such_attempt(
    "attempt = { name = \"sysctl:kernel.hostnam\", gives = [\"ok\"] }",
    "the probe makes no attempt `sysctl:kernel.hostnam`, so that it is unknown for ever: is `sysctl:kernel.hostname` meant?"
)]
#[case::empty_fact("fact = { path = \"process.umask\", one-of = [] }", "`one-of` is empty: it can never hold")]
fn an_expectation_that_says_nothing_is_told(#[case] form: &str, #[case] says: &str) {
    let text = include_str!("../../../fixtures/contract/good.toml")
        .replace("mount = { at = \"/usr\", flags = [\"ro\"] }", form);
    assert!(remarks(&text).contains(&format!("12: mount.usr.read-only: {says}")), "{:?}", remarks(&text));
}

#[test]
fn an_attempt_at_a_path_of_one_s_own_is_none_to_remark_on() {
    let text = include_str!("../../../fixtures/contract/good.toml").replace(
        "mount = { at = \"/usr\", flags = [\"ro\"] }",
        "attempt = { name = \"write:/srv/mine\", gives = [\"EROFS\"] }",
    );
    assert!(!remarks(&text).iter().any(|remark| remark.contains("attempt")), "{:?}", remarks(&text));
}

/// What is inherited is on no line.
#[test]
fn a_clause_that_expects_what_an_inherited_one_does_is_told_on_its_own_line() {
    let text = r#"schema = "rootcontract.contract/1"
profile = "mine"
version = 1
says = "an example"
upstream = { project = "none", commit = "none", release = "none" }
extends = "osbuild-v190"

[[clause]]
id = "mount.root.fresh"
level = "must"
says = "Others can read."
why = "An example."
origin = "this test"
since = "today"
expect.fact = { path = "process.umask", equals = "0022" }
"#;
    let remarks = remarks(text);
    let told = "9: mount.root.fresh: expects the same as process.umask.value: keep one";
    assert!(remarks.iter().any(|remark| remark == told), "{remarks:?}");
    assert!(!remarks.iter().any(|remark| remark.starts_with("0:")), "{remarks:?}");
}
