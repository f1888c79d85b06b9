//! Signals: names, and the four masks of a process.

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

/// What happens to signals, as names in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Signals {
    /// Ignored; survives `execve`.
    pub ignored: Vec<String>,
    /// Blocked; survives `execve`.
    pub blocked: Vec<String>,
    /// Handled. `execve` resets these, so it is empty when a program starts.
    pub caught: Vec<String>,
    /// Sent and not yet delivered, to the thread or to the process.
    pub pending: Vec<String>,
}

/// The names of a set of bits, signal 1 the lowest, in the order of their numbers. Real-time signals go by number.
pub fn names(mask: u64) -> Vec<String> {
    (0..64u32).filter(|bit| mask >> bit & 1 == 1).map(|bit| name(bit + 1)).collect()
}

/// The name of a signal.
pub fn name(number: u32) -> String {
    let known = i32::try_from(number).ok().and_then(|number| Signal::try_from(number).ok());
    known.map_or_else(|| format!("SIG{number}"), |signal| signal.as_str().to_owned())
}

/// The bit that stands for a signal in a mask.
pub fn bit(signal: Signal) -> u64 {
    1 << (signal as i32 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_names_in_the_order_of_numbers() {
        assert_eq!(names(0), Vec::<String>::new());
        assert_eq!(names(0x1_1001), ["SIGHUP", "SIGPIPE", "SIGCHLD"]);
        assert_eq!(names(1 << 63 | 1 << 33), ["SIG34", "SIG64"]);
        assert_eq!(names(bit(Signal::SIGPIPE)), ["SIGPIPE"]);
    }

    #[test]
    fn every_bit_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<String> = names(u64::MAX).into_iter().collect();
        assert_eq!(names.len(), 64);
    }
}
