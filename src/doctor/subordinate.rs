//! Subordinate ids: an ordinary user's build root can have more users than one (subuid(5), newuidmap(1)).

use nix::unistd::{User, geteuid};

use super::Caller;
use super::check::{Check, Question};
use crate::facts::Unread;
use crate::facts::text::{decimal, lines};
use crate::probe::read;

/// The programs that map them: they may, and we may not.
const HELPERS: [&str; 2] = ["newuidmap", "newgidmap"];
/// The files that grant them.
const FILES: [&str; 2] = ["/etc/subuid", "/etc/subgid"];
/// Where the programs are besides `PATH`.
const USUAL: [&str; 2] = ["/usr/bin", "/bin"];

/// What was read.
#[derive(Debug)]
pub(super) struct Subordinate {
    user: u32,
    /// The user's name, if there is one.
    name: Option<String>,
    /// What each file says; nothing where there is no such file.
    files: [Result<Vec<u8>, Unread>; 2],
    /// The programs that are there.
    helpers: Vec<&'static str>,
}

pub(super) fn read() -> Subordinate {
    let user = geteuid();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |helper: &&str| {
        std::env::split_paths(&path).chain(USUAL.map(Into::into)).any(|directory| directory.join(helper).is_file())
    };
    Subordinate {
        user: user.as_raw(),
        name: User::from_uid(user).ok().flatten().map(|user| user.name),
        files: FILES.map(|file| match read::bytes(file) {
            Err(unread) if unread.errno == "ENOENT" => Ok(Vec::new()),
            read => read,
        }),
        helpers: HELPERS.into_iter().filter(there).collect(),
    }
}

pub(super) fn checks(caller: Caller, read: &Subordinate) -> Vec<Check> {
    let why = "With them an ordinary user's build root has all users and not only one, so that packages can own files.";
    let question = Question::optional("subordinate-ids", why);
    vec![match caller {
        Caller::Root => question.not_needed("root has all users as it is"),
        Caller::User => judge(question, read),
    }]
}

fn judge(question: Question, read: &Subordinate) -> Check {
    let who = read.name.clone().unwrap_or_else(|| read.user.to_string());
    let missing: Vec<_> = HELPERS.into_iter().filter(|helper| !read.helpers.contains(helper)).collect();
    if !missing.is_empty() {
        let mend = "install the package uidmap (Debian), shadow-utils (Fedora) or shadow (openSUSE)";
        return question.missing(format!("there is no {}", missing.join(" and no ")), mend);
    }
    let mut counts = Vec::new();
    for (file, bytes) in FILES.iter().zip(&read.files) {
        match bytes {
            Err(Unread { what, errno }) => return question.unknown(format!("{what}: {errno}"), "make it readable"),
            Ok(bytes) => counts.push((file, granted(bytes, &who, read.user))),
        }
    }
    if let Some((file, _)) = counts.iter().find(|(_, count)| *count == 0) {
        let mend = format!("as root: `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {who}`");
        return question.missing(format!("{file} grants {who} none"), mend);
    }
    let told: Vec<_> = counts.iter().map(|(file, count)| format!("{file} grants {who} {count}")).collect();
    question.ok(told.join(", "))
}

/// How many ids a file grants this user. A line that is none grants nothing.
fn granted(bytes: &[u8], name: &str, user: u32) -> u64 {
    let count = |line: &[u8]| {
        let mut fields = line.split(|&byte| byte == b':');
        let whose = fields.next()?;
        let _first: u32 = decimal(fields.next()?)?;
        let count: u32 = decimal(fields.next()?.trim_ascii())?;
        (whose == name.as_bytes() || decimal(whose) == Some(user)).then_some(u64::from(count))
    };
    lines(bytes).filter_map(|(_, line)| count(line)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::check::{Level, State, said};
    use super::*;
    use nix::errno::Errno;
    use rstest::rstest;

    fn builder(subuid: &str, subgid: &str) -> Subordinate {
        Subordinate {
            user: 1000,
            name: Some("builder".to_owned()),
            files: [Ok(subuid.into()), Ok(subgid.into())],
            helpers: HELPERS.into(),
        }
    }

    #[rstest]
    #[case::by_name("builder:100000:65536\n", 65536)]
    #[case::by_number("root:1:1\n1000:100000:65536\n", 65536)]
    #[case::in_two_ranges("builder:100000:65536\nbuilder:300000:10\n", 65546)]
    #[case::somebody_else_s("builders:100000:65536\n100:1:1\n", 0)]
    #[case::no_numbers("builder:all:of them\nbuilder::\nbuilder\n", 0)]
    #[case::more_than_there_are("builder:0:99999999999\n", 0)]
    #[case::nothing("", 0)]
    fn ids_are_counted(#[case] file: &str, #[case] expected: u64) {
        assert_eq!(granted(file.as_bytes(), "builder", 1000), expected);
    }

    const RANGE: &str = "builder:100000:65536\n";

    #[rstest]
    #[case::granted(
        builder(RANGE, RANGE),
        State::Ok,
        "/etc/subuid grants builder 65536, /etc/subgid grants builder 65536"
    )]
    #[case::no_groups(builder(RANGE, ""), State::Missing, "/etc/subgid grants builder none")]
    #[case::a_user_without_a_name(
        Subordinate { name: None, ..builder(RANGE, RANGE) },
        State::Missing,
        "/etc/subuid grants 1000 none"
    )]
    #[case::no_program(
        Subordinate { helpers: vec!["newuidmap"], ..builder(RANGE, RANGE) },
        State::Missing,
        "there is no newgidmap"
    )]
    #[case::unreadable(
        Subordinate { files: [Ok(RANGE.into()), Err(read::unread("read /etc/subgid", Errno::EACCES))], ..builder("", "") },
        State::Unknown,
        "read /etc/subgid: EACCES"
    )]
    fn a_user_is_told_what_there_is(#[case] read: Subordinate, #[case] state: State, #[case] found: &str) {
        let checks = checks(Caller::User, &read);
        let (level, is, says, _) = said(&checks, "subordinate-ids");
        assert_eq!((level, is, says), (Level::Optional, state, found));
    }

    #[test]
    fn root_needs_none() {
        let checks = checks(Caller::Root, &builder("", ""));
        assert_eq!(said(&checks, "subordinate-ids").0, Level::NotNeeded);
    }
}
