//! Commands made of commands.

use brush_parser::ast::{
    BinaryPredicate, CaseClauseCommand, Command, CompoundCommand, CompoundList, ExtendedTestExpr, ForClauseCommand,
    IfClauseCommand, RedirectList, UnaryPredicate,
};

use super::super::condition;
use super::super::word::Text;
use super::{Fate, Flow, Status, Walker};

impl<'script> Walker<'script, '_> {
    pub fn command(&mut self, command: &'script Command, fate: &Fate) -> Flow {
        match command {
            Command::Simple(simple) => self.simple(simple, fate),
            Command::Compound(compound, redirects) => self.compound(compound, redirects.as_ref(), fate),
            Command::Function(function) => {
                self.functions.insert(function.fname.value.clone(), &function.body);
                Flow::ZERO
            }
            Command::ExtendedTest(test, _) => Flow::of(self.extended(&test.expr)),
        }
    }

    /// What a compound's redirects silence, everything in it is.
    pub fn compound(
        &mut self,
        compound: &'script CompoundCommand,
        redirects: Option<&'script RedirectList>,
        fate: &Fate,
    ) -> Flow {
        let redirects = self.redirects(redirects.into_iter().flat_map(|list| &list.0));
        let was_silenced = self.is_silenced;
        self.is_silenced |= redirects.is_silenced;
        let flow = match compound {
            CompoundCommand::BraceGroup(group) => self.list(&group.list, fate),
            CompoundCommand::Subshell(shell) => {
                let directory = self.directory.clone();
                let flow = self.list(&shell.list, fate);
                self.directory = directory;
                Flow { is_over: false, ..flow }
            }
            CompoundCommand::IfClause(clause) => self.if_clause(clause, fate),
            CompoundCommand::CaseClause(clause) => self.case_clause(clause, fate),
            CompoundCommand::ForClause(clause) => self.for_clause(clause, fate),
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0, &Fate::Condition);
                self.list(&clause.1.list, fate);
                Flow::UNKNOWN
            }
            CompoundCommand::ArithmeticForClause(clause) => {
                self.list(&clause.body.list, fate);
                Flow::UNKNOWN
            }
            CompoundCommand::Coprocess(process) => {
                self.command(&process.body, &Fate::Masked("coproc".to_owned()));
                Flow::UNKNOWN
            }
            CompoundCommand::Arithmetic(_) => Flow::UNKNOWN,
        };
        self.is_silenced = was_silenced;
        flow
    }

    pub fn list(&mut self, list: &'script CompoundList, fate: &Fate) -> Flow {
        let items: Vec<_> = list.0.iter().collect();
        self.items(&items, fate)
    }

    fn for_clause(&mut self, clause: &'script ForClauseCommand, fate: &Fate) -> Flow {
        let values: Vec<Text> = clause.values.iter().flatten().map(|word| self.word(word)).collect();
        let value = match values.as_slice() {
            [only] => only.value.clone(),
            _ => None,
        };
        self.assign(&clause.variable_name, value);
        self.list(&clause.body.list, fate);
        Flow::UNKNOWN
    }

    fn if_clause(&mut self, clause: &'script IfClauseCommand, fate: &Fate) -> Flow {
        let known = self.checked.len();
        let mut branches = vec![(Some(&clause.condition), &clause.then)];
        branches.extend(clause.elses.iter().flatten().map(|other| (other.condition.as_ref(), &other.body)));
        let mut ends = Vec::new();
        for (condition, body) in branches {
            let status = condition.map_or(Status::Zero, |list| self.list(list, &Fate::Condition).status);
            if status != Status::NonZero {
                ends.push(self.list(body, fate));
            }
            self.checked.truncate(known);
            if status == Status::Zero {
                return joined(&ends);
            }
        }
        // No branch at all, which is success.
        ends.push(Flow::ZERO);
        joined(&ends)
    }

    fn case_clause(&mut self, clause: &'script CaseClauseCommand, fate: &Fate) -> Flow {
        let value = self.word(&clause.value).value;
        let mut ends = Vec::new();
        for case in &clause.cases {
            let patterns: Vec<Text> = case.patterns.iter().map(|word| self.word(word)).collect();
            let matches = matching(value.as_deref(), &patterns);
            if matches == Some(false) {
                continue;
            }
            ends.push(case.cmd.as_ref().map_or(Flow::ZERO, |list| self.list(list, fate)));
            if matches == Some(true) {
                return joined(&ends);
            }
        }
        ends.push(Flow::ZERO);
        joined(&ends)
    }

    /// `[[ … ]]`.
    fn extended(&mut self, expression: &ExtendedTestExpr) -> Option<bool> {
        match expression {
            ExtendedTestExpr::And(left, right) => condition::and(self.extended(left), self.extended(right)),
            ExtendedTestExpr::Or(left, right) => condition::or(self.extended(left), self.extended(right)),
            ExtendedTestExpr::Not(inner) => self.extended(inner).map(|holds| !holds),
            ExtendedTestExpr::Parenthesized(inner) => self.extended(inner),
            ExtendedTestExpr::UnaryTest(predicate, word) => {
                let operand = self.word(word);
                self.check(unary(predicate), &operand);
                condition::test(&[literal(unary(predicate)), operand], self.ground)
            }
            ExtendedTestExpr::BinaryTest(predicate, left, right) => {
                let (left, right) = (self.word(left), self.word(right));
                condition::test(&[left, literal(binary(predicate)), right], self.ground)
            }
        }
    }
}

/// One of several ends; it is not known which.
fn joined(ends: &[Flow]) -> Flow {
    let [first, rest @ ..] = ends else { return Flow::ZERO };
    let status = if rest.iter().all(|flow| flow.status == first.status) { first.status } else { Status::Unknown };
    Flow { status, is_over: ends.iter().all(|flow| flow.is_over) }
}

/// Whether a value is one of the patterns.
fn matching(value: Option<&str>, patterns: &[Text]) -> Option<bool> {
    let mut matches = Some(false);
    for pattern in patterns {
        let one = match pattern.value.as_deref() {
            Some("*") => Some(true),
            Some(pattern) if pattern.contains(['*', '?', '[']) => None,
            Some(pattern) => value.map(|value| value == pattern),
            None => None,
        };
        matches = condition::or(matches, one);
    }
    matches
}

fn literal(text: &str) -> Text {
    Text { written: text.to_owned(), value: Some(text.to_owned()) }
}

fn unary(predicate: &UnaryPredicate) -> &'static str {
    match predicate {
        UnaryPredicate::FileExists => "-e",
        UnaryPredicate::FileExistsAndIsDir => "-d",
        UnaryPredicate::FileExistsAndIsRegularFile => "-f",
        UnaryPredicate::FileExistsAndIsSymlink => "-L",
        UnaryPredicate::FileExistsAndIsSocket => "-S",
        UnaryPredicate::FileExistsAndIsExecutable => "-x",
        UnaryPredicate::FileExistsAndIsReadable => "-r",
        UnaryPredicate::FileExistsAndIsWritable => "-w",
        UnaryPredicate::FileExistsAndIsNotZeroLength => "-s",
        UnaryPredicate::StringHasZeroLength => "-z",
        UnaryPredicate::StringHasNonZeroLength => "-n",
        UnaryPredicate::FdIsOpenTerminal => "-t",
        _ => "",
    }
}

fn binary(predicate: &BinaryPredicate) -> &'static str {
    match predicate {
        BinaryPredicate::StringExactlyMatchesPattern | BinaryPredicate::StringExactlyMatchesString => "=",
        BinaryPredicate::ArithmeticEqualTo => "-eq",
        BinaryPredicate::ArithmeticNotEqualTo => "-ne",
        BinaryPredicate::ArithmeticLessThan => "-lt",
        BinaryPredicate::ArithmeticLessThanOrEqualTo => "-le",
        BinaryPredicate::ArithmeticGreaterThan => "-gt",
        BinaryPredicate::ArithmeticGreaterThanOrEqualTo => "-ge",
        _ => "",
    }
}
