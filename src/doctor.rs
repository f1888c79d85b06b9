//! What has to be so for a build root to be built here: what is found of it, and how what is missing is mended.
//!
//! One file per area; each reads what it has to know, and judges that by a function of what was read. What can be tried
//! is tried. Settings are read to say why a trial failed, never to tell what one would come to.

mod bubblewrap;
mod capabilities;
mod check;
mod devices;
pub mod human;
mod kernel;
mod mounts;
mod profiles;
mod programs;
mod resources;
mod subordinate;
mod user_namespace;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arch::Architecture;
use crate::buildroot::is_root;

pub use check::{Check, Level, State};

/// Every precondition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The schema this document follows.
    pub schema: Schema,
    /// Who asks: what root needs and what an ordinary user needs are not the same.
    pub caller: Caller,
    /// What it comes to: the worst state of a check that is required.
    pub state: State,
    /// One for each precondition, each after what it depends on.
    pub checks: Vec<Check>,
}

/// The names of the schemas that this version writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Schema {
    /// The first one.
    #[serde(rename = "rootcontract.doctor/1")]
    V1,
}

/// What is tried alone, without what a build root has around it: a root of its own in a chroot, a user namespace for root
/// that may not mount.
const ALONE: [&str; 3] = ["bwrap.starts", "root.mount-point", "proc.unmasked"];

/// Who asks. For root no user namespace is made, for others there has to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Caller {
    /// User 0 of the host, with CAP_SYS_ADMIN.
    Root,
    /// Anybody else, root of a user namespace among them.
    User,
}

impl Caller {
    /// Who this process is.
    fn of_this_process() -> Self {
        if is_root() { Self::Root } else { Self::User }
    }
}

/// What is asked about.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The bubblewrap; `None` is the one that would be used.
    pub bwrap: Option<PathBuf>,
    /// The architectures whose probe has to be there and whose programs have to run.
    pub architectures: Vec<&'static Architecture>,
}

/// Looks at everything, in about a tenth of a second. Each trial has a limit of its own, and one that does not end is the
/// last of that bubblewrap.
pub fn examine(asked: &Asked) -> Document {
    let caller = Caller::of_this_process();
    // First, while there is one thread: it forks.
    let mut checks = kernel::checks(&kernel::read());
    checks.extend(user_namespace::checks(caller, &user_namespace::read(caller)));
    checks.extend(capabilities::checks(caller, &capabilities::read()));
    checks.extend(subordinate::checks(caller, &subordinate::read()));
    let bubblewrap = bubblewrap::read(asked.bwrap.as_deref());
    checks.extend(bubblewrap::checks(&bubblewrap));
    checks.extend(mounts::checks(caller, &mounts::read(), &bubblewrap));
    checks.extend(devices::checks(&devices::read()));
    checks.extend(resources::checks(&resources::read(caller)));
    for arch in &asked.architectures {
        checks.extend(programs::checks(arch, &programs::read(arch, &bubblewrap)));
    }
    let profiles = profiles::checks(&profiles::read(&bubblewrap));
    if profiles.iter().all(|check| check.state == State::Ok) {
        check::dispense(&mut checks, &ALONE);
    }
    checks.extend(profiles);
    Document { schema: Schema::V1, caller, state: check::worst(&checks), checks }
}

/// The JSON Schema of a [`Document`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}
