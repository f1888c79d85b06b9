use super::*;
use crate::arch;
use rstest::rstest;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

/// The start of a program: its header, one program header, and the loader it names.
fn program(arch: &Architecture, loader: Option<&str>) -> Vec<u8> {
    let big = arch.byte_order == arch::ByteOrder::Big;
    let number = |value: usize, width: usize| {
        let bytes = (value as u64).to_le_bytes()[..width].to_vec();
        if big { bytes.into_iter().rev().collect() } else { bytes }
    };
    let wide = arch.pointer_bits == 64;
    let mut bytes = vec![0; if wide { 64 } else { 52 }];
    let mut put = |at: usize, field: Vec<u8>| bytes[at..at + field.len()].copy_from_slice(&field);
    put(0, vec![0x7f, b'E', b'L', b'F', if wide { 2 } else { 1 }, if big { 2 } else { 1 }]);
    put(18, number(arch.elf_machine.into(), 2));
    let (start, size) = if wide { (64, 56) } else { (52, 32) };
    put(if wide { 32 } else { 28 }, number(start, if wide { 8 } else { 4 }));
    put(if wide { 54 } else { 42 }, number(size, 2));
    put(if wide { 56 } else { 44 }, number(usize::from(loader.is_some()), 2));
    if let Some(loader) = loader {
        let mut row = vec![0; size];
        let mut put = |at: usize, field: Vec<u8>| row[at..at + field.len()].copy_from_slice(&field);
        let word = if wide { 8 } else { 4 };
        put(0, number(3, 4));
        put(if wide { 8 } else { 4 }, number(start + size, word));
        put(if wide { 32 } else { 16 }, number(loader.len() + 1, word));
        bytes.extend(row);
        bytes.extend(loader.bytes().chain([0]));
    }
    bytes
}

fn put(root: &Path, file: &str, content: &[u8]) {
    let path = root.join(file.trim_start_matches('/'));
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    std::fs::write(path, content).expect("a file");
}

/// Below `usr`, where a merged tree has what programs look for in `/lib`.
fn below_usr(path: &str) -> String {
    format!("usr{path}")
}

fn tree_of(arch: &Architecture) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a directory");
    put(root.path(), "usr/bin/sh", &program(arch, Some(arch.loader)));
    put(root.path(), &below_usr(arch.loader), &program(arch, None));
    root
}

fn named(name: &str) -> &'static Architecture {
    arch::named(name).expect("an architecture of the table")
}

fn told(error: &TreeError, root: &Path) -> String {
    error.to_string().replace(root.to_str().expect("text"), "TREE")
}

#[rstest]
#[case::x86_64("x86_64")]
#[case::aarch64("aarch64")]
#[case::ppc64le("ppc64le")]
#[case::s390x("s390x")]
#[case::riscv64("riscv64")]
#[case::i686("i686")]
#[case::armv7("armv7")]
fn a_tree_is_of_the_architecture_of_its_shell(#[case] name: &str) {
    let arch = named(name);
    let tree = tree_of(arch);
    assert_eq!(architecture(tree.path()).expect("an architecture"), arch);
    holds(tree.path(), arch).expect("the same one");
    let other = if name == "s390x" { "x86_64" } else { "s390x" };
    let error = holds(tree.path(), named(other)).expect_err("another one");
    let expected = format!("the root TREE is not of {other}: its /usr/bin/sh is a program of {name}");
    assert_eq!(told(&error, tree.path()), expected);
}

#[test]
fn the_loader_may_be_an_absolute_link_inside_the_tree() {
    let arch = named("ppc64le");
    let tree = tree_of(arch);
    let loader = tree.path().join("usr/lib64/ld64.so.2");
    put(tree.path(), "usr/lib/powerpc64le-linux-gnu/ld64.so.2", &program(arch, None));
    std::fs::remove_file(&loader).expect("removed");
    symlink("/lib/powerpc64le-linux-gnu/ld64.so.2", &loader).expect("a link");
    assert_eq!(architecture(tree.path()).expect("an architecture"), arch);
}

#[rstest]
#[case::missing(None, "is not in the tree")]
#[case::dangling(Some("/lib/nowhere/ld64.so.1"), "is not in the tree")]
#[case::out_of_the_tree(Some("/opt/ld64.so.1"), "is a link to /opt/ld64.so.1, of which a build root shows nothing")]
#[case::climbing_out(Some("../../../../../opt/x"), "is a link to /opt/x, of which a build root shows nothing")]
#[case::a_circle(Some("ld64.so.1"), "is a circle of links")]
#[case::a_directory(Some("."), "is no plain file")]
fn a_tree_without_its_loader_is_told(#[case] link: Option<&str>, #[case] why: &str) {
    let arch = named("s390x");
    let tree = tree_of(arch);
    let loader = tree.path().join("usr/lib/ld64.so.1");
    std::fs::remove_file(&loader).expect("removed");
    if let Some(link) = link {
        symlink(link, &loader).expect("a link");
    }
    let expected =
        format!("no program of the root TREE can start: /usr/bin/sh wants the loader /lib/ld64.so.1, which {why}");
    for error in [architecture(tree.path()).map(drop), holds(tree.path(), arch)] {
        assert_eq!(told(&error.expect_err("no loader"), tree.path()), expected);
    }
}

#[test]
fn the_hosts_loader_is_not_taken_for_the_trees() {
    let arch = arch::native().expect("an architecture of the table");
    let tree = tree_of(arch);
    let loader = tree.path().join(below_usr(arch.loader));
    std::fs::remove_file(&loader).expect("removed");
    let outside = tempfile::tempdir().expect("a directory");
    put(outside.path(), "loader", &program(arch, None));
    symlink(outside.path().join("loader"), &loader).expect("a link");
    assert!(matches!(holds(tree.path(), arch), Err(TreeError::NoLoader { .. })));
}

#[test]
fn a_fifo_is_not_waited_for() {
    let arch = named("riscv64");
    let tree = tree_of(arch);
    let shell = tree.path().join("usr/bin/sh");
    std::fs::remove_file(&shell).expect("removed");
    nix::unistd::mkfifo(&shell, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    let started = Instant::now();
    let error = architecture(tree.path()).expect_err("nothing to read");
    let expected =
        "cannot tell of which architecture the root TREE is: its /usr/bin/sh is no plain file; say it with --arch";
    assert_eq!(told(&error, tree.path()), expected);
    holds(tree.path(), arch).expect("nothing says otherwise");
    assert!(started.elapsed() < Duration::from_secs(2));
    put(tree.path(), "usr/bin/env", &program(arch, None));
    assert_eq!(architecture(tree.path()).expect("the next one tells"), arch);
}

#[rstest]
#[case::nothing(b"", "its /usr/bin/sh is no ELF program")]
#[case::a_script(b"#!/bin/true\n", "its /usr/bin/sh is no ELF program")]
#[case::cut_off(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0", "its /usr/bin/sh is no ELF program")]
#[case::alien(
    b"\x7fELF\x01\x02\x01\0\0\0\0\0\0\0\0\0\x02\0\x08",
    "its /usr/bin/sh is a program of ELF machine 8 (32 bit, big endian), which rootcontract does not know"
)]
fn what_is_no_program_of_ours_is_told(#[case] content: &[u8], #[case] why: &str) {
    let tree = tempfile::tempdir().expect("a directory");
    let mut content = content.to_owned();
    if content.len() == 19 {
        content.resize(64, 0);
        content[18..20].copy_from_slice(&[0, 8]);
    }
    put(tree.path(), "usr/bin/sh", &content);
    let error = architecture(tree.path()).expect_err("no program");
    let expected = format!("cannot tell of which architecture the root TREE is: {why}; say it with --arch");
    assert_eq!(told(&error, tree.path()), expected);
}

#[test]
fn what_is_no_tree_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("a file");
    assert!(matches!(architecture(&file), Err(TreeError::Root { .. })));
    assert!(matches!(architecture(&directory.path().join("none")), Err(TreeError::Root { .. })));
    assert!(matches!(architecture(directory.path()), Err(TreeError::NoUsr { .. })));
    // A link to somebody else's system is no system.
    symlink("/usr", directory.path().join("usr")).expect("a link");
    assert!(matches!(architecture(directory.path()), Err(TreeError::NoUsr { .. })));
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_file_is_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..200), elf: bool) {
            if let (true, Some(start)) = (elf, bytes.get_mut(..6)) {
                start.copy_from_slice(b"\x7fELF\x02\x02");
            }
            let root = tempfile::tempdir().expect("a directory");
            put(root.path(), "usr/bin/sh", &bytes);
            let _ = architecture(root.path());
        }
    }
}
