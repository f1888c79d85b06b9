//! What comes when a command fails.

use brush_parser::ast::{Command, CommandPrefixOrSuffixItem, CompoundCommand, CompoundListItem, Pipeline};

use super::Fate;

/// The single command that a pipeline is, by its words as they are written; of a group the last one.
fn only(pipeline: &Pipeline) -> Option<Vec<&str>> {
    let [command] = pipeline.seq.as_slice() else { return None };
    match command {
        Command::Simple(simple) => {
            let name = simple.word_or_name.as_ref()?.value.as_str();
            let words = simple.suffix.iter().flat_map(|suffix| &suffix.0).filter_map(|item| match item {
                CommandPrefixOrSuffixItem::Word(word) => Some(word.value.as_str()),
                _ => None,
            });
            Some(std::iter::once(name).chain(words).collect())
        }
        Command::Compound(CompoundCommand::BraceGroup(group), _) => only(&group.list.0.last()?.0.first),
        Command::Compound(..) | Command::Function(_) | Command::ExtendedTest(..) => None,
    }
}

/// `exit` or `exit $?`: the status of what came before.
pub fn is_bare_exit(item: &CompoundListItem) -> bool {
    item.0.additional.is_empty() && matches!(only(&item.0.first).as_deref(), Some(["exit"] | ["exit", "$?"]))
}

/// Whether a pipeline ends the script.
pub fn ends(pipeline: &Pipeline) -> bool {
    only(pipeline).is_some_and(|words| matches!(words[0], "exit" | "return"))
}

/// What becomes of a command whose alternative is this pipeline.
pub fn fate(pipeline: &Pipeline, otherwise: &Fate) -> Fate {
    match only(pipeline).as_deref() {
        Some(["false"]) => otherwise.clone(),
        Some(["exit" | "return"]) => Fate::Decides,
        Some(["exit" | "return", status]) if *status != "0" => Fate::Decides,
        Some(words) => Fate::Masked(format!("|| {}", words.join(" "))),
        None => Fate::Masked("||".to_owned()),
    }
}
