//! The device nodes that a build root's `/dev` is made of.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::check::{Check, Question};
use crate::profile::Profile;
use crate::report::show::line;

/// What is at each name below `/dev`.
#[derive(Debug)]
pub(super) struct Devices {
    needed: Vec<(&'static str, io::Result<Node>)>,
    optional: Vec<(&'static str, io::Result<Node>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Character,
    Other,
}

pub(super) fn read() -> Devices {
    let nodes = Profile::NEWEST_OSBUILD.device_nodes();
    let at = |name: &&'static str| {
        let node = Path::new("/dev").join(name).metadata();
        let kind = node.map(|node| if node.file_type().is_char_device() { Node::Character } else { Node::Other });
        (*name, kind)
    };
    Devices { needed: nodes.names.iter().map(at).collect(), optional: nodes.optional.iter().map(at).collect() }
}

pub(super) fn checks(read: &Devices) -> Vec<Check> {
    let needed = Question::required("device.nodes", "They are the build root's `/dev`.");
    let mut checks = vec![judge(needed, &read.needed, "a /dev with these character devices, as devtmpfs has them")];
    for node in &read.optional {
        let question = Question::optional(
            format!("device.{}", node.0),
            "The build root has it if the machine has: some tools mount by it.",
        );
        checks.push(judge(question, std::slice::from_ref(node), "load its module, or give the container the device"));
    }
    checks
}

fn judge(question: Question, nodes: &[(&str, io::Result<Node>)], mend: &str) -> Check {
    let wrong: Vec<_> = nodes
        .iter()
        .filter_map(|(name, node)| match node {
            Ok(Node::Character) => None,
            Ok(Node::Other) => Some(format!("/dev/{name} is no character device")),
            Err(error) => Some(format!("/dev/{name}: {}", line(error))),
        })
        .collect();
    let gone = |node: &io::Result<Node>| {
        node.as_ref().is_ok_and(|node| *node == Node::Other)
            || node.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    if wrong.is_empty() {
        let names: Vec<_> = nodes.iter().map(|(name, _)| *name).collect();
        question.ok(format!("/dev has {}", names.join(", ")))
    } else if nodes.iter().any(|(_, node)| gone(node)) {
        question.missing(wrong.join("; "), mend)
    } else {
        question.unknown(wrong.join("; "), mend)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Level, State, said};
    use super::*;
    use rstest::rstest;

    fn errno(code: i32) -> io::Result<Node> {
        Err(io::Error::from_raw_os_error(code))
    }

    #[rstest]
    #[case::there(Ok(Node::Character), State::Ok, "/dev has full, null")]
    #[case::not_there(errno(2), State::Missing, "/dev/null: No such file or directory")]
    #[case::something_else(Ok(Node::Other), State::Missing, "/dev/null is no character device")]
    #[case::not_to_be_seen(errno(13), State::Unknown, "/dev/null: Permission denied")]
    fn nodes_are_there_or_named(#[case] null: io::Result<Node>, #[case] state: State, #[case] found: &str) {
        let read = Devices { needed: vec![("full", Ok(Node::Character)), ("null", null)], optional: Vec::new() };
        let checks = checks(&read);
        let (level, is, says, _) = said(&checks, "device.nodes");
        assert_eq!((level, is, says), (Level::Required, state, found));
    }

    #[test]
    fn one_that_the_machine_does_not_have_is_no_fault() {
        let read = Devices { needed: Vec::new(), optional: vec![("fuse", errno(2))] };
        let checks = checks(&read);
        assert_eq!(said(&checks, "device.fuse").0, Level::Optional);
        assert_eq!(said(&checks, "device.fuse").1, State::Missing);
    }
}
