//! Requirements with words in them, as in `(a if b)`. rpm, `docs/manual/boolean_dependencies.md`.

use super::capability::Capability;

/// How deep one may be in another.
const DEEPEST: usize = 32;

/// A requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rich {
    /// Somebody has to provide this.
    Plain(Capability),
    /// `and`: all of them.
    All(Vec<Rich>),
    /// `or`: one of them; the first is the favourite.
    Any(Vec<Rich>),
    /// `with`: one package that provides all of them.
    With(Vec<Capability>),
    /// `without`: a package that provides the first and not the second.
    Without(Capability, Capability),
    /// `if`: the first where the second is, else the third.
    If(Box<[Rich; 2]>, Option<Box<Rich>>),
}

impl Rich {
    /// Of what a header has; `None` if it can't be told what is meant.
    pub fn of(capability: &Capability) -> Option<Self> {
        if !capability.name.starts_with('(') {
            return Some(Self::Plain(capability.clone()));
        }
        let mut reader = Reader { rest: &capability.name };
        let rich = reader.rich(0)?;
        reader.rest.is_empty().then_some(rich)
    }

    /// The capabilities in it.
    pub fn named(&self) -> Vec<&Capability> {
        match self {
            Self::Plain(one) => vec![one],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::named).collect(),
            Self::With(parts) => parts.iter().collect(),
            Self::Without(one, other) => vec![one, other],
            Self::If(parts, otherwise) => parts.iter().chain(otherwise.as_deref()).flat_map(Self::named).collect(),
        }
    }
}

/// What is still to be read.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// What is between brackets.
    fn rich(&mut self, depth: usize) -> Option<Rich> {
        self.bracket('(').filter(|()| depth < DEEPEST)?;
        let mut parts = vec![self.operand(depth)?];
        let mut words: Vec<&str> = Vec::new();
        while self.bracket(')').is_none() {
            words.push(self.word()?);
            parts.push(self.operand(depth)?);
        }
        joined(&words, parts)
    }

    fn operand(&mut self, depth: usize) -> Option<Rich> {
        if self.rest.starts_with('(') {
            return self.rich(depth + 1);
        }
        let name = self.word()?;
        let operator = self.rest.split_whitespace().next().unwrap_or_default();
        if !operator.starts_with(['<', '>', '=']) {
            return Some(Rich::Plain(Capability::named(name)));
        }
        let operator = self.word()?;
        Some(Rich::Plain(Capability::of_versions(name, operator, self.word()?)?))
    }

    fn bracket(&mut self, bracket: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(bracket)?.trim_start();
        Some(())
    }

    /// What comes before a blank, or before a bracket that closes what was opened before it.
    fn word(&mut self) -> Option<&'a str> {
        let mut open = 0_usize;
        let is_end = |c: char| match c {
            '(' => {
                open += 1;
                false
            }
            ')' if open == 0 => true,
            ')' => {
                open -= 1;
                false
            }
            c => c.is_whitespace(),
        };
        let end = self.rest.find(is_end).filter(|end| *end > 0)?;
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        Some(word)
    }
}

/// What the words between them make of the parts.
fn joined(words: &[&str], parts: Vec<Rich>) -> Option<Rich> {
    let plain = |part: Rich| match part {
        Rich::Plain(capability) => Some(capability),
        _ => None,
    };
    let all = |word: &str| words.iter().all(|other| *other == word);
    match words {
        [] => parts.into_iter().next(),
        ["and", ..] if all("and") => Some(Rich::All(parts)),
        ["or", ..] if all("or") => Some(Rich::Any(parts)),
        ["with", ..] if all("with") => Some(Rich::With(parts.into_iter().map(plain).collect::<Option<_>>()?)),
        ["without"] | ["if"] | ["if", "else"] => {
            let mut parts = parts.into_iter();
            match (words[0], parts.next()?, parts.next()?) {
                ("without", one, other) => Some(Rich::Without(plain(one)?, plain(other)?)),
                (_, then, condition) => Some(Rich::If(Box::new([then, condition]), parts.next().map(Box::new))),
            }
        }
        // `unless` is for conflicts.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn plain(name: &str) -> Rich {
        Rich::Plain(Capability::named(name))
    }

    fn read(text: &str) -> Option<Rich> {
        Rich::of(&Capability::named(text))
    }

    #[rstest]
    #[case::plain("pkgconfig(x)", plain("pkgconfig(x)"))]
    #[case::and("(a and b and c)", Rich::All(vec![plain("a"), plain("b"), plain("c")]))]
    #[case::or_within("((a or b) and lib.so()(64bit))", Rich::All(vec![Rich::Any(vec![plain("a"), plain("b")]), plain("lib.so()(64bit)")]))]
    #[case::a_version("(a >= 1.2)", Rich::Plain(Capability::of_versions("a", ">=", "1.2").expect("one")))]
    #[case::with("(a with b)", Rich::With(vec![Capability::named("a"), Capability::named("b")]))]
    #[case::without("(a without b)", Rich::Without(Capability::named("a"), Capability::named("b")))]
    #[case::conditional("(a if b)", Rich::If(Box::new([plain("a"), plain("b")]), None))]
    #[case::otherwise("(a if b else c)", Rich::If(Box::new([plain("a"), plain("b")]), Some(Box::new(plain("c")))))]
    #[case::blanks("(a  or  b )", Rich::Any(vec![plain("a"), plain("b")]))]
    fn a_requirement_with_words_is_read(#[case] text: &str, #[case] expected: Rich) {
        assert_eq!(read(text), Some(expected));
    }

    #[rstest]
    #[case::for_conflicts("(a unless b)")]
    #[case::mixed("(a and b or c)")]
    #[case::open("(a and b")]
    #[case::more_behind("(a and b) c")]
    #[case::empty("()")]
    #[case::nothing_to_join("(a and )")]
    #[case::an_operator_that_is_none("(a => 1)")]
    #[case::half_an_if("(a else b)")]
    #[case::with_more_than_names("(a with (b or c))")]
    fn what_can_t_be_told_is_not_guessed(#[case] text: &str) {
        assert_eq!(read(text), None);
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(read(&nested(10)), Some(plain("a")));
        assert_eq!(read(&nested(100_000)), None);
    }
}
