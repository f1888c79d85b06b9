//! Plan → bubblewrap's arguments. The only file with a bubblewrap option in it, and a pure function.

use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::path::Path;

use crate::plan::{Access, Environment, Missing, Namespace, Op, Plan};

/// The descriptor that bubblewrap reads the system call filter from, where there is one: the first after its report's.
pub const FILTER_DESCRIPTOR: RawFd = 4;

/// What follows `bwrap` for this plan: its options, `--`, the command.
pub fn arguments(plan: &Plan) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = plan.ops.iter().flat_map(options).collect();
    arguments.push("--".into());
    arguments.extend(plan.command.iter().cloned());
    arguments
}

/// The one option of ours: bubblewrap reports on descriptor `fd` (since 0.3.2).
/// It goes before everything else, so that [`arguments`] can be compared with what osbuild passes.
pub fn status_option(fd: RawFd) -> [OsString; 2] {
    ["--json-status-fd".into(), fd.to_string().into()]
}

/// Options of somebody else's, with a program of ours shown at `at` and executed there.
pub fn with_program(options: &[OsString], program: &Path, at: &OsStr) -> Vec<OsString> {
    let ours = [OsStr::new("--ro-bind"), program.as_os_str(), at, OsStr::new("--"), at];
    options.iter().cloned().chain(words(ours)).collect()
}

/// A variable that [`uncontained`] takes from the payload.
pub const UNSET: &str = "ROOTCONTRACT_MARK";

/// Options of a sandbox that contains nothing.
pub fn uncontained() -> Vec<OsString> {
    words(["--dev-bind", "/", "/", "--unsetenv", UNSET])
}

/// A line for a shell that starts `program` with the plan's arguments and the variables it sets, alone or beside the shell's.
pub fn shell_line(program: &OsStr, plan: &Plan) -> String {
    let environment = &plan.environment;
    let env: &[&str] = match environment {
        Environment::Clean(_) => &["env", "-i"],
        Environment::Inherited(_) => &["env"],
    };
    let variables = environment.set().iter().map(|(name, value)| {
        let mut variable = name.clone();
        variable.push("=");
        variable.push(value);
        variable
    });
    let words = env.iter().map(OsString::from).chain(variables).chain([program.to_owned()]);
    let line = shell_words(words.chain(arguments(plan)));
    match plan.filter() {
        Some(filter) => format!("{line} {FILTER_DESCRIPTOR}< {}", quoted(filter.0.as_os_str())),
        None => line,
    }
}

/// Words as a shell reads them back.
pub fn shell_words(words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
    words.into_iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

/// One word for a POSIX shell; `$'…'` where bytes can't be shown as they are.
fn quoted(word: &OsStr) -> String {
    use std::os::unix::ffi::OsStrExt;
    let bytes = word.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=:,@%".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let escaped: String =
                bytes.iter().flat_map(|&byte| std::ascii::escape_default(byte)).map(char::from).collect();
            format!("$'{escaped}'")
        }
    }
}

/// The options that stand for one operation.
pub fn options(op: &Op) -> Vec<OsString> {
    match op {
        Op::DropAllCapabilities => words(["--cap-drop", "ALL"]),
        Op::DropCapability(capability) => words(["--cap-drop", &capability.to_string()]),
        Op::AddCapability(capability) => words(["--cap-add", &capability.to_string()]),
        Op::Chdir(to) => words([OsStr::new("--chdir"), to.0.as_os_str()]),
        Op::DieWithParent => words(["--die-with-parent"]),
        Op::NewSession => words(["--new-session"]),
        Op::SetVariable(name, value) => words([OsStr::new("--setenv"), name, value]),
        Op::Unshare(namespace) => words([unshare(*namespace)]),
        Op::Bind { from, to, access, missing } => {
            words([OsStr::new(bind(*access, *missing)), from.0.as_os_str(), to.0.as_os_str()])
        }
        Op::Symlink { target, at } => words([OsStr::new("--symlink"), target.as_os_str(), at.0.as_os_str()]),
        Op::Tmpfs { at, size } => {
            let limit = size.map(|size| words(["--size", &size.to_string()]));
            limit.into_iter().flatten().chain(words([OsStr::new("--tmpfs"), at.0.as_os_str()])).collect()
        }
        Op::Dir(at) => words([OsStr::new("--dir"), at.0.as_os_str()]),
        Op::Proc(at) => words([OsStr::new("--proc"), at.0.as_os_str()]),
        Op::Seccomp(_) => words(["--seccomp", &FILTER_DESCRIPTOR.to_string()]),
    }
}

fn words<const N: usize, W: AsRef<OsStr>>(words: [W; N]) -> Vec<OsString> {
    words.iter().map(|word| word.as_ref().to_owned()).collect()
}

fn unshare(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::Ipc => "--unshare-ipc",
        Namespace::Pid => "--unshare-pid",
        Namespace::Net => "--unshare-net",
        Namespace::Uts => "--unshare-uts",
        Namespace::Cgroup => "--unshare-cgroup",
    }
}

fn bind(access: Access, missing: Missing) -> &'static str {
    match (access, missing) {
        (Access::ReadOnly, Missing::Fail) => "--ro-bind",
        (Access::ReadOnly, Missing::Skip) => "--ro-bind-try",
        (Access::ReadWrite, Missing::Fail) => "--bind",
        (Access::ReadWrite, Missing::Skip) => "--bind-try",
        (Access::Device, Missing::Fail) => "--dev-bind",
        (Access::Device, Missing::Skip) => "--dev-bind-try",
    }
}
