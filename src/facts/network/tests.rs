use proptest::prelude::*;

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../fixtures/proc/net/", $name)).as_slice()
    };
}

#[test]
fn a_sandbox_has_only_loopback() {
    assert_eq!(interfaces(fixture!("sandbox/dev.txt")), Ok(vec![b"lo".to_vec()]));
    assert_eq!(addresses(fixture!("sandbox/fib_trie.txt")), Ok(BTreeSet::from([Ipv4Addr::LOCALHOST])));
    assert_eq!(addresses6(fixture!("sandbox/if_inet6.txt")), Ok(BTreeSet::from([Ipv6Addr::LOCALHOST])));
    assert_eq!(routes(fixture!("sandbox/route.txt")), Ok(0));
    assert_eq!(routes6(fixture!("sandbox/ipv6_route.txt")), 0);
    assert_eq!(abstract_sockets(fixture!("sandbox/unix.txt")), Ok(0));
}

#[test]
fn a_host_has_more() {
    assert_eq!(
        interfaces(fixture!("host/dev.txt")),
        Ok(vec![b"lo".to_vec(), b"eth0:1".to_vec(), b"a_rather_long_n".to_vec()])
    );
    let expected = BTreeSet::from([Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 2)]);
    assert_eq!(addresses(fixture!("host/fib_trie.txt")), Ok(expected));
    assert_eq!(addresses6(fixture!("host/if_inet6.txt")).map(|found| found.len()), Ok(3));
    assert_eq!(routes(fixture!("host/route.txt")), Ok(2));
    assert_eq!(routes6(fixture!("host/ipv6_route.txt")), 3);
    assert_eq!(abstract_sockets(fixture!("host/unix.txt")), Ok(2));
}

#[test]
fn broken_tables_are_refused() {
    let title = |line| Malformed { what: "title", line };
    assert_eq!(interfaces(b""), Err(title(1)));
    assert_eq!(interfaces(b"Inter-|   Receive\n"), Err(title(2)));
    assert_eq!(interfaces(b"a|b\nc|d\nno colon\n"), Err(Malformed { what: "interface", line: 3 }));
    assert_eq!(addresses(b"/32 host LOCAL\n"), Err(Malformed { what: "leaf", line: 1 }));
    assert_eq!(addresses(b"   |-- 1.2.3\n"), Err(Malformed { what: "address", line: 1 }));
    assert_eq!(addresses6(b"0001 01 80 10 80 lo\n"), Err(Malformed { what: "address", line: 1 }));
    assert_eq!(routes(b""), Err(title(1)));
    assert_eq!(abstract_sockets(b"@x\n"), Err(title(1)));
}

proptest! {
    #[test]
    fn addresses_are_read_back(bits: u128) {
        let row = format!("{bits:032x} 01 80 10 80       lo\n");
        prop_assert_eq!(addresses6(row.as_bytes()), Ok(BTreeSet::from([Ipv6Addr::from_bits(bits)])));
    }

    #[test]
    fn anything_is_survived(bytes: Vec<u8>) {
        let _ = (interfaces(&bytes), addresses(&bytes), addresses6(&bytes));
        let _ = (routes(&bytes), routes6(&bytes), abstract_sockets(&bytes));
        let _ = interfaces(&[b"a|b\nc|d\n".as_slice(), &bytes].concat());
    }
}
