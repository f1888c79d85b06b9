//! An upgrade on one page.

use super::consumer::{Replayed, Seen};
use super::{Document, NotKept};
use crate::baseline::BUBBLEWRAP;
use crate::diff::human::{BOLD, CHANGED, LABEL, SAME, alone, of_contract, values};
use crate::diff::{Comparison, Relevance};
use crate::report::Standing;
use crate::report::show::{beside, bubblewrap, in_a_line, shown, word};

/// The document with colour, [`WIDTH`](crate::report::show::WIDTH) wide.
pub fn render(document: &Document) -> String {
    let mut text = format!("{BOLD}from {} to {}{BOLD:#}\n", bubblewrap(&document.before), bubblewrap(&document.after));
    for (label, options) in [("  lost", &document.lost), ("  gained", &document.gained)] {
        if !options.is_empty() {
            let options: Vec<String> = options.iter().map(|option| format!("--{option}")).collect();
            text += &beside(label, LABEL, &options.join(" "));
        }
    }
    text.extend(document.reports.iter().map(comparison));
    text.extend(document.consumers.iter().map(consumer));
    text.extend(document.alone.iter().map(alone));
    if !document.not_kept.is_empty() {
        text += &format!("\n{CHANGED}not kept by the new one{CHANGED:#}\n");
        text.extend(document.not_kept.iter().map(not_kept));
    }
    text + "\n" + &total(document)
}

fn comparison(comparison: &Comparison) -> String {
    let profile = &comparison.after.profile;
    let subject = if profile == BUBBLEWRAP {
        "launchers, which build on what it does".to_owned()
    } else {
        format!("{}, and scriptlets in it", shown(profile))
    };
    verdict(&subject, comparison.of(Relevance::Contract).count()) + &of_contract(comparison)
}

fn consumer(replayed: &Replayed) -> String {
    let subject = format!("launcher {}", shown(&replayed.consumer));
    let refused =
        |what: &str, said: &str| verdict(&subject, 1) + &beside("", LABEL, &format!("{what}: {}", shown(said)));
    match (&replayed.before, &replayed.after) {
        (None, None) => {
            let seen = |seen: &Seen| values(&seen.fact, [seen.before.as_ref(), seen.after.as_ref()]);
            verdict(&subject, replayed.changes.len()) + &replayed.changes.iter().map(seen).collect::<String>()
        }
        (None, Some(said)) => refused("no longer starts", said),
        (Some(said), None) => refused("starts now; before", said),
        (Some(_), Some(said)) => {
            format!("\n{BOLD}{subject}{BOLD:#}: {CHANGED}not known, started by neither:{CHANGED:#} {}\n", shown(said))
        }
    }
}

fn verdict(subject: &str, changes: usize) -> String {
    match changes {
        0 => format!("\n{BOLD}{subject}{BOLD:#}: {SAME}nothing changed{SAME:#}\n"),
        1 => format!("\n{BOLD}{subject}{BOLD:#}: {CHANGED}1 change{CHANGED:#}\n"),
        _ => format!("\n{BOLD}{subject}{BOLD:#}: {CHANGED}{changes} changes{CHANGED:#}\n"),
    }
}

fn not_kept(not_kept: &NotKept) -> String {
    let finding = &not_kept.finding;
    let title = format!("  {} ({}): {}", finding.clause, shown(&not_kept.profile), word(finding.verdict));
    format!("{title}\n") + &beside("", LABEL, &in_a_line(finding))
}

/// The last line: what it all comes to.
fn total(document: &Document) -> String {
    let (changes, not_kept, unknown) = (document.changes(), document.not_kept.len(), document.unknown());
    if document.standing() == Standing::Held {
        return format!("{SAME}nothing changes for anybody we know of{SAME:#}\n");
    }
    let changes = (changes > 0).then(|| format!("{changes} that somebody can see"));
    let not_kept = (not_kept > 0).then(|| format!("{not_kept} not kept"));
    let unknown = (unknown > 0).then(|| format!("{unknown} not known"));
    let words: Vec<String> = [changes, not_kept, unknown].into_iter().flatten().collect();
    format!("{CHANGED}{}{CHANGED:#}\n", words.join(", "))
}
