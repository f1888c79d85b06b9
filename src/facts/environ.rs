//! The environment, from `/proc/self/environ`.

use std::collections::BTreeMap;

use super::text::escape;

/// The variables whose values are told: those that osbuild's build root sets, in any profile, and those that a
/// shell adds. What others hold is the caller's, and may be a token.
pub const TOLD: [&str; 11] = [
    "LC_CTYPE",
    "OSBUILD_QEMU_IMG_COROUTINES",
    "PATH",
    "PWD",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "QEMU_LOG",
    "SHLVL",
    "SOURCE_DATE_EPOCH",
    "TERM",
    "container",
];

/// An environment as it may be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Variables by name, the value only where it is ours to tell. The first of a name counts, as for `getenv(3)`.
    pub variables: BTreeMap<String, Option<String>>,
    /// Entries that are no `NAME=VALUE`, or whose name came before.
    pub malformed: u32,
}

/// Read the environment: entries that each end with a zero byte.
pub fn parse(bytes: &[u8]) -> Environment {
    let mut environment = Environment::default();
    let body = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if body.is_empty() {
        return environment;
    }
    for entry in body.split(|&byte| byte == 0) {
        let Some(equals) = entry.iter().position(|&byte| byte == b'=').filter(|&at| at > 0) else {
            environment.malformed = environment.malformed.saturating_add(1);
            continue;
        };
        let name = escape(&entry[..equals]);
        if environment.variables.contains_key(&name) {
            environment.malformed = environment.malformed.saturating_add(1);
            continue;
        }
        let value = TOLD.contains(&name.as_str()).then(|| escape(&entry[equals + 1..]));
        environment.variables.insert(name, value);
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(name: &str, value: Option<&str>) -> (String, Option<String>) {
        (name.to_owned(), value.map(str::to_owned))
    }

    #[test]
    fn foreign_values_are_not_told() {
        let environment = parse(b"PATH=/usr/bin\0TOKEN=hunter2\0A\xff=x\0TERM=\x1b[2J\0PWD=/a=b\0");
        let expected = BTreeMap::from([
            told("A\\xff", None),
            told("PATH", Some("/usr/bin")),
            told("PWD", Some("/a=b")),
            told("TERM", Some("\\x1b[2J")),
            told("TOKEN", None),
        ]);
        assert_eq!(environment, Environment { variables: expected, malformed: 0 });
    }

    #[test]
    fn the_first_of_a_name_counts_and_the_rest_is_counted() {
        let environment = parse(b"PATH=/first\0PATH=/second\0secret without a name\0=C:=x\0\0SHLVL=0");
        let expected = BTreeMap::from([told("PATH", Some("/first")), told("SHLVL", Some("0"))]);
        assert_eq!(environment, Environment { variables: expected, malformed: 4 });
    }

    #[test]
    fn an_empty_environment_is_empty() {
        assert_eq!(parse(b""), Environment::default());
    }

    proptest! {
        #[test]
        fn anything_is_survived_and_no_foreign_value_told(bytes: Vec<u8>) {
            for (name, value) in parse(&bytes).variables {
                prop_assert!(value.is_none() || TOLD.contains(&name.as_str()));
            }
        }

        #[test]
        fn every_entry_is_counted_once(entries in proptest::collection::vec("[A-C]?=?[x-z]{0,2}", 1..9)) {
            let bytes: Vec<u8> = entries.iter().flat_map(|entry| [entry.as_bytes(), b"\0"].concat()).collect();
            let environment = parse(&bytes);
            let all = environment.variables.len() + environment.malformed as usize;
            prop_assert_eq!(all, if bytes == b"\0" { 0 } else { entries.len() });
        }
    }
}
