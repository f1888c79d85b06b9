//! `/proc/PID/status`: the fields by name (proc_pid_status(5)).

use std::collections::BTreeMap;

use super::{
    Malformed,
    process::Ids,
    text::{decimal, fields, lines},
};

/// The fields of a status file, as the kernel wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status<'a> {
    fields: BTreeMap<&'a [u8], &'a [u8]>,
}

/// Divide a status file into its fields. The first of a name counts: `Name` comes first and could hold anything
/// but a newline, which the kernel escapes.
pub fn parse(bytes: &[u8]) -> Result<Status<'_>, Malformed> {
    let mut found = BTreeMap::new();
    for (number, line) in lines(bytes) {
        let colon = line.iter().position(|&byte| byte == b':').ok_or(Malformed { what: "field", line: number })?;
        found.entry(&line[..colon]).or_insert(line[colon + 1..].trim_ascii());
    }
    Ok(Status { fields: found })
}

fn absent(what: &'static str) -> Malformed {
    Malformed { what, line: 0 }
}

impl Status<'_> {
    fn field(&self, name: &'static str) -> Result<&[u8], Malformed> {
        self.fields.get(name.as_bytes()).copied().ok_or(absent(name))
    }

    /// A decimal field: `Seccomp`, `Threads`, `NoNewPrivs`.
    pub fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, Malformed> {
        decimal(self.field(name)?).ok_or(absent(name))
    }

    /// A flag that is 0 or 1.
    pub fn flag(&self, name: &'static str) -> Result<bool, Malformed> {
        match self.field(name)? {
            b"0" => Ok(false),
            b"1" => Ok(true),
            _ => Err(absent(name)),
        }
    }

    /// A list of decimals: `Groups`, `NSpid`.
    pub fn list<T: std::str::FromStr>(&self, name: &'static str) -> Result<Vec<T>, Malformed> {
        fields(self.field(name)?).map(|field| decimal(field).ok_or(absent(name))).collect()
    }

    /// A set of bits in hexadecimal: `CapEff`, `SigIgn`.
    pub fn mask(&self, name: &'static str) -> Result<u64, Malformed> {
        hexadecimal(self.field(name)?).ok_or(absent(name))
    }

    /// How many bits are set in comma-separated hexadecimal words of any number: `Cpus_allowed`.
    pub fn population(&self, name: &'static str) -> Result<u32, Malformed> {
        let words = self.field(name)?.split(|&byte| byte == b',');
        words.map(|word| hexadecimal(word).map(u64::count_ones).ok_or(absent(name))).sum()
    }

    /// `Uid` or `Gid`: real, effective, saved, file system.
    pub fn ids(&self, name: &'static str) -> Result<Ids, Malformed> {
        match self.list(name)?[..] {
            [real, effective, saved, filesystem] => Ok(Ids { real, effective, saved, filesystem }),
            _ => Err(absent(name)),
        }
    }

    /// `Umask`, four octal digits. Linux 4.7.
    pub fn umask(&self) -> Result<String, Malformed> {
        let digits = self.field("Umask")?;
        if digits.len() != 4 || !digits.iter().all(|digit| matches!(digit, b'0'..=b'7')) {
            return Err(absent("Umask"));
        }
        Ok(digits.iter().copied().map(char::from).collect())
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const OLD: &[u8] = include_bytes!("../../fixtures/proc/status/linux-4.4.txt");
    const NEW: &[u8] = include_bytes!("../../fixtures/proc/status/linux-6.18.txt");
    const HOSTILE: &[u8] = include_bytes!("../../fixtures/proc/status/hostile-name.txt");

    #[test]
    fn the_fields_of_a_sandboxed_process_are_read() {
        let status = parse(NEW).expect("the fixture is a status file");
        let root = Ids { real: 0, effective: 0, saved: 0, filesystem: 0 };
        assert_eq!(status.ids("Uid"), Ok(root));
        assert_eq!(status.umask().as_deref(), Ok("0022"));
        assert_eq!(status.list::<u32>("Groups"), Ok(vec![]));
        assert_eq!(status.list::<i32>("NSpid"), Ok(vec![4127, 2]));
        assert_eq!(status.mask("CapEff"), Ok(0x1_a8a4_47df));
        assert_eq!(status.flag("NoNewPrivs"), Ok(true));
        assert_eq!(status.number("Seccomp_filters"), Ok(0u32));
        assert_eq!(status.population("Cpus_allowed"), Ok(66));
    }

    #[rstest]
    #[case::umask("Umask")]
    #[case::no_new_privs("NoNewPrivs")]
    #[case::seccomp_filters("Seccomp_filters")]
    fn a_field_that_an_old_kernel_lacks_is_named(#[case] name: &'static str) {
        let status = parse(OLD).expect("the fixture is a status file");
        assert_eq!(status.field(name).map(<[u8]>::to_vec), Err(Malformed { what: name, line: 0 }));
    }

    #[test]
    fn a_name_cannot_forge_a_field() {
        let status = parse(HOSTILE).expect("the fixture is a status file");
        assert_eq!(status.mask("CapEff"), Ok(0));
        assert_eq!(status.ids("Uid").map(|ids| ids.real), Ok(1000));
    }

    #[rstest]
    #[case::two_ids("Uid:\t0\t0\n")]
    #[case::negative_id("Uid:\t-1\t0\t0\t0\n")]
    #[case::five_ids("Uid:\t0\t0\t0\t0\t0\n")]
    fn ids_that_are_not_four_are_refused(#[case] text: &str) {
        assert_eq!(parse(text.as_bytes()).expect("it has fields").ids("Uid"), Err(absent("Uid")));
    }

    #[test]
    fn a_line_without_a_colon_is_refused() {
        assert_eq!(parse(b"Name:\tx\nUid 0\n"), Err(Malformed { what: "field", line: 2 }));
    }

    proptest! {
        #[test]
        fn a_mask_is_read_back(mask: u64) {
            let text = format!("CapEff:\t{mask:016x}\n");
            prop_assert_eq!(parse(text.as_bytes()).expect("it has fields").mask("CapEff"), Ok(mask));
        }

        #[test]
        fn anything_is_survived(bytes: Vec<u8>, value in "\\PC*") {
            let _ = parse(&bytes);
            let text = format!("Uid:{value}\nUmask:{value}\nCpus_allowed:{value}\n");
            if let Ok(status) = parse(text.as_bytes()) {
                let _ = (status.ids("Uid"), status.umask(), status.population("Cpus_allowed"));
            }
        }
    }
}
