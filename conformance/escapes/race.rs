//! A tree that somebody changes while it is opened, and while it is open: what is shown is what was found in it, never what
//! a link in its place leads to (CVE-2021-30465, CVE-2024-45310, CVE-2024-23651).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rootcontract::buildroot::BuildRoot;
use rootcontract::facts::launch::Privilege;
use rstest::rstest;

use crate::support::{builder, run, shell, well};

/// A tree with marks in it, and a directory outside, of the same names with other marks.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        for (top, mark) in [("tree", "mine\n"), ("outside", "theirs\n")] {
            crate::tree::grow(&place.path(top));
            for marked in ["usr/mark", "boot/mark", "etc/containers/mark", "etc/mke2fs.conf", "ostree/mark"] {
                let file = place.path(top).join(marked);
                fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
                fs::write(file, mark).expect("a file");
            }
        }
        place
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// Puts a link beside what is at `name` of the tree: to what is there outside.
    fn link(&self, name: &str) -> [PathBuf; 2] {
        let link = self.path("link");
        symlink(self.path("outside").join(name), &link).expect("a link");
        [self.path("tree").join(name), link]
    }
}

/// Has the two change places.
fn exchange([one, other]: &[PathBuf; 2]) {
    renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE).expect("two names");
}

/// Says the marks that are seen.
const LOOK: &str = "for f in /usr/mark /boot/mark /etc/containers/mark /etc/mke2fs.conf /ostree/mark; do \
                    if test -f $f; then cat $f; fi; done";

/// The marks that are seen, with `bind` shown as well.
fn marks(root: &BuildRoot, bind: &Path) -> String {
    well(run(root, shell(LOOK).read_only_bind(bind, "/mnt")))
}

/// How often a tree has to be opened while it is changed, and in how many tries at the most.
const OPENED: usize = 6;
const TRIES: usize = 100_000;

#[rstest]
fn what_is_changed_while_a_root_is_opened_is_not_followed(
    #[values("usr", "boot", "etc", "etc/containers", "etc/mke2fs.conf", "ostree")] name: &str,
    #[values(Privilege::Root, Privilege::UsernsSubid, Privilege::UsernsSingle)] privilege: Privilege,
) {
    let place = Place::new();
    let swapped = place.link(name);
    let over = AtomicBool::new(false);
    let shown: Vec<String> = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                exchange(&swapped);
            }
        });
        let tries = (0..TRIES).filter_map(|_| {
            // Refused where it is seen to change; then nothing is shown.
            let Ok(root) = builder(place.path("tree")).privilege(privilege).open() else {
                std::thread::yield_now();
                return None;
            };
            // Where `/usr` is another one, or none, nothing may be said.
            let done = run(&root, shell(LOOK));
            root.close().expect("nothing left");
            Some(done.stdout.text())
        });
        let shown = tries.take(OPENED).collect();
        over.store(true, Ordering::Relaxed);
        shown
    });
    assert_eq!(shown.len(), OPENED, "it was hardly ever opened");
    assert!(!shown.iter().any(|marks| marks.contains("theirs")), "{shown:?}");
}

#[rstest]
fn what_is_changed_while_a_root_is_open_is_not_followed(
    #[values(Privilege::Root, Privilege::UsernsSubid, Privilege::UsernsSingle)] privilege: Privilege,
    #[values("usr", "boot", "etc", "etc/containers", "etc/mke2fs.conf", "ostree")] name: &str,
) {
    let place = Place::new();
    let swapped = place.link(name);
    // A bind from where something is mounted that is not needed: the run starts where everything is still there.
    let far = place.path("far");
    fs::create_dir(&far).expect("a directory");
    let seen = || {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        let nothing = None::<&str>;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).expect("private mounts");
        mount(Some("none"), &far, Some("tmpfs"), MsFlags::empty(), nothing).expect("a mount");
        let root = builder(place.path("tree")).privilege(privilege).open().expect("an open root");
        exchange(&swapped);
        let seen = [&far, &place.path("tree/etc")].map(|bind| marks(&root, bind));
        root.close().expect("nothing left");
        seen
    };
    let seen = std::thread::scope(|scope| scope.spawn(seen).join().expect("a thread"));
    assert_eq!(seen, ["mine\n".repeat(5), "mine\n".repeat(5)]);
}

#[rstest]
fn what_was_not_there_is_not_shown_when_it_comes(
    #[values("etc/containers", "etc/mke2fs.conf", "ostree")] name: &str,
    #[values(Privilege::Root, Privilege::UsernsSubid, Privilege::UsernsSingle)] privilege: Privilege,
) {
    let place = Place::new();
    let [there, _] = place.link(name);
    fs::rename(&there, place.path("away")).expect("another name");
    let root = builder(place.path("tree")).privilege(privilege).open().expect("an open root");
    fs::rename(place.path("link"), &there).expect("a link in its place");
    let seen = marks(&root, &place.path("outside"));
    root.close().expect("nothing left");
    assert_eq!(seen, "mine\n".repeat(4));
}
