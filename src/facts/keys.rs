//! Keys that can be seen, from `/proc/keys`: counted, never named.

use serde::{Deserialize, Serialize};

use super::{
    Malformed,
    text::{fields, lines},
};

/// How many keys `/proc/keys` lists for this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Keyrings {
    /// All of them.
    pub visible: u32,
    /// Those that are keyrings.
    pub keyrings: u32,
    /// Keyrings that are a session's (`_ses`, `_ses.PID`).
    pub sessions: u32,
    /// Keyrings that are a user's (`_uid.N`, `_uid_ses.N`).
    pub users: u32,
}

/// Count the rows: serial, flags, usage, timeout, permissions, uid, gid, type, description (proc_keys(5)).
pub fn parse(bytes: &[u8]) -> Result<Keyrings, Malformed> {
    let mut keys = Keyrings { visible: 0, keyrings: 0, sessions: 0, users: 0 };
    for (number, line) in lines(bytes) {
        let mut columns = fields(line);
        let kind = columns.nth(7).ok_or(Malformed { what: "type of key", line: number })?;
        keys.visible = keys.visible.saturating_add(1);
        if kind != b"keyring" {
            continue;
        }
        keys.keyrings = keys.keyrings.saturating_add(1);
        let name = columns.next().unwrap_or_default();
        if name.starts_with(b"_ses") {
            keys.sessions = keys.sessions.saturating_add(1);
        } else if name.starts_with(b"_uid") {
            keys.users = keys.users.saturating_add(1);
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: &[u8] = include_bytes!("../../fixtures/proc/keys/login.txt");

    #[test]
    fn a_login_s_keys_are_counted_and_not_named() {
        assert_eq!(parse(TABLE), Ok(Keyrings { visible: 6, keyrings: 4, sessions: 1, users: 2 }));
        assert_eq!(parse(b""), Ok(Keyrings { visible: 0, keyrings: 0, sessions: 0, users: 0 }));
    }

    #[test]
    fn a_cut_row_is_refused() {
        let cut = parse(b"0a5a2384 I------     1 perm 1f0b0000     0     0\n");
        assert_eq!(cut, Err(Malformed { what: "type of key", line: 1 }));
    }

    proptest! {
        #[test]
        fn anything_is_survived(bytes: Vec<u8>) {
            let _ = parse(&[TABLE, &bytes].concat());
        }
    }
}
