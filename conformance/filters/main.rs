//! Compiles the system call filter of the profile `hardened` for every architecture.
//!
//! `filters DIR` writes `DIR/ARCH.bpf`: an array of `struct sock_filter` (seccomp(2)) in that architecture's byte order,
//! as bubblewrap's `--seccomp` takes it. `ci/filters` has them made in `src/seccomp`, from where they are compiled in.

use std::error::Error;
use std::fs::File;
use std::path::PathBuf;

use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use nix::libc;
use rootcontract::arch::{self, Architecture};

/// `TIOCSTI` and `TIOCLINUX` of asm-generic/ioctls.h, which all of these architectures have.
const TERMINAL_INPUT: [u64; 2] = [0x5412, 0x541c];

/// What the kernel looks at of an `int`: a filter that compares all 64 bits is passed by setting one above (CVE-2019-10063).
const INT: u64 = 0xffff_ffff;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: filters DIR")?);
    for arch in &arch::ALL {
        let file = File::create(directory.join(format!("{}.bpf", arch.name)))?;
        filter(arch)?.export_bpf(&file)?;
    }
    Ok(())
}

/// Everything is allowed but what reaches past every namespace there is.
fn filter(arch: &Architecture) -> Result<ScmpFilterContext, Box<dyn Error>> {
    let mut filter = ScmpFilterContext::new(ScmpAction::Allow)?;
    filter.remove_arch(ScmpArch::native())?;
    filter.add_arch(named(arch)?)?;
    // A call by another architecture's numbers would pass by all that follows: 32-bit programs, and x32.
    filter.set_act_badarch(ScmpAction::KillProcess)?;
    let refused = |errno| ScmpAction::Errno(errno);
    // Until Linux 7.0 a network namespace does not hold AF_VSOCK.
    match sockets(arch) {
        Sockets::OneByOne { also_by_one_call } => {
            let vsock = equals(0, libc::AF_VSOCK as u64);
            filter.add_rule_conditional(refused(libc::EAFNOSUPPORT), ScmpSyscall::from_name("socket")?, &[vsock])?;
            if also_by_one_call {
                filter.add_rule(refused(libc::ENOSYS), ScmpSyscall::from_name("socketcall")?)?;
            }
        }
        Sockets::ByOneCall => {}
    }
    for request in TERMINAL_INPUT {
        let ioctl = ScmpSyscall::from_name("ioctl")?;
        filter.add_rule_conditional(refused(libc::EPERM), ioctl, &[equals(1, request)])?;
    }
    // It makes sockets too, and no filter sees it (IORING_OP_SOCKET, Linux 5.19).
    for name in ["io_uring_setup", "io_uring_enter", "io_uring_register"] {
        filter.add_rule(refused(libc::ENOSYS), ScmpSyscall::from_name(name)?)?;
    }
    // Keyrings have no namespace.
    for name in ["add_key", "keyctl", "request_key"] {
        filter.add_rule(refused(libc::EPERM), ScmpSyscall::from_name(name)?)?;
    }
    // Who makes a user namespace may do everything in it, and reaches much more of the host's kernel. What clone3(2) is
    // to do lies in memory; without it programs use clone(2).
    let user = |argument| {
        let flag = libc::CLONE_NEWUSER as u64;
        ScmpArgCompare::new(argument, ScmpCompareOp::MaskedEqual(flag), flag)
    };
    let flags_of_clone = if arch.name == "s390x" { 1 } else { 0 };
    for (name, argument) in [("unshare", 0), ("clone", flags_of_clone)] {
        filter.add_rule_conditional(refused(libc::EPERM), ScmpSyscall::from_name(name)?, &[user(argument)])?;
    }
    filter.add_rule(refused(libc::ENOSYS), ScmpSyscall::from_name("clone3")?)?;
    Ok(filter)
}

/// How programs of an architecture make sockets.
enum Sockets {
    /// With `socket(2)`; the kernel may have `socketcall(2)` as well.
    OneByOne {
        /// It has, and nothing needs it.
        also_by_one_call: bool,
    },
    /// With `socketcall(2)`, whose arguments lie in memory, where a filter can't look: glibc does where the kernel has had
    /// the others since 4.3 only.
    ByOneCall,
}

fn sockets(arch: &Architecture) -> Sockets {
    match arch.name {
        "s390x" | "i686" => Sockets::ByOneCall,
        name => Sockets::OneByOne { also_by_one_call: name == "ppc64le" },
    }
}

/// The argument of this number is this `int`.
fn equals(argument: u32, value: u64) -> ScmpArgCompare {
    ScmpArgCompare::new(argument, ScmpCompareOp::MaskedEqual(INT), value)
}

/// What libseccomp calls it.
fn named(arch: &Architecture) -> Result<ScmpArch, Box<dyn Error>> {
    Ok(match arch.name {
        "x86_64" => ScmpArch::X8664,
        "aarch64" => ScmpArch::Aarch64,
        "ppc64le" => ScmpArch::Ppc64Le,
        "s390x" => ScmpArch::S390X,
        "riscv64" => ScmpArch::Riscv64,
        "i686" => ScmpArch::X86,
        "armv7" => ScmpArch::Arm,
        other => return Err(format!("libseccomp has no name for {other}").into()),
    })
}
