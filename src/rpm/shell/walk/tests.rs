//! What comes of a script, and what becomes of each command that fails.

use rstest::rstest;

use super::super::parse;
use super::{Fate, Walked};
use crate::contract::Contract;
use crate::rpm::ground::Ground;

fn walked(script: &str, argument: Option<&'static str>) -> Walked {
    let contract = Contract::builtin("osbuild-v190").expect("a contract");
    parse(script).expect("a script").walk(&Ground::of(&contract, "x86_64"), argument, false)
}

/// Each command with `!` where the scriptlet fails with it, `?` where it is a condition, else what hides it.
fn fates(script: &str) -> Vec<String> {
    let walked = walked(script, Some("1"));
    let told = walked.acts.iter().map(|act| {
        let name = act.program().unwrap_or("-");
        match &act.fate {
            Fate::Decides => format!("{name}!"),
            Fate::Condition => format!("{name}?"),
            Fate::Masked(by) => format!("{name} {by}"),
        }
    });
    told.collect()
}

#[rstest]
#[case::last("a", &["a!"])]
#[case::not_last("a\nb", &["a the commands after it", "b!"])]
#[case::shell_that_stops("set -e\na\nb", &["a!", "b!"])]
#[case::shell_that_stops_no_more("set -e\na\nset +e\nb\nc", &["a!", "b the commands after it", "c!"])]
#[case::or_nothing("a || :", &["a || :"])]
#[case::or_exit("a || exit 1\nb", &["a!", "b!"])]
#[case::or_told("a || { echo no >&2; exit 1; }\nb", &["a!", "echo the commands after it", "b!"])]
#[case::or_left("a || exit 0\nb", &["a || exit 0", "b!"])]
#[case::or_another("a || b", &["a || b", "b!"])]
#[case::both("a && b", &["a!", "b!"])]
#[case::both_or_nothing("a && b || true", &["a || true", "b || true"])]
#[case::end_of_success("a\nexit 0", &["a the commands after it"])]
#[case::end_as_it_is("a\nexit $?", &["a!"])]
#[case::bare_exit("a\nexit", &["a!"])]
#[case::condition("if a; then b; fi", &["a?", "b!"])]
#[case::loop_condition("while a; do b; done\nc", &["a?", "b the commands after it", "c!"])]
#[case::not("! a", &["a?"])]
#[case::pipe("a | b", &["a |", "b!"])]
#[case::background("a &", &["a &"])]
#[case::within("echo $(a)", &["a $( )", "echo!"])]
#[case::assigned("x=$(a)", &["a!"])]
#[case::subshell("(a; b)", &["a the commands after it", "b!"])]
#[case::function("f() { a; b; }\nf", &["a the commands after it", "b!"])]
#[case::function_that_is_not_called("f() { a; }\nb", &["b!"])]
#[case::script_within("sh -c 'a; b'", &["a the commands after it", "b!"])]
#[case::started_by_another("exec env X=1 a", &["a!"])]
#[case::after_the_end("exit 0\na", &[])]
#[case::after_exec("exec a\nb", &["a the commands after it"])]
fn what_fails_has_a_fate(#[case] script: &str, #[case] expected: &[&str]) {
    assert_eq!(fates(script), expected);
}

#[rstest]
#[case::no_systemd("[ -d /run/systemd/system ] && a", false)]
#[case::no_systemd_the_other_way("[ ! -d /run/systemd/system ] || a", false)]
#[case::no_socket("if test -S /run/udev/control; then a; fi", false)]
#[case::no_device("[ -e /dev/kvm ] && a", false)]
#[case::a_device("[ -c /dev/null ] && a", true)]
#[case::any_file("[ -x /usr/bin/foo ] && a", true)]
#[case::this_argument("[ \"$1\" -eq 1 ] && a", true)]
#[case::other_argument("[ \"$1\" -eq 2 ] && a", false)]
#[case::both_hold("[ $1 = 1 -a -n \"$1\" ] && a", true)]
#[case::one_does_not("[ $1 = 1 -a -z \"$1\" ] && a", false)]
#[case::bash("[[ $1 -ge 1 && ! -d /run/systemd/system ]] && a", true)]
#[case::case_of("case $1 in 2) a;; esac", false)]
#[case::case_of_this("case \"$1\" in 0|1) a;; *) b;; esac", true)]
#[case::otherwise("if [ $1 -gt 1 ]; then b; else a; fi", true)]
#[case::variable("when=$1\n[ \"$when\" = 2 ] && a", false)]
#[case::default("[ \"${1:-0}\" = 1 ] && a", true)]
#[case::no_terminal("[ -t 1 ] && a", false)]
fn a_condition_is_worked_out(#[case] script: &str, #[case] comes: bool) {
    let walked = walked(script, Some("1"));
    assert_eq!(walked.acts.iter().any(|act| act.program() == Some("a")), comes);
}

#[rstest]
#[case::by_name("command -v a >/dev/null && a", true)]
#[case::by_path("if [ -x /usr/sbin/a ]; then a; fi", true)]
#[case::or_the_end("which a || exit 0\na", true)]
#[case::asked_elsewhere("if [ -x /usr/sbin/a ]; then :; fi\na", false)]
#[case::never("a", false)]
fn what_a_script_has_asked_for_is_known(#[case] script: &str, #[case] known: bool) {
    let walked = walked(script, Some("1"));
    let act = walked.acts.iter().find(|act| act.program() == Some("a")).expect("the command");
    assert_eq!(act.checked.iter().any(|name| name == "a"), known);
}

#[rstest]
#[case::test_at_the_end("[ $1 -eq 2 ] && a", true)]
#[case::test_that_holds("[ $1 -eq 1 ] && a", false)]
#[case::false_at_the_end("a\nfalse", true)]
#[case::exit_code("exit 3", true)]
#[case::no_branch("if [ $1 -eq 2 ]; then a; fi", false)]
#[case::success_at_the_end("[ $1 -eq 2 ] && a\nexit 0", false)]
fn a_script_s_status_is_that_of_its_last_command(#[case] script: &str, #[case] fails: bool) {
    assert_eq!(walked(script, Some("1")).fails_at.is_some(), fails);
}

#[rstest]
#[case::second_line("a\n  b", 2, 3)]
#[case::in_a_condition("if true; then\n\tb\nfi", 2, 2)]
#[case::within_a_word("echo x$(b)", 1, 9)]
#[case::within_a_word_of_the_second_line("a\necho \"$(\n  b)\"", 3, 3)]
fn a_command_has_a_place(#[case] script: &str, #[case] line: usize, #[case] column: usize) {
    let walked = walked(script, None);
    let act = walked.acts.iter().find(|act| act.program() == Some("b")).expect("the command");
    assert_eq!((act.place.line, act.place.column), (line, column));
}

#[rstest]
#[case::errors("a 2>/dev/null", true)]
#[case::both("a >/dev/null 2>&1", true)]
#[case::both_at_once("a &>/dev/null", true)]
#[case::all_of_a_group("{ a; } 2>/dev/null", true)]
#[case::output_only("a >/dev/null", false)]
#[case::the_other_way("a 2>&1 >/dev/null", false)]
fn what_is_said_can_be_dropped(#[case] script: &str, #[case] dropped: bool) {
    assert_eq!(walked(script, None).acts[0].is_silenced, dropped);
}

#[rstest]
#[case::starters("env -u A X=1 nice -n 5 timeout -k 3 10 b", &["b!"])]
#[case::as_another_user("runuser -u nobody -- b", &["b!"])]
#[case::as_another_user_by_a_shell("su - nobody -c 'b; c'", &["b the commands after it", "c!"])]
#[case::shell_of_letters("sh -ec 'b'", &["b!"])]
#[case::shell_of_another("sudo -u root bash -c b", &["b!"])]
#[case::of_a_list("a | xargs -n 1 b", &["a |", "b!"])]
#[case::of_found_files("find / -name x -exec b {} ';'", &["b!"])]
#[case::put_together("eval 'b' c", &["b!"])]
#[case::at_the_end("trap 'b' EXIT\nc", &["b trap", "c!"])]
fn what_starts_another_is_seen_through(#[case] script: &str, #[case] expected: &[&str]) {
    assert_eq!(fates(script), expected);
    assert_eq!(walked(script, None).unfollowed.len(), 0, "{script}");
}

#[rstest]
#[case::put_together("eval \"$X\"")]
#[case::of_no_script("sh -c 'a; if'")]
#[case::of_a_variable("sh -c \"$X\"")]
#[case::of_a_file(". /etc/a")]
#[case::of_the_input("sh <<E\nsysctl -w a=b\nE")]
#[case::of_a_pipe("cat /etc/a | sh")]
#[case::named_by_a_variable("$X a")]
#[case::named_by_a_command("$(which a) b")]
#[case::trapped("trap \"$X\" EXIT")]
#[case::deep(&(0..12).map(|n| format!("f{n}() {{ f{}; }}\n", n + 1)).chain(["f0".to_owned()]).collect::<String>())]
fn what_is_not_followed_has_a_place(#[case] script: &str) {
    assert_eq!(walked(script, Some("1")).unfollowed.len(), 1, "{script}");
}

#[rstest]
#[case::gone_there("cd /proc/sys/kernel && echo x > core_pattern", "/proc/sys/kernel/core_pattern")]
#[case::step_by_step("cd /proc\ncd sys\necho x > a", "/proc/sys/a")]
#[case::and_back("(cd /proc)\necho x > a", "a")]
#[case::nobody_knows_where("cd \"$X\"\necho x > a", "a")]
fn a_relative_file_is_where_the_script_has_gone(#[case] script: &str, #[case] file: &str) {
    let walked = walked(script, None);
    let opened = walked.acts.iter().flat_map(|act| &act.redirects).next().expect("a file");
    assert_eq!(opened.file.value.as_deref(), Some(file));
}
