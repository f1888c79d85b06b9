//! Trees of another architecture where its programs can't run: one line that names the handler, and what mends it.

use std::path::{Path, PathBuf};

use rstest::rstest;

use super::inside;

/// The architecture that is foreign, and no test machine's own.
pub const ARCH: &str = "s390x";

/// Options that make namespaces in which binfmt_misc can be mounted, with a table of its own that hides the machine's.
pub const OWN_TABLE: [&str; 1] = ["-Urm"];

/// What makes that table.
pub const MOUNTED: &str = "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; cd /proc/sys/fs/binfmt_misc";

/// A line that has the kernel hand programs of the architecture to `interpreter`.
pub fn rule(interpreter: &str, flags: &str) -> String {
    let magic = r"\x7fELF\x02\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x16";
    let mask = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff";
    format!("printf '%s' ':other:M::{magic}:{mask}:{interpreter}:{flags}' > register")
}

fn tree() -> PathBuf {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/trees").join(ARCH);
    assert!(tree.is_dir(), "there is no {}: ci/tree makes it", tree.display());
    tree
}

/// Handlers that do not run programs, and what is said of each.
#[rstest]
#[case::none(
    String::new(),
    "/proc/sys/fs/binfmt_misc has no handler for them: run `ci/binfmt s390x`, which registers qemu-user"
)]
#[case::without_the_f_flag(
    rule("/usr/bin/true", ""),
    "the handler other has no F flag, so that /usr/bin/true is not found in a build root: `ci/binfmt s390x` mends it"
)]
#[case::disabled(
    format!("{}; echo 0 > other", rule("/usr/bin/true", "F")),
    "the handler other is disabled: `echo 1 > /proc/sys/fs/binfmt_misc/other` enables it"
)]
#[case::all_disabled(
    format!("{}; echo 0 > status", rule("/usr/bin/true", "F")),
    "binfmt_misc is disabled: `echo 1 > /proc/sys/fs/binfmt_misc/status` enables it"
)]
#[case::another_interpreter(
    rule("/usr/bin/true", "F"),
    "the handler other has /usr/bin/true for an interpreter, which does not run them (bwrap: execvp /trial: No such file \
     or directory): `ci/binfmt s390x` mends it"
)]
fn a_tree_whose_programs_can_t_run_is_told_in_a_line(#[case] handler: String, #[case] why: &str) {
    let deed = format!("{MOUNTED}; {handler}");
    let tree = tree();
    // It is a program of that architecture, and never runs.
    let probe = tree.join("usr/bin/true");
    let [root, probe] = [&tree, &probe].map(|path| path.to_str().expect("text"));
    let check = ["check", "--profile", "osbuild", "--root", root, "--probe", probe];
    let done = inside(&OWN_TABLE, &deed, &check).output().expect("a run");
    let line = format!("rootcontract: look into osbuild-v190: programs of s390x can't be run here: {why}\n");
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), (line.as_str(), Some(2)));
    assert_eq!(done.stdout, b"");

    let run = ["run", "--quiet", "--capabilities", "inherit", "--root", root, "--", "/usr/bin/true"];
    let done = inside(&OWN_TABLE, &deed, &run).output().expect("a run");
    let stderr = String::from_utf8_lossy(&done.stderr);
    let line = format!("rootcontract: run: programs of s390x can't be run here: {why}");
    assert_eq!(stderr.lines().last(), Some(line.as_str()), "{stderr}");
    assert!(matches!(done.status.code(), Some(126 | 127)), "{:?}", done.status);
    assert_eq!(done.stdout, b"");
}

/// A program that runs and fails, or is not there, is no fault of a handler's.
#[test]
fn where_programs_run_no_handler_is_blamed() {
    let tree = tree();
    let run = [
        "run",
        "--quiet",
        "--capabilities",
        "inherit",
        "--root",
        tree.to_str().expect("text"),
        "--",
        "/usr/bin/nonexistent",
    ];
    let done = inside(&["-m"], "", &run).output().expect("a run");
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert_eq!(stderr.lines().last(), Some("rootcontract: run: no such program in the build root"), "{stderr}");
    assert_eq!(done.status.code(), Some(127));
}
