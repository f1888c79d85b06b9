//! Where a stopped process's call is: the registers of x86_64. Of no other architecture they are known here.

#[cfg(target_arch = "x86_64")]
mod known {
    use nix::Result;
    use nix::errno::Errno;
    use nix::sys::ptrace::{getregs, setregs};
    use nix::unistd::Pid;

    /// The number of the call and its first argument.
    pub fn call(pid: Pid) -> Result<(u64, u64)> {
        let registers = getregs(pid)?;
        Ok((registers.orig_rax, registers.rdi))
    }

    /// There is no call of this number.
    pub fn leave_out(pid: Pid) -> Result<()> {
        let mut registers = getregs(pid)?;
        registers.orig_rax = u64::MAX;
        setregs(pid, registers)
    }

    /// It returns so.
    pub fn fail(pid: Pid, errno: Errno) -> Result<()> {
        let mut registers = getregs(pid)?;
        registers.rax = (-(errno as i64)) as u64;
        setregs(pid, registers)
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod known {
    use nix::Result;
    use nix::errno::Errno;
    use nix::unistd::Pid;

    pub fn call(_: Pid) -> Result<(u64, u64)> {
        Err(Errno::ENOTSUP)
    }

    pub fn leave_out(_: Pid) -> Result<()> {
        Err(Errno::ENOTSUP)
    }

    pub fn fail(_: Pid, _: Errno) -> Result<()> {
        Err(Errno::ENOTSUP)
    }
}

pub use known::{call, fail, leave_out};
