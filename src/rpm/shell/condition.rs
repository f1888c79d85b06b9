//! What `[ … ]` and `[[ … ]]` come to, where that is known.

use super::word::Text;
use crate::rpm::ground::{Ground, Standing};

/// Whether a test holds, by its words without the brackets; `None` where it can't be told.
pub fn test(words: &[Text], ground: &Ground<'_>) -> Option<bool> {
    let is = |word: &Text, text: &str| word.written == text;
    if let Some(at) = words.iter().position(|word| is(word, "-o") || is(word, "||")) {
        return or(test(&words[..at], ground), test(&words[at + 1..], ground));
    }
    if let Some(at) = words.iter().position(|word| (is(word, "-a") || is(word, "&&")) && words.len() > 2) {
        return and(test(&words[..at], ground), test(&words[at + 1..], ground));
    }
    match words {
        [] => Some(false),
        [not, rest @ ..] if is(not, "!") => test(rest, ground).map(|holds| !holds),
        [one] => one.value.as_ref().map(|value| !value.is_empty()),
        [operator, operand] => unary(&operator.written, operand, ground),
        [left, operator, right] => binary(left, &operator.written, right),
        _ => None,
    }
}

/// Both.
pub fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// One of them.
pub fn or(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// Files are what the contract says; what is no file to it is not known.
fn unary(operator: &str, operand: &Text, ground: &Ground<'_>) -> Option<bool> {
    let value = operand.value.as_deref()?;
    match operator {
        "-n" => Some(!value.is_empty()),
        "-z" => Some(value.is_empty()),
        // No descriptor of a scriptlet is a terminal, whoever runs it.
        "-t" => Some(false),
        "-e" | "-f" | "-d" | "-b" | "-c" | "-p" | "-S" | "-L" | "-h" | "-r" | "-w" | "-x" | "-s" => {
            match ground.path(value).standing {
                Standing::Unmet => Some(false),
                Standing::Met | Standing::Unsaid => None,
            }
        }
        _ => None,
    }
}

fn binary(left: &Text, operator: &str, right: &Text) -> Option<bool> {
    let (left, right) = (left.value.as_deref()?, right.value.as_deref()?);
    let numbers = || Some((left.trim().parse::<i64>().ok()?, right.trim().parse::<i64>().ok()?));
    match operator {
        "=" | "==" if right.contains(['*', '?', '[']) => None,
        "=" | "==" => Some(left == right),
        "!=" => Some(left != right),
        "-eq" => numbers().map(|(left, right)| left == right),
        "-ne" => numbers().map(|(left, right)| left != right),
        "-lt" => numbers().map(|(left, right)| left < right),
        "-le" => numbers().map(|(left, right)| left <= right),
        "-gt" => numbers().map(|(left, right)| left > right),
        "-ge" => numbers().map(|(left, right)| left >= right),
        _ => None,
    }
}
