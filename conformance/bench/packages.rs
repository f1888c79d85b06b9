//! What judging packages costs: thousands, of the shapes that distributions ship, on the processors there are.
//! A measurement, no test: `ci/bench packages`.

mod measure;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use measure::{finished, median, timed, verdict};
use nix::sys::resource::{UsageWho, getrusage};
use rpm::{BuildConfig, CompressionType, FileOptions, Package, PackageBuilder, Scriptlet};

/// How many packages there are.
const PACKAGES: usize = 4000;
/// How often all of them are judged; the median counts.
const ROUNDS: usize = 5;
/// Packages a second, at least.
const GOAL: f64 = 2000.0;
/// MiB of memory, at most.
const MEMORY: i64 = 64;

/// What `%post` is in a package, as macros of distributions expand; `%s` is its name.
const SHAPES: [&str; 8] = [
    "",
    "/sbin/ldconfig\n",
    "if [ $1 -eq 1 ] && [ -x /usr/lib/systemd/systemd-update-helper ]; then\n    /usr/lib/systemd/systemd-update-helper install-system-units %s.service || :\nfi\n",
    "if [ $1 -eq 1 ] ; then\n        # Initial installation\n        systemctl preset %s.service >/dev/null 2>&1 || :\nfi\n",
    "update-alternatives --install /usr/bin/%s %s /usr/bin/%s-3 30\n",
    "getent group %s >/dev/null || groupadd -r %s\ngetent passwd %s >/dev/null || useradd -r -g %s -d / -s /sbin/nologin %s\nexit 0\n",
    "if selinuxenabled; then\n  semodule -n -i /usr/share/selinux/%s.pp || :\n  restorecon -R /etc/%s\nfi\n",
    "touch --no-create /usr/share/icons/hicolor &>/dev/null || :\nif [ -x /usr/bin/gtk-update-icon-cache ]; then\n  gtk-update-icon-cache -q /usr/share/icons/hicolor\nfi\n",
];
/// How many files it has: most have few.
const FILES: [usize; 5] = [8, 20, 40, 120, 600];

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path());
    assert_eq!(judged(directory.path()), PACKAGES);
    let times = (0..ROUNDS).map(|_| timed(|| finished(&mut check(directory.path())))).collect();
    let rate = PACKAGES as f64 / median(times).as_secs_f64();
    let memory = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage").max_rss() / 1024;
    println!("{:<40} {:>9} {:>9}", format!("{PACKAGES} packages"), "", "goal");
    println!("{:<40} {rate:>9.0} {GOAL:>9.0}  {}", "packages a second", verdict(rate >= GOAL));
    println!("{:<40} {memory:>9} {MEMORY:>9}  {}", "memory, MiB", verdict(memory <= MEMORY));
}

/// Each shape with each number of files once; the same bytes again under other names.
fn write(directory: &Path) {
    let shapes = SHAPES.iter().flat_map(|shape| FILES.map(|files| (*shape, files)));
    let packages: Vec<Vec<u8>> = shapes.map(|(shape, files)| bytes(&package(shape, files))).collect();
    for number in 0..PACKAGES {
        let file = directory.join(format!("package-{number}.rpm"));
        fs::write(file, &packages[number % packages.len()]).expect("written");
    }
}

fn package(shape: &str, files: usize) -> Package {
    let mut builder = PackageBuilder::new("mypkg", "1.0", "MIT", "noarch", "A package of a real shape");
    builder.using_config(BuildConfig::v4().compression(CompressionType::None));
    for file in 0..files {
        let options = FileOptions::new(format!("/usr/share/mypkg/directory-{}/file-{file}", file / 10));
        builder.with_file_contents("contents", options).expect("a file");
    }
    if !shape.is_empty() {
        let body = shape.replace("%s", "mypkg");
        builder.post_install_script(Scriptlet::new(body.clone()).prog(vec!["/bin/sh"]));
        builder.post_uninstall_script(Scriptlet::new(body).prog(vec!["/bin/sh"]));
    }
    builder.build().expect("a package")
}

fn bytes(package: &Package) -> Vec<u8> {
    let mut bytes = Vec::new();
    package.write(&mut bytes).expect("bytes");
    bytes
}

/// Judges all of them.
fn check(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootcontract"));
    command.args(["rpm", "check", "--static", "--format", "json"]).arg(directory).stdin(Stdio::null());
    command
}

/// How many are.
fn judged(directory: &Path) -> usize {
    let done = check(directory).output().expect("started");
    done.stdout.windows(13).filter(|window| window == b"\"executed\": 0").count()
}
