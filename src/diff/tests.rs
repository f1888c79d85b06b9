use rstest::rstest;
use serde_json::json;

use super::Relevance::{Contract as OfContract, Host, Volatile};
use super::*;
use crate::report::Summary;
use crate::report::tests::{finding as finding_of, report};
use crate::verify::tests::{contract, facts};
use crate::verify::verify;

/// The facts of the small document, judged by one clause.
fn look(clause: &str, facts: &Value) -> Look {
    let contract = contract(clause, "");
    let findings = verify(&contract, facts);
    let report = Report { profile: "mine".to_owned(), ..report(findings) };
    Look { report, contract, facts: Some(facts.clone()) }
}

/// The small document with another value at a JSON pointer; `null` takes it away.
fn changed(pointer: &str, value: Value) -> Value {
    let mut facts = facts();
    let (above, key) = pointer.rsplit_once('/').expect("a pointer");
    let map = facts.pointer_mut(above).and_then(Value::as_object_mut).expect("a map");
    let key = key.replace("~1", "/");
    match value {
        Value::Null => map.remove(&key),
        value => map.insert(key, value),
    };
    facts
}

/// What changed, in short.
fn told(comparison: &Comparison) -> Vec<(Relevance, String)> {
    let name = |change: &Change| change.fact.as_ref().map_or("-".to_owned(), ToString::to_string);
    comparison.changes.iter().map(|change| (change.relevance, name(change))).collect()
}

#[rstest]
#[case::a_mode(
    "expect.node = { at = \"/etc\", mode = \"0755\" }",
    "/probe/nodes/~1etc/mode",
    json!("0700"),
    OfContract,
    "nodes[/etc].mode"
)]
#[case::a_mode_nobody_reads(
    "expect.node = { at = \"/etc\", kind = \"directory\" }",
    "/probe/nodes/~1etc/mode",
    json!("0700"),
    Host,
    "nodes[/etc].mode"
)]
#[case::one_of_those_allowed(
    "expect.attempt = { name = \"write:/usr\", gives = [\"EROFS\", \"EACCES\"] }",
    "/probe/attempts/write:~1usr",
    json!("EACCES"),
    OfContract,
    "attempts[write:/usr]"
)]
#[case::a_flag(
    "expect.mount = { at = \"/usr\", flags = [\"ro\", \"nosuid\", \"nodev\"] }",
    "/probe/mounts/~1usr/flags",
    json!(["ro", "nodev"]),
    OfContract,
    "mounts[/usr].flags"
)]
#[case::a_flag_that_may_come(
    "expect.mount = { at = \"/usr\", flags = [\"ro\", \"nosuid\", \"nodev\"], also = [\"noexec\"] }",
    "/probe/mounts/~1usr/flags",
    json!(["ro", "nosuid", "nodev", "noexec"]),
    Host,
    "mounts[/usr].flags"
)]
#[case::a_mount_of_the_host(
    "expect.mounts-below = { at = \"/sys\", propagation = [\"private\"] }",
    "/probe/mounts/~1sys~1fs~1cgroup",
    Value::Null,
    Host,
    "mounts[/sys/fs/cgroup]"
)]
#[case::the_callers_limit(
    "expect.fact = { path = \"limits.nofile\", same-as = \"launch.limits.nofile\" }",
    "/probe/limits/nofile",
    json!(1024),
    Host,
    ""
)]
#[case::another_limit_than_the_callers(
    "expect.fact = { path = \"limits.nofile\", same-as = \"launch.limits.nofile\" }",
    "/probe/limits/nofile",
    json!(64),
    OfContract,
    "limits.nofile"
)]
#[case::a_namespace(
    "expect.namespace = { name = \"net\", is = \"own\" }",
    "/probe/namespaces/net",
    json!(4),
    Volatile,
    "namespaces.net"
)]
#[case::a_namespace_that_is_the_hosts(
    "expect.namespace = { name = \"net\", is = \"own\" }",
    "/probe/namespaces/net",
    json!(2),
    OfContract,
    "namespaces.net"
)]
#[case::a_stranger_gone(
    "expect.closed = \"environment\"",
    "/probe/environment/SECRET",
    Value::Null,
    OfContract,
    "environment[SECRET]"
)]
#[case::what_a_known_one_is_like(
    "expect.closed = \"devices\"",
    "/probe/devices/~1dev~1null/mode",
    json!("0600"),
    Host,
    "devices[/dev/null].mode"
)]
#[case::a_clause_that_no_longer_applies(
    "when.host = [\"fuse\"]\nexpect.node = { at = \"/etc\", mode = \"0755\" }",
    "/launch/host/fuse",
    json!(false),
    Host,
    "launch.host.fuse"
)]
fn a_change_is_as_relevant_as_what_clauses_say_of_it(
    #[case] clause: &str,
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] relevance: Relevance,
    #[case] fact: &str,
) {
    let comparison = compare(&look(clause, &facts()), &look(clause, &changed(pointer, value)));
    let expected = if fact.is_empty() { Vec::new() } else { vec![(relevance, fact.to_owned())] };
    let told: Vec<_> = told(&comparison).into_iter().filter(|(_, name)| name != "-").collect();
    assert_eq!(told, expected);
}

#[test]
fn a_change_names_the_clauses_that_read_it_and_what_came_of_them() {
    let clause = "expect.node = { at = \"/etc\", mode = \"0755\" }";
    let after = changed("/probe/nodes/~1etc/mode", json!("0700"));
    let comparison = compare(&look(clause, &facts()), &look(clause, &after));
    let judged = &comparison.changes[0].clauses[0];
    assert_eq!(judged.clause.to_string(), "security.it");
    assert_eq!((judged.before, judged.after), (Some(Verdict::Held), Some(Verdict::Broken)));
    assert_eq!(comparison.changes[0].after, Some(json!("0700")));
}

/// A report alone, as it was saved.
fn saved(profile: &str, verdict: Verdict, text: &str) -> Look {
    let contract = Contract::builtin("osbuild-v190").expect("a contract");
    let report =
        Report { profile: profile.to_owned(), ..report(vec![finding_of("process.umask.value", verdict, text)]) };
    Look { report, contract, facts: None }
}

#[rstest]
#[case::broken_now(Verdict::Held, "0022", Verdict::Broken, "0077", Some(OfContract))]
#[case::mended(Verdict::Broken, "0077", Verdict::Held, "0022", Some(OfContract))]
#[case::broken_otherwise(Verdict::Broken, "0077", Verdict::Broken, "0027", Some(OfContract))]
#[case::no_longer_known(Verdict::Held, "0022", Verdict::Unknown, "the probe could not look", Some(OfContract))]
#[case::held_otherwise(Verdict::Held, "0022", Verdict::Held, "0002", Some(Host))]
#[case::no_longer_about_it(Verdict::Held, "0022", Verdict::NotApplicable, "the phase is raw", Some(Host))]
#[case::the_same(Verdict::Held, "0022", Verdict::Held, "0022", None)]
#[case::another_scratch(Verdict::Held, "/run/rootcontract-aaaaaa", Verdict::Held, "/run/rootcontract-bbbbbb", None)]
fn findings_alone_are_compared(
    #[case] was: Verdict,
    #[case] text: &str,
    #[case] is: Verdict,
    #[case] other: &str,
    #[case] relevance: Option<Relevance>,
) {
    let comparison = compare(&saved("osbuild-v190", was, text), &saved("osbuild-v190", is, other));
    assert_eq!(comparison.changes.iter().map(|change| change.relevance).collect::<Vec<_>>(), Vec::from_iter(relevance));
}

#[test]
fn a_clause_that_only_another_profile_has_is_a_change_and_a_new_one_of_the_same_is_not() {
    let with = |profile: &str| saved(profile, Verdict::Held, "0022");
    let without = |profile: &str| {
        let mut look = with(profile);
        look.report.findings.clear();
        look.report.summary = Summary::default();
        look
    };
    let relevance = |comparison: Comparison| comparison.changes[0].relevance;
    assert_eq!(relevance(compare(&without("osbuild-v19"), &with("osbuild-v190"))), OfContract);
    assert_eq!(relevance(compare(&without("osbuild-v190"), &with("osbuild-v190"))), Host);
}

#[test]
fn each_report_is_compared_with_its_own_kind_and_what_has_none_is_told() {
    let kinds = |profiles: &[&str]| -> Vec<Look> {
        profiles.iter().map(|profile| saved(profile, Verdict::Held, "0022")).collect()
    };
    let document = Document::of(&kinds(&["a", "b", "c"]), &kinds(&["c", "a", "d"]));
    let pairs: Vec<_> =
        document.reports.iter().map(|one| (one.before.profile.as_str(), one.after.profile.as_str())).collect();
    assert_eq!(pairs, [("a", "a"), ("c", "c")]);
    let alone: Vec<_> = document.alone.iter().map(|alone| (alone.on, alone.side.profile.as_str())).collect();
    assert_eq!(alone, [(Which::Before, "b"), (Which::After, "d")]);
}

#[test]
fn of_two_that_could_be_meant_neither_is() {
    let one = saved("a", Verdict::Held, "0022");
    let twice = [one.clone(), one.clone()];
    let document = Document::of(&twice, &[one]);
    assert_eq!((document.reports.len(), document.alone.len()), (0, 3));
}
