//! What is read of a spec: its packages, for each architecture.

use std::path::Path;
use std::time::Duration;

use rootcontract::arch::{self, Architecture};
use rootcontract::report::show;
use rootcontract::rpm::package::Package;
use rootcontract::rpm::spec::{Lines, Missing, Reader, Spec, SpecError};

/// What was read.
pub struct Read {
    /// The packages, and the architecture that each was read for.
    pub packages: Vec<(&'static str, Package)>,
    /// Where the lines of their scriptlets are in the spec.
    pub lines: Lines,
    /// What has to be known of them all.
    pub notes: Vec<String>,
}

/// Has the rpm of `system` read a spec for these architectures, each time for as long as `patience`; or why it was not read.
pub fn read(system: &Path, file: &Path, patience: Duration, architectures: &[&'static str]) -> Result<Read, String> {
    let told = |error: SpecError| show::line(&error);
    let spec = Spec::open(system, file, patience).map_err(told)?;
    let reader = spec.reader().map_err(told)?;
    let mut packages = Vec::new();
    let mut elsewhere = Vec::new();
    for arch in architectures.iter().filter_map(|name| arch::named(name)) {
        match spec.packages(arch) {
            Ok(made) => packages.extend(made.into_iter().map(|package| (arch.name, package))),
            Err(SpecError::OtherArchitecture) => elsewhere.push(arch),
            Err(error) if architectures.len() > 1 => return Err(format!("for {}: {}", arch.name, told(error))),
            Err(error) => return Err(told(error)),
        }
    }
    let lines = spec.lines();
    spec.close().map_err(told)?;
    if packages.is_empty() {
        return Err(format!("it is not for {} (ExclusiveArch, ExcludeArch)", names(&elsewhere)));
    }
    Ok(Read { packages, lines, notes: notes(&reader, &elsewhere) })
}

/// How it was read, and what that leaves open.
fn notes(reader: &Reader, elsewhere: &[&'static Architecture]) -> Vec<String> {
    let read = format!("read from a spec, by rpm {}", reader.version);
    let elsewhere = (!elsewhere.is_empty())
        .then(|| format!("the spec is not for {} (ExclusiveArch, ExcludeArch)", names(elsewhere)));
    std::iter::once(read).chain(elsewhere).chain(reader.missing.iter().map(missing)).collect()
}

fn missing(missing: &Missing) -> String {
    let names: Vec<String> = missing.names.iter().map(|name| format!("%{name}")).collect();
    format!(
        "this machine's rpm has no {}, so what that stands for is not judged: read the spec on a system that has {}, or build \
         it and check the packages",
        names.join(", "),
        missing.package
    )
}

fn names(architectures: &[&'static Architecture]) -> String {
    architectures.iter().map(|arch| arch.name).collect::<Vec<_>>().join(", ")
}
