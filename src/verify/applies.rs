//! Whether a clause is about this build root, with the reason where it is not.

use serde_json::Value;

use crate::contract::{Condition, HostFact, TreeFact, When, Word};

use super::show;

/// Whether a clause applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applies {
    /// It does.
    Yes,
    /// It does not, for these reasons.
    No(String),
    /// The facts do not say.
    CannotTell(String),
}

impl When {
    /// Whether the conditions are met, by what the launch half says.
    pub(super) fn met(&self, facts: &Value) -> Applies {
        let launch = &facts["launch"];
        let arch = if launch.is_null() { &facts["probe"]["arch"] } else { &launch["arch"] };
        let checks = [
            one_of(&self.arch, arch, "the architecture"),
            one_of(&self.privilege, &launch["privilege"], "the privilege"),
            one_of(&self.phase, &launch["phase"], "the phase"),
            one_of(&self.policy, &launch["policy"], "the capability policy"),
        ];
        let host = self.host.iter().map(|wanted| so(*wanted, &launch["host"], host_noun(wanted.fact)));
        let tree = self.tree.iter().map(|wanted| so(*wanted, &launch["tree"], tree_noun(wanted.fact)));
        let (mut not, mut unsaid) = (Vec::new(), Vec::new());
        for check in checks.into_iter().chain(host).chain(tree) {
            match check {
                Applies::Yes => {}
                Applies::No(reason) => not.push(reason),
                Applies::CannotTell(what) => unsaid.push(what),
            }
        }
        if !not.is_empty() {
            Applies::No(not.join("; "))
        } else if unsaid.is_empty() {
            Applies::Yes
        } else {
            Applies::CannotTell(format!("cannot tell whether the clause applies: {}", unsaid.join("; ")))
        }
    }
}

fn one_of<T: Word>(wanted: &[T], found: &Value, what: &str) -> Applies {
    match found.as_str() {
        _ if wanted.is_empty() => Applies::Yes,
        Some(found) if wanted.iter().any(|word| word.as_str() == found) => Applies::Yes,
        Some(found) => Applies::No(format!("{what} is {}", show::text(found))),
        None => Applies::CannotTell(format!("the facts do not have {what}")),
    }
}

fn so<T: Word>(wanted: Condition<T>, facts: &Value, noun: &str) -> Applies {
    match facts.get(wanted.fact.as_str()).and_then(Value::as_bool) {
        Some(found) if found == wanted.wanted => Applies::Yes,
        Some(true) => Applies::No(noun.replacen("{}", "has", 1)),
        Some(false) => Applies::No(noun.replacen("{}", "has no", 1)),
        None => Applies::CannotTell(format!("the facts do not say whether {}", noun.replacen("{}", "has", 1))),
    }
}

fn host_noun(fact: HostFact) -> &'static str {
    match fact {
        HostFact::Selinux => "the host {} SELinux policy",
        HostFact::Fuse => "the host {} /dev/fuse",
        HostFact::Ipv6 => "the host {} IPv6",
        HostFact::SysrqTrigger => "the host {} /proc/sysrq-trigger",
    }
}

fn tree_noun(fact: TreeFact) -> &'static str {
    match fact {
        TreeFact::Boot => "the tree {} /boot to mount",
        TreeFact::Bin => "the tree {} /usr/bin",
        TreeFact::Sbin => "the tree {} /usr/sbin",
        TreeFact::Lib => "the tree {} /usr/lib",
        TreeFact::Lib64 => "the tree {} /usr/lib64",
        TreeFact::Mke2fsConf => "the tree {} /etc/mke2fs.conf",
        TreeFact::Containers => "the tree {} /etc/containers",
        TreeFact::Selinux => "the tree {} /etc/selinux",
        TreeFact::Ostree => "the tree {} /ostree",
    }
}
