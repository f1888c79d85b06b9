//! The scriptlet's room: a chroot in the build root, where rpm runs the scriptlets of the packages it installs.
//!
//! osbuild's stage `org.osbuild.rpm` runs in a build root. It mounts the build root's `/dev`, `/sys` and `/proc` in the
//! tree that is to become the image, gives the tree a machine-id, and starts `rpm --root TREE --install`. So does this.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::buildroot::{BuildRoot, Invocation};
use crate::facts::launch::Privilege;
use crate::profile::Profile;
use crate::report::show;

/// Where osbuild binds the tree.
pub const TREE: &str = "/run/osbuild/tree";
/// Where osbuild binds packages.
pub const PACKAGES: &str = "/run/osbuild/inputs/packages";
/// Where rpm keeps its database: what Fedora has; the stage's own option `dbpath`.
const DATABASE: &str = "/usr/lib/sysimage/rpm";
/// What rpm sets PATH to (`_install_script_path`, 4.14 to 6.1).
pub const SCRIPTLETS_PATH: &str = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/X11R6/bin";
/// What every image has and no package of ours brings, as it is in Fedora's `filesystem`.
const SKELETON: [(&str, u32); 7] = [
    ("etc", 0o755),
    ("run", 0o755),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/lib", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
];
/// The machine-id that the stage puts there and takes away again (osbuild `create_machine_id_if_needed`).
const MACHINE_ID: &str = "ffffffffffffffffffffffffffffffff\n";

/// What the stage does before it starts rpm. `$1` is the tree, `$2` how mount binds, `$3` what `/dev/fd` is to be, if
/// anything; the rest is rpm's. A shell's own variables do not reach rpm: the stage is no shell script.
const STAGE: &str = r#"set -e
tree=$1 how=$2 fd=$3
shift 3
for directory in dev sys proc; do
    mkdir -p "$tree/$directory"
    mount $how "/$directory" "$tree/$directory"
done
[ -z "$fd" ] || ln -s "$fd" "$tree/dev/fd"
exec env -u _ -u OLDPWD -u SHLVL rpm "$@""#;

/// A tree and the packages that are installed in it, in the scratch directory of an open root.
#[derive(Debug)]
pub struct Room {
    tree: PathBuf,
    packages: PathBuf,
    profile: Profile,
    privilege: Privilege,
}

impl Room {
    /// Makes an empty tree, but for the directories that every system has, and a place for packages.
    ///
    /// # Errors
    /// The scratch directory can't be written to.
    pub fn make(root: &BuildRoot) -> io::Result<Self> {
        let room = Self::empty(root)?;
        for (name, mode) in SKELETON {
            directory(room.tree.join(name), mode)?;
        }
        room.with_machine_id()
    }

    /// The same with a copy of `tree`, which is left as it is, and how much of it the caller may not read, which is left out.
    ///
    /// # Errors
    /// The tree can't be copied.
    pub fn with_copy_of(root: &BuildRoot, tree: &Path) -> io::Result<(Self, usize)> {
        let room = Self::empty(root)?;
        let mut copy = Command::new("cp");
        copy.env("LC_ALL", "C").args(["-a", "--reflink=auto", "--"]).arg(tree.join(".")).arg(&room.tree);
        let copied = copy.output().map_err(|error| io::Error::other(format!("start cp: {}", show::line(&error))))?;
        let said = String::from_utf8_lossy(&copied.stderr);
        let (unreadable, failures): (Vec<&str>, Vec<&str>) =
            said.lines().partition(|line| line.ends_with(": Permission denied"));
        match failures.last() {
            Some(failure) => Err(io::Error::other((*failure).to_owned())),
            None if !copied.status.success() && unreadable.is_empty() => Err(io::Error::other("cp said nothing")),
            None => Ok((room.with_machine_id()?, unreadable.len())),
        }
    }

    /// The same with nothing in the tree.
    pub(super) fn empty(root: &BuildRoot) -> io::Result<Self> {
        let [_, scratch] = root.scratch();
        let tree = directory(scratch.join("tree"), 0o755)?;
        let packages = directory(scratch.join("packages"), 0o755)?;
        Ok(Self { tree, packages, profile: root.profile(), privilege: root.privilege() })
    }

    /// The machine-id that the stage makes where there is none.
    fn with_machine_id(self) -> io::Result<Self> {
        let machine_id = self.tree.join("etc/machine-id");
        let is_there = machine_id.symlink_metadata().is_ok_and(|metadata| metadata.len() > 0);
        // A link would lead out of the tree.
        let is_directory = self.tree.join("etc").symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        if !is_there && is_directory {
            std::fs::write(&machine_id, MACHINE_ID)?;
            std::fs::set_permissions(&machine_id, Permissions::from_mode(0o444))?;
        }
        Ok(self)
    }

    /// The tree, on the host.
    pub fn tree(&self) -> &Path {
        &self.tree
    }

    /// The directory for packages, on the host.
    pub fn packages(&self) -> &Path {
        &self.packages
    }

    /// What has rpm install this package of [`Room::packages`].
    pub fn install(&self, package: &str) -> Invocation {
        let package = format!("{PACKAGES}/{package}");
        self.rpm(&["--verbose", "--nosignature", "--install", &package])
    }

    /// What starts rpm with these arguments, and with the tree as its root.
    pub fn rpm(&self, arguments: &[&str]) -> Invocation {
        let rpm = ["--dbpath", DATABASE, "--root", TREE].iter().chain(arguments);
        let invocation = match self.mounting() {
            Mounting::Stage { how, fd } => {
                let stage = ["/bin/sh", "-c", STAGE, "org.osbuild.rpm", TREE, how, fd];
                Invocation::new(stage.iter().chain(rpm))
            }
            Mounting::Plan => Invocation::new(["rpm"].iter().chain(rpm)).repeated_below(TREE),
        };
        invocation.bind(&self.tree, TREE).read_only_bind(&self.packages, PACKAGES)
    }

    /// What starts a program where scriptlets run, with rpm's PATH, as the leader of a session on its terminal.
    pub fn visit<'a>(&self, program: impl Iterator<Item = &'a str>) -> Invocation {
        let inside = ["setsid", "--ctty", "--wait", "chroot", TREE].into_iter().chain(program);
        Invocation::new(inside).repeated_below(TREE).bind(&self.tree, TREE).environment("PATH", SCRIPTLETS_PATH)
    }

    /// What copies `tree`, shown as `source`, into the empty tree.
    pub(super) fn filled_from(&self, tree: &Path, source: &str) -> Invocation {
        let everything = format!("{source}/.");
        let copy = ["cp", "-a", "--reflink=auto", "--", &everything, TREE];
        Invocation::new(copy).read_only_bind(tree, source).bind(&self.tree, TREE)
    }

    /// How the build root's own come into the tree.
    fn mounting(&self) -> Mounting {
        match (self.profile, self.privilege) {
            // osbuild v19, stages/org.osbuild.rpm: what is mounted below is left out.
            (Profile::OsbuildV19, Privilege::Root) => Mounting::Stage { how: "-o bind", fd: "" },
            // In a user namespace the kernel lets nobody do that: it could uncover what is below.
            (Profile::OsbuildV19, Privilege::UsernsSingle | Privilege::UsernsSubid) => {
                Mounting::Stage { how: "--rbind", fd: "" }
            }
            // osbuild v190, osbuild/util/mnt.py; the link since November 2023 (osbuild 5a58c356).
            (Profile::OsbuildV190, _) => Mounting::Stage { how: "--rbind --make-rprivate", fd: "/proc/self/fd" },
            // Nobody can mount anything in there.
            (Profile::Hardened, _) => Mounting::Plan,
        }
    }
}

/// A directory of exactly this mode.
fn directory(path: PathBuf, mode: u32) -> io::Result<PathBuf> {
    std::fs::create_dir(&path)?;
    std::fs::set_permissions(&path, Permissions::from_mode(mode))?;
    Ok(path)
}

/// How the build root's `/dev`, `/sys` and `/proc` come into the tree.
enum Mounting {
    /// The stage mounts them, in the build root.
    Stage {
        /// What `mount` is told.
        how: &'static str,
        /// Where `/dev/fd` leads, if the stage makes it.
        fd: &'static str,
    },
    /// They are mounted twice when the build root is built.
    Plan,
}
