//! What the caller can build with: as root, or in a user namespace, with many ids or only its own.

use std::io;
use std::os::linux::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{User, geteuid};
use serde::{Deserialize, Serialize};

use crate::capability::{Capability, CapabilitySet};
use crate::facts::launch::Privilege;
use crate::facts::{
    status,
    user::{self, INITIAL_NAMESPACE},
};
use crate::subordinate::{self, FILES, HELPERS, Range};

/// Who owns what no user of a user namespace owns (`/proc/sys/kernel/overflowuid`, which nobody changes).
const NOBODY: u32 = 65534;

/// How many ranges are mapped besides the caller's own id: kernels before 4.15 take five in all (user_namespaces(7)).
const MOST_RANGES: usize = 4;

/// Whose ids [`Ids::Shifted`] takes: of those that systemd keeps for containers (UIDS-GIDS.md: `0x00080000` and up), as many
/// as there are users. All build roots share them, and what the kernel counts for each user.
const SHIFTED: Range = Range { first: 0x8_0000, count: 0x1_0000 };

/// Whether the payload may mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mounting {
    /// Only as its capabilities say.
    AsCapable,
    /// In a user namespace in which user 0 of the host is nobody: what it mounts and remounts there does not reach the host.
    Contained,
}

/// Which users and groups a build root has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) enum Ids {
    /// Those of the user namespace the caller is in; none is made.
    Kept,
    /// The caller, as 0.
    Single,
    /// Those of the user namespace the caller is in, by the same numbers.
    Same {
        /// First ids, and how many.
        users: Vec<Range>,
        /// The same of groups.
        groups: Vec<Range>,
    },
    /// Others altogether, as 0 and on: user 0 of the caller's namespace is not among them.
    Shifted {
        /// Which of the caller's namespace, users and groups alike.
        range: Range,
    },
    /// The caller as 0, and from 1 on those that the helpers map.
    Subordinate {
        /// First ids, and how many.
        users: Vec<Range>,
        /// The same of groups.
        groups: Vec<Range>,
        /// `newuidmap` and `newgidmap`.
        helpers: [PathBuf; 2],
    },
}

impl Ids {
    /// Whether the owner of what is at `path` is one of the users.
    pub fn own(&self, path: &Path) -> bool {
        let Ok(owner) = path.metadata().map(|metadata| metadata.st_uid()) else { return false };
        let mapped = |users: &[Range]| users.iter().any(|range| range.has(owner));
        match self {
            Self::Kept => true,
            Self::Single => owner == geteuid().as_raw(),
            Self::Same { users, .. } => owner != NOBODY && mapped(users),
            Self::Shifted { range } => range.has(owner),
            Self::Subordinate { users, .. } => owner == geteuid().as_raw() || mapped(users),
        }
    }
}

/// One way to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// What contracts call it.
    pub privilege: Privilege,
    /// What it takes.
    pub ids: Ids,
}

/// A privilege that was asked for is not to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivilegeError {
    /// What this process is can't be read.
    #[error("cannot read {path}")]
    Unread {
        /// The file.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
    /// It takes user 0 of the host.
    #[error("this process is user {0}: it takes root")]
    NotRoot(u32),
    /// Root is not root everywhere.
    #[error("this process is root in a user namespace only")]
    RootElsewhere,
    /// Root that may not mount.
    #[error("this process is root without CAP_SYS_ADMIN")]
    RootWithoutMounting,
    /// Root would stay root.
    #[error("mounting is contained only where user 0 of the host is nobody: leave out --privilege {0}")]
    MountingAsRoot(&'static str),
    /// There are no ids to shift to.
    #[error(
        "this process may not set ids {first} to {last}, which contained mounting takes of root: do it as an ordinary user"
    )]
    NothingToShiftTo {
        /// The first of them.
        first: u32,
        /// The last of them.
        last: u32,
    },
    /// The user is none in its own user namespace.
    #[error("user {0} is not mapped into the user namespace of this process: unshare --map-root-user maps it")]
    Unmapped(u32),
    /// A helper is not installed.
    #[error("there is no {0}: install the package uidmap (Debian), shadow-utils (Fedora) or shadow (openSUSE)")]
    NoHelper(&'static str),
    /// There are no ids for this user.
    #[error("{file} grants user {user} none")]
    NotGranted {
        /// The file.
        file: &'static str,
        /// The user.
        user: u32,
    },
}

/// Who the caller is.
#[derive(Debug)]
struct Caller {
    user: u32,
    effective: CapabilitySet,
    /// Its user namespace owns the host.
    initial: bool,
    /// The ids there are in its user namespace, users and groups.
    ids: [Vec<Range>; 2],
}

/// The ways there are for this process, best first, or the one that was asked for.
///
/// # Errors
/// What was asked for is not to be had.
pub(super) fn ways(asked: Option<Privilege>, mounting: Mounting) -> Result<Vec<Way>, PrivilegeError> {
    let caller = Caller::this_process()?;
    if !caller.is_mapped() {
        return Err(PrivilegeError::Unmapped(caller.user));
    }
    let one = |privilege, ids| vec![Way { privilege, ids }];
    match (mounting, caller.user, asked) {
        (Mounting::Contained, _, Some(Privilege::Root)) => {
            return Err(PrivilegeError::MountingAsRoot("root"));
        }
        (Mounting::Contained, 0, Some(Privilege::UsernsSingle)) => {
            return Err(PrivilegeError::MountingAsRoot("userns-single"));
        }
        (Mounting::Contained, 0, _) => return caller.shifted().map(|ids| one(Privilege::UsernsSubid, ids)),
        (Mounting::Contained, 1.., _) | (Mounting::AsCapable, ..) => {}
    }
    match asked {
        Some(Privilege::Root) => caller.root().map(|ids| one(Privilege::Root, ids)),
        Some(Privilege::UsernsSubid) => caller.many().map(|ids| one(Privilege::UsernsSubid, ids)),
        Some(Privilege::UsernsSingle) => Ok(one(Privilege::UsernsSingle, Ids::Single)),
        None => Ok(match caller.root() {
            Ok(ids) => one(Privilege::Root, ids),
            Err(_) => {
                let many = caller.many().map(|ids| one(Privilege::UsernsSubid, ids)).unwrap_or_default();
                many.into_iter().chain(one(Privilege::UsernsSingle, Ids::Single)).collect()
            }
        }),
    }
}

/// Whether this process can build as root.
pub(crate) fn is_root() -> bool {
    ways(Some(Privilege::Root), Mounting::AsCapable).is_ok()
}

/// Whether this process sets ids itself, and needs nobody to map any.
pub(crate) fn sets_ids() -> bool {
    let ways = ways(Some(Privilege::UsernsSubid), Mounting::AsCapable).unwrap_or_default();
    ways.iter().any(|way| matches!(way.ids, Ids::Same { .. }))
}

impl Caller {
    fn this_process() -> Result<Self, PrivilegeError> {
        let read = |path: &'static str| std::fs::read(path).map_err(|source| PrivilegeError::Unread { path, source });
        let malformed = |path| move |_| PrivilegeError::Unread { path, source: Errno::EBADMSG.into() };
        const STATUS: &str = "/proc/self/status";
        let effective =
            status::parse(&read(STATUS)?).and_then(|status| status.mask("CapEff")).map_err(malformed(STATUS))?;
        let map = |path| -> Result<Vec<Range>, PrivilegeError> {
            let rows = user::parse(&read(path)?).map_err(malformed(path))?;
            Ok(rows.into_iter().map(|[first, _, count]| Range { first, count }).collect())
        };
        const NAMESPACE: &str = "/proc/self/ns/user";
        let namespace =
            Path::new(NAMESPACE).metadata().map_err(|source| PrivilegeError::Unread { path: NAMESPACE, source })?;
        Ok(Self {
            user: geteuid().as_raw(),
            effective: CapabilitySet(effective),
            initial: namespace.st_ino() == INITIAL_NAMESPACE,
            ids: [map("/proc/self/uid_map")?, map("/proc/self/gid_map")?],
        })
    }

    /// Who is not can make no user namespace (user_namespaces(7): EPERM).
    fn is_mapped(&self) -> bool {
        self.ids[0].iter().any(|range| range.has(self.user))
    }

    /// As root no user namespace is made.
    fn root(&self) -> Result<Ids, PrivilegeError> {
        match self {
            Self { user: 1.., .. } => Err(PrivilegeError::NotRoot(self.user)),
            Self { initial: false, .. } => Err(PrivilegeError::RootElsewhere),
            _ if !self.effective.contains(Capability::SYS_ADMIN) => Err(PrivilegeError::RootWithoutMounting),
            _ => Ok(Ids::Kept),
        }
    }

    /// Ids that are nobody's, for user 0.
    fn shifted(&self) -> Result<Ids, PrivilegeError> {
        let Range { first, count } = SHIFTED;
        let last = first + (count - 1);
        let held = self.ids.iter().all(|ids| ids.iter().any(|range| range.has(first) && range.has(last)));
        if held && self.sets_ids() {
            Ok(Ids::Shifted { range: SHIFTED })
        } else {
            Err(PrivilegeError::NothingToShiftTo { first, last })
        }
    }

    /// Whether it may map any ids there are.
    fn sets_ids(&self) -> bool {
        // SETFCAP: who maps user 0 has to have it since Linux 5.12 (user_namespaces(7)).
        let needed = [Capability::SETUID, Capability::SETGID, Capability::SETFCAP];
        self.user == 0 && needed.into_iter().all(|one| self.effective.contains(one))
    }

    /// Many ids: all there are for who may set them, else those that files of the host grant.
    fn many(&self) -> Result<Ids, PrivilegeError> {
        let [users, groups] = self.ids.clone();
        let several = self.ids.iter().all(|ids| ids.iter().map(|range| u64::from(range.count)).sum::<u64>() > 1);
        if several && self.sets_ids() {
            return Ok(Ids::Same { users, groups });
        }
        let [newuidmap, newgidmap] =
            HELPERS.map(|helper| subordinate::find(helper).ok_or(PrivilegeError::NoHelper(helper)));
        let helpers = [newuidmap?, newgidmap?];
        let name = User::from_uid(geteuid()).ok().flatten().map(|user| user.name);
        let [users, groups] = FILES.map(|file| {
            // A file that can't be read grants nothing that could be told.
            let content = std::fs::read(file).unwrap_or_default();
            let mut ranges = subordinate::granted(&content, name.as_deref(), self.user);
            ranges.truncate(MOST_RANGES);
            if ranges.is_empty() { Err(PrivilegeError::NotGranted { file, user: self.user }) } else { Ok(ranges) }
        });
        Ok(Ids::Subordinate { users: users?, groups: groups?, helpers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const WHOLE: [u32; 2] = [0, u32::MAX];

    fn caller(user: u32, initial: bool, effective: CapabilitySet, [first, count]: [u32; 2]) -> Caller {
        let ids = vec![Range { first, count }];
        Caller { user, effective, initial, ids: [ids.clone(), ids] }
    }

    fn without(capability: Capability) -> CapabilitySet {
        CapabilitySet(u64::MAX).difference([capability].into_iter().collect())
    }

    #[rstest]
    #[case::root(caller(0, true, CapabilitySet(u64::MAX), WHOLE), None)]
    #[case::a_user(
        caller(1000, true, CapabilitySet(u64::MAX), WHOLE),
        Some("this process is user 1000: it takes root")
    )]
    #[case::root_of_a_user_namespace(
        caller(0, false, CapabilitySet(u64::MAX), WHOLE),
        Some("this process is root in a user namespace only")
    )]
    #[case::root_of_a_container(
        caller(0, true, without(Capability::SYS_ADMIN), WHOLE),
        Some("this process is root without CAP_SYS_ADMIN")
    )]
    fn root_is_who_may_mount_on_the_host(#[case] caller: Caller, #[case] refused: Option<&str>) {
        assert_eq!(caller.root().err().map(|error| error.to_string()).as_deref(), refused);
    }

    #[rstest]
    #[case::all_of_them(caller(0, false, CapabilitySet(u64::MAX), [0, 65536]), true)]
    #[case::one_is_not_many(caller(0, false, CapabilitySet(u64::MAX), [0, 1]), false)]
    #[case::who_may_not_set_them(caller(0, true, without(Capability::SETUID), WHOLE), false)]
    #[case::who_may_not_map_root(caller(0, true, without(Capability::SETFCAP), WHOLE), false)]
    fn root_that_may_set_ids_maps_them_itself(#[case] caller: Caller, #[case] expected: bool) {
        assert_eq!(matches!(caller.many(), Ok(Ids::Same { .. })), expected);
    }
}
