//! Contracts as a document for people: what is there, what is not, what happens if you try, what to do instead.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Area, Clause, Contract, Expect, Level, Phase, Word};

/// The document about one contract on one architecture, in Markdown.
pub fn markdown(contract: &Contract, arch: &str) -> String {
    let mut page = String::new();
    let _ = writeln!(page, "# The build root `{}` on {arch}\n\n{}\n", contract.profile, contract.says);
    never_observed(&mut page, [contract]);
    seen_on(&mut page, contract, arch);
    page.push_str(READING);
    room(&mut page, contract, arch, None);
    page.push('\n');
    chapter(&mut page, contract, arch);
    page
}

/// The document about several contracts on one architecture, in Markdown; what `conformance/CONTRACT.md` holds.
pub fn whole(contracts: &[Contract], arch: &str) -> String {
    let mut page = String::new();
    let _ = writeln!(page, "# What a build root promises on {arch}\n");
    page.push_str("Generated from the contracts by `rootcontract contract`; edit those, not this.\n\n");
    for contract in contracts {
        let anchor = contract.profile.replace('.', "");
        let _ = writeln!(page, "- [`{}`](#{anchor}): {}", contract.profile, contract.says);
    }
    page.push('\n');
    never_observed(&mut page, contracts);
    if let Some(contract) = contracts.first() {
        seen_on(&mut page, contract, arch);
    }
    page.push_str(READING);
    for (at, contract) in contracts.iter().enumerate() {
        room(&mut page, contract, arch, contracts[..at].first());
    }
    for contract in contracts {
        let _ = writeln!(page, "\n# {}\n\n{}\n", contract.profile, contract.says);
        let told = |base: &&str| contracts.iter().any(|other| other.profile == **base);
        match contract.extends.as_deref().filter(|base| told(base)) {
            Some(base) => difference(&mut page, contract, base, arch),
            None => chapter(&mut page, contract, arch),
        }
    }
    if let Some(contract) = contracts.first() {
        elsewhere(&mut page, contract, arch);
    }
    page
}

/// How the tables are read.
const READING: &str = "\
## How to read it

Each rule is a clause with a name of its own; `rootcontract explain NAME` says what exactly is looked at and where the rule
comes from, `rootcontract check` holds all of them against the machine at hand. Rules without a mark are always so;
*(should)* has exceptions with a reason; *(may)* is about something optional, and says what it is like where it is there.
⚠ marks a rule that holds and is dangerous.

There are three places to look from. `raw` is the build root as bubblewrap made it, `runner` is after osbuild's runner has
prepared it. `scriptlet` is the room of a package's scriptlets, one step further in: rpm has entered the tree that is being
built with chroot. A rule that names no phase holds in all three.

Three privileges build a root. `root` is user 0 of the host. `userns-single` is an ordinary user in a user namespace with one
user, who is root inside and the caller outside. `userns-subid` is one with other users besides: the ids that `/etc/subuid`
and `/etc/subgid` grant the caller. A rule that names none holds for all three; what is so for ordinary users only has a
table of its own. The host's root is among the build root's users for `root`, and for root of a user namespace that has it.
";

/// What a scriptlet's room is.
const ROOM: &str = "\
osbuild's stage `org.osbuild.rpm` runs in the build root. It mounts `/dev`, `/sys` and `/proc` in the tree that becomes the
image, and starts `rpm --root TREE --install`. rpm enters the tree with chroot and executes each scriptlet there. The tree
starts empty: what is in it was brought by packages that were installed before. `rootcontract check --phase scriptlet` holds
all of this on the machine at hand: the probe is the `%post` of a package.
";

fn never_observed<'list>(page: &mut String, contracts: impl IntoIterator<Item = &'list Contract>) {
    let mut seen = BTreeSet::new();
    let all = contracts.into_iter().flat_map(|contract| &contract.never_observed);
    let fresh: Vec<&String> = all.filter(|what| seen.insert(what.as_str())).collect();
    if fresh.is_empty() {
        return;
    }
    page.push_str(
        "## Never observed\n\nNobody has looked at these yet. Whatever is said below is not said about them.\n\n",
    );
    for what in fresh {
        let _ = writeln!(page, "- {what}");
    }
    page.push('\n');
}

/// The clauses about one architecture and no other.
fn own<'contract>(contract: &'contract Contract, arch: &str) -> Vec<&'contract Clause> {
    contract.clauses.iter().filter(|clause| !clause.when.arch.is_empty() && clause.is_about(arch)).collect()
}

/// On what the architecture's own clauses were seen to hold.
fn seen_on(page: &mut String, contract: &Contract, arch: &str) {
    let own = own(contract, arch);
    if own.is_empty() {
        return;
    }
    let places: BTreeSet<&str> =
        own.iter().flat_map(|clause| clause.observed_on.iter().flatten()).map(String::as_str).collect();
    let _ = writeln!(page, "## Where it was seen\n\nRules that depend on the architecture: {}.\n", own.len());
    for place in places {
        let count = own.iter().filter(|clause| clause.observed_on.iter().flatten().any(|one| one == place)).count();
        let _ = writeln!(page, "- Seen to hold on {place}: {count}.");
    }
    let unseen: Vec<String> = own
        .iter()
        .filter(|clause| clause.observed_on.as_ref().is_none_or(Vec::is_empty))
        .map(|clause| format!("`{}`", clause.id))
        .collect();
    if !unseen.is_empty() {
        let _ = writeln!(page, "- Nobody has seen {} hold yet.", unseen.join(", "));
    }
    page.push('\n');
}

/// What is different on every other architecture.
fn elsewhere(page: &mut String, contract: &Contract, arch: &str) {
    page.push_str("\n# Other architectures\n\n");
    let _ = writeln!(
        page,
        "What is said above holds on them too, but for the clauses whose names end in `.{}`. In their place:",
        arch.replace('_', "-")
    );
    for other in crate::arch::ALL.iter().filter(|other| other.name != arch) {
        let clauses = own(contract, other.name);
        if clauses.is_empty() {
            continue;
        }
        let says = super::architecture::says(other.name).unwrap_or_default();
        let _ = writeln!(page, "\n## {}\n\n{says}\n\n| rule | seen on | clause |\n|---|---|---|", other.name);
        for clause in clauses {
            let seen = clause.observed_on.iter().flatten().cloned().collect::<Vec<_>>().join("; ");
            let seen = if seen.is_empty() { "nothing yet".to_owned() } else { seen };
            let _ = writeln!(page, "| {} | {} | `{}` |", cell(&sentence(clause)), cell(&seen), clause.id);
        }
    }
}

fn chapter(page: &mut String, contract: &Contract, arch: &str) {
    let here: Vec<&Clause> = contract.clauses.iter().filter(|clause| clause.is_about(arch)).collect();
    let upstream = &contract.upstream;
    let _ = writeln!(
        page,
        "Version {} of this contract, {} clauses, after {} commit `{}`, {}.",
        contract.version,
        here.len(),
        upstream.project,
        upstream.commit,
        upstream.release
    );
    match contract.clauses.len() - here.len() {
        0 => {}
        others => {
            let _ = writeln!(page, "{others} more are about other architectures.");
        }
    }
    hazards(page, &here);
    ordinary_users(page, &here);
    // Those of the scriptlet's room have been told already.
    let here: Vec<&Clause> = here.into_iter().filter(|clause| clause.when.phase != [Phase::Scriptlet]).collect();
    areas(page, &here);
}

fn areas(page: &mut String, clauses: &[&Clause]) {
    for area in Area::ALL {
        let clauses: Vec<&Clause> = clauses.iter().copied().filter(|clause| clause.id.area() == *area).collect();
        if !clauses.is_empty() {
            self::area(page, *area, &clauses);
        }
    }
}

/// A contract that extends one which the same document tells: what is its own, and what is not so.
fn difference(page: &mut String, contract: &Contract, base: &str, arch: &str) {
    let own: Vec<&Clause> = contract.own().into_iter().filter(|clause| clause.is_about(arch)).collect();
    let here = contract.clauses.iter().filter(|clause| clause.is_about(arch)).count();
    let _ = writeln!(
        page,
        "Version {} of this contract, {here} clauses: those of [`{base}`](#{}), but for what follows. \
         `rootcontract contract --profile {}` has them all.",
        contract.version,
        base.replace('.', ""),
        contract.profile,
    );
    let dangerous: Vec<&Clause> = contract.clauses.iter().filter(|clause| clause.is_about(arch)).collect();
    hazards(page, &dangerous);
    areas(page, &own);
    page.push_str("\n## What is not so\n\n| why | clauses |\n|---|---|\n");
    for without in &contract.without {
        let clauses: Vec<String> = without.clauses.iter().map(|id| format!("`{id}`")).collect();
        let _ = writeln!(page, "| {} | {} |", cell(&without.reason), clauses.join(", "));
    }
}

fn hazards(page: &mut String, clauses: &[&Clause]) {
    let mut rows = clauses.iter().filter_map(|clause| clause.hazard.as_ref().map(|hazard| (clause, hazard))).peekable();
    if rows.peek().is_none() {
        return;
    }
    page.push_str("\n## Hazards\n\nThese rules hold, and each of them can do harm.\n\n");
    page.push_str("| what is so | what can happen | clause |\n|---|---|---|\n");
    for (clause, hazard) in rows {
        let _ = writeln!(page, "| {} | {} | `{}` |", cell(&sentence(clause)), cell(hazard), clause.id);
    }
}

fn ordinary_users(page: &mut String, clauses: &[&Clause]) {
    let mut rows = clauses.iter().filter(|clause| !clause.when.can_be_root()).peekable();
    if rows.peek().is_none() {
        return;
    }
    page.push_str(
        "\n## For ordinary users\n\nThese rules are about build roots that somebody else than root builds.\n\n",
    );
    page.push_str("| what is so | why | clause |\n|---|---|---|\n");
    for clause in rows {
        let _ = writeln!(page, "| {} | {} | `{}` |", cell(&sentence(clause)), cell(&clause.why), clause.id);
    }
}

/// What a clause tells its reader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Telling {
    There,
    Missing,
    Tried,
}

impl Telling {
    const ALL: [(Self, &'static str); 3] =
        [(Self::There, "What is there"), (Self::Missing, "What is not"), (Self::Tried, "What happens if you try")];

    fn of(clause: &Clause) -> Self {
        match &clause.expect {
            Expect::Absent(_) | Expect::NoVariable(_) | Expect::NoMount(_) | Expect::Closed(_) => Self::Missing,
            Expect::Directory(directory) if directory.exactly.as_ref().is_some_and(Vec::is_empty) => Self::Missing,
            Expect::Capabilities(capabilities) if !capabilities.lacks.is_empty() => Self::Missing,
            Expect::Attempt(_) => Self::Tried,
            Expect::Mount(_)
            | Expect::MountsBelow(_)
            | Expect::CallerMounts(_)
            | Expect::Link(_)
            | Expect::Device(_)
            | Expect::Node(_)
            | Expect::Directory(_)
            | Expect::Variable(_)
            | Expect::Variables(_)
            | Expect::Capabilities(_)
            | Expect::Namespace(_)
            | Expect::Process(_)
            | Expect::Fact(_) => Self::There,
        }
    }
}

fn area(page: &mut String, area: Area, clauses: &[&Clause]) {
    let _ = writeln!(page, "\n## {}\n", area.title());
    for (telling, heading) in Telling::ALL {
        let rows: Vec<&&Clause> = clauses.iter().filter(|clause| Telling::of(clause) == telling).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(page, "**{heading}**\n\n| rule | what it means for you | clause |\n|---|---|---|");
        rows.into_iter().for_each(|clause| row(page, clause));
        page.push('\n');
    }
    while page.ends_with("\n\n") {
        page.pop();
    }
}

/// What is so, what it means, and what to do instead.
fn row(page: &mut String, clause: &Clause) {
    let instead = clause.instead.as_ref().map(|text| format!(" *Instead:* {text}")).unwrap_or_default();
    let means = cell(&format!("{}{instead}", clause.why));
    let _ = writeln!(page, "| {} | {means} | `{}` |", cell(&sentence(clause)), clause.id);
}

/// The rule with its mark and its conditions; the architecture is the document's.
fn sentence(clause: &Clause) -> String {
    let mut when = clause.when.clone();
    when.arch.clear();
    let hazard = if clause.hazard.is_some() { "⚠ " } else { "" };
    let level = match clause.level {
        Level::Must => "",
        Level::Should => " *(should)*",
        Level::May => " *(may)*",
    };
    let condition = if when.is_always() { String::new() } else { format!(" Only {when}.") };
    format!("{hazard}{}{condition}{level}", clause.says)
}

/// What people who write scriptlets have to know first; of a further contract what `before` does not say.
fn room(page: &mut String, contract: &Contract, arch: &str, before: Option<&Contract>) {
    let is_own = |clause: &&Clause| clause.when.phase == [Phase::Scriptlet];
    let told = |clause: &Clause| before.is_some_and(|before| before.clauses.contains(clause));
    let own: Vec<&Clause> = contract.clauses.iter().filter(is_own).filter(|clause| !told(clause)).collect();
    if own.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n# For scriptlets, in {}\n", contract.profile);
    match before {
        None => {
            let everything = contract.clone().about(arch, Some(Phase::Scriptlet)).clauses.len();
            let others = everything - own.len();
            let _ =
                writeln!(page, "{ROOM}\n{others} rules of the build root, below, hold there as well. Its own are:\n");
        }
        Some(before) => {
            let _ = writeln!(page, "As in {}, but for:\n", before.profile);
        }
    }
    page.push_str("| rule | what it means for you | clause |\n|---|---|---|\n");
    for clause in own {
        // The chapter says the phase.
        let mut clause = clause.clone();
        clause.when.phase.clear();
        row(page, &clause);
    }
}

/// Text for a cell of a table: one line, its bars escaped.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests;
