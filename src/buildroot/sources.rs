//! What a build root shows of its tree: found once, and held.
//!
//! bubblewrap takes its sources by their paths, and follows what links are there by then. Who can write to the tree could
//! so have any directory of the host shown (CVE-2021-30465). What was found here is mounted by the supervisor in a
//! directory of ours, and bubblewrap is given the paths in that one.

use std::path::Path;

use super::OpenError;
use super::builder::Boot;
use super::protocol::Source;
use super::tree::{Found, Tree};
use crate::plan::HostPath;
use crate::profile::Layout;

/// The directory of what is held, in the scratch directory.
pub(super) const HELD: &str = "held";

/// The name of `/dev` there.
pub(super) const DEV: &str = "dev";

/// What is shown of a tree.
#[derive(Debug)]
pub(super) struct Sources {
    pub usr: Option<Found>,
    pub boot: Option<Found>,
    pub mke2fs_conf: Found,
    pub containers: Found,
    pub selinux: Found,
    pub ostree: Found,
}

impl Sources {
    /// Looks each of them up.
    ///
    /// # Errors
    /// See [`Tree::real_directory`] and [`Tree::resolve`].
    pub fn find(tree: &Tree, boot: Boot) -> Result<Self, OpenError> {
        Ok(Self {
            usr: tree.real_directory("usr")?,
            boot: if boot == Boot::Mount { tree.real_directory("boot")? } else { None },
            mke2fs_conf: tree.resolve("etc/mke2fs.conf")?,
            containers: tree.resolve("etc/containers")?,
            selinux: tree.resolve("etc/selinux/")?,
            ostree: tree.resolve("ostree")?,
        })
    }

    /// Those that are there, for the supervisor to mount.
    pub fn told(&self) -> Vec<Source> {
        let resolved = [&self.mke2fs_conf, &self.containers, &self.selinux, &self.ostree];
        let all = self.usr.iter().chain(&self.boot).chain(resolved);
        let there = all.filter_map(|found| Some((found, found.is.as_ref()?)));
        there
            .map(|(found, is)| Source {
                name: found.name.to_owned(),
                path: found.path.0.clone().into_os_string(),
                identity: is.identity,
            })
            .collect()
    }

    /// The layout as bubblewrap gets it: what is not there is at no path that anybody else could fill.
    pub fn held(&self, layout: &Layout, held: &Path) -> Layout {
        let at = |found: &Found| HostPath::new(held.join(found.name));
        Layout {
            usr: self.usr.as_ref().map(at),
            boot: self.boot.as_ref().map(at),
            mke2fs_conf: at(&self.mke2fs_conf),
            containers: at(&self.containers),
            selinux: at(&self.selinux),
            ostree: at(&self.ostree),
            dev: HostPath::new(held.join(DEV)),
            ..layout.clone()
        }
    }
}
