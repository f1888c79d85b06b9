//! Facts documents as lists of single facts.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::Relevance;
use super::relevance::of_fact;
use crate::buildroot::SCRATCH_PREFIX;
use crate::contract::FactPath;
use crate::verify::is_unread;

/// How many characters follow the prefix in the name of a scratch directory (tempfile's default).
const RANDOM: usize = 6;

/// Facts that are told beside the changes, in a [`Side`](super::Side).
const IN_SIDE: [&str; 11] = [
    "launch.profile",
    "launch.phase",
    "launch.privilege",
    "launch.arch",
    "launch.evidence",
    "launch.kernel",
    "launch.libc",
    "launch.bwrap.path",
    "launch.bwrap.version",
    "launch.bwrap.package",
    "security.modules",
];

/// A fact with another value on each side; `None` where a side does not have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf<'facts> {
    /// Its name.
    pub path: FactPath,
    /// On the first side.
    pub before: Option<&'facts Value>,
    /// On the second side.
    pub after: Option<&'facts Value>,
}

impl Leaf<'_> {
    /// Whether it is another one in each launch.
    pub fn is_volatile(&self) -> bool {
        of_fact(&self.path) == Relevance::Volatile
    }
}

/// The facts that are not the same in two documents, by name. What only one side has is one fact, with all that is below
/// it; names of scratch directories are all the same.
pub fn differing<'facts>(before: &'facts Value, after: &'facts Value) -> Vec<Leaf<'facts>> {
    let mut found = Vec::new();
    for (half, above) in [("launch", FactPath::fields(["launch"])), ("probe", FactPath::fields([]))] {
        collect(above, before.get(half), after.get(half), &mut found);
    }
    found.retain(|leaf| !IN_SIDE.contains(&leaf.path.to_string().as_str()));
    found
}

fn collect<'facts>(
    path: FactPath,
    before: Option<&'facts Value>,
    after: Option<&'facts Value>,
    found: &mut Vec<Leaf<'facts>>,
) {
    let map = |value: Option<&'facts Value>| value.filter(|value| !is_unread(value)).and_then(Value::as_object);
    match (map(before), map(after)) {
        (Some(one), Some(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            keys.into_iter().for_each(|key| collect(step(path.clone(), key), one.get(key), other.get(key), found));
        }
        (_, _) if same(before, after) => {}
        (_, _) => found.push(Leaf { path, before, after }),
    }
}

fn same(before: Option<&Value>, after: Option<&Value>) -> bool {
    match (before, after) {
        (Some(Value::String(before)), Some(Value::String(after))) => without_scratch(before) == without_scratch(after),
        (before, after) => before == after,
    }
}

/// Text with one name for every scratch directory: `/run/rootcontract/rootcontract-*/lib`.
pub fn without_scratch(text: &str) -> Cow<'_, str> {
    let mut parts = text.split(SCRATCH_PREFIX);
    let first = parts.next().unwrap_or_default();
    let mut whole = String::from(first);
    for part in parts {
        let random = part.bytes().take(RANDOM).filter(u8::is_ascii_alphanumeric).count() == RANDOM;
        whole.push_str(SCRATCH_PREFIX);
        match random {
            true => whole.extend(["*", &part[RANDOM..]]),
            false => whole.push_str(part),
        }
    }
    if whole == text { Cow::Borrowed(text) } else { Cow::Owned(whole) }
}

/// A field has a name of ours; everything else is a key.
fn step(path: FactPath, key: &str) -> FactPath {
    let ours = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if key.bytes().all(ours) { path.field(key) } else { path.key(key) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn names(before: &Value, after: &Value) -> Vec<String> {
        differing(before, after).iter().map(|leaf| leaf.path.to_string()).collect()
    }

    #[test]
    fn what_differs_is_told_by_its_name_and_what_is_the_same_is_not() {
        let before = json!({"launch": {"kernel": "6.1", "api": ["a"]}, "probe": {"nodes": {"/a b": {"mode": "0755", "uid": 0}}}});
        let after =
            json!({"launch": {"kernel": "6.12", "api": []}, "probe": {"nodes": {"/a b": {"mode": "0700", "uid": 0}}}});
        assert_eq!(names(&before, &after), ["launch.api", "nodes[/a b].mode"]);
        assert_eq!(names(&before, &before), [""; 0]);
    }

    #[test]
    fn what_is_there_on_one_side_only_differs() {
        let before = json!({"launch": null, "probe": {"environment": {"LANG": null, "HOME": "/"}}});
        let after = json!({"launch": null, "probe": {"environment": {"HOME": "/"}}});
        let lang = differing(&before, &after);
        assert_eq!((lang.len(), lang[0].path.to_string().as_str()), (1, "environment[LANG]"));
        assert_eq!((lang[0].before, lang[0].after), (Some(&Value::Null), None));
    }

    #[test]
    fn what_is_new_is_one_fact_with_all_that_is_below() {
        let before = json!({"launch": null, "probe": {"devices": {}}});
        let after = json!({"launch": null, "probe": {"devices": {"/dev/fuse": {"major": 10, "minor": 229}}}});
        assert_eq!(names(&before, &after), ["devices[/dev/fuse]"]);
    }

    #[test]
    fn what_could_not_be_read_is_one_fact() {
        let before = json!({"launch": null, "probe": {"time": {"what": "read x", "errno": "EACCES"}}});
        let after = json!({"launch": null, "probe": {"time": {"what": "read x", "errno": "ENOENT"}}});
        assert_eq!(names(&before, &after), ["time"]);
    }

    #[rstest]
    #[case::scratch("/run/rootcontract/rootcontract-a1B2c3/lib", "/run/rootcontract/rootcontract-*/lib")]
    #[case::two("rootcontract-a1B2c3 rootcontract-ZZZZZZ", "rootcontract-* rootcontract-*")]
    #[case::too_short("/var/tmp/rootcontract-a1", "/var/tmp/rootcontract-a1")]
    #[case::other("rootcontract-probe", "rootcontract-probe")]
    #[case::not_ascii("rootcontract-äöüäöü", "rootcontract-äöüäöü")]
    #[case::none("/usr", "/usr")]
    fn scratch_directories_have_one_name(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(without_scratch(text), expected);
    }
}
