//! A matrix that several machines share: who checks what.

use std::fmt;
use std::str::FromStr;

use super::Place;

/// The most parts that a matrix has.
const MOST: usize = 1000;

/// One part of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which, counted from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

/// Words that name no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a shard is K/N, as in 2/3, with K from 1 to N and N at most {MOST}")]
pub struct NoShard;

impl FromStr for Part {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let (one, all) = text.split_once('/').ok_or(NoShard)?;
        match (number(one), number(all)) {
            (Some(number), Some(of)) if (1..=of).contains(&number) && of <= MOST => Ok(Self { number, of }),
            (_, _) => Err(NoShard),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.number, self.of)
    }
}

impl Part {
    /// The number of the part that each place is dealt to. Machines are dealt first, then trees go on where they ended:
    /// both are spread evenly, and so is the time, since a machine takes as long as many trees.
    pub fn deal(self, places: &[Place]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|&index| !places[index].is_machine());
        let mut parts = vec![0; places.len()];
        for (turn, index) in order.into_iter().enumerate() {
            parts[index] = turn % self.of + 1;
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Ground;
    use rstest::rstest;

    fn places(trees: usize, machines: usize) -> Vec<Place> {
        let place = |ground| Place { name: String::new(), ground, arch: None, bwrap: None };
        let trees = (0..trees).map(|_| place(Ground::Tree("tree".into())));
        let machines = (0..machines).map(|_| place(Ground::Machine("machine".into())));
        trees.chain(machines).collect()
    }

    #[rstest]
    #[case::five_of_each_in_three(5, 5, 3, &[3, 1, 2, 3, 1, 1, 2, 3, 1, 2])]
    #[case::one_part(2, 1, 1, &[1, 1, 1])]
    #[case::trees_alone(3, 0, 2, &[1, 2, 1])]
    #[case::more_parts_than_places(1, 1, 4, &[2, 1])]
    fn places_are_dealt_in_turns(
        #[case] trees: usize,
        #[case] machines: usize,
        #[case] of: usize,
        #[case] parts: &[usize],
    ) {
        assert_eq!(Part { number: 1, of }.deal(&places(trees, machines)), parts);
    }

    /// For every number of trees, machines and parts that is likely: no part has two more of a kind than another.
    #[test]
    fn trees_and_machines_are_spread_evenly() {
        for (trees, machines, of) in (0..12).flat_map(|t| (0..12).flat_map(move |m| (1..9).map(move |of| (t, m, of)))) {
            let parts = Part { number: 1, of }.deal(&places(trees, machines));
            let even = |parts: &[usize]| {
                let count = |part| parts.iter().filter(|&&one| one == part).count();
                let counts: Vec<usize> = (1..=of).map(count).collect();
                counts.iter().max().expect("a part") - counts.iter().min().expect("a part") <= 1
            };
            assert!(even(&parts[..trees]) && even(&parts[trees..]) && even(&parts), "{trees} {machines} {of}");
        }
    }

    #[rstest]
    #[case::first("1/3", Ok(Part { number: 1, of: 3 }))]
    #[case::the_only_one("1/1", Ok(Part { number: 1, of: 1 }))]
    #[case::zero("0/3", Err(NoShard))]
    #[case::beyond("4/3", Err(NoShard))]
    #[case::none("1/0", Err(NoShard))]
    #[case::signed("+1/3", Err(NoShard))]
    #[case::no_numbers("a/b", Err(NoShard))]
    #[case::one_number("1", Err(NoShard))]
    #[case::nothing("/", Err(NoShard))]
    #[case::too_many("1/1001", Err(NoShard))]
    fn a_part_is_read(#[case] text: &str, #[case] expected: Result<Part, NoShard>) {
        assert_eq!(text.parse(), expected);
    }
}
