//! The architectures, and everything in which they differ. No other Rust file knows.
//!
//! Loader and library directories: the System V ABI supplements as glibc follows them
//! (`sysdeps/unix/sysv/linux/*/shlib-versions`); ELF machines: `elf.h`.

/// Which end of a number comes first in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The low end.
    Little,
    /// The high end.
    Big,
}

impl ByteOrder {
    /// `little` or `big`.
    pub fn name(self) -> &'static str {
        match self {
            ByteOrder::Little => "little",
            ByteOrder::Big => "big",
        }
    }
}

/// One architecture, as a build root sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Our name, which is osbuild's.
    pub name: &'static str,
    /// What `uname -m` may say on it.
    pub machines: &'static [&'static str],
    /// `e_machine` of its programs.
    pub elf_machine: u16,
    /// Its byte order.
    pub byte_order: ByteOrder,
    /// The size of a pointer.
    pub pointer_bits: u32,
    /// The dynamic loader that its programs name.
    pub loader: &'static str,
    /// The directories of libraries, most specific first, seen from `/`; distributions have one or several.
    pub libraries: &'static [&'static str],
    /// What Debian calls it.
    pub deb: &'static str,
    /// What RPM calls it.
    pub rpm: &'static str,
    /// The Rust target that the probe is built for.
    pub rust_target: &'static str,
    /// What qemu calls it.
    pub qemu: &'static str,
    /// The smallest program of it, in hexadecimal with remarks: it exits with 42.
    pub smallest_program: &'static str,
    /// The system call filter of the profile `hardened`: `struct sock_filter`s in its byte order (ci/filters).
    pub filter: &'static [u8],
}

/// All of them, in the order in which they are told. Scripts read from here what they need.
pub const ALL: [Architecture; 7] = [
    Architecture {
        name: "x86_64",
        machines: &["x86_64"],
        elf_machine: 62,
        byte_order: ByteOrder::Little,
        pointer_bits: 64,
        loader: "/lib64/ld-linux-x86-64.so.2",
        libraries: &["usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib"],
        deb: "amd64",
        rpm: "x86_64",
        rust_target: "x86_64-unknown-linux-gnu",
        qemu: "x86_64",
        smallest_program: include_str!("binfmt/trial/x86_64.hex"),
        filter: include_bytes!("seccomp/x86_64.bpf"),
    },
    Architecture {
        name: "aarch64",
        machines: &["aarch64"],
        elf_machine: 183,
        byte_order: ByteOrder::Little,
        pointer_bits: 64,
        loader: "/lib/ld-linux-aarch64.so.1",
        libraries: &["usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib"],
        deb: "arm64",
        rpm: "aarch64",
        rust_target: "aarch64-unknown-linux-gnu",
        qemu: "aarch64",
        smallest_program: include_str!("binfmt/trial/aarch64.hex"),
        filter: include_bytes!("seccomp/aarch64.bpf"),
    },
    Architecture {
        name: "ppc64le",
        machines: &["ppc64le"],
        elf_machine: 21,
        byte_order: ByteOrder::Little,
        pointer_bits: 64,
        loader: "/lib64/ld64.so.2",
        libraries: &["usr/lib/powerpc64le-linux-gnu", "usr/lib64", "usr/lib"],
        deb: "ppc64el",
        rpm: "ppc64le",
        rust_target: "powerpc64le-unknown-linux-gnu",
        qemu: "ppc64le",
        smallest_program: include_str!("binfmt/trial/ppc64le.hex"),
        filter: include_bytes!("seccomp/ppc64le.bpf"),
    },
    Architecture {
        name: "s390x",
        machines: &["s390x"],
        elf_machine: 22,
        byte_order: ByteOrder::Big,
        pointer_bits: 64,
        loader: "/lib/ld64.so.1",
        libraries: &["usr/lib/s390x-linux-gnu", "usr/lib64", "usr/lib"],
        deb: "s390x",
        rpm: "s390x",
        rust_target: "s390x-unknown-linux-gnu",
        qemu: "s390x",
        smallest_program: include_str!("binfmt/trial/s390x.hex"),
        filter: include_bytes!("seccomp/s390x.bpf"),
    },
    Architecture {
        name: "riscv64",
        machines: &["riscv64"],
        elf_machine: 243,
        byte_order: ByteOrder::Little,
        pointer_bits: 64,
        loader: "/lib/ld-linux-riscv64-lp64d.so.1",
        libraries: &["usr/lib/riscv64-linux-gnu", "usr/lib64/lp64d", "usr/lib64", "usr/lib"],
        deb: "riscv64",
        rpm: "riscv64",
        rust_target: "riscv64gc-unknown-linux-gnu",
        qemu: "riscv64",
        smallest_program: include_str!("binfmt/trial/riscv64.hex"),
        filter: include_bytes!("seccomp/riscv64.bpf"),
    },
    Architecture {
        name: "i686",
        machines: &["i386", "i486", "i586", "i686"],
        elf_machine: 3,
        byte_order: ByteOrder::Little,
        pointer_bits: 32,
        loader: "/lib/ld-linux.so.2",
        libraries: &["usr/lib/i386-linux-gnu", "usr/lib"],
        deb: "i386",
        rpm: "i686",
        rust_target: "i686-unknown-linux-gnu",
        qemu: "i386",
        smallest_program: include_str!("binfmt/trial/i686.hex"),
        filter: include_bytes!("seccomp/i686.bpf"),
    },
    Architecture {
        name: "armv7",
        machines: &["armv7l", "armv8l"],
        elf_machine: 40,
        byte_order: ByteOrder::Little,
        pointer_bits: 32,
        loader: "/lib/ld-linux-armhf.so.3",
        libraries: &["usr/lib/arm-linux-gnueabihf", "usr/lib"],
        deb: "armhf",
        rpm: "armv7hl",
        rust_target: "armv7-unknown-linux-gnueabihf",
        qemu: "arm",
        smallest_program: include_str!("binfmt/trial/armv7.hex"),
        filter: include_bytes!("seccomp/armv7.bpf"),
    },
];

/// Those that CI gates on, by name: what `all` stands for. osbuild builds images for them.
pub const GATED: [&str; 5] = ["x86_64", "aarch64", "ppc64le", "s390x", "riscv64"];

/// The architecture of this name.
pub fn named(name: &str) -> Option<&'static Architecture> {
    ALL.iter().find(|arch| arch.name == name)
}

/// The architecture on which `uname -m` says this.
pub fn of_machine(machine: &str) -> Option<&'static Architecture> {
    ALL.iter().find(|arch| arch.machines.contains(&machine))
}

/// The architecture that this program was built for; `None` for one that is not in the table.
pub fn native() -> Option<&'static Architecture> {
    let name = match std::env::consts::ARCH {
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "x86" => "i686",
        "arm" => "armv7",
        name => name,
    };
    named(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_architectures_share_what_tells_them_apart() {
        let different = |column: fn(&Architecture) -> String| ALL.iter().map(column).collect::<BTreeSet<_>>().len();
        assert_eq!(different(|arch| arch.name.to_owned()), ALL.len());
        assert_eq!(different(|arch| arch.elf_machine.to_string()), ALL.len());
        assert_eq!(different(|arch| arch.loader.to_owned()), ALL.len());
        assert_eq!(different(|arch| arch.deb.to_owned()), ALL.len());
        assert_eq!(different(|arch| arch.rpm.to_owned()), ALL.len());
        assert_eq!(different(|arch| arch.rust_target.to_owned()), ALL.len());
        assert_eq!(different(|arch| arch.qemu.to_owned()), ALL.len());
        let machines: Vec<&str> = ALL.iter().flat_map(|arch| arch.machines).copied().collect();
        assert_eq!(machines.iter().collect::<BTreeSet<_>>().len(), machines.len());
    }

    #[test]
    fn every_filter_begins_by_asking_for_the_architecture_in_its_own_byte_order() {
        for arch in &ALL {
            // linux/bpf_common.h: BPF_LD|BPF_W|BPF_ABS of `arch`, the word at 4 (linux/seccomp.h, struct seccomp_data).
            let begins: &[u8] = match arch.byte_order {
                ByteOrder::Little => &[0x20, 0, 0, 0, 4, 0, 0, 0],
                ByteOrder::Big => &[0, 0x20, 0, 0, 0, 0, 0, 4],
            };
            assert!(arch.filter.starts_with(begins) && arch.filter.len() % 8 == 0, "{}", arch.name);
        }
    }

    #[test]
    fn this_program_s_own_header_agrees_with_the_table() {
        let native = native().expect("the tests run on an architecture of the table");
        let program = std::fs::read("/proc/self/exe").expect("a program can read itself");
        assert_eq!(crate::facts::system::elf_machine(&program), Some(native.elf_machine));
        assert_eq!(native.pointer_bits, usize::BITS);
        assert_eq!(native.byte_order == ByteOrder::Big, cfg!(target_endian = "big"));
    }

    #[test]
    fn the_kernel_s_name_leads_to_the_same_row() {
        for arch in &ALL {
            assert!(arch.machines.iter().all(|machine| of_machine(machine) == Some(arch)), "{}", arch.name);
            assert_eq!(named(arch.name), Some(arch));
        }
        assert!(GATED.iter().all(|name| named(name).is_some()));
        assert_eq!(of_machine("m68k"), None);
    }
}
