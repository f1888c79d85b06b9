use rstest::rstest;
use serde_json::json;

use super::*;
use crate::contract::Contract;

fn reads(form: &str, facts: &Value) -> Vec<String> {
    let text = include_str!("../../../fixtures/contract/good.toml")
        .replace("mount = { at = \"/usr\", flags = [\"ro\"] }", form);
    let contract = Contract::parse("my.toml", text.as_bytes()).expect("a contract");
    contract.clauses[0].expect.reads(facts).iter().map(ToString::to_string).collect()
}

#[rstest]
#[case::mount("mount = { at = \"/usr\", flags = [\"ro\"], fstype = \"ext4\" }", &["mounts[/usr].flags", "mounts[/usr].fstype"])]
#[case::below(
    "mounts-below = { at = \"/sys\", flags = [\"ro\"] }",
    &["mounts[/sys].flags", "mounts[/sys/*].flags"]
)]
#[case::all("mounts-below = { at = \"/\", stacked = 1 }", &["mounts[/].stacked", "mounts[/*].stacked"])]
#[case::no_mount("no-mount = \"/etc\"", &["mounts[/etc]"])]
#[case::link("link = { at = \"/lib\", target = \"usr/lib\" }", &["root[lib].kind", "root[lib].target"])]
#[case::device("device = { at = \"/dev/null\", major = 1 }", &["devices[/dev/null].major"])]
#[case::node("node = { at = \"/etc\", mode = \"0755\" }", &["nodes[/etc].mode"])]
#[case::node_in_dev("node = { at = \"/dev/shm\", mode = \"0755\" }", &["devices[/dev/shm].mode"])]
#[case::absent_on_top("absent = \"/home\"", &["root[home]"])]
#[case::absent_device("absent = \"/dev/kvm\"", &["devices[/dev/kvm]"])]
#[case::absent_file("absent = \"/etc/passwd\"", &["nodes[/etc/passwd]"])]
#[case::variable("variable = { name = \"PATH\" }", &["environment[PATH]"])]
#[case::capabilities(
    "capabilities = { set = \"ambient\", same-as = \"raised\" }",
    &["capabilities.ambient", "launch.capabilities.raised"]
)]
#[case::namespace("namespace = { name = \"uts\", is = \"shared\" }", &["namespaces.uts", "launch.namespaces.uts"])]
#[case::attempt("attempt = { name = \"write:/usr\", gives = [\"EROFS\"] }", &["attempts[write:/usr]"])]
#[case::fact("fact = { path = \"kernel.release\", same-as = \"launch.kernel\" }", &["kernel.release", "launch.kernel"])]
fn an_expectation_says_what_it_reads(#[case] form: &str, #[case] expected: &[&str]) {
    assert_eq!(reads(form, &Value::Null), expected);
}

#[rstest]
#[case::binds("caller-mounts = { of = \"binds\", flags = [] }", &["launch.binds", "mounts[/mnt/a].flags"])]
#[case::api("caller-mounts = { of = \"api\", below = \"/run\", flags = [] }", &["launch.api", "mounts[/run/store].flags"])]
#[case::runner("caller-mounts = { of = \"runner\", below = \"/run\", flags = [] }", &["launch.runner", "mounts[/run/r].flags"])]
#[case::set("variables = \"set\"", &["launch.environment.set", "environment[A]"])]
#[case::inherited("variables = \"inherited\"", &["launch.environment.inherited", "environment[B]"])]
#[case::payload("process = { pid = \"payload\" }", &["process.pid", "pids.visible"])]
#[case::init("process = { pid = \"init\", command = \"bwrap\" }", &["pids.visible", "pids.commands[1]"])]
fn what_the_launch_names_is_read_too(#[case] form: &str, #[case] expected: &[&str]) {
    let facts = json!({
        "launch": {
            "binds": [{ "at": "/mnt/a", "access": "ro" }], "api": ["store"], "runner": "r",
            "environment": { "set": { "A": "1" }, "inherited": ["B"] },
        },
        "probe": { "process": { "pid": 7 } },
    });
    assert_eq!(reads(form, &facts), expected);
}
