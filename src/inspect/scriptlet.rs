//! The probe as the `%post` of a package, in the scriptlet's room.

use std::path::Path;

use super::{InspectError, Payload, Subject, Telling};
use crate::buildroot::BuildRoot;
use crate::rpm::probe;
use crate::rpm::room::Room;

/// The package's file.
const PACKAGE: &str = "rootcontract-probe.rpm";
/// Where the scriptlet puts what it saw.
const FACTS: &str = "/var/tmp/rootcontract-facts";

/// What installs the probe's package in a tree of its own.
pub(super) fn payload(root: &BuildRoot, subject: &Subject, arguments: [&str; 4]) -> Result<Payload, InspectError> {
    let room = Room::make(root).map_err(|source| InspectError::Host { what: "the scratch directory", source })?;
    let arguments: Vec<&str> = arguments.into_iter().chain(["--output", FACTS]).collect();
    probe::package(&subject.probe, &arguments, &room.packages().join(PACKAGE))
        .map_err(|source| InspectError::Package { probe: subject.probe.clone(), source: source.into() })?;
    let facts = Telling::File { tree: room.tree().to_owned(), path: Path::new(FACTS) };
    Ok(Payload { invocation: room.install(PACKAGE), facts })
}
