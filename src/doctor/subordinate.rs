//! Subordinate ids: an ordinary user's build root can have more users than one (subuid(5), newuidmap(1)).

use nix::unistd::{User, geteuid};

use super::Caller;
use super::check::{Check, Question};
use crate::buildroot::sets_ids;
use crate::facts::Unread;
use crate::probe::read;
use crate::subordinate::{self, FILES, HELPERS};

/// What was read.
#[derive(Debug)]
pub(super) struct Subordinate {
    /// The user sets ids without anybody's help.
    own: bool,
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
    Subordinate {
        own: sets_ids(),
        user: user.as_raw(),
        name: User::from_uid(user).ok().flatten().map(|user| user.name),
        files: FILES.map(|file| match read::bytes(file) {
            Err(unread) if unread.errno == "ENOENT" => Ok(Vec::new()),
            read => read,
        }),
        helpers: HELPERS.into_iter().filter(|helper| subordinate::find(helper).is_some()).collect(),
    }
}

pub(super) fn checks(caller: Caller, read: &Subordinate) -> Vec<Check> {
    let why = "With them an ordinary user's build root has all users and not only one, so that packages can own files.";
    let question = Question::optional("subordinate-ids", why);
    vec![match caller {
        Caller::Root => question.not_needed("root has all users as it is"),
        Caller::User if read.own => question.not_needed("this process sets ids itself"),
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
            Ok(bytes) => counts.push((file, granted(bytes, read))),
        }
    }
    if let Some((file, _)) = counts.iter().find(|(_, count)| *count == 0) {
        let mend = format!("as root: `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {who}`");
        return question.missing(format!("{file} grants {who} none"), mend);
    }
    let told: Vec<_> = counts.iter().map(|(file, count)| format!("{file} grants {who} {count}")).collect();
    question.ok(told.join(", "))
}

/// How many ids a file grants this user.
fn granted(bytes: &[u8], read: &Subordinate) -> u64 {
    let ranges = subordinate::granted(bytes, read.name.as_deref(), read.user);
    ranges.iter().map(|range| u64::from(range.count)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::check::{Level, State, said};
    use super::*;
    use nix::errno::Errno;
    use rstest::rstest;

    fn builder(subuid: &str, subgid: &str) -> Subordinate {
        Subordinate {
            own: false,
            user: 1000,
            name: Some("builder".to_owned()),
            files: [Ok(subuid.into()), Ok(subgid.into())],
            helpers: HELPERS.into(),
        }
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

    #[rstest]
    #[case::root(Caller::Root, false)]
    #[case::root_of_a_container(Caller::User, true)]
    fn who_has_all_users_needs_none(#[case] caller: Caller, #[case] own: bool) {
        let checks = checks(caller, &Subordinate { own, ..builder("", "") });
        assert_eq!(said(&checks, "subordinate-ids").0, Level::NotNeeded);
    }
}
