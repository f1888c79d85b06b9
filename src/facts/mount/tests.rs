use proptest::prelude::*;
use rstest::rstest;

use super::*;

const BWRAP_0_3_0: &[u8] = include_bytes!("../../../fixtures/proc/mountinfo/bwrap-0.3.0.txt");
const NAMES: &[u8] = include_bytes!("../../../fixtures/proc/mountinfo/names.txt");
const OVERMOUNTS: &[u8] = include_bytes!("../../../fixtures/proc/mountinfo/overmounts.txt");
const CHROOT: &[u8] = include_bytes!("../../../fixtures/proc/mountinfo/chroot.txt");
const LOOP: &[u8] = include_bytes!("../../../fixtures/proc/mountinfo/loop.txt");

fn seen(table: &[u8]) -> BTreeMap<String, Mount> {
    visible(&parse(table).expect("the fixture is a table"))
}

fn sources(table: &[u8]) -> Vec<(String, String)> {
    seen(table).into_iter().map(|(point, mount)| (point, mount.source)).collect()
}

#[test]
fn an_empty_source_does_not_shift_the_fields() {
    let mounts = seen(BWRAP_0_3_0);
    let run = &mounts["/run"];
    assert_eq!((run.source.as_str(), run.fstype.as_str()), ("", "tmpfs"));
    assert_eq!(run.super_options, ["mode=755", "rw"]);
    assert_eq!(mounts["/"].root, "/newroot");
    assert_eq!(mounts["/run/osbuild/lib"].flags, ["nodev", "nosuid", "relatime", "ro"]);
}

#[rstest]
#[case::octal("/mnt/a b\\x09c\\x0ad\\x5ce#f", "t m p")]
#[case::not_utf8("/mnt/caf\\xe9", "none")]
#[case::bare_backslash("/mnt/plain\\x5cbackslash\\x5c9", "none")]
#[case::optional_fields("/mnt/many", "host:/a b")]
fn an_odd_name_is_read_as(#[case] point: &str, #[case] source: &str) {
    assert_eq!(seen(NAMES)[point].source, source);
}

#[test]
fn optional_fields_are_told_and_unknown_ones_skipped() {
    let mounts = seen(NAMES);
    assert_eq!(mounts["/mnt/many"].propagation, ["shared", "slave", "unbindable"]);
    assert_eq!(mounts["/mnt/many"].fstype, "fuse.some\\x5codd");
    assert_eq!(mounts["/mnt/many"].super_options, ["rw", "user_id=0", "x=a b"]);
    assert_eq!(mounts["/"].propagation, ["shared"]);
    assert_eq!(mounts["/mnt/caf\\xe9"].propagation, ["private"]);
}

#[test]
fn only_what_a_walk_reaches_is_seen() {
    let expected = [
        ("/", "/dev/vda"),
        ("/a", "cover"),
        ("/a/b", "seen"),
        ("/ab", "not-below-a"),
        ("/dev", "devtmpfs"),
        ("/dev/pts", "third"),
        ("/stack", "above"),
    ];
    assert_eq!(sources(OVERMOUNTS), expected.map(|(point, source)| (point.to_owned(), source.to_owned())));
    let mounts = seen(OVERMOUNTS);
    assert_eq!(mounts["/dev/pts"].stacked, 3);
    assert_eq!(mounts["/a/b"].stacked, 2);
    assert_eq!(mounts["/"].stacked, 2);
}

#[test]
fn a_root_that_is_no_mount_point_has_no_row() {
    let points: Vec<String> = seen(CHROOT).into_keys().collect();
    assert_eq!(points, ["/proc", "/sys", "/sys/fs/cgroup", "/usr"]);
}

#[test]
fn mounts_that_hang_on_each_other_are_not_reached() {
    assert_eq!(seen(LOOP).into_keys().collect::<Vec<_>>(), ["/", "/z"]);
}

#[rstest]
#[case::empty(b"\n", "mount id")]
#[case::negative(b"-1 2 0:1 / / rw - tmpfs tmpfs rw\n", "mount id")]
#[case::huge(b"99999999999999999999999 2 0:1 / / rw - tmpfs tmpfs rw\n", "mount id")]
#[case::no_separator(b"1 2 0:1 / / rw shared:1 tmpfs tmpfs rw\n", "separator")]
#[case::cut(b"1 2 0:1 / / rw - tmpfs\n", "source")]
fn a_broken_row_is_refused(#[case] table: &[u8], #[case] what: &'static str) {
    let table = [b"7 7 0:3 / / rw - tmpfs root rw\n", table].concat();
    assert_eq!(parse(&table), Err(Malformed { what, line: 2 }));
}

/// The kernel's `mangle`: what it escapes in a field.
fn mangle(field: &[u8]) -> Vec<u8> {
    field
        .iter()
        .flat_map(|&byte| match byte {
            b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}").into_bytes(),
            _ => vec![byte],
        })
        .collect()
}

fn print(row: &Row) -> Vec<u8> {
    let mut fields = vec![row.id.to_string().into_bytes(), row.parent.to_string().into_bytes()];
    fields.extend([&row.device, &row.root, &row.point, &row.flags].map(|field| mangle(field)));
    fields.extend(row.optional.iter().map(|field| mangle(field)));
    fields.push(b"-".to_vec());
    fields.extend([&row.fstype, &row.source, &row.super_options].map(|field| mangle(field)));
    [fields.join(&b' '), b"\n".to_vec()].concat()
}

fn any_row() -> impl Strategy<Value = Row> {
    let path = "(/[a-c]{0,2}){1,4}".prop_map(String::into_bytes);
    let optional =
        proptest::collection::vec("(shared:[0-9]|master:[0-9]|unbindable)".prop_map(String::into_bytes), 0..4);
    let bytes = proptest::collection::vec(any::<u8>(), 0..9);
    (0..40u64, 0..40u64, path, optional, bytes.clone(), bytes.clone(), bytes).prop_map(
        |(id, parent, point, optional, root, source, super_options)| Row {
            id,
            parent,
            device: b"0:1".to_vec(),
            root,
            point,
            flags: b"rw,nosuid".to_vec(),
            optional,
            fstype: b"tmpfs".to_vec(),
            source,
            super_options,
        },
    )
}

proptest! {
    #[test]
    fn what_the_kernel_would_print_is_read_back(rows in proptest::collection::vec(any_row(), 0..40)) {
        let table: Vec<u8> = rows.iter().flat_map(print).collect();
        prop_assert_eq!(parse(&table), Ok(rows));
    }

    #[test]
    fn any_table_is_judged(rows in proptest::collection::vec(any_row(), 0..40)) {
        let mounts = visible(&rows);
        prop_assert!(mounts.len() <= rows.len());
        for (point, mount) in &mounts {
            let count = rows.iter().filter(|row| escape(&row.point) == *point).count();
            prop_assert_eq!(mount.stacked as usize, count);
        }
    }

    #[test]
    fn anything_is_survived(bytes: Vec<u8>) {
        if let Ok(rows) = parse(&bytes) {
            visible(&rows);
        }
    }
}
