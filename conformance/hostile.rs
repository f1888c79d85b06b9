//! Trees and words that somebody chose with care: what is refused is named, what is shown is the tree's own, nothing is
//! left, and nothing is taken for an option.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rootcontract::buildroot::{Invocation, Outcome};
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{builder, chain, names, open, run, shell, supervisor, well};

/// A tree with nothing in it, and parents for the scratch directories.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        for directory in ["run", "var", "root/usr/bin", "root/etc", "root/boot"] {
            std::fs::create_dir_all(place.path(directory)).expect("a directory");
        }
        place
    }

    /// The same, changed by a script that runs in the tree.
    fn changed(script: &str) -> Self {
        let place = Self::new();
        let made = Command::new("sh").args(["-ec", script]).current_dir(place.path("root")).status().expect("a shell");
        assert!(made.success(), "{script}");
        place
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// Asserts that the library, `run` and `check` refuse the tree with this line, and leave nothing.
    fn is_refused(&self, line: &str) {
        let builder = builder(self.path("root")).rundir(self.path("run")).vardir(self.path("var"));
        let error = chain(&builder.open().expect_err("a tree that is not to be opened"));
        let error = error.split(" (os error").next().unwrap_or_default();
        assert_eq!(error.replace(self.0.path().to_str().expect("a path"), "@"), line);
        assert_eq!(["run", "var"].map(|parent| names(&self.path(parent))), [const { Vec::<String>::new() }; 2]);
        for (verb, code) in [("run", 125), ("check", 2)] {
            let done = command(&[verb, "--capabilities", "inherit", "--arch", native(), "--root"], &self.path("root"));
            let told = String::from_utf8_lossy(&done.stderr);
            let told =
                told.replace(self.0.path().to_str().expect("a path"), "@").replace("look into osbuild-v19: ", "");
            // An errno has other words there.
            let (what, _) = line.rsplit_once(": ").expect("a reason");
            assert!(told.starts_with(&format!("rootcontract: {what}: ")) && told.lines().count() == 1, "{told}");
            assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(code), &b""[..]), "{told}");
        }
    }
}

fn native() -> &'static str {
    rootcontract::arch::native().expect("an architecture of the table").name
}

/// The command with these options, and `/usr/bin/true` where a program is run.
fn command(options: &[&str], last: &Path) -> Output {
    let mut command = Command::new(supervisor());
    command.args(options).arg(last);
    if options[0] == "run" {
        command.args(["--", "/usr/bin/true"]);
    }
    command.output().expect("the command")
}

const NO_USR: &str = "the root @/root has no usr directory: name the root of an installed system";

#[rstest]
#[case::usr_absolute("rm -r usr; ln -s /usr usr", NO_USR)]
#[case::usr_relative("mv usr real; ln -s real usr", NO_USR)]
#[case::usr_climbing("rm -r usr; ln -s ../../../../../../../../../usr usr", NO_USR)]
#[case::usr_a_loop("rm -r usr; ln -s usr usr", NO_USR)]
#[case::usr_dangling("rm -r usr; ln -s nowhere usr", NO_USR)]
#[case::usr_a_pipe("rm -r usr; mkfifo usr", NO_USR)]
#[case::usr_a_device("rm -r usr; mknod usr c 1 3", NO_USR)]
#[case::usr_a_file("rm -r usr; : > usr", NO_USR)]
#[case::etc_absolute(
    "rmdir etc; ln -s /etc etc",
    "cannot resolve etc/mke2fs.conf inside the root: Too many levels of symbolic links"
)]
#[case::etc_climbing(
    "rmdir etc; ln -s ../../../../../etc etc",
    "cannot resolve etc/mke2fs.conf inside the root: Too many levels of symbolic links"
)]
#[case::etc_a_pipe("rmdir etc; mkfifo etc", "cannot resolve etc/mke2fs.conf inside the root: Not a directory")]
#[case::etc_a_file("rmdir etc; : > etc", "cannot resolve etc/mke2fs.conf inside the root: Not a directory")]
#[case::etc_a_device("rmdir etc; mknod etc c 1 3", "cannot resolve etc/mke2fs.conf inside the root: Not a directory")]
#[case::containers_a_pipe("mkfifo etc/containers", "cannot show etc/containers of the root: it is a pipe")]
#[case::containers_a_device("mknod etc/containers c 1 3", "cannot show etc/containers of the root: it is a device")]
#[case::containers_a_disk("mknod etc/containers b 7 0", "cannot show etc/containers of the root: it is a device")]
#[case::containers_to_a_pipe(
    "mkfifo etc/p; ln -s /etc/p etc/containers",
    "cannot show etc/containers of the root: it is a pipe"
)]
#[case::selinux_a_file(": > etc/selinux", "cannot resolve etc/selinux/ inside the root: Not a directory")]
#[case::selinux_a_pipe("mkfifo etc/selinux", "cannot resolve etc/selinux/ inside the root: Not a directory")]
#[case::selinux_a_loop(
    "ln -s selinux etc/selinux",
    "cannot resolve etc/selinux/ inside the root: Too many levels of symbolic links"
)]
#[case::mke2fs_a_pipe("mkfifo etc/mke2fs.conf", "cannot show etc/mke2fs.conf of the root: it is a pipe")]
#[case::mke2fs_a_disk("mknod etc/mke2fs.conf b 7 0", "cannot show etc/mke2fs.conf of the root: it is a device")]
#[case::ostree_a_pipe("mkfifo ostree", "cannot show ostree of the root: it is a pipe")]
#[case::ostree_a_device("mknod ostree c 1 5", "cannot show ostree of the root: it is a device")]
#[case::ostree_a_round(
    "ln -s b ostree; ln -s ostree b",
    "cannot resolve ostree inside the root: Too many levels of symbolic links"
)]
#[case::ostree_through_a_file(": > f; ln -s f/b ostree", "cannot resolve ostree inside the root: Not a directory")]
#[case::ostree_to_the_host(
    "ln -s /proc/self ostree",
    "cannot resolve ostree inside the root: Invalid cross-device link"
)]
fn a_hostile_tree_is_refused_with_the_name(#[case] script: &str, #[case] line: &str) {
    Place::changed(script).is_refused(line);
}

#[rstest]
#[case::containers("etc/containers")]
#[case::mke2fs("etc/mke2fs.conf")]
#[case::ostree("ostree")]
fn a_socket_is_not_shown(#[case] path: &str) {
    let place = Place::new();
    let _answers = UnixListener::bind(place.path("root").join(path)).expect("a socket");
    place.is_refused(&format!("cannot show {path} of the root: it is a socket"));
}

/// What is seen is the host's `/usr`, to have something that looks, and what of the tree is shown.
#[rstest]
#[case::nothing_odd("echo mine > boot/mark", "mine\n")]
#[case::boot_absolute("rmdir boot; ln -s /etc boot", "")]
#[case::boot_relative("mv boot real; echo mine > real/mark; ln -s real boot", "")]
#[case::boot_climbing("rmdir boot; ln -s ../../../../../boot boot", "")]
#[case::boot_a_loop("rmdir boot; ln -s boot boot", "")]
#[case::boot_a_pipe("rmdir boot; mkfifo boot", "")]
#[case::boot_a_device("rmdir boot; mknod boot c 1 5", "")]
#[case::boot_a_file("rmdir boot; echo mine > boot", "")]
#[case::etc_relative("mv etc real; ln -s real etc; mkdir real/containers; echo mine > real/containers/mark", "mine\n")]
#[case::etc_absolute(
    "mv etc usr/etc; ln -s /usr/etc etc; mkdir usr/etc/containers; echo mine > usr/etc/containers/mark",
    "mine\n"
)]
#[case::containers_climbing("mkdir c; echo mine > c/mark; ln -s ../../../../../c etc/containers", "mine\n")]
#[case::containers_dangling("ln -s /nowhere etc/containers", "")]
#[case::selinux_absolute("mkdir s; echo mine > s/mark; ln -s /s etc/selinux", "mine\n")]
#[case::mke2fs_relative("echo mine > etc/real; ln -s real etc/mke2fs.conf", "mine\n")]
#[case::ostree_a_chain("mkdir c; echo mine > c/mark; ln -s /b ostree; ln -s a b; ln -s ./c/../c a", "mine\n")]
#[case::ostree_a_file("echo mine > ostree", "mine\n")]
fn what_is_shown_of_a_hostile_tree_is_its_own(#[case] script: &str, #[case] expected: &str) {
    let place = Place::changed(script);
    let builder = builder(place.path("root")).rundir(place.path("run")).vardir(place.path("var"));
    let root = builder.open().expect("an open root");
    let look = "for f in /boot/mark /etc/containers/mark /etc/selinux/mark /etc/mke2fs.conf /ostree/mark /ostree /boot; do \
                if test -f $f; then cat $f; fi; done";
    let seen = well(run(&root, shell(look).read_only_bind("/usr", "/usr")));
    root.close().expect("nothing left");
    assert_eq!(seen, expected);
    assert_eq!(["run", "var"].map(|parent| names(&place.path(parent))), [const { Vec::<String>::new() }; 2]);
}

#[rstest]
#[case::a_colon(b"a:b")]
#[case::a_line_end(b"two\nlines")]
#[case::no_utf8(b"\xff\xfe")]
#[case::an_option(b"--bind")]
#[case::escapes(b"\x1b]0;x\x07\\040")]
#[case::a_comma_and_a_blank(b"a,b c")]
#[case::deleted(b"a (deleted)")]
fn a_tree_may_lie_in_a_directory_of_any_name(#[case] name: &[u8]) {
    let place = Place::changed("mkdir c; echo mine > c/mark; ln -s /c etc/containers");
    let root = place.path("").join(OsStr::from_bytes(name));
    std::fs::rename(place.path("root"), &root).expect("another name");
    let open = builder(&root).rundir(place.path("run")).vardir(place.path("var")).open().expect("an open root");
    let seen = well(run(&open, shell("cat /etc/containers/mark").read_only_bind("/usr", "/usr")));
    open.close().expect("nothing left");
    assert_eq!(seen, "mine\n");
}

#[rstest]
#[case::a_line_end(b"/no\nwhere", r"/no\x0awhere")]
#[case::escapes(b"/no\x1b[2Jwhere", r"/no\x1b[2Jwhere")]
#[case::from_right_to_left("/no\u{202e}where".as_bytes(), r"/no\xe2\x80\xaewhere")]
#[case::no_utf8(b"/no\xffwhere", "/no\u{fffd}where")]
fn the_name_of_a_tree_is_told_without_harm(#[case] name: &[u8], #[case] told: &str) {
    for (verb, code) in [("run", 125), ("check", 2)] {
        let done = command(&[verb, "--root"], Path::new(OsStr::from_bytes(name)));
        let line = format!("rootcontract: cannot open the root {told}: No such file or directory\n");
        assert_eq!(String::from_utf8_lossy(&done.stderr), line);
        assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(code), &b""[..]));
    }
}

/// Words that a careless hand would take for options, leave out or cut.
const WORDS: [&[u8]; 9] = [b"-", b"--", b"--bind", b"", b"two\nlines", b"\n", b"\xff", b"a=b:c", b"'\"$(x)"];

/// A command that prints them.
fn print() -> Vec<OsString> {
    let words = WORDS.iter().map(|word| OsStr::from_bytes(word).to_owned());
    ["/usr/bin/printf", "%s\\0"].map(OsString::from).into_iter().chain(words).collect()
}

/// The words, each with an end that none of them has in it.
fn listed() -> Vec<u8> {
    WORDS.iter().flat_map(|word| [word, &b"\0"[..]].concat()).collect()
}

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn a_word_is_a_word(#[case] profile: Profile) {
    let root = open(profile);
    let done = run(&root, Invocation::new(print()));
    root.close().expect("nothing left");
    assert_eq!((done.outcome, done.stdout.bytes()), (Outcome::Exited(0), listed()));

    let mut command = Command::new(supervisor());
    let done = command
        .args(["run", "--quiet", "--capabilities", "inherit", "--profile", profile.name(), "--"])
        .args(print())
        .output();
    let done = done.expect("the command");
    assert_eq!((done.status.code(), done.stderr.as_slice(), done.stdout), (Some(0), &b""[..], listed()));
}

#[rstest]
#[case::an_option("--help")]
#[case::a_bind("--ro-bind")]
#[case::a_dash("-")]
#[case::two_dashes("--")]
#[case::nothing("")]
#[case::a_line_end("two\nlines")]
fn a_program_of_any_name_is_not_found(#[case] name: &str) {
    let root = open(Profile::OsbuildV190);
    let done = run(&root, Invocation::new([name, "/usr", "/usr"]));
    root.close().expect("nothing left");
    assert_eq!((done.outcome, done.stdout.text().as_str()), (Outcome::NotFound, ""));

    let mut command = Command::new(supervisor());
    let done = command
        .args(["run", "--quiet", "--capabilities", "inherit", "--", name, "/usr", "/usr"])
        .output()
        .expect("a run");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(told.starts_with("bwrap: execvp "), "{told}");
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(127), &b""[..]), "{told}");
}

#[test]
fn a_word_with_a_nul_is_refused() {
    let root = open(Profile::OsbuildV190);
    let error = root.run(Invocation::new(["/usr/bin/echo", "a\0b"])).expect_err("no word for a kernel");
    let next = well(run(&root, shell("echo well")));
    root.close().expect("nothing left");
    let line = "cannot start bubblewrap: cannot pass an argument with a NUL byte: ";
    assert!(chain(&error).starts_with(line), "{}", chain(&error));
    assert_eq!(next, "well\n");
}
