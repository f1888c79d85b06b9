//! What of the network can be seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};

use super::{
    Fact, Malformed,
    text::{fields, lines},
};

/// The network namespace, as seen from inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Interfaces by name.
    pub interfaces: Fact<BTreeMap<String, Interface>>,
    /// Loopback addresses, sorted. Others are counted only.
    pub addresses: Fact<Vec<String>>,
    /// How many addresses are not loopback.
    pub other_addresses: Fact<u32>,
    /// How many IPv4 routes do not lead to a loopback interface.
    pub routes: Fact<u32>,
    /// How many IPv6 routes do not lead to a loopback interface; without IPv6 this is unread.
    pub routes6: Fact<u32>,
    /// How many Unix sockets with an abstract name there are.
    pub abstract_sockets: Fact<u32>,
}

/// A network interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// `IFF_UP`.
    pub up: bool,
    /// `IFF_LOOPBACK`.
    pub loopback: bool,
}

/// The names of the interfaces, from `/proc/net/dev`: below two lines of title, before the colon.
pub fn interfaces(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    let mut rows = lines(bytes);
    for number in 1..=2 {
        let title = rows.next().filter(|(_, line)| line.contains(&b'|'));
        title.ok_or(Malformed { what: "title", line: number })?;
    }
    rows.map(|(number, line)| {
        let colon = line.iter().rposition(|&byte| byte == b':').ok_or(Malformed { what: "interface", line: number })?;
        Ok(line[..colon].trim_ascii_start().to_vec())
    })
    .collect()
}

/// The addresses of this namespace, from `/proc/net/fib_trie`: each `/32 host LOCAL` names the leaf above it.
/// Every one is listed once for each table, so the result is a set.
pub fn addresses(trie: &[u8]) -> Result<BTreeSet<Ipv4Addr>, Malformed> {
    let mut found = BTreeSet::new();
    let mut leaf = None;
    for (number, line) in lines(trie) {
        let line = line.trim_ascii();
        if let Some(address) = line.strip_prefix(b"|-- ") {
            let address = std::str::from_utf8(address).ok().and_then(|text| text.parse().ok());
            leaf = Some(address.ok_or(Malformed { what: "address", line: number })?);
        } else if line == b"/32 host LOCAL" {
            found.insert(leaf.ok_or(Malformed { what: "leaf", line: number })?);
        }
    }
    Ok(found)
}

/// The addresses of this namespace, from `/proc/net/if_inet6`: 32 hexadecimal digits first.
pub fn addresses6(table: &[u8]) -> Result<BTreeSet<Ipv6Addr>, Malformed> {
    let address = |line| {
        let digits =
            fields(line).next().filter(|digits| digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        digits.and_then(|digits| u128::from_str_radix(digits, 16).ok()).map(Ipv6Addr::from_bits)
    };
    lines(table).map(|(number, line)| address(line).ok_or(Malformed { what: "address", line: number })).collect()
}

/// How many routes lead to an interface that is not `lo`, from `/proc/net/route`.
pub fn routes(table: &[u8]) -> Result<u32, Malformed> {
    let mut rows = lines(table);
    let title = rows.next().filter(|(_, line)| line.starts_with(b"Iface"));
    title.ok_or(Malformed { what: "title", line: 1 })?;
    Ok(count(rows.filter(|(_, line)| fields(line).next() != Some(b"lo"))))
}

/// The same from `/proc/net/ipv6_route`, which has no title and names the interface last.
pub fn routes6(table: &[u8]) -> u32 {
    count(lines(table).filter(|(_, line)| fields(line).last() != Some(b"lo")))
}

/// How many sockets have an abstract name, from `/proc/net/unix`: an eighth column that starts with `@`.
pub fn abstract_sockets(table: &[u8]) -> Result<u32, Malformed> {
    let mut rows = lines(table);
    let title = rows.next().filter(|(_, line)| line.starts_with(b"Num"));
    title.ok_or(Malformed { what: "title", line: 1 })?;
    Ok(count(rows.filter(|(_, line)| fields(line).nth(7).is_some_and(|name| name.starts_with(b"@")))))
}

fn count<T>(rows: impl Iterator<Item = T>) -> u32 {
    u32::try_from(rows.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
