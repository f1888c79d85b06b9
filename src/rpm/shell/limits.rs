//! Scripts that the parser is not given: it calls itself for everything that is nested, and tries some things in every way
//! there is, so that a few thousand bytes can take its stack or an hour.

use brush_parser::{Token, TokenizerOptions, uncached_tokenize_str};

/// The longest script, in bytes. The longest that distributions ship are some tens of thousands.
const LONGEST: usize = 256 << 10;
/// The most commands within words.
const WITHIN: usize = 150;
/// The most constructs that lie in each other: a tenth of what the stack of [`parallel`](crate::parallel) has room for.
const DEEPEST: usize = 48;
/// The most `case` within `case`: each makes the parser try everything in it about three times over.
const CASES: usize = 5;
/// The most `((` in a script: arithmetic, or one subshell in another, and both are tried.
const DOUBLE: usize = 8;

/// Whether a script is one that is not read.
pub fn is_tangled(body: &str) -> bool {
    let substitutions = body.matches("$(").count() + body.matches("${").count() / 4 + body.matches('`').count() / 2;
    if body.len() > LONGEST || substitutions > WITHIN {
        return true;
    }
    // What can't be divided into words can't be parsed either, and the parser says why.
    uncached_tokenize_str(body, &TokenizerOptions::default()).is_ok_and(|tokens| is_nested(&tokens))
}

/// Whether too much lies in each other. An end counts only where a command may begin: elsewhere it is a word like others.
fn is_nested(tokens: &[Token]) -> bool {
    let (mut depth, mut cases, mut double) = (0_usize, 0_usize, 0_usize);
    let mut before = "\n";
    for token in tokens {
        let text = token.to_str();
        let is_command =
            matches!(before, "\n" | ";" | ";;" | "&" | "&&" | "||" | "|" | "(" | "then" | "do" | "else" | "{");
        match text {
            "(" => {
                depth += 1;
                double += usize::from(before == "(");
            }
            "if" | "while" | "until" | "for" | "{" => depth += 1,
            "case" => {
                depth += 1;
                cases += 1;
            }
            ")" => depth = depth.saturating_sub(1),
            "fi" | "done" | "}" if is_command => depth = depth.saturating_sub(1),
            "esac" if is_command => {
                depth = depth.saturating_sub(1);
                cases = cases.saturating_sub(1);
            }
            _ => {}
        }
        if depth > DEEPEST || cases > CASES || double > DOUBLE {
            return true;
        }
        before = text;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rstest::rstest;

    use super::super::parse;

    #[rstest]
    #[case::subshells("(", 30)]
    #[case::cases("case x in a) ", 30)]
    #[case::braces("{ ", 5000)]
    #[case::ifs("if true; then ", 5000)]
    #[case::substitutions("$(", 5000)]
    #[case::quotes("`", 5000)]
    #[case::lines("echo hello\n", 100_000)]
    fn what_would_take_the_parser_forever_is_not_parsed(#[case] part: &str, #[case] times: usize) {
        let begun = Instant::now();
        assert!(parse(&part.repeat(times)).is_err());
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    /// Calls of calls, and a value that is doubled.
    #[rstest]
    #[case::calls(&(0..8).map(|n| format!("f{n}() {{ {} }}\n", format!("f{}; ", n + 1).repeat(100))).chain(["f0".to_owned()]).collect::<String>())]
    #[case::doubled(&("a=xxxxxxxx\n".to_owned() + &"a=$a$a\n".repeat(60) + "echo $a > /etc/a"))]
    fn what_comes_to_more_than_there_is_is_given_up(#[case] script: &str) {
        let begun = Instant::now();
        let contract = crate::contract::Contract::builtin("osbuild-v190").expect("a contract");
        let ground = crate::rpm::ground::Ground::of(&contract, "x86_64");
        let walked = parse(script).expect("a script").walk(&ground, Some("1"), false);
        assert!(walked.acts.len() < 25_000 && begun.elapsed() < Duration::from_secs(5));
    }

    #[rstest]
    #[case::cases_in_turn(&"case x in\n a) true;;\nesac\n".repeat(200))]
    #[case::ifs_in_turn(&"if true; then\n true\nfi\n".repeat(1000))]
    #[case::subshells_in_turn(&"(true)\n".repeat(1000))]
    fn what_stands_one_after_the_other_is_parsed(#[case] script: &str) {
        parse(script).expect("a script");
    }
}
