//! What an open root holds mounted, on a tmpfs: one unmount takes it all down.

use std::fs::{File, create_dir};
use std::io;
use std::os::fd::AsRawFd;
use std::os::linux::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::super::protocol::{Failure, Open, Source};

/// Mounts the tmpfs, and in it what is shown of the tree. Nothing is mounted yet where `/dev` is to be.
pub(super) fn mount_sources(open: &Open) -> Result<(), Failure> {
    let held = Path::new(&open.held);
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("none"), held, Some("tmpfs"), flags, Some("mode=0755"))
        .map_err(|errno| Failure::new(format!("mount a tmpfs on {}", held.display()), errno))?;
    for source in &open.sources {
        mount_source(source, &held.join(&source.name)).map_err(|error| failure(source, error))?;
    }
    create_dir(&open.dev).map_err(|error| Failure::new("make a directory for /dev", error))
}

/// Takes it all down in this namespace; what fails here goes with the namespace.
pub(super) fn unmount(held: &Path) {
    let _not_mounted = umount2(held, MntFlags::MNT_DETACH);
}

/// Mounts what was found, as this namespace has it: a descriptor of another one can't be mounted here.
fn mount_source(source: &Source, at: &Path) -> io::Result<()> {
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    let there = File::from(openat2(AT_FDCWD, Path::new(&source.path), how)?);
    let metadata = there.metadata()?;
    if [metadata.st_dev(), metadata.st_ino()] != source.identity {
        return Err(Errno::ESTALE.into());
    }
    if metadata.is_dir() {
        create_dir(at)?
    } else {
        drop(File::create_new(at)?)
    }
    // By the descriptor: its path may lead elsewhere by now.
    let descriptor = format!("/proc/self/fd/{}", there.as_raw_fd());
    Ok(mount(Some(descriptor.as_str()), at, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?)
}

fn failure(source: &Source, error: io::Error) -> Failure {
    let changed = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ESTALE) => {
            ", which was changed while it was opened"
        }
        _ => "",
    };
    Failure::new(format!("show {}{changed}", source.path.to_string_lossy()), error)
}
