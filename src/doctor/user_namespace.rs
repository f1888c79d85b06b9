//! User namespaces, which an ordinary user's build root is made in, and what forbids them.

use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{getegid, geteuid, write};

use super::Caller;
use super::check::{Check, Question};
use crate::facts::{Unread, status};
use crate::probe::read;
use crate::sys;

/// How long making one may take: it takes a millisecond.
const PATIENCE: Duration = Duration::from_secs(5);

const WHY: &str = "An ordinary user's build root is made in a user namespace.";

/// What came of making one, with a mount in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    /// There was one.
    Made,
    /// This step was refused.
    Refused(Step, Errno),
    /// It could not be tried.
    NotTried(Errno),
}

/// A step of making one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Unshare,
    Map,
    Mount,
}

/// Each with its letter, by which the child tells, and what it does.
const STEPS: [(Step, char, &str); 3] = [
    (Step::Unshare, 'u', "unshare a user namespace"),
    (Step::Map, 'i', "map this user into a user namespace"),
    (Step::Mount, 'm', "mount in a user namespace"),
];

/// Something that may forbid them.
#[derive(Debug)]
struct Obstacle {
    id: &'static str,
    file: &'static str,
    /// What the file has to say to do so.
    forbids: Forbids,
    mend: &'static str,
}

#[derive(Debug)]
enum Forbids {
    /// Certainly, by this value.
    By(&'static [u8]),
    /// Certainly, by this value, or where a limit was reached.
    ByLimit(&'static [u8]),
    /// Perhaps: by a policy that the file does not tell.
    Perhaps(&'static [u8]),
}

const OBSTACLES: [Obstacle; 5] = [
    Obstacle {
        id: "user-namespace.sysctl",
        file: "/proc/sys/kernel/unprivileged_userns_clone",
        forbids: Forbids::By(b"0"),
        mend: "as root: `sysctl kernel.unprivileged_userns_clone=1`",
    },
    Obstacle {
        id: "user-namespace.limit",
        file: "/proc/sys/user/max_user_namespaces",
        forbids: Forbids::ByLimit(b"0"),
        mend: "as root: `sysctl user.max_user_namespaces=15000`, here and in each namespace around this one",
    },
    Obstacle {
        id: "user-namespace.apparmor",
        file: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        forbids: Forbids::By(b"1"),
        mend: "as root: AppArmor profiles for bwrap and rootcontract that say `userns,`, or \
               `sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
    },
    Obstacle {
        id: "user-namespace.selinux",
        file: "/sys/fs/selinux/enforce",
        forbids: Forbids::Perhaps(b"1"),
        mend: "if `ausearch -m avc -ts recent` shows a denial of user_namespace, a policy module that allows it",
    },
    Obstacle {
        id: "user-namespace.seccomp",
        file: STATUS,
        forbids: Forbids::Perhaps(b"2"),
        mend: "in a container, one started with a filter that allows it: --security-opt seccomp=unconfined",
    },
];

const STATUS: &str = "/proc/self/status";

/// What was read.
#[derive(Debug)]
pub(super) struct UserNamespace {
    trial: Trial,
    /// What the file of each obstacle says; `None` where there is no such file.
    settings: [Result<Option<Vec<u8>>, Unread>; OBSTACLES.len()],
}

/// Tries for an ordinary user only.
pub(super) fn read(caller: Caller) -> UserNamespace {
    let trial = match caller {
        Caller::Root => Trial::NotTried(Errno::ECANCELED),
        Caller::User => tried(),
    };
    UserNamespace { trial, settings: OBSTACLES.each_ref().map(|obstacle| setting(obstacle.file)) }
}

fn setting(file: &str) -> Result<Option<Vec<u8>>, Unread> {
    if file == STATUS {
        let bytes = read::bytes(file)?;
        // Without a word on it the kernel has no filters.
        let mode = status::parse(&bytes).and_then(|status| status.number::<u8>("Seccomp")).unwrap_or_default();
        return Ok(Some(mode.to_string().into_bytes()));
    }
    match read::bytes(file) {
        Ok(bytes) => Ok(Some(bytes.trim_ascii().to_owned())),
        Err(unread) if unread.errno == "ENOENT" => Ok(None),
        Err(unread) => Err(unread),
    }
}

/// Makes one in a child, and mounts in it.
fn tried() -> Trial {
    let maps = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {} 1", geteuid())),
        ("/proc/self/gid_map", format!("0 {} 1", getegid())),
    ];
    let map = |(file, text): &(&str, String)| write(open(*file, OFlag::O_WRONLY, Mode::empty())?, text.as_bytes());
    // Each step only after the one before: what is mounted is mounted in the namespaces of this child.
    let make = || {
        let refused = |step| move |errno| (step, errno);
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(refused(Step::Unshare))?;
        maps.iter().try_for_each(|one| map(one).map(drop)).map_err(refused(Step::Map))?;
        mount(Some("tmpfs"), "/", Some("tmpfs"), MsFlags::empty(), None::<&str>).map_err(refused(Step::Mount))
    };
    match sys::in_child(PATIENCE, || word(make().err())) {
        Ok(word) => understood(&word),
        Err(errno) => Trial::NotTried(errno),
    }
}

/// What a child says of the first step that failed.
fn word(failed: Option<(Step, Errno)>) -> String {
    match failed {
        None => "+".to_owned(),
        Some((step, errno)) => {
            let letter = STEPS.iter().find(|(is, _, _)| *is == step).map_or('?', |(_, letter, _)| *letter);
            format!("{letter}{}", errno as i32)
        }
    }
}

fn understood(word: &str) -> Trial {
    let refused = || {
        let mut letters = word.chars();
        let first = letters.next()?;
        let (step, _, _) = STEPS.iter().find(|(_, letter, _)| *letter == first)?;
        Some(Trial::Refused(*step, Errno::from_raw(letters.as_str().parse().ok()?)))
    };
    match word {
        "+" => Trial::Made,
        _ => refused().unwrap_or(Trial::NotTried(Errno::EBADMSG)),
    }
}

pub(super) fn checks(caller: Caller, read: &UserNamespace) -> Vec<Check> {
    let allowed = Question::required("user-namespace.allowed", WHY);
    if caller == Caller::Root {
        let others = OBSTACLES.iter().map(|obstacle| Question::required(obstacle.id, WHY));
        return std::iter::once(allowed).chain(others).map(|one| one.not_needed("root builds without one")).collect();
    }
    let judged =
        std::iter::zip(&OBSTACLES, &read.settings).map(|(obstacle, setting)| obstacle.judge(read.trial, setting));
    std::iter::once(judge(allowed, read.trial)).chain(judged).collect()
}

fn judge(question: Question, trial: Trial) -> Check {
    match trial {
        Trial::Made => question.ok("one was made, with a mount in it"),
        Trial::NotTried(errno) => question.unknown(format!("none could be tried: {}", errno.desc()), "ask again"),
        Trial::Refused(step, errno) => {
            let what = STEPS.iter().find(|(is, _, _)| *is == step).map_or("", |(_, _, what)| *what);
            let mend = match (step, errno) {
                (Step::Unshare, Errno::EINVAL | Errno::ENOSYS) => "a kernel built with CONFIG_USER_NS",
                (_, _) => {
                    "what else is said of user-namespace here; a chroot allows none either, and root with CAP_SYS_ADMIN needs none"
                }
            };
            question.missing(format!("{what}: {}", errno.desc()), mend)
        }
    }
}

impl Obstacle {
    fn judge(&self, trial: Trial, setting: &Result<Option<Vec<u8>>, Unread>) -> Check {
        let Self { id, file, mend, .. } = self;
        let question = Question::required(*id, WHY);
        let value = match (setting, trial) {
            (Ok(Some(value)), _) => value,
            (Ok(None), _) => return question.ok(format!("there is no {file}")),
            (Err(Unread { what, errno }), Trial::Made) => {
                return question.ok(format!("{what}: {errno}, but one was made"));
            }
            (Err(Unread { what, errno }), _) => return question.unknown(format!("{what}: {errno}"), *mend),
        };
        let says = match (*file == STATUS, value.as_slice()) {
            (true, b"0") => "there is no filter of system calls".to_owned(),
            (true, _) => "there is a filter of system calls".to_owned(),
            (false, value) => format!("{file} is {}", String::from_utf8_lossy(value)),
        };
        match (trial, &self.forbids) {
            (Trial::Made, _) => question.ok(format!("{says}, and one was made")),
            (Trial::Refused(_, Errno::ENOSPC | Errno::EUSERS), Forbids::ByLimit(_)) => question.missing(says, *mend),
            (_, Forbids::By(by) | Forbids::ByLimit(by)) if value == by => question.missing(says, *mend),
            (_, Forbids::Perhaps(by)) if value == by => {
                question.unknown(format!("{says}, which may be what forbids one"), *mend)
            }
            (_, _) => question.ok(says),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Level, State, said};
    use super::*;
    use rstest::rstest;

    const REFUSED: Trial = Trial::Refused(Step::Unshare, Errno::EPERM);

    /// A machine on which nothing stands in the way, but for one setting.
    fn with(trial: Trial, id: &str, value: Result<Option<Vec<u8>>, Unread>) -> Vec<Check> {
        let settings = OBSTACLES.each_ref().map(|obstacle| if obstacle.id == id { value.clone() } else { Ok(None) });
        checks(Caller::User, &UserNamespace { trial, settings })
    }

    #[rstest]
    #[case::sysctl("user-namespace.sysctl", "0", REFUSED, State::Missing)]
    #[case::sysctl_of_another_trouble("user-namespace.sysctl", "1", REFUSED, State::Ok)]
    #[case::limit("user-namespace.limit", "0", Trial::Refused(Step::Unshare, Errno::ENOSPC), State::Missing)]
    #[case::limit_of_one_around(
        "user-namespace.limit",
        "9",
        Trial::Refused(Step::Unshare, Errno::ENOSPC),
        State::Missing
    )]
    #[case::limit_of_another_trouble("user-namespace.limit", "9", REFUSED, State::Ok)]
    #[case::apparmor("user-namespace.apparmor", "1", Trial::Refused(Step::Map, Errno::EACCES), State::Missing)]
    #[case::apparmor_that_has_a_profile("user-namespace.apparmor", "1", Trial::Made, State::Ok)]
    #[case::selinux("user-namespace.selinux", "1", REFUSED, State::Unknown)]
    #[case::selinux_permissive("user-namespace.selinux", "0", REFUSED, State::Ok)]
    #[case::seccomp("user-namespace.seccomp", "2", REFUSED, State::Unknown)]
    #[case::seccomp_that_allows_it("user-namespace.seccomp", "2", Trial::Made, State::Ok)]
    fn what_forbids_them_is_told_where_none_was_made(
        #[case] id: &str,
        #[case] value: &str,
        #[case] trial: Trial,
        #[case] expected: State,
    ) {
        let checks = with(trial, id, Ok(Some(value.into())));
        let (level, state, _, _) = said(&checks, id);
        assert_eq!((level, state), (Level::Required, expected));
        let others = checks.iter().filter(|check| check.id != id && check.id != "user-namespace.allowed");
        assert!(others.clone().count() == 4 && others.clone().all(|check| check.state == State::Ok), "{checks:?}");
    }

    #[rstest]
    #[case::made(Trial::Made, State::Ok, "one was made, with a mount in it")]
    #[case::refused(REFUSED, State::Missing, "unshare a user namespace: Operation not permitted")]
    #[case::no_map(
        Trial::Refused(Step::Map, Errno::EACCES),
        State::Missing,
        "map this user into a user namespace: Permission denied"
    )]
    #[case::no_mount(
        Trial::Refused(Step::Mount, Errno::EACCES),
        State::Missing,
        "mount in a user namespace: Permission denied"
    )]
    #[case::not_tried(Trial::NotTried(Errno::EAGAIN), State::Unknown, "none could be tried: Try again")]
    fn the_trial_decides(#[case] trial: Trial, #[case] state: State, #[case] found: &str) {
        let checks = with(trial, "", Ok(None));
        let (_, is, says, _) = said(&checks, "user-namespace.allowed");
        assert_eq!((is, says), (state, found));
    }

    #[rstest]
    #[case::where_none_was_made(REFUSED, State::Unknown)]
    #[case::where_one_was_made(Trial::Made, State::Ok)]
    fn a_setting_that_can_t_be_read_matters(#[case] trial: Trial, #[case] expected: State) {
        let id = "user-namespace.limit";
        let checks = with(trial, id, Err(read::unread("read it", Errno::EACCES)));
        assert_eq!(said(&checks, id).1, expected);
    }

    #[test]
    fn root_needs_none_of_it() {
        let checks = checks(Caller::Root, &read(Caller::Root));
        assert_eq!(checks.len(), 1 + OBSTACLES.len());
        assert!(checks.iter().all(|check| (check.level, check.state) == (Level::NotNeeded, State::Ok)), "{checks:?}");
    }

    #[rstest]
    #[case::nothing_failed(None, Trial::Made)]
    #[case::refused(Some((Step::Mount, Errno::EACCES)), Trial::Refused(Step::Mount, Errno::EACCES))]
    fn a_child_is_understood(#[case] failed: Option<(Step, Errno)>, #[case] expected: Trial) {
        assert_eq!(understood(&word(failed)), expected);
    }

    #[rstest]
    #[case::nothing("")]
    #[case::a_signal("SIGSYS")]
    #[case::no_number("u")]
    fn what_no_child_says_is_not_understood(#[case] word: &str) {
        assert_eq!(understood(word), Trial::NotTried(Errno::EBADMSG));
    }
}
