//! What a package does when it is installed, where there is something to install it in.

use std::path::{Path, PathBuf};

use rootcontract::arch;
use rootcontract::binfmt;
use rootcontract::facts::launch::Evidence;
use rootcontract::matrix::{Ground as Place, Usual, Wanted};
use rootcontract::profile::Profile;
use rootcontract::report::show;
use rootcontract::rpm::install::{Ground, transactions};
use rootcontract::rpm::observed;
use rootcontract::rpm::package::Package;
use rootcontract::rpm::report::Report;
use rootcontract::rpm::verdict::Scenario;
use rootcontract::tree;

use super::check::Judges;

/// What is installed, and of what.
pub struct Install<'a> {
    /// The system whose rpm does it.
    pub root: &'a Path,
    /// The tree that was named.
    pub tree: Option<&'a Path>,
    /// The package.
    pub file: &'a Path,
    /// What is done with it.
    pub scenarios: &'a [Scenario],
}

impl Install<'_> {
    /// Does it, and adds what was seen to a report; or why it was not done.
    pub fn observe(&self, report: &mut Report, package: &Package, judges: &Judges<'_>) {
        if package.scriptlets.is_empty() {
            return;
        }
        if let Err(why) = self.seen(report, package, judges) {
            report.coverage.because(&why);
        }
    }

    fn seen(&self, report: &mut Report, package: &Package, judges: &Judges<'_>) -> Result<(), String> {
        let profile: Profile =
            report.profile.parse().map_err(|_| "the contract is of no profile that is built".to_owned())?;
        let judge = judges.of_report(report).ok_or("there is no contract of this room")?;
        let arch = arch::named(&report.arch).ok_or("there is no such architecture")?;
        let tree = tree_of(self.tree, arch)?;
        let is_foreign = arch::native() != Some(arch);
        if is_foreign {
            let bwrap =
                rootcontract::bwrap::find(std::env::var_os("PATH").as_deref()).map_err(|error| show::line(&error))?;
            binfmt::runs(arch, &bwrap).map_err(|error| show::line(&error))?;
        }
        let ground = Ground { root: self.root.to_owned(), tree: tree.clone(), profile };
        let done =
            transactions(&ground, self.file, &package.name, self.scenarios).map_err(|error| show::line(&error))?;
        let evidence = if is_foreign { Evidence::UserEmulated } else { Evidence::Native };
        observed::add(report, package, judge.ground(), &done.transactions, evidence);
        if done.unreadable > 0 {
            report.notes.push(format!("{} parts of the tree can't be read, and were left out", done.unreadable));
        }
        report.notes.push(format!(
            "installed in a copy of {}, contained, without its dependencies (--nodeps)",
            show::shown(&tree.display().to_string())
        ));
        Ok(())
    }
}

/// The tree that was named, if it is of the architecture, else the usual one.
pub fn tree_of(named: Option<&Path>, arch: &'static arch::Architecture) -> Result<PathBuf, String> {
    if let Some(tree) = named {
        return tree::holds(tree, arch).map(|()| tree.to_owned()).map_err(|error| show::line(&error));
    }
    let wanted = Wanted { architectures: vec![arch], usual: vec![Usual::Trees], ..Wanted::default() };
    match wanted.places(Path::new("")).ok().and_then(|mut places| places.pop()).map(|place| place.ground) {
        Some(Place::Tree(tree)) => Ok(tree),
        _ => Err("there is no tree to install it in: name one with --tree, or have ci/tree make one".to_owned()),
    }
}
