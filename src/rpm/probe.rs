//! The package whose `%post` is the probe.

use std::path::Path;

use rpm::{BuildConfig, CompressionType, FileOptions, PackageBuilder, Scriptlet};

/// Where the package puts the probe.
pub const PROBE: &str = "/usr/libexec/rootcontract-probe";

/// Writes a package to `file` that installs `probe` and executes it as the interpreter of its `%post`. The script is
/// `arguments`, one on each line.
///
/// # Errors
/// The probe can't be read, or the package not be written.
pub fn package(probe: &Path, arguments: &[&str], file: &Path) -> Result<(), rpm::Error> {
    let body = arguments.join("\n") + "\n";
    let about = "Says what the place looks like that scriptlets run in";
    PackageBuilder::new("rootcontract-probe", env!("CARGO_PKG_VERSION"), "Apache-2.0", "noarch", about)
        // What is unpacked at once, by any rpm.
        .using_config(BuildConfig::v4().compression(CompressionType::None))
        .with_file(probe, FileOptions::new(PROBE).permissions(0o755))?
        .post_install_script(Scriptlet::new(body).prog(vec![PROBE]))
        .build()?
        .write_file(file)
}
