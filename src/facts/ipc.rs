//! System V objects that can be seen, from `/proc/sysvipc`.

use serde::{Deserialize, Serialize};

use super::{
    Fact, Malformed,
    text::{fields, lines},
};

/// How many objects of each kind there are in this ipc namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ipc {
    /// Shared memory segments.
    pub shared_memory: Fact<u32>,
    /// Semaphore sets.
    pub semaphores: Fact<u32>,
    /// Message queues.
    pub message_queues: Fact<u32>,
}

/// Count the rows below the title of a `/proc/sysvipc` table.
pub fn parse(bytes: &[u8]) -> Result<u32, Malformed> {
    let mut rows = lines(bytes);
    let title = rows.next().filter(|(_, line)| fields(line).next() == Some(b"key"));
    title.ok_or(Malformed { what: "title", line: 1 })?;
    Ok(u32::try_from(rows.count()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TITLE: &str = "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n";

    #[test]
    fn a_table_without_a_title_is_refused() {
        assert_eq!(parse(b""), Err(Malformed { what: "title", line: 1 }));
        assert_eq!(parse(b"  12  0  600\n"), Err(Malformed { what: "title", line: 1 }));
    }

    proptest! {
        #[test]
        fn rows_are_counted(rows in 0..50u32) {
            let table = format!("{TITLE}{}", "1 2 600 1 0 0 0 0 0 0\n".repeat(rows as usize));
            prop_assert_eq!(parse(table.as_bytes()), Ok(rows));
        }

        #[test]
        fn anything_is_survived(bytes: Vec<u8>) {
            let _ = parse(&[TITLE.as_bytes(), &bytes].concat());
        }
    }
}
