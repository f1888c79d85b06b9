//! What a package does when it is installed, where there is something to install it in.

use std::path::{Path, PathBuf};

use rootcontract::arch;
use rootcontract::binfmt;
use rootcontract::facts::launch::Evidence;
use rootcontract::matrix::{Ground as Found, Usual, Wanted, workshop};
use rootcontract::profile::Profile;
use rootcontract::report::show;
use rootcontract::rpm::closure::{Programs, told};
use rootcontract::rpm::install::{Ground, Tree, transactions};
use rootcontract::rpm::observed::{self, Setting};
use rootcontract::rpm::package::Package;
use rootcontract::rpm::report::Report;
use rootcontract::rpm::verdict::Scenario;
use rootcontract::tree;

use super::check::Judges;
use super::closure::Closures;

/// What is installed, and of what.
pub struct Install<'a> {
    /// The system whose rpm does it, if one was named.
    pub root: Option<&'a Path>,
    /// What it is installed in.
    pub place: Place<'a>,
    /// The package.
    pub file: &'a Path,
    /// What is done with it.
    pub scenarios: &'a [Scenario],
}

/// What a package is installed in.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    /// A copy of the usual tree.
    Usual,
    /// A copy of this tree.
    Tree(&'a Path),
    /// A tree of what it requires for its scriptlets.
    Closure(&'a Closures),
}

impl Install<'_> {
    /// Does it, and adds what was seen to a report; or why it was not done.
    ///
    /// # Errors
    /// It was not done, and where to do it was said: then it was asked for.
    pub fn observe(&self, report: &mut Report, package: &Package, judges: &Judges<'_>) -> Result<(), String> {
        if package.scriptlets.is_empty() {
            return Ok(());
        }
        let Err(why) = self.seen(report, package, judges) else { return Ok(()) };
        report.coverage.because(&why);
        match self.place {
            // It was asked for, and that it could not be done is no pass.
            Place::Closure(_) => told::add_not_run(report, package, &why),
            Place::Tree(_) => return Err(why),
            Place::Usual if self.root.is_some() => return Err(why),
            Place::Usual => {}
        }
        Ok(())
    }

    fn seen(&self, report: &mut Report, package: &Package, judges: &Judges<'_>) -> Result<(), String> {
        let profile: Profile =
            report.profile.parse().map_err(|_| "the contract is of no profile that is built".to_owned())?;
        let judge = judges.of_report(report).ok_or("there is no contract of this room")?;
        let arch = arch::named(&report.arch).ok_or("there is no such architecture")?;
        let is_foreign = arch::native() != Some(arch);
        if is_foreign {
            let bwrap =
                rootcontract::bwrap::find(std::env::var_os("PATH").as_deref()).map_err(|error| show::line(&error))?;
            binfmt::runs(arch, &bwrap).map_err(|error| show::line(&error))?;
        }
        let Planted { tree, name, programs, notes } = match self.place {
            Place::Usual => Planted::copy_of(tree_of(None, arch)?),
            Place::Tree(tree) => Planted::copy_of(tree_of(Some(tree), arch)?),
            Place::Closure(closures) => self.planted(closures, arch, profile)?,
        };
        let ground = Ground { root: self.root.unwrap_or(Path::new("/")).to_owned(), tree, profile };
        let done =
            transactions(&ground, self.file, &package.name, self.scenarios).map_err(|error| show::line(&error))?;
        let evidence = if is_foreign { Evidence::UserEmulated } else { Evidence::Native };
        let setting = Setting { ground: judge.ground(), programs: &programs, evidence };
        observed::add(report, package, &setting, &done.transactions);
        if done.unreadable > 0 {
            report.notes.push(format!("{} parts of the tree can't be read, and were left out", done.unreadable));
        }
        report.notes.push(format!("installed in {name}, contained, without its dependencies (--nodeps)"));
        report.notes.extend(notes);
        Ok(())
    }

    /// The tree of what the package requires.
    fn planted<'a>(
        &self,
        closures: &'a Closures,
        arch: &'static arch::Architecture,
        profile: Profile,
    ) -> Result<Planted<'a>, String> {
        let Some(checked) = closures.at_hand().of_file(self.file) else {
            return Err("what it requires can't be read from its file again".to_owned());
        };
        let closure = closures.closure(checked, arch);
        if let Some(missing) = told::missing(&closure) {
            return Err(missing);
        }
        let bare = closures.tree(&closure.packages, profile)?;
        let complaints = bare.complaints().iter().map(|line| format!("while that tree was made rpm said: {line}"));
        let notes = told::notes(&closure).into_iter().chain(complaints).collect();
        let programs = Programs { at_hand: Some((closures.at_hand(), arch.rpm)), there: closure.packages };
        let name = "a tree of what it requires for its scriptlets".to_owned();
        Ok(Planted { tree: Tree::Bare(bare), name, programs, notes })
    }
}

/// A tree, and who has what is not in it.
struct Planted<'a> {
    tree: Tree,
    /// What to call it.
    name: String,
    programs: Programs<'a>,
    /// What else is to be told of it.
    notes: Vec<String>,
}

impl Planted<'_> {
    fn copy_of(tree: PathBuf) -> Self {
        let name = format!("a copy of {}", show::shown(&tree.display().to_string()));
        Self { tree: Tree::Of(tree), name, programs: Programs::default(), notes: Vec::new() }
    }
}

/// The tree that was named, if it is of the architecture, else the usual one.
pub fn tree_of(named: Option<&Path>, arch: &'static arch::Architecture) -> Result<PathBuf, String> {
    if let Some(tree) = named {
        return tree::holds(tree, arch).map(|()| tree.to_owned()).map_err(|error| show::line(&error));
    }
    let wanted = Wanted { architectures: vec![arch], usual: vec![Usual::Trees], ..Wanted::default() };
    match wanted.places(&workshop()).ok().and_then(|mut places| places.pop()).map(|place| place.ground) {
        Some(Found::Tree(tree)) => Ok(tree),
        _ => Err("there is no tree to install it in: name one with --tree, or have ci/tree make one".to_owned()),
    }
}
