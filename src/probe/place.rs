//! Whether the probe is inside the box: where attempts may be made.

use std::{collections::BTreeMap, fs, os::unix::ffi::OsStrExt};

use super::read;
use crate::facts::{
    mount::{self, Mount, Row},
    text::escape,
};

/// The root that bwrap makes: a directory of its tmpfs (`bubblewrap.c`, `newroot`; all releases to 0.12).
const ROOT: &str = "/newroot";
/// The root where its size is limited: a whole tmpfs, on top of that.
const LIMITED: &str = "/";

/// Where the box has the tree that osbuild's stages work on: the root of a scriptlet's room.
const TREE: &[u8] = b"/run/osbuild/tree";

/// Whether this process is inside; the error says what is not as inside.
pub fn inside() -> Result<(), String> {
    let own = table("/proc/self/mountinfo")?;
    let program = fs::read_link("/proc/self/exe").map_err(|error| format!("read /proc/self/exe: {error}"))?;
    judge(&mount::visible(&own), &escape(program.as_os_str().as_bytes()))
        .or_else(|reason| if is_room(&own, &table("/proc/1/mountinfo")?) { Ok(()) } else { Err(reason) })
}

fn table(path: &str) -> Result<Vec<Row>, String> {
    let table = read::bytes(path).map_err(|reason| format!("{}: {}", reason.what, reason.errno))?;
    mount::parse(&table).map_err(|malformed| format!("{path}, {malformed}"))
}

/// Whether `/` is the tree of the box that the `first` process is in.
fn is_room(own: &[Row], first: &[Row]) -> bool {
    let id = |rows: &[Row], point: &[u8]| rows.iter().rfind(|row| row.point == point).map(|row| row.id);
    let tree = id(first, TREE);
    tree.is_some() && id(own, b"/") == tree && is_box(&mount::visible(first)).is_ok()
}

/// The box has bwrap's tmpfs as root, and holds the probe on a mount of its own or below one.
fn judge(mounts: &BTreeMap<String, Mount>, program: &str) -> Result<(), String> {
    is_box(mounts)?;
    let below = |point: &str| point != "/" && (program == point || program.starts_with(&format!("{point}/")));
    if mounts.keys().any(|point| below(point)) {
        return Ok(());
    }
    Err(format!("{program} is not on a mount below /"))
}

/// Whether the root is the tmpfs that bwrap makes.
fn is_box(mounts: &BTreeMap<String, Mount>) -> Result<(), String> {
    let root = mounts.get("/").ok_or("/ is no mount point")?;
    // The root of a system that lives in memory is neither nosuid nor nodev.
    let limited = || {
        root.root == LIMITED
            && root.super_options.iter().any(|option| option.starts_with("size="))
            && ["nodev", "nosuid"].iter().all(|flag| root.flags.iter().any(|there| there == flag))
    };
    if root.fstype != "tmpfs" || !(root.root == ROOT || limited()) {
        return Err(format!("/ is not the tmpfs that bwrap makes, but {} {}", root.fstype, root.root));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const BOX: &str = "60 45 0:45 /newroot / rw,nosuid,nodev,relatime - tmpfs tmpfs rw\n\
                       62 60 0:46 / /run rw,nosuid,nodev - tmpfs tmpfs rw\n\
                       63 62 254:0 /p /run/osbuild/runner/p ro,nosuid,nodev - ext4 /dev/vda rw\n";
    const SMALL: &str = "60 45 0:45 / / rw,nosuid,nodev,relatime - tmpfs tmpfs rw,size=64k,mode=755\n\
                         63 60 254:0 /p /run/osbuild/runner/p ro,nosuid,nodev - ext4 /dev/vda rw\n";
    const HOST: &str = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
                        28 27 0:46 / /run rw - tmpfs tmpfs rw\n";
    const LIVE: &str = "27 1 0:45 / / rw,relatime - tmpfs tmpfs rw,size=64k,mode=755\n\
                        28 27 0:46 / /run rw - tmpfs tmpfs rw\n";
    const COVERED: &str = "60 45 0:45 /newroot / rw,nosuid,nodev,relatime - tmpfs tmpfs rw\n\
                           61 60 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
                           62 61 0:46 / /run rw - tmpfs tmpfs rw\n";

    const WITH_TREE: &str = "60 45 0:45 /newroot / rw,nosuid,nodev,relatime - tmpfs tmpfs rw\n\
                             64 60 254:0 /tree /run/osbuild/tree rw,nosuid,nodev - ext4 /dev/vda rw\n";
    const ROOM: &str = "64 60 254:0 /tree / rw,nosuid,nodev - ext4 /dev/vda rw\n";

    #[rstest]
    #[case::the_tree_of_the_box(ROOM, WITH_TREE, true)]
    #[case::another_directory("65 60 254:0 /other / rw - ext4 /dev/vda rw\n", WITH_TREE, false)]
    #[case::no_tree("27 1 254:0 / / rw - ext4 /dev/vda rw\n", BOX, false)]
    #[case::a_tree_outside_the_box(
        "28 27 254:0 /t / rw - ext4 x rw\n",
        "27 1 254:0 / / rw - ext4 x rw\n28 27 254:0 /t /run/osbuild/tree rw - ext4 x rw\n",
        false
    )]
    #[case::nothing("", "", false)]
    fn a_room_is_the_tree_of_the_box(#[case] own: &str, #[case] first: &str, #[case] expected: bool) {
        let rows = |table: &str| mount::parse(table.as_bytes()).expect("a table");
        assert_eq!(is_room(&rows(own), &rows(first)), expected);
    }

    fn judged(table: &str, program: &str) -> Result<(), String> {
        judge(&mount::visible(&mount::parse(table.as_bytes()).expect("a table")), program)
    }

    #[rstest]
    #[case::its_own_bind(BOX, "/run/osbuild/runner/p")]
    #[case::below_a_mount(BOX, "/run/osbuild/lib/runners/p")]
    #[case::of_limited_size(SMALL, "/run/osbuild/runner/p")]
    fn the_box_is_known(#[case] table: &str, #[case] program: &str) {
        assert_eq!(judged(table, program), Ok(()));
    }

    #[rstest]
    #[case::host(HOST, "/run/p", "/ is not the tmpfs that bwrap makes, but ext4 /")]
    #[case::live_system(LIVE, "/run/p", "/ is not the tmpfs that bwrap makes, but tmpfs /")]
    #[case::a_root_on_the_box(COVERED, "/run/p", "/ is not the tmpfs that bwrap makes, but ext4 /")]
    #[case::no_root("", "/run/p", "/ is no mount point")]
    #[case::on_the_tmpfs(BOX, "/p", "/p is not on a mount below /")]
    #[case::only_a_prefix(BOX, "/runner/p", "/runner/p is not on a mount below /")]
    fn any_other_place_is_refused(#[case] table: &str, #[case] program: &str, #[case] reason: &str) {
        assert_eq!(judged(table, program), Err(reason.to_owned()));
    }
}
