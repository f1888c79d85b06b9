//! Kernel, binary interface, loader, security modules, clocks, and what `/proc` and `/sys` expose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Fact, Malformed,
    text::{fields, lines},
};

/// Linux security modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// The modules, in the kernel's order, from `/sys/kernel/security/lsm`.
    pub modules: Fact<String>,
    /// The label of the probe, from `/proc/self/attr/current`; without a labelling module this is unread.
    pub label: Fact<String>,
    /// Whether selinuxfs is at `/sys/fs/selinux`.
    pub selinux_mounted: bool,
    /// Whether AppArmor says it is on.
    pub apparmor: bool,
    /// The version of Landlock; 0 where there is none.
    pub landlock: u32,
}

/// The offsets of the time namespace, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// Added to `CLOCK_MONOTONIC`.
    pub monotonic_offset: i64,
    /// Added to `CLOCK_BOOTTIME`.
    pub boottime_offset: i64,
}

/// What `uname(2)` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// `Linux`.
    pub sysname: String,
    /// The release.
    pub release: String,
    /// The machine.
    pub machine: String,
}

/// The binary interface that the probe runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Abi {
    /// In bytes, from `AT_PAGESZ`.
    pub page_size: Fact<u64>,
    /// Ticks a second in `times(2)` and `/proc`, from `AT_CLKTCK`.
    pub clock_ticks: Fact<u64>,
    /// `little` or `big`.
    pub byte_order: String,
    /// 32 or 64.
    pub pointer_bits: u32,
    /// Whether a plain `char` of C has a sign.
    pub char_signed: bool,
    /// The ioctl by which a pipe tells how many bytes wait in it: `FIONREAD`, whose number is not the same everywhere.
    pub waiting_request: Fact<u64>,
    /// The flag by which `open(2)` wants a directory: `O_DIRECTORY`, whose bit is not the same everywhere.
    pub directory_flag: Fact<u32>,
    /// Whether the kernel's table has the old calls, `open`, `fork` or `pipe`; new architectures have none of them.
    pub old_calls: bool,
}

/// The dynamic loader that programs of the probe's architecture name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Loader {
    /// The path in `PT_INTERP`.
    pub path: String,
    /// Whether there is a file.
    pub present: bool,
    /// The file it is once all links are followed.
    pub target: Fact<Option<String>>,
    /// `e_machine` in its header; `null` if there is none or it is no ELF file.
    pub elf_machine: Fact<Option<u16>>,
}

/// What `/proc` exposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Proc {
    /// The kernel's command line; outside the box `null`, for it is the host's.
    pub cmdline: Fact<Option<String>>,
    /// A closed list of paths: see [`Exposure`].
    pub entries: BTreeMap<String, Exposure>,
}

/// What `/sys` exposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sys {
    /// A closed list of paths: see [`Exposure`].
    pub entries: BTreeMap<String, Exposure>,
}

/// What `access(2)` allows at a path. It changes nothing, and is not always the last word: see the attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
pub enum Exposure {
    /// There is nothing.
    #[serde(rename = "absent")]
    Absent,
    /// Neither.
    #[serde(rename = "--")]
    Closed,
    /// Reading.
    #[serde(rename = "r-")]
    Read,
    /// Writing.
    #[serde(rename = "-w")]
    Write,
    /// Both.
    #[serde(rename = "rw")]
    ReadWrite,
}

/// Read `/proc/self/timens_offsets`: rows of a clock, seconds and nanoseconds. Linux 5.5 numbered the clocks.
pub fn time(bytes: &[u8]) -> Result<Time, Malformed> {
    let mut offsets = BTreeMap::new();
    for (number, line) in lines(bytes) {
        let columns: Vec<&[u8]> = fields(line).collect();
        let [clock, seconds, nanoseconds] = columns[..] else {
            return Err(Malformed { what: "offset", line: number });
        };
        let offset = signed(seconds)
            .zip(signed(nanoseconds))
            .and_then(|(seconds, nanoseconds)| seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds));
        offsets.insert(clock, offset.ok_or(Malformed { what: "offset", line: number })?);
    }
    let offset = |names: [&[u8]; 2]| names.iter().find_map(|name| offsets.get(name).copied());
    Ok(Time {
        monotonic_offset: offset([b"monotonic", b"1"]).ok_or(Malformed { what: "monotonic clock", line: 0 })?,
        boottime_offset: offset([b"boottime", b"7"]).ok_or(Malformed { what: "boottime clock", line: 0 })?,
    })
}

fn signed(field: &[u8]) -> Option<i64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// `e_machine` of an ELF header, in the header's own byte order; `None` if it is no such header.
pub fn elf_machine(header: &[u8]) -> Option<u16> {
    let machine = [*header.get(18)?, *header.get(19)?];
    match (header.starts_with(b"\x7fELF"), header.get(5)?) {
        (true, 1) => Some(u16::from_le_bytes(machine)),
        (true, 2) => Some(u16::from_be_bytes(machine)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case::none("monotonic           0         0\nboottime            0         0\n", 0, 0)]
    #[case::shifted("monotonic       86400        17\nboottime           -1         1\n", 86_400_000_000_017, -999_999_999)]
    #[case::numbered("1 0 0\n7 0 1\n", 0, 1)]
    fn offsets_are_nanoseconds(#[case] text: &str, #[case] monotonic_offset: i64, #[case] boottime_offset: i64) {
        assert_eq!(time(text.as_bytes()), Ok(Time { monotonic_offset, boottime_offset }));
    }

    #[rstest]
    #[case::empty("", Malformed { what: "monotonic clock", line: 0 })]
    #[case::one_clock("monotonic 0 0\n", Malformed { what: "boottime clock", line: 0 })]
    #[case::overflow("monotonic 9223372036854775807 0\n", Malformed { what: "offset", line: 1 })]
    #[case::columns("monotonic 0\n", Malformed { what: "offset", line: 1 })]
    fn broken_offsets_are_refused(#[case] text: &str, #[case] error: Malformed) {
        assert_eq!(time(text.as_bytes()), Err(error));
    }

    #[test]
    fn a_header_is_read_in_its_own_byte_order() {
        let mut header = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0";
        assert_eq!(elf_machine(&header), Some(62));
        header[5] = 2;
        header[18..].copy_from_slice(&[0, 22]);
        assert_eq!(elf_machine(&header), Some(22));
        assert_eq!(elf_machine(&header[..19]), None);
        assert_eq!(elf_machine(b"#!/bin/sh\nexec something else\n"), None);
    }

    proptest! {
        #[test]
        fn anything_is_survived(bytes: Vec<u8>) {
            let _ = (time(&bytes), elf_machine(&bytes));
        }
    }
}
