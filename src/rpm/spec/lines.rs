//! Which line of a spec a line of a scriptlet is, where that is sure.

use std::collections::BTreeMap;

use super::skeleton::script;
use crate::contract::Word;
use crate::facts::text;
use crate::rpm::finding::Finding;
use crate::rpm::scriptlet::Slot;

/// The lines of a spec's scripts, by the words of their headings and by what they say, escaped; none where several say it.
#[derive(Debug)]
pub struct Lines(BTreeMap<(String, String), Option<usize>>);

impl Lines {
    pub(super) fn of(spec: &[u8]) -> Self {
        let mut lines = BTreeMap::new();
        let mut heading = None;
        for (at, line) in spec.split(|&byte| byte == b'\n').enumerate() {
            match script(line) {
                Some(word) => heading = word.map(|word| String::from_utf8_lossy(word).to_ascii_lowercase()),
                None => {
                    let Some(heading) = &heading else { continue };
                    let says = (heading.clone(), text::escape(line.trim_ascii()));
                    lines.entry(says).and_modify(|known| *known = None).or_insert(Some(at + 1));
                }
            }
        }
        Self(lines)
    }

    /// Says of findings which lines of the spec they are about. What a macro made or a file was included for is not known, nor
    /// what stands in several scripts of the same kind.
    pub fn locate(&self, findings: &mut [Finding]) {
        for finding in findings {
            let headings = headings(finding.slot);
            let line = finding.line.as_ref();
            let found = headings.filter_map(|heading| self.0.get(&(heading, line?.clone())).copied().flatten());
            finding.spec_line = only(found);
        }
    }
}

/// The words that a script's heading may have.
fn headings(slot: Slot) -> impl Iterator<Item = String> {
    let word = slot.as_str();
    let other = if slot == Slot::Verify { Some("verifyscript") } else { word.strip_suffix("in") };
    [Some(word), other].into_iter().flatten().map(str::to_owned)
}

fn only(mut lines: impl Iterator<Item = usize>) -> Option<usize> {
    let first = lines.next()?;
    lines.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SPEC: &[u8] =
        b"Name: a\nfirst\n%Post\nfirst\n  second \nthird\n%trigger -- x\nfourth\n%post sub\nthird\n%build\nlast\n";

    #[rstest]
    #[case::once(Slot::Post, "first", Some(4))]
    #[case::with_blanks(Slot::Post, "second", Some(5))]
    #[case::twice(Slot::Post, "third", None)]
    #[case::by_another_word(Slot::Triggerin, "fourth", Some(8))]
    #[case::in_another_script(Slot::Pre, "first", None)]
    #[case::in_no_script(Slot::Post, "last", None)]
    #[case::made_by_a_macro(Slot::Post, "fifth", None)]
    fn a_line_is_found_where_it_is_sure(#[case] slot: Slot, #[case] line: &str, #[case] expected: Option<usize>) {
        let known = Lines::of(SPEC);
        let found = headings(slot).filter_map(|heading| known.0.get(&(heading, line.to_owned())).copied().flatten());
        assert_eq!(only(found), expected);
    }
}
