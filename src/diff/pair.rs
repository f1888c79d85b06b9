//! Which look belongs to which: of the same profile in the same place, or of the only one like it.

use super::{Alone, Look, Side, Which};

/// Looks that belong together, and those that are alone.
#[derive(Debug)]
pub struct Pairs<'looks> {
    /// Before and after.
    pub both: Vec<(&'looks Look, &'looks Look)>,
    /// The rest.
    pub alone: Vec<Alone>,
}

/// Finds each look's counterpart. Where each side is one look they belong together, whatever they are.
pub fn pairs<'looks>(before: &'looks [Look], after: &'looks [Look]) -> Pairs<'looks> {
    if let ([before], [after]) = (before, after) {
        return Pairs { both: vec![(before, after)], alone: Vec::new() };
    }
    let mut partners: Vec<Option<usize>> = vec![None; before.len()];
    for alike in [same_place, same_kind] {
        for index in 0..before.len() {
            let free = |other: &usize| !partners.contains(&Some(*other));
            let fits: Vec<usize> =
                (0..after.len()).filter(free).filter(|&other| alike(&before[index], &after[other])).collect();
            let rivals = (0..before.len()).filter(|&rival| partners[rival].is_none());
            let rivals = rivals.filter(|&rival| fits.iter().any(|&other| alike(&before[rival], &after[other]))).count();
            if let (None, [only], 1) = (partners[index], fits.as_slice(), rivals) {
                partners[index] = Some(*only);
            }
        }
    }
    let both: Vec<_> = before.iter().zip(&partners).filter_map(|(look, at)| Some((look, &after[(*at)?]))).collect();
    let left = before.iter().zip(&partners).filter(|(_, partner)| partner.is_none()).map(|(look, _)| look);
    let right = after.iter().enumerate().filter(|(at, _)| !partners.contains(&Some(*at))).map(|(_, look)| look);
    let alone = |on| move |look: &Look| Alone { on, side: Side::from(&look.report) };
    Pairs { both, alone: left.map(alone(Which::Before)).chain(right.map(alone(Which::After))).collect() }
}

fn same_place(one: &Look, other: &Look) -> bool {
    same_kind(one, other) && one.report.place == other.report.place && one.report.evidence == other.report.evidence
}

fn same_kind(one: &Look, other: &Look) -> bool {
    let kind = |look: &Look| {
        let report = &look.report;
        (report.profile.clone(), report.arch.clone(), report.phase, report.privilege)
    };
    kind(one) == kind(other)
}
