//! What the suites share.

use std::path::PathBuf;

use rootcontract::buildroot::{BuildRoot, Builder, Surroundings};
use rootcontract::facts::launch::Phase;
use rootcontract::inspect::{Subject, inspect};
use serde_json::Value;

/// A builder for `root`, with the supervisor this build made.
pub fn builder(root: impl Into<PathBuf>) -> Builder {
    BuildRoot::builder(root).supervisor(supervisor())
}

/// The command this build made.
pub fn supervisor() -> PathBuf {
    env!("CARGO_BIN_EXE_rootcontract").into()
}

/// The static probe, which runs in any root.
pub fn probe() -> PathBuf {
    let arch = rootcontract::arch::native().expect("an architecture of the table").name;
    let probe = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/probes").join(arch).join("rootcontract-probe");
    assert!(probe.is_file(), "there is no {}: ci/probes builds it", probe.display());
    probe
}

/// What the probe sees in the root that `builder` opens, as JSON. Canaries are out for it to look for.
pub fn facts(builder: Builder, phase: Phase) -> Value {
    let bwrap = rootcontract::bwrap::find(None).expect("bwrap is installed");
    let subject = Subject {
        phase,
        runner: Some(fixture("runners/org.rootcontract.plain")),
        probe: probe(),
        about: rootcontract::bwrap::about(&bwrap),
        surroundings: Surroundings::Canaries,
    };
    serde_json::to_value(inspect(builder, &subject).expect("facts")).expect("facts are JSON")
}

/// A file of `fixtures/`.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}
