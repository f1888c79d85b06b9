//! Packages that are none: an error of one line each, in no time and little memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rootcontract::rpm::package::Package;
use rstest::rstest;

use super::Built;
use crate::support::supervisor;

/// Checks packages with 64 MiB of address space, the program's own included.
fn check(files: &[PathBuf]) -> Output {
    let script = "ulimit -v 65536; exec \"$0\" rpm check --static \"$@\"";
    Command::new("sh").args(["-c", script]).arg(supervisor()).args(files).output().expect("a run")
}

/// A package's bytes, and those before its payload.
fn package(built: &Built) -> (Vec<u8>, usize) {
    let bytes = fs::read(built.file("systemd.runtime")).expect("a package");
    let header = rootcontract::rpm::header::read(&mut bytes.as_slice()).expect("sound headers").len();
    (bytes, header)
}

#[test]
fn a_package_that_is_cut_off_is_told_in_a_line() {
    let built = Built::of("rules/services.spec");
    let (bytes, header) = package(&built);
    let cut = |at: usize| {
        let file = built.packages().join(format!("cut-{at}"));
        fs::write(&file, &bytes[..at]).expect("a file");
        file
    };
    let files: Vec<PathBuf> = (0..header).step_by(64).map(cut).collect();
    let done = check(&files);
    let stdout = String::from_utf8_lossy(&done.stdout);
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), ("", Some(2)));
    let lines: Vec<&str> = stdout.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), files.len());
    for (line, file) in lines.iter().zip(&files) {
        let begins = format!("? {}: ", file.display());
        let why = line.strip_prefix(&begins).unwrap_or_else(|| panic!("{line}"));
        let known = why.starts_with("ends within its ") || why == "no RPM: it begins with other bytes than packages do";
        assert!(known, "{line}");
    }
}

/// The payload is not read, so nobody misses it.
#[test]
fn a_package_without_its_payload_is_judged() {
    let built = Built::of("rules/services.spec");
    let (bytes, header) = package(&built);
    assert!(header < bytes.len());
    assert_eq!(
        Package::parse(&bytes[..header]).expect("a package"),
        Package::read(&mut bytes.as_slice()).expect("a package")
    );
}

/// Numbers that would make the decoder ask for gigabytes, or read beyond the end.
#[rstest]
#[case::entries(8, 0x7fff_ffff, "entries, where rpm takes 1 to 65535")]
#[case::no_entries(8, 0, "has 0 entries, where rpm takes 1 to 65535")]
#[case::data(12, 0x0fff_ffff, "bytes of data, where at most 16777216 are read here")]
#[case::kind(20, 77, "is of a type that there is not: it is damaged")]
#[case::offset(24, 0x7fff_ffff, "lies outside the data: it is damaged")]
#[case::negative_offset(24, 0xffff_fff0, "lies outside the data: it is damaged")]
#[case::count(28, 0x0fff_ffff, "has a number of values that can't be: it is damaged")]
fn a_header_that_lies_is_told_in_a_line(#[case] at: usize, #[case] number: u32, #[case] told: &str) {
    let built = Built::of("rules/services.spec");
    let (mut bytes, _) = package(&built);
    let start = main_header(&bytes);
    bytes[start + at..start + at + 4].copy_from_slice(&number.to_be_bytes());
    let file = built.packages().join("lies");
    fs::write(&file, &bytes).expect("a file");
    let done = check(std::slice::from_ref(&file));
    let stdout = String::from_utf8_lossy(&done.stdout);
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), ("", Some(2)));
    assert!(stdout.starts_with(&format!("? {}: ", file.display())), "{stdout}");
    assert!(stdout.ends_with(&format!("{told}\n")) && stdout.lines().count() == 1, "{stdout}");
}

/// Where the second header begins.
fn main_header(bytes: &[u8]) -> usize {
    let magic = [0x8e, 0xad, 0xe8, 0x01];
    let starts = bytes.windows(4).enumerate().filter(|(_, window)| *window == magic).map(|(at, _)| at);
    starts.into_iter().nth(1).expect("two headers")
}

/// Entries that share their bytes: few bytes of a file, and as many in memory as there are entries.
#[test]
fn entries_that_overlap_are_refused() {
    let built = Built::of("rules/services.spec");
    let (mut bytes, _) = package(&built);
    let start = main_header(&bytes);
    let count = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let (entries, data) = (count(&bytes, start + 8) as usize, count(&bytes, start + 12));
    for entry in 1..entries {
        let at = start + 16 + 16 * entry;
        bytes[at + 4..at + 8].copy_from_slice(&7_u32.to_be_bytes());
        bytes[at + 8..at + 12].copy_from_slice(&0_u32.to_be_bytes());
        bytes[at + 12..at + 16].copy_from_slice(&data.to_be_bytes());
    }
    let error = Package::read(&mut bytes.as_slice()).expect_err("no package").to_string();
    assert!(error.ends_with("overlaps with others: it is damaged"), "{error}");
}

/// Any byte of the headers, changed: a package or an error, and nothing worse.
#[test]
fn a_byte_that_is_changed_is_survived() {
    let built = Built::of("rules/services.spec");
    let (bytes, header) = package(&built);
    for at in 0..header {
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = bytes[..header].to_vec();
            changed[at] ^= flip;
            if let Err(error) = Package::read(&mut changed.as_slice()) {
                let told = crate::support::chain(&error);
                assert!(!told.contains('\n') && !told.is_empty(), "{told:?}");
            }
        }
    }
}

/// The magic of a lead, and zeros.
const LEAD: [u8; 96] = {
    let mut lead = [0; 96];
    [lead[0], lead[1], lead[2], lead[3]] = [0xed, 0xab, 0xee, 0xdb];
    lead
};

#[rstest]
#[case::empty("empty", b"", "no RPM: it begins with other bytes than packages do")]
#[case::nothing_but_a_lead("lead", &LEAD, "ends within its signature header: it was not copied whole")]
#[case::text("text", &[b'x'; 200], "no RPM: it begins with other bytes than packages do")]
fn what_is_no_package_is_told_in_a_line(#[case] name: &str, #[case] bytes: &[u8], #[case] told: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join(name);
    fs::write(&file, bytes).expect("a file");
    let done = check(std::slice::from_ref(&file));
    let line = format!("? {}: {told}\n", file.display());
    let said = (String::from_utf8_lossy(&done.stdout).into_owned(), done.status.code());
    assert_eq!(said, (line, Some(2)));
    assert_eq!(done.stderr, b"");
}

#[test]
fn a_package_that_is_not_there_is_told_in_a_line() {
    let done = check(&[Path::new("/nowhere/x.rpm").to_owned()]);
    let said = (String::from_utf8_lossy(&done.stdout).into_owned(), done.status.code());
    assert_eq!(said, ("? /nowhere/x.rpm: No such file or directory\n".to_owned(), Some(2)));
}
