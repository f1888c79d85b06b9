//! What packages do in a build root, told from what they say: real packages, made by rpmbuild or by others.

mod command;
mod ground;
mod malformed;
mod real;
mod rules;

use std::path::{Path, PathBuf};
use std::process::Command;

use rootcontract::contract::Contract;
use rootcontract::rpm::judge::{Asked, Judge};
use rootcontract::rpm::package::Package;
use rootcontract::rpm::reading::Reading;
use rootcontract::rpm::report::Report;
use rootcontract::rpm::verdict::{Scenario, USUAL};
use tempfile::TempDir;

/// The packages that a spec makes.
pub struct Built {
    directory: TempDir,
}

impl Built {
    /// Of a spec of `fixtures/rpm`.
    pub fn of(spec: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rpm").join(spec);
        let define = |name: &str, path: &Path| format!("{name} {}", path.display());
        let done = Command::new("rpmbuild")
            .args(["-bb", "--quiet", "--nodeps", "--define", &define("_topdir", directory.path())])
            .args(["--define", &define("_sourcedir", spec.parent().expect("a directory"))])
            .arg(spec)
            .env("HOME", directory.path())
            .output()
            .expect("rpmbuild: ci/setup test installs it");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Self { directory }
    }

    pub fn file(&self, package: &str) -> PathBuf {
        self.directory.path().join("RPMS/noarch").join(format!("{package}-1-1.noarch.rpm"))
    }

    pub fn packages(&self) -> PathBuf {
        self.directory.path().join("RPMS/noarch")
    }

    /// The files of all of them.
    pub fn files(&self) -> Vec<PathBuf> {
        let pattern = format!("{}/RPMS/*/*.rpm", self.directory.path().display());
        glob::glob(&pattern).expect("a pattern").map(|file| file.expect("a file")).collect()
    }
}

fn read(file: &Path) -> Reading {
    let mut source = std::fs::File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Reading::of(Package::read(&mut source).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}

/// What becomes of a package by a contract, on x86_64, in every scenario and with every usual rpm.
fn judged(reading: &Reading, contract: &Contract) -> Report {
    let asked = Asked { scenarios: Scenario::ALL.to_vec(), versions: USUAL.to_vec() };
    Judge::new(contract, "x86_64").judge("mypkg.rpm", reading, &asked)
}

fn osbuild() -> Contract {
    Contract::builtin("osbuild-v190").expect("a contract")
}
