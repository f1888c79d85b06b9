//! What `/` and `/proc` are, as bubblewrap needs them.

use super::Caller;
use super::bubblewrap::Bubblewrap;
use super::check::{Check, Question};
use crate::binfmt::trial::Ended;
use crate::facts::mount::{self, Row};
use crate::facts::{Unread, text::escape};
use crate::probe::read;

/// File systems that are mounted below `/proc` anywhere, and hide nothing.
const HARMLESS: [&[u8]; 2] = [b"binfmt_misc", b"autofs"];
/// The most covers that are named.
const NAMED: usize = 6;

/// The table of mounts, as this process sees it.
pub(super) fn read() -> Result<Vec<Row>, Unread> {
    const FILE: &str = "/proc/self/mountinfo";
    read::understood(FILE, mount::parse(&read::bytes(FILE)?))
}

pub(super) fn checks(caller: Caller, table: &Result<Vec<Row>, Unread>, bubblewrap: &Bubblewrap) -> Vec<Check> {
    let working = if bubblewrap.working().is_some() { Working::Yes } else { Working::No };
    vec![root(caller, table, working), proc(table, bubblewrap.proc())]
}

/// Whether any sandbox was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Working {
    Yes,
    No,
}

fn root(caller: Caller, table: &Result<Vec<Row>, Unread>, working: Working) -> Check {
    let question = Question::required("root.mount-point", "bubblewrap cuts the mounts off from the host's at `/`.");
    match (table, working) {
        (_, Working::Yes) => question.ok("the mounts could be cut off at `/`"),
        (Err(Unread { what, errno }), _) => question.unknown(format!("{what}: {errno}"), "mount a /proc"),
        (Ok(rows), _) if rows.iter().any(|row| row.point == b"/") => question.ok("`/` is a mount point"),
        (Ok(_), _) => {
            let mend = match caller {
                Caller::Root => "outside, before the chroot to DIR: `mount --bind DIR DIR`",
                Caller::User => "start outside: in a chroot nobody but root can build",
            };
            question.missing("`/` is no mount point: this is a chroot", mend)
        }
    }
}

fn proc(table: &Result<Vec<Row>, Unread>, tried: Option<&Ended>) -> Check {
    let question = Question::required(
        "proc.unmasked",
        "The build root has a `/proc` of its own. In a user namespace the kernel mounts none that shows more than is seen.",
    );
    let covers = table.as_deref().map(covers).unwrap_or_default();
    let told = match covers.len() {
        0 => String::new(),
        many if many > NAMED => format!(", with {} and {} more covered", covers[..NAMED].join(", "), many - NAMED),
        _ => format!(", with {} covered", covers.join(", ")),
    };
    let mend = "outside, start the container with a whole /proc: podman --security-opt unmask=ALL, docker --security-opt \
                systempaths=unconfined, or --privileged; below unshare, uncover it";
    match tried {
        Some(Ended::Ran) => question.ok(format!("one was mounted{told}")),
        Some(Ended::Not(said)) => question.missing(format!("{said}{told}"), mend),
        // It reads this before anything else.
        None if covers.iter().any(|cover| cover == "/proc/sys") => {
            question.missing("bubblewrap can't read /proc/sys, which is covered", mend)
        }
        None => question.unknown(format!("none could be mounted, in no sandbox{told}"), "see bwrap.starts"),
    }
}

/// What is mounted over parts of `/proc`.
fn covers(rows: &[Row]) -> Vec<String> {
    let is_cover = |row: &&Row| row.point.starts_with(b"/proc/") && !HARMLESS.contains(&row.fstype.as_slice());
    let mut covers: Vec<_> = rows.iter().filter(is_cover).map(|row| escape(&row.point)).collect();
    covers.sort();
    covers.dedup();
    covers
}

#[cfg(test)]
mod tests {
    use super::super::check::{State, said};
    use super::*;
    use nix::errno::Errno;
    use rstest::rstest;

    const HOST: &str = "27 1 254:0 / / rw - ext4 /dev/vda rw\n22 27 0:21 / /proc rw - proc proc rw\n\
                        42 22 0:39 / /proc/sys/fs/binfmt_misc rw - binfmt_misc binfmt_misc rw\n";
    const CHROOT: &str = "65 44 254:0 /usr /usr rw - ext4 /dev/vda rw\n66 44 0:21 / /proc rw - proc proc rw\n";
    const CONTAINER: &str = "27 1 0:50 / / rw - overlay overlay rw\n22 27 0:21 / /proc rw - proc proc rw\n\
                             30 22 0:60 / /proc/kcore rw - tmpfs tmpfs rw\n31 22 0:61 / /proc/acpi ro - tmpfs tmpfs ro\n";
    const MASKED: &str = "27 1 0:50 / / rw - overlay overlay rw\n30 22 0:60 / /proc/sys rw - tmpfs tmpfs rw\n";

    fn table(text: &str) -> Result<Vec<Row>, Unread> {
        Ok(mount::parse(text.as_bytes()).expect("a table"))
    }

    fn unreadable() -> Result<Vec<Row>, Unread> {
        Err(read::unread("read /proc/self/mountinfo", Errno::ENOENT))
    }

    #[rstest]
    #[case::host(table(HOST), Working::No, State::Ok, "`/` is a mount point")]
    #[case::chroot(table(CHROOT), Working::No, State::Missing, "`/` is no mount point: this is a chroot")]
    #[case::no_proc(unreadable(), Working::No, State::Unknown, "read /proc/self/mountinfo: ENOENT")]
    #[case::no_proc_and_no_trouble(unreadable(), Working::Yes, State::Ok, "the mounts could be cut off at `/`")]
    fn the_root_is_a_mount_point_or_a_chroot(
        #[case] table: Result<Vec<Row>, Unread>,
        #[case] working: Working,
        #[case] state: State,
        #[case] found: &str,
    ) {
        let checks = [root(Caller::Root, &table, working)];
        let (_, is, says, _) = said(&checks, "root.mount-point");
        assert_eq!((is, says), (state, found));
    }

    fn refused() -> Ended {
        Ended::Not("bwrap: Can't mount proc on /newroot/proc: Operation not permitted".to_owned())
    }

    #[rstest]
    #[case::host(HOST, Some(Ended::Ran), State::Ok, "one was mounted")]
    #[case::root_in_a_container(
        CONTAINER,
        Some(Ended::Ran),
        State::Ok,
        "one was mounted, with /proc/acpi, /proc/kcore covered"
    )]
    #[case::a_user_in_a_container(
        CONTAINER,
        Some(refused()),
        State::Missing,
        "bwrap: Can't mount proc on /newroot/proc: Operation not permitted, with /proc/acpi, /proc/kcore covered"
    )]
    #[case::nothing_to_read_from(MASKED, None, State::Missing, "bubblewrap can't read /proc/sys, which is covered")]
    #[case::no_sandbox_for_another_reason(CHROOT, None, State::Unknown, "none could be mounted, in no sandbox")]
    fn covers_of_proc_are_named_where_they_matter(
        #[case] text: &str,
        #[case] tried: Option<Ended>,
        #[case] state: State,
        #[case] found: &str,
    ) {
        let checks = [proc(&table(text), tried.as_ref())];
        let (_, is, says, _) = said(&checks, "proc.unmasked");
        assert_eq!((is, says), (state, found));
    }

    #[test]
    fn of_many_covers_a_few_are_named() {
        let rows: String = (0..9).map(|n| format!("30 22 0:60 / /proc/{n} rw - tmpfs tmpfs rw\n")).collect();
        let check = proc(&table(&rows), Some(&Ended::Ran));
        assert!(check.found.ends_with("/proc/4, /proc/5 and 3 more covered"), "{}", check.found);
    }
}
