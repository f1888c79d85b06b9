//! Facts in which a clause applies and holds, whatever the machine is like.

use serde_json::{Map, Value, json};

use crate::contract::{
    CallerList, CallerMounts, Capabilities, Clause, Directory, Expect, Fact, FactPath, Mount, Place, Segment, When,
    Word, mount_at, name_at, node_at,
};

/// The facts, changed as little as it takes for the clause to apply and to hold.
pub fn of(clause: &Clause, facts: &Value) -> Value {
    let mut document = facts.clone();
    meet(&clause.when, &mut document);
    if crate::verify::holds(&clause.expect, &document) {
        return document;
    }
    satisfy(&clause.expect, &mut document);
    document
}

/// Sets what the launch says so that the conditions are met.
fn meet(when: &When, document: &mut Value) {
    let launch = &mut document["launch"];
    let words = [
        ("arch", when.arch.iter().map(|arch| arch.as_str()).collect()),
        ("privilege", spelled(&when.privilege)),
        ("phase", spelled(&when.phase)),
        ("policy", spelled(&when.policy)),
    ];
    for (field, words) in words {
        let is_met = words.iter().any(|word| launch[field] == *word);
        if let (Some(word), false) = (words.first(), is_met) {
            launch[field] = json!(word);
        }
    }
    for condition in &when.host {
        launch["host"][condition.fact.as_str()] = json!(condition.wanted);
    }
    for condition in &when.tree {
        launch["tree"][condition.fact.as_str()] = json!(condition.wanted);
    }
}

fn spelled<W: Word>(words: &[W]) -> Vec<&str> {
    words.iter().map(|word| word.as_str()).collect()
}

/// Sets what the expectation reads to what it expects.
fn satisfy(expect: &Expect, document: &mut Value) {
    match expect {
        Expect::Mount(mount) => put_mount(mount, document),
        Expect::CallerMounts(mounts) => put_caller_mount(mounts, document),
        Expect::NoMount(place) => drop(put(document, &mount_at(place.as_str()), None)),
        Expect::Absent(place) => put_absent(place, document),
        Expect::NoVariable(name) => drop(put(document, &FactPath::fields(["environment"]).key(name), None)),
        Expect::Link(link) => {
            let resolves = link.resolves.unwrap_or(true);
            let found = json!({ "kind": "symlink", "target": link.target, "resolves": resolves });
            put(document, &name_at(&link.at), Some(found));
        }
        Expect::Device(_) | Expect::Node(_) => put_node(expect, document),
        Expect::Directory(directory) => put_directory(directory, document),
        Expect::Variable(variable) => {
            let same_as = variable.same_as.as_ref().and_then(|path| find(document, path)).cloned();
            let one_of = variable.one_of.iter().flatten().next().map(|value| json!(value));
            let value = variable.equals.as_ref().map(|value| json!(value)).or(one_of).or(same_as);
            put(document, &FactPath::fields(["environment"]).key(&variable.name), Some(value.unwrap_or(json!("x"))));
        }
        Expect::Capabilities(capabilities) => put_capabilities(capabilities, document),
        Expect::Attempt(attempt) => {
            put(
                document,
                &FactPath::fields(["attempts"]).key(&attempt.name),
                attempt.gives.first().map(|word| json!(word)),
            );
        }
        Expect::Fact(fact) => put_fact(fact, document),
        Expect::Process(process) => {
            if let (Some(pid), Some(command)) = (process.pid.pid(document), &process.command) {
                put(document, &FactPath::fields(["pids", "commands"]).key(&pid.to_string()), Some(json!(command)));
            }
        }
        // These hold wherever the contract is kept.
        Expect::MountsBelow(_) | Expect::Variables(_) | Expect::Namespace(_) | Expect::Closed(_) => {}
    }
}

/// A mount like that of `/`, with what is expected.
fn put_mount(mount: &Mount, document: &mut Value) {
    let mut like = find(document, &mount_at("/")).cloned().unwrap_or(json!({}));
    let flags = mount.flags.as_ref().map(|flags| json!(flags));
    let wanted = [
        ("flags", flags),
        ("fstype", mount.fstype.as_ref().map(|value| json!(value))),
        ("source", mount.source.as_ref().map(|value| json!(value))),
        ("root", mount.root.as_ref().map(|value| json!(value))),
        ("stacked", mount.stacked.map(|value| json!(value))),
    ];
    for (field, value) in wanted {
        if let Some(value) = value {
            like[field] = value;
        }
    }
    put(document, &mount_at(mount.at.as_str()), Some(like));
}

/// One thing that the caller asked for, mounted.
fn put_caller_mount(mounts: &CallerMounts, document: &mut Value) {
    let below = mounts.below.as_ref().map_or("", Place::as_str).trim_end_matches('/');
    let (list, asked, at) = match mounts.of {
        CallerList::Binds => ("binds", json!([{ "at": "/mnt/bind", "access": "ro" }]), "/mnt/bind".to_owned()),
        CallerList::Api => ("api", json!(["socket"]), format!("{below}/socket")),
        CallerList::Runner => ("runner", json!("runner"), format!("{below}/runner")),
        CallerList::Covers => ("covers", json!(["cover"]), format!("{below}/cover")),
    };
    put(document, &FactPath::fields(["launch", list]), Some(asked));
    let mut like = find(document, &mount_at("/")).cloned().unwrap_or(json!({}));
    let access = (mounts.of == CallerList::Binds).then(|| json!("ro"));
    like["flags"] = access.into_iter().chain(mounts.flags.iter().map(|flag| json!(flag))).collect();
    put(document, &mount_at(&at), Some(like));
}

/// In the list of `/` an entry that is not there has no key; elsewhere it is `null`.
fn put_absent(place: &Place, document: &mut Value) {
    let path = name_at(place);
    let nothing = (path.segments().first().map(Segment::as_str) == Some("nodes")).then_some(Value::Null);
    put(document, &path, nothing);
}

/// A node like others, with what is expected.
fn put_node(expect: &Expect, document: &mut Value) {
    let (Expect::Device(_) | Expect::Node(_), Ok(Value::Object(form))) = (expect, serde_json::to_value(expect)) else {
        return;
    };
    let Some(Value::Object(wanted)) = form.into_values().next() else { return };
    let Some(at) = wanted.get("at").and_then(Value::as_str).and_then(|at| Place::try_from(at.to_owned()).ok()) else {
        return;
    };
    let mut like = json!({ "kind": "file", "mode": "0644", "uid": 0, "gid": 0, "size": 1, "major": 0, "minor": 0 });
    for (field, value) in wanted.into_iter().filter(|(field, _)| field != "at") {
        like[field] = value;
    }
    put(document, &node_at(&at), Some(like));
}

fn put_directory(directory: &Directory, document: &mut Value) {
    let names = directory.exactly.as_ref().unwrap_or(&directory.contains);
    put(document, &FactPath::fields(["directories"]).key(directory.at.as_str()), Some(json!(names)));
}

fn put_capabilities(capabilities: &Capabilities, document: &mut Value) {
    let same_as = capabilities.same_as.and_then(|reference| reference.fact());
    let same_as = same_as.and_then(|path| find(document, &path)).cloned();
    let listed = capabilities.equals.as_ref().unwrap_or(&capabilities.contains);
    let value = same_as.unwrap_or_else(|| json!(listed));
    put(document, &FactPath::fields(["capabilities", capabilities.set.as_str()]), Some(value));
}

fn put_fact(fact: &Fact, document: &mut Value) {
    let same_as = fact.same_as.as_ref().and_then(|path| find(document, path)).cloned();
    let below = fact.below.first().map(|place| json!(format!("{}/x", place.as_str().trim_end_matches('/'))));
    let number = fact.at_least.or(fact.at_most).map(|number| json!(number));
    let one_of = fact.one_of.iter().flatten().next().cloned();
    let listed = (!fact.contains.is_empty()).then(|| json!(fact.contains));
    let value = fact.equals.clone().or(one_of).or(same_as).or(below).or(number).or(listed);
    put(document, &fact.path, Some(value.unwrap_or(json!([]))));
}

/// The value of a fact, if the document has one.
pub fn find<'facts>(document: &'facts Value, path: &FactPath) -> Option<&'facts Value> {
    let (half, rest) = half(path);
    rest.iter().try_fold(&document[half], |value, segment| value.get(segment.as_str()))
}

/// The value of another fact in the same map, one that is something.
pub fn sibling<'facts>(document: &'facts Value, path: &FactPath) -> Option<&'facts Value> {
    let (half, rest) = half(path);
    let (last, above) = rest.split_last()?;
    let map = above.iter().try_fold(&document[half], |value, segment| value.get(segment.as_str()))?.as_object()?;
    map.iter().find(|(key, value)| *key != last.as_str() && !value.is_null()).map(|(_, value)| value)
}

/// Gives a fact another value, or takes it away; what it was. Maps on the way to it are made.
pub fn put(document: &mut Value, path: &FactPath, value: Option<Value>) -> Option<Value> {
    let (half, rest) = half(path);
    let (last, above) = rest.split_last()?;
    let above = above.iter().fold(&mut document[half], |map, segment| {
        if !map.is_object() {
            *map = Value::Object(Map::new());
        }
        &mut map[segment.as_str()]
    });
    if !above.is_object() {
        *above = Value::Object(Map::new());
    }
    let map = above.as_object_mut()?;
    match value {
        Some(value) => map.insert(last.as_str().to_owned(), value),
        None => map.remove(last.as_str()),
    }
}

fn half(path: &FactPath) -> (&'static str, &[Segment]) {
    match path.segments() {
        [first, rest @ ..] if first.as_str() == "launch" => ("launch", rest),
        all => ("probe", all),
    }
}
