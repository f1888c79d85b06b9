//! The mounts that bubblewrap reads for every bind: those that no build root needs are not among them.

use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rstest::rstest;

use crate::support::{builder, said};

/// The tables of mounts of the supervisors that were started where `point` is a mount, of each the outer one's and of
/// those below it.
fn tables(point: &Path) -> Vec<[String; 2]> {
    let point = point.to_str().expect("a path");
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let supervisors = processes.filter_map(|entry| {
        let read = |name| std::fs::read_to_string(entry.path().join(name)).ok();
        let is_one = read("cmdline")?.contains("\0__supervisor\0");
        let parent: i32 = read("stat")?.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        is_one.then_some((entry.file_name().to_str()?.parse::<i32>().ok()?, parent, read("mountinfo")?))
    });
    let supervisors: Vec<_> = supervisors.collect();
    let outer = supervisors.iter().filter(|(_, _, table)| table.contains(point));
    let pairs = outer.flat_map(|(pid, _, table)| {
        let below = supervisors.iter().filter(move |(_, parent, _)| parent == pid);
        below.map(|(_, _, inner)| [table.clone(), inner.clone()])
    });
    pairs.collect()
}

#[rstest]
#[case::of_the_machine("/")]
#[case::of_a_tree("tree")]
fn mounts_that_no_run_needs_are_shed(#[case] tree: &str) {
    let place = tempfile::tempdir().expect("a directory");
    let point = place.path().join("point");
    std::fs::create_dir(&point).expect("a directory");
    std::fs::create_dir(place.path().join("tree")).expect("a directory");
    crate::tree::grow(&place.path().join("tree"));
    let tree = if tree == "/" { Path::new("/").to_owned() } else { place.path().join(tree) };
    let opened = || {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        let nothing = None::<&str>;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).expect("private mounts");
        // One on another, and one below.
        for _ in 0..2 {
            mount(Some("none"), &point, Some("tmpfs"), MsFlags::empty(), nothing).expect("a mount");
        }
        let below = point.join("below");
        std::fs::create_dir(&below).expect("a directory");
        mount(Some("none"), &below, Some("tmpfs"), MsFlags::empty(), nothing).expect("a mount");
        let root = builder(&tree).open().expect("an open root");
        let tables = tables(&point);
        let said = said(&root, "echo well");
        root.close().expect("nothing left");
        (tables, said)
    };
    let (tables, said) = std::thread::scope(|scope| scope.spawn(opened).join().expect("a thread"));
    let [[whole, lean]] = &tables[..] else { panic!("{} supervisors", tables.len()) };
    let point = point.to_str().expect("a path");
    assert!(whole.contains(point) && !lean.contains(point), "{lean}");
    assert_eq!(said, "well\n");
}
