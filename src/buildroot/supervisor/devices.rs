//! The `/dev` of an open root: a tmpfs shared by its runs.

use std::fs::File;
use std::fs::create_dir;
use std::io;
use std::os::linux::fs::MetadataExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, mknod};

use super::super::name;
use super::super::privilege::Ids;
use super::super::protocol::{AddDevice, Failure, Open, Want};
use super::mounts::Mounts;
use crate::profile::{DEVICE_LINKS, Furniture, NodeCreation};

/// Mounts the tmpfs and makes the nodes; gives the optional ones that the host has.
///
/// The tmpfs has the mode the kernel gives it, 1777, and the source `none`, as osbuild's has. In a user namespace 0755:
/// its nodes are the host's, and a node that belongs to neither oneself nor the directory's owner can't be opened with
/// `O_CREAT`, as `>` of a shell opens it, in a directory like `/tmp` (`may_create_in_sticky`, Linux 4.19).
pub(super) fn make(open: &Open) -> Result<Vec<String>, Failure> {
    let dev = Path::new(&open.dev);
    let mode = (open.ids != Ids::Kept || open.furniture == Furniture::Complete).then(|| "mode=0755".to_owned());
    let size = open.dev_size.map(|size| format!("size={size}"));
    let options = [mode, size].into_iter().flatten().collect::<Vec<_>>().join(",");
    mount(Some("none"), dev, Some("tmpfs"), MsFlags::MS_NOSUID, (!options.is_empty()).then_some(options.as_str()))
        .map_err(|errno| Failure::new(format!("mount a tmpfs on {}", dev.display()), errno))?;
    for name in &open.names {
        node(open.creation, &Path::new("/dev").join(name), &dev.join(name))?;
    }
    let mut present = Vec::new();
    for name in &open.optional {
        let source = Path::new("/dev").join(name);
        if source.exists() {
            node(open.creation, &source, &dev.join(name))?;
            present.push(name.clone());
        }
    }
    match open.furniture {
        Furniture::Bare => {}
        Furniture::Descriptors => {
            let (target, name) = DEVICE_LINKS[0];
            symlink(target, dev.join(name))
                .map_err(|error| Failure::new(format!("link {name} in {}", dev.display()), error))?;
        }
        Furniture::Complete => furnish(dev)?,
    }
    Ok(present)
}

/// What else programs expect in `/dev`, and a mount point for `/dev/shm`, which is new for each run.
fn furnish(dev: &Path) -> Result<(), Failure> {
    let pts = dev.join("pts");
    let made = DEVICE_LINKS
        .iter()
        .try_for_each(|(target, name)| symlink(target, dev.join(name)))
        .and_then(|()| create_dir(dev.join("shm")))
        .and_then(|()| create_dir(&pts));
    made.map_err(|error| Failure::new(format!("furnish {}", dev.display()), error))?;
    // Its own instance: who is in the sandbox sees no terminal of the host's (mount options of devpts).
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(Some("devpts"), &pts, Some("devpts"), flags, Some("newinstance,ptmxmode=0666,mode=620"))
        .map_err(|errno| Failure::new(format!("mount a devpts on {}", pts.display()), errno))
}

/// Puts one more node into `/dev`. A node of its own is seen by the runs that are under way too;
/// where none can be made the host's is bound, for the runs to come.
pub(super) fn add(mounts: &Mounts, request: &AddDevice) -> Result<(), Failure> {
    let source = Path::new(&request.source);
    if !name::is_plain(&request.name) {
        return Err(Failure::new(format!("name a device {:?}", request.name), Errno::EINVAL));
    }
    let target = mounts.dev().join(&request.name);
    match node(NodeCreation::Mknod, source, &target) {
        Err(failure) if failure.errno() == Some(Errno::EPERM) => {
            mounts.in_each(|| node(NodeCreation::Bind, source, &target))
        }
        result => result,
    }
}

fn node(creation: NodeCreation, source: &Path, target: &Path) -> Result<(), Failure> {
    match creation {
        NodeCreation::Mknod => make_node(source, target).map_err(|error| {
            let failure = Failure::new(format!("make the device node {}", target.display()), error);
            if failure.errno() == Some(Errno::EPERM) { failure.for_want_of(Want::Mknod) } else { failure }
        }),
        NodeCreation::Bind => bind_node(source, target)
            .map_err(|error| Failure::new(format!("bind {} to {}", source.display(), target.display()), error)),
    }
}

/// A node of the same kind and numbers as `source`, mode 0666 whatever the umask: what osbuild d1b9304a meant.
fn make_node(source: &Path, target: &Path) -> io::Result<()> {
    let metadata = std::fs::metadata(source)?;
    let kind = if metadata.file_type().is_block_device() {
        SFlag::S_IFBLK
    } else if metadata.file_type().is_char_device() {
        SFlag::S_IFCHR
    } else {
        return Err(io::Error::from(Errno::ENODEV));
    };
    mknod(target, kind, Mode::from_bits_truncate(0o600), metadata.st_rdev())?;
    std::fs::set_permissions(target, std::fs::Permissions::from_mode(0o666))
}

/// An empty file with the host's node mounted on it (osbuild bc4693ce).
fn bind_node(source: &Path, target: &Path) -> io::Result<()> {
    if !target.exists() {
        File::create_new(target)?;
    }
    mount(Some(source), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    Ok(())
}
