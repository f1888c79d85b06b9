//! A SARIF log with one run: what results have in common, whatever they are about.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use serde_sarif::sarif::{
    Artifact, ArtifactContent, ArtifactLocation, Invocation, Location, LogicalLocation, Message,
    MultiformatMessageString, Notification, PhysicalLocation, PropertyBag, Region, ReportingDescriptor, Result, Run,
    Sarif, Suppression, Tool, ToolComponent,
};

use super::uri;
use crate::facts::frame;
use crate::report::show::shown;

/// The schema of version 2.1.0, where OASIS has it.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The name that code scanning looks for.
const FINGERPRINT: &str = "primaryLocationLineHash";

/// A log that is being written.
#[derive(Default)]
pub(crate) struct Log {
    artifacts: Vec<Artifact>,
    rules: Vec<ReportingDescriptor>,
    results: Vec<Result>,
    notifications: Vec<Notification>,
    fingerprints: BTreeMap<String, usize>,
}

/// Where a result is: in a file, in something of it that has a name, at a line and column of that.
pub(crate) struct Place<'a> {
    /// The file, escaped.
    pub(crate) file: &'a str,
    /// What kind of thing it is in: `function`, `resource`.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// The same with the names of what it is in.
    pub(crate) full_name: String,
    /// Line and column, counted from 1, and the line's text.
    pub(crate) line: Option<(usize, usize, &'a str)>,
}

impl Log {
    /// Adds a result; `same` is what it has in common with the same result of another day.
    pub(crate) fn add(&mut self, mut result: Result, rule: ReportingDescriptor, place: Place<'_>, same: &[&str]) {
        result.rule_id = Some(rule.id.clone());
        result.rule_index = Some(self.rule(rule));
        result.locations = Some(vec![self.location(place)]);
        result.partial_fingerprints = Some([(FINGERPRINT.to_owned(), self.fingerprint(same))].into());
        self.results.push(result);
    }

    /// Adds something that is to be known of how it was looked at.
    pub(crate) fn note(&mut self, level: &'static str, text: &str, file: &str, properties: BTreeMap<String, Value>) {
        let at = PhysicalLocation { artifact_location: Some(self.artifact(file)), ..PhysicalLocation::default() };
        let mut note = Notification::builder().message(message(text)).build();
        note.level = Some(level.into());
        note.locations = Some(vec![Location { physical_location: Some(at), ..Location::default() }]);
        note.properties = (!properties.is_empty()).then(|| bag(properties));
        self.notifications.push(note);
    }

    fn rule(&mut self, rule: ReportingDescriptor) -> i64 {
        let at = self.rules.iter().position(|known| known.id == rule.id).unwrap_or_else(|| {
            self.rules.push(rule);
            self.rules.len() - 1
        });
        number(at)
    }

    /// The file among those that were looked at.
    fn artifact(&mut self, file: &str) -> ArtifactLocation {
        let uri = uri::of(file);
        let is_it = |known: &Artifact| known.location.as_ref().is_some_and(|at| at.uri.as_ref() == Some(&uri));
        let at = self.artifacts.iter().position(is_it).unwrap_or_else(|| {
            let role = if file == "-" { "standardStream" } else { "analysisTarget" };
            let location = ArtifactLocation { uri: Some(uri.clone()), ..ArtifactLocation::default() };
            self.artifacts.push(Artifact {
                location: Some(location),
                roles: Some(vec![role.into()]),
                ..Artifact::default()
            });
            self.artifacts.len() - 1
        });
        ArtifactLocation { uri: Some(uri), index: Some(number(at)), ..ArtifactLocation::default() }
    }

    fn location(&mut self, place: Place<'_>) -> Location {
        let region = place.line.map(|(line, column, text)| Region {
            start_line: Some(number(line)),
            start_column: Some(number(column)),
            snippet: Some(ArtifactContent { text: Some(shown(text)), ..ArtifactContent::default() }),
            ..Region::default()
        });
        let physical = PhysicalLocation {
            artifact_location: Some(self.artifact(place.file)),
            region,
            ..PhysicalLocation::default()
        };
        let logical = LogicalLocation {
            name: Some(shown(&place.name)),
            fully_qualified_name: Some(shown(&place.full_name)),
            kind: Some(place.kind.to_owned()),
            ..LogicalLocation::default()
        };
        Location { physical_location: Some(physical), logical_locations: Some(vec![logical]), ..Location::default() }
    }

    /// A name that the same result has on another day, and no other result of this log.
    fn fingerprint(&mut self, same: &[&str]) -> String {
        let digest = format!("{:016x}", frame::digest(same.join("\0").as_bytes()));
        let times = self.fingerprints.entry(digest.clone()).or_default();
        *times += 1;
        format!("{digest}:{times}")
    }

    /// The log as JSON; `is_whole` says whether everything that was to be looked at was.
    pub(crate) fn text(mut self, is_whole: bool) -> serde_json::Result<String> {
        // Where one result says whether it is suppressed all have to.
        if self.results.iter().any(|result| result.suppressions.is_some()) {
            for result in &mut self.results {
                result.suppressions.get_or_insert_default();
            }
        }
        let mut driver = ToolComponent::builder().name("rootcontract").build();
        driver.version = Some(env!("CARGO_PKG_VERSION").to_owned());
        driver.semantic_version = driver.version.clone();
        driver.rules = Some(self.rules);
        let mut invocation = Invocation::builder().execution_successful(is_whole).build();
        invocation.tool_execution_notifications = Some(self.notifications);
        let mut run = Run::builder().tool(Tool::from(driver)).build();
        run.artifacts = Some(self.artifacts);
        run.column_kind = Some("unicodeCodePoints".into());
        run.invocations = Some(vec![invocation]);
        run.results = Some(self.results);
        let mut log = Sarif::builder().runs(vec![run]).version(json!("2.1.0")).build();
        log.schema = Some(SCHEMA.to_owned());
        Ok(serde_json::to_string_pretty(&log)? + "\n")
    }
}

/// A result, before it is known where.
pub(crate) fn result(text: &str, properties: BTreeMap<String, Value>) -> Result {
    let mut result = Result::builder().message(message(text)).build();
    result.properties = Some(bag(properties));
    result
}

/// A rule: what it says in a sentence, and each of what else there is to know, with its label.
pub(crate) fn rule(id: &str, says: &str, more: &[(&str, &str)], tags: &[&str]) -> ReportingDescriptor {
    let mut rule = ReportingDescriptor::builder().id(id).build();
    rule.short_description = Some(text(says));
    if let Some((_, first)) = more.first() {
        rule.full_description = Some(text(&format!("{says} {first}")));
        let lines = |line: fn(&str, &str) -> String| {
            more.iter().map(|(label, words)| line(label, &escaped(words))).collect::<Vec<_>>().join("\n\n")
        };
        let mut help =
            MultiformatMessageString::builder().text(lines(|label, words| format!("{label}: {words}"))).build();
        help.markdown = Some(lines(|label, words| format!("**{label}**: {words}")));
        rule.help = Some(help);
    }
    let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    rule.properties = Some(PropertyBag::builder().tags(tags).build());
    rule
}

/// Something that somebody has let pass, with the reason.
pub(crate) fn waived(reason: &str) -> Vec<Suppression> {
    let mut suppression = Suppression::builder().kind("external").build();
    suppression.status = Some("accepted".into());
    suppression.justification = Some(shown(reason));
    vec![suppression]
}

fn bag(properties: BTreeMap<String, Value>) -> PropertyBag {
    PropertyBag::builder().additional_properties(properties).build()
}

fn message(words: &str) -> Message {
    Message::builder().text(escaped(words)).build()
}

fn text(words: &str) -> MultiformatMessageString {
    MultiformatMessageString::builder().text(escaped(words)).build()
}

/// As a message wants it: braces are placeholders otherwise, and `[…](…)` is a link (SARIF 2.1.0, 3.11.5 and 3.11.6).
fn escaped(words: &str) -> String {
    shown(words).replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

/// SARIF's numbers are signed.
fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
