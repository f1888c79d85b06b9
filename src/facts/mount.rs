//! Mounts, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Malformed,
    text::{decimal, escape, lines},
};

/// The mount that is seen at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// The options of the mount itself, sorted: `nodev`, `nosuid`, `relatime`, `ro` or `rw`.
    pub flags: Vec<String>,
    /// The type of the file system.
    pub fstype: String,
    /// What was mounted; may be empty.
    pub source: String,
    /// The path within the file system that is the root of this mount.
    pub root: String,
    /// `private`, or any of `shared`, `slave`, `unbindable`, sorted.
    pub propagation: Vec<String>,
    /// The options of the file system, sorted.
    pub super_options: Vec<String>,
    /// `major:minor` of the file system.
    pub device: String,
    /// How many mounts the table holds for this path.
    pub stacked: u32,
}

/// One row of the table, its fields as bytes with the kernel's octal escapes undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The mount's id.
    pub id: u64,
    /// The id of the mount it is mounted on.
    pub parent: u64,
    /// `major:minor`.
    pub device: Vec<u8>,
    /// The root of the mount within its file system.
    pub root: Vec<u8>,
    /// The mount point, seen from the process's root.
    pub point: Vec<u8>,
    /// The mount's own options, comma-separated.
    pub flags: Vec<u8>,
    /// The optional fields: `shared:N`, `master:N`, `propagate_from:N`, `unbindable`.
    pub optional: Vec<Vec<u8>>,
    /// The file system's type.
    pub fstype: Vec<u8>,
    /// The source, which bwrap 0.3.0 left empty.
    pub source: Vec<u8>,
    /// The file system's options, comma-separated.
    pub super_options: Vec<u8>,
}

/// Read the table.
pub fn parse(bytes: &[u8]) -> Result<Vec<Row>, Malformed> {
    lines(bytes).map(|(number, line)| row(line).map_err(|what| Malformed { what, line: number })).collect()
}

/// Fields are divided by single blanks, so an empty source is an empty field.
fn row(line: &[u8]) -> Result<Row, &'static str> {
    let mut fields = line.split(|&byte| byte == b' ');
    let mut next = |what| fields.next().ok_or(what);
    let id = decimal(next("mount id")?).ok_or("mount id")?;
    let parent = decimal(next("parent id")?).ok_or("parent id")?;
    let device = unmangle(next("device number")?);
    let root = unmangle(next("root")?);
    let point = unmangle(next("mount point")?);
    let flags = unmangle(next("mount options")?);
    let mut optional = Vec::new();
    loop {
        match next("separator")? {
            b"-" => break,
            field => optional.push(unmangle(field)),
        }
    }
    let fstype = unmangle(next("file system type")?);
    let source = unmangle(next("source")?);
    let first = next("super options")?;
    let rest = fields.fold(first.to_vec(), |mut joined, field| {
        joined.push(b' ');
        joined.extend_from_slice(field);
        joined
    });
    Ok(Row { id, parent, device, root, point, flags, optional, fstype, source, super_options: unmangle(&rest) })
}

/// Undo the kernel's `\ooo`. A backslash that starts no such escape stands for itself.
fn unmangle(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] = rest {
            bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = after;
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    bytes
}

/// What is seen at each mount point: the top of its stack, if a path walk can reach it.
///
/// A row is covered when a sibling, mounted on the same parent, is at a directory above it: the
/// walk crosses into the sibling first. A mount stacked on another's root is that mount's child,
/// so the same rule says that it covers the other children.
pub fn visible(rows: &[Row]) -> BTreeMap<String, Mount> {
    let reached = reachable(rows);
    let mut buried = BTreeSet::new();
    let mut stacked: BTreeMap<&[u8], u32> = BTreeMap::new();
    let by_id: BTreeMap<u64, &Row> = rows.iter().map(|row| (row.id, row)).collect();
    for row in rows {
        *stacked.entry(&row.point).or_default() += 1;
        let on_top = by_id.get(&row.parent).is_some_and(|parent| parent.point == row.point);
        if on_top && row.parent != row.id && reached.contains(&row.id) {
            buried.insert(row.parent);
        }
    }
    rows.iter()
        .filter(|row| reached.contains(&row.id) && !buried.contains(&row.id))
        .map(|row| (escape(&row.point), mount(row, stacked[row.point.as_slice()])))
        .collect()
}

/// The ids of the rows that a path walk can come through, also those with another on top.
fn reachable(rows: &[Row]) -> BTreeSet<u64> {
    let places: BTreeSet<(u64, &[u8])> =
        rows.iter().filter(|row| row.parent != row.id).map(|row| (row.parent, row.point.as_slice())).collect();
    let covered = |row: &Row| above(&row.point).any(|point| places.contains(&(row.parent, point)));
    let open: BTreeMap<u64, u64> = rows.iter().filter(|row| !covered(row)).map(|row| (row.id, row.parent)).collect();
    let listed: BTreeSet<u64> = rows.iter().map(|row| row.id).collect();
    let mut reached = BTreeSet::new();
    for &start in open.keys() {
        let mut chain = Vec::new();
        let mut id = start;
        let arrives = loop {
            let Some(&parent) = open.get(&id) else { break false };
            chain.push(id);
            if parent == id || reached.contains(&parent) || !listed.contains(&parent) {
                break true;
            }
            if chain.len() > rows.len() {
                break false;
            }
            id = parent;
        };
        if arrives {
            reached.extend(chain);
        }
    }
    reached
}

/// The proper ancestors of an absolute path, from `/` down.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter()
        .enumerate()
        .filter(|&(at, &byte)| byte == b'/' && at + 1 < path.len())
        .map(move |(at, _)| if at == 0 { &path[..1] } else { &path[..at] })
}

fn mount(row: &Row, stacked: u32) -> Mount {
    Mount {
        flags: options(&row.flags),
        fstype: escape(&row.fstype),
        source: escape(&row.source),
        root: escape(&row.root),
        propagation: propagation(&row.optional),
        super_options: options(&row.super_options),
        device: escape(&row.device),
        stacked,
    }
}

fn options(list: &[u8]) -> Vec<String> {
    let mut options: Vec<String> =
        list.split(|&byte| byte == b',').filter(|option| !option.is_empty()).map(escape).collect();
    options.sort_unstable();
    options
}

fn propagation(optional: &[Vec<u8>]) -> Vec<String> {
    let kind = |field: &Vec<u8>| match field.split(|&byte| byte == b':').next().unwrap_or_default() {
        b"shared" => Some("shared"),
        b"master" => Some("slave"),
        b"unbindable" => Some("unbindable"),
        _ => None,
    };
    let kinds: BTreeSet<&str> = optional.iter().filter_map(kind).collect();
    let shown: Vec<String> = kinds.into_iter().map(str::to_owned).collect();
    if shown.is_empty() { vec!["private".to_owned()] } else { shown }
}

#[cfg(test)]
mod tests;
