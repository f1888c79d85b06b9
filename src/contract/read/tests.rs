use std::path::PathBuf;

use rstest::rstest;

use super::*;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/contract").join(name)
}

fn refusal(bytes: &[u8]) -> String {
    Contract::parse("my.toml", bytes).expect_err("no contract").to_string()
}

#[test]
fn a_good_contract_is_read_whole() {
    let contract = Contract::load(&fixture("good.toml")).expect("a contract");
    let null = contract.clause("device.null.number").expect("a clause");
    assert_eq!(contract.clauses.len(), 2);
    assert_eq!(
        null.when.to_string(),
        "when the architecture is x86_64 or s390x and the phase is raw and the host has no SELinux policy and the tree \
         has /usr/lib64"
    );
    assert_eq!(null.expect.to_string(), "/dev/null char 1:3");
    assert_eq!(null.hazard.as_deref(), Some("It may be full."));
    assert_eq!(contract.clause("device.null.mode"), None);
}

#[rstest]
#[case::no_such_profile(
    "osbuild-v1",
    "no contract for profile `osbuild-v1`: there are osbuild-v19, osbuild-v190 and hardened"
)]
fn a_profile_without_a_contract_is_an_error(#[case] profile: &str, #[case] line: &str) {
    assert_eq!(Contract::builtin(profile).expect_err("no contract").to_string(), line);
}

const AREAS: &str = "`mount`, `link`, `root`, `path`, `directory`, `device`, `environment`, `capability`, `namespace`, \
                     `pid`, `ipc`, `network`, `uts`, `user`, `cgroup`, `time`, `process`, `descriptor`, `signal`, \
                     `limit`, `proc`, `sys`, `keyring`, `security`, `loader`, `abi`, `runner`, `bubblewrap`";
const NO_ID: &str = "is no clause id: it is an area, a dot, and dotted words of a-z, 0-9 and `-`";
const FORMS: &str = "`mount`, `mounts-below`, `no-mount`, `caller-mounts`, `link`, `device`, `node`, `absent`, \
                     `directory`, `variable`, `no-variable`, `variables`, `capabilities`, `namespace`, `process`, \
                     `attempt`, `fact`, `closed`";

#[rstest]
#[case::duplicate_id("duplicate-id", "17: id: duplicate clause id `mount.usr.read-only`")]
#[case::extends_nobody(
    "extends-nobody",
    "4: extends: no contract for profile `osbuild-v191`: there are osbuild-v19, osbuild-v190 and hardened"
)]
#[case::key_twice("key-twice", "10: level: duplicate key")]
#[case::malformed_fact(
    "malformed-fact",
    "14: expect.fact: `process..umask` names no fact: write words with dots between and keys in brackets, like `mounts[/usr].flags`"
)]
#[case::malformed_id("malformed-id", &format!("8: id: `mount.Usr` {NO_ID}"))]
#[case::no_clauses("no-clauses", "1: missing key `clause`")]
#[case::empty("empty", "7: clause: no clause: a contract that says nothing proves nothing")]
#[case::no_expectation("no-expectation", "7: missing key `expect`")]
#[case::no_rule_in_id("no-rule-in-id", &format!("8: id: `mount` {NO_ID}"))]
#[case::no_schema("no-schema", "1: missing key `schema`")]
#[case::no_toml("no-toml", "9: level: string values must be quoted, expected literal string")]
#[case::no_why("no-why", "7: missing key `why`")]
#[case::other_schema(
    "other-schema",
    "1: schema: `rootcontract.contract/9` is not read here, expected `rootcontract.contract/1`"
)]
#[case::relative_place(
    "relative-place",
    "14: expect.mount: `usr` is no absolute path in its shortest form: no `//`, `.`, `..` or slash at the end"
)]
#[case::two_forms("two-forms", "14: expect.mount: more than one form, expected one")]
#[case::unknown_architecture(
    "unknown-architecture",
    "15: when: unknown architecture `amd64`, expected one of `x86_64`, `aarch64`, `ppc64le`, `s390x`, `riscv64`, `i686`, `armv7`"
)]
#[case::unknown_area("unknown-area", &format!("8: id: unknown area `moutn`, expected one of {AREAS}"))]
#[case::unknown_capability(
    "unknown-capability",
    "14: expect.capabilities: \"CAP_FLY\" names no capability (CAP_CHOWN does, and so does chown)"
)]
#[case::unknown_condition(
    "unknown-condition",
    "15: when: unknown key `moon`, expected one of `privilege`, `phase`, `policy`, `arch`, `host`, `tree`"
)]
#[case::unknown_flag(
    "unknown-flag",
    "14: expect.mount: unknown word `readonly`, expected one of `ro`, `rw`, `nosuid`, `nodev`, `noexec`, `nosymfollow`"
)]
#[case::unknown_form("unknown-form", &format!("14: expect.mont: unknown word `mont`, expected one of {FORMS}"))]
#[case::unknown_host_fact(
    "unknown-host-fact",
    "15: when: unknown word `apparmor`, expected one of `selinux`, `fuse`, `sysrq-trigger`, `ipv6`, `yama`, `sys-admin-reads-log`, `root-mapped`, `sys-writable`, `mdwe`"
)]
#[case::unknown_key(
    "unknown-key",
    "15: colour: unknown key `colour`, expected one of `id`, `level`, `says`, `why`, `instead`, `origin`, `since`, `expect`, `when`, `subject`, `observed-on`, `hazard`"
)]
#[case::unknown_level("unknown-level", "9: level: unknown word `shall`, expected one of `must`, `should`, `may`")]
#[case::unknown_phase("unknown-phase", "15: when: unknown word `cooked`, expected one of `raw`, `runner`, `scriptlet`")]
#[case::unknown_policy(
    "unknown-policy",
    "15: when: unknown word `all`, expected one of `stage`, `scriptlet`, `inherit`, `list`"
)]
#[case::unknown_privilege(
    "unknown-privilege",
    "15: when: unknown word `admin`, expected one of `root`, `userns-single`, `userns-subid`"
)]
#[case::unknown_property(
    "unknown-property",
    "14: expect.mount: unknown key `flag`, expected one of `at`, `flags`, `also`, `fstype`, `source`, `root`, `stacked`"
)]
#[case::unknown_top_key(
    "unknown-top-key",
    "1: colour: unknown key `colour`, expected one of `schema`, `profile`, `version`, `says`, `upstream`, `extends`, `without`, `never-observed`, `ignored`, `clause`"
)]
#[case::unknown_tree_fact(
    "unknown-tree-fact",
    "15: when: unknown word `efi`, expected one of `boot`, `bin`, `sbin`, `lib`, `lib64`, `mke2fs-conf`, `containers`, `selinux`, `ostree`, `owned`"
)]
#[case::unknown_world(
    "unknown-world",
    "14: expect.closed: unknown word `oceans`, expected one of `mounts`, `devices`, `environment`, `descriptors`, `root`, `processes`, `capabilities`, `directories`"
)]
#[case::without_and_within(
    "without-and-within",
    "19: without: `mount.usr.read-only` is taken out, and has another in its place: it can't be both"
)]
#[case::without_extending("without-extending", "17: without: nothing is extended: say what with `extends`")]
#[case::without_reason("without-reason", "18: without: `reason` is empty: say why they are not so here")]
#[case::without_stranger("without-stranger", "19: without: there is no clause `mount.boot.readonly` in osbuild-v190")]
#[case::wrong_type("wrong-type", "3: version: invalid type: string \"one\", expected u32")]
fn a_bad_contract_is_refused_in_one_line(#[case] name: &str, #[case] line: &str) {
    let bytes = std::fs::read(fixture("bad").join(name).with_extension("toml")).expect("a fixture");
    assert_eq!(refusal(&bytes), format!("my.toml:{line}"));
}

#[test]
fn every_bad_fixture_is_in_the_table() {
    let table = include_str!("tests.rs");
    for entry in std::fs::read_dir(fixture("bad")).expect("the fixtures") {
        let name = entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(table.contains(&format!("\"{name}\",")), "{name} is in no case");
    }
}

#[rstest]
#[case::byte_order_mark(b"\xef\xbb\xbfschema = 1".to_vec(), "my.toml: begins with a byte order mark: save the file without one")]
#[case::not_utf8(b"says = \"\xff\"".to_vec(), "my.toml: not UTF-8 at byte 8: save the file as UTF-8")]
#[case::too_large(vec![b'#'; MAX_BYTES as usize + 1], "my.toml: larger than 1048576 bytes, no contract is")]
#[case::empty(Vec::new(), "my.toml:1: missing key `schema`")]
#[case::control_characters(b"\"\\u001b[31m\" = 1".to_vec(), KEY_WITH_ESCAPE)]
fn bytes_that_are_no_contract_are_refused_in_one_line(#[case] bytes: Vec<u8>, #[case] line: &str) {
    assert_eq!(refusal(&bytes), line);
}

const KEY_WITH_ESCAPE: &str = "my.toml:1: unknown key `\\u{1b}[31m`, expected one of `schema`, `profile`, `version`, \
                               `says`, `upstream`, `extends`, `without`, `never-observed`, `ignored`, `clause`";

#[rstest]
#[case::arrays("a = ", "[", "]")]
#[case::tables("a = ", "{ a = ", " }")]
fn depth_is_bounded(#[case] start: &str, #[case] open: &str, #[case] close: &str) {
    let deep = format!("{start}{}1{}\n", open.repeat(10_000), close.repeat(10_000));
    let line = refusal(deep.as_bytes());
    assert!(line.starts_with("my.toml:1: ") && !line.contains('\n'), "{line}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Contract::load(&fixture("nowhere.toml")).expect_err("no contract");
    let name = fixture("nowhere.toml").display().to_string();
    assert_eq!(error.to_string(), format!("read contract {name}"));
    assert_eq!(
        std::error::Error::source(&error).expect("a source").to_string(),
        "No such file or directory (os error 2)"
    );
}

#[test]
fn what_is_written_as_json_is_what_was_read() {
    for (profile, _) in Contract::BUILTIN {
        let contract = Contract::builtin(profile).expect("a contract");
        let json = serde_json::to_string(&contract).expect("JSON");
        assert_eq!(serde_json::from_str::<Contract>(&json).expect("a contract"), contract);
    }
}

/// It has other keys, and lacks ours.
#[test]
fn a_file_of_another_schema_is_told_as_that() {
    let text = b"schema = \"rootcontract.waivers/1\"\n[[waiver]]\nclause = \"process.umask.value\"\n";
    let error = Contract::parse("my.toml", text).expect_err("no contract").to_string();
    let expected = "my.toml:1: schema: `rootcontract.waivers/1` is not read here, expected `rootcontract.contract/1`";
    assert_eq!(error, expected);
}
