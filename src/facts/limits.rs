//! Resource limits, from `/proc/self/limits`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Malformed,
    text::{decimal, escape, fields, lines},
};

/// A soft and a hard limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// What counts now.
    pub soft: Amount,
    /// How far the soft limit may be raised.
    pub hard: Amount,
}

/// A number in the unit of the limit, or no limit at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Amount {
    /// This much.
    Number(u64),
    /// Anything.
    Unlimited(Infinity),
}

/// The word for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
pub enum Infinity {
    /// No limit.
    #[serde(rename = "infinity")]
    Infinity,
}

/// The kernel's words for a limit (`fs/proc/base.c`, `lnames`) and the names of `prlimit(1)`.
const NAMES: [(&str, &str); 16] = [
    ("Max cpu time", "cpu"),
    ("Max file size", "fsize"),
    ("Max data size", "data"),
    ("Max stack size", "stack"),
    ("Max core file size", "core"),
    ("Max resident set", "rss"),
    ("Max processes", "nproc"),
    ("Max open files", "nofile"),
    ("Max locked memory", "memlock"),
    ("Max address space", "as"),
    ("Max file locks", "locks"),
    ("Max pending signals", "sigpending"),
    ("Max msgqueue size", "msgqueue"),
    ("Max nice priority", "nice"),
    ("Max realtime priority", "rtprio"),
    ("Max realtime timeout", "rttime"),
];

/// The width of the first column.
const COLUMN: usize = 25;

/// Read the table. A limit that has no name here yet goes by the kernel's words.
pub fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Limit>, Malformed> {
    let mut limits = BTreeMap::new();
    let mut rows = lines(bytes);
    let title = rows.next().filter(|(_, line)| line.starts_with(b"Limit "));
    title.ok_or(Malformed { what: "title", line: 1 })?;
    for (number, line) in rows {
        let malformed = |what| Malformed { what, line: number };
        let (words, rest) = line.split_at_checked(COLUMN).ok_or(malformed("limit"))?;
        let mut amounts = fields(rest).map(amount);
        let soft = amounts.next().flatten().ok_or(malformed("soft limit"))?;
        let hard = amounts.next().flatten().ok_or(malformed("hard limit"))?;
        limits.insert(name(words.trim_ascii()), Limit { soft, hard });
    }
    Ok(limits)
}

fn name(words: &[u8]) -> String {
    let known = NAMES.iter().find(|(kernel, _)| kernel.as_bytes() == words);
    known.map_or_else(|| escape(words), |(_, name)| (*name).to_owned())
}

fn amount(field: &[u8]) -> Option<Amount> {
    match field {
        b"unlimited" => Some(Amount::Unlimited(Infinity::Infinity)),
        digits => decimal(digits).map(Amount::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TITLE: &str = "Limit                     Soft Limit           Hard Limit           Units     \n";

    fn row(words: &str, soft: &str, hard: &str, unit: &str) -> String {
        format!("{words:<25} {soft:<20} {hard:<20} {unit:<10}\n")
    }

    #[test]
    fn numbers_and_no_limit_are_told_apart() {
        let table = [
            TITLE.to_owned(),
            row("Max open files", "1024", "524288", "files"),
            row("Max cpu time", "unlimited", "18446744073709551614", "seconds"),
            row("Max nice priority", "0", "0", ""),
            row("Max imagination", "1", "2", "ideas"),
        ];
        let unlimited = Amount::Unlimited(Infinity::Infinity);
        let expected = BTreeMap::from([
            ("Max imagination".to_owned(), Limit { soft: Amount::Number(1), hard: Amount::Number(2) }),
            ("cpu".to_owned(), Limit { soft: unlimited, hard: Amount::Number(u64::MAX - 1) }),
            ("nice".to_owned(), Limit { soft: Amount::Number(0), hard: Amount::Number(0) }),
            ("nofile".to_owned(), Limit { soft: Amount::Number(1024), hard: Amount::Number(524_288) }),
        ]);
        assert_eq!(parse(table.concat().as_bytes()), Ok(expected));
    }

    #[test]
    fn no_limit_is_the_word_infinity_in_json() {
        let limit = Limit { soft: Amount::Number(0), hard: Amount::Unlimited(Infinity::Infinity) };
        let json = serde_json::to_string(&limit).expect("a limit is JSON");
        assert_eq!(json, r#"{"soft":0,"hard":"infinity"}"#);
        assert_eq!(serde_json::from_str::<Limit>(&json).expect("and back"), limit);
    }

    #[test]
    fn a_table_without_its_title_or_a_column_is_refused() {
        assert_eq!(parse(b""), Err(Malformed { what: "title", line: 1 }));
        assert_eq!(parse(format!("{TITLE}Max\n").as_bytes()), Err(Malformed { what: "limit", line: 2 }));
        let cut = format!("{TITLE}{}", row("Max open files", "1", "", ""));
        assert_eq!(parse(cut.as_bytes()), Err(Malformed { what: "hard limit", line: 2 }));
    }

    proptest! {
        #[test]
        fn amounts_are_read_back(soft: u64, hard: u64, which in 0..16usize) {
            let (words, name) = NAMES[which];
            let table = format!("{TITLE}{}", row(words, &soft.to_string(), &hard.to_string(), "x"));
            let limit = Limit { soft: Amount::Number(soft), hard: Amount::Number(hard) };
            prop_assert_eq!(parse(table.as_bytes()), Ok(BTreeMap::from([(name.to_owned(), limit)])));
        }

        #[test]
        fn anything_is_survived(bytes: Vec<u8>) {
            let _ = parse(&[TITLE.as_bytes(), &bytes].concat());
        }
    }
}
