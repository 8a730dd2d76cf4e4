use super::*;
use proptest::prelude::*;

#[test]
fn private_entry_trusts_private_networks_and_mapped_addresses() {
    let mut trusted = TrustedProxies::default();
    trusted.add("private").unwrap();
    trusted.add("203.0.113.7").unwrap();
    for yes in [
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "fd00::1",
        "fe80::1",
        "::ffff:10.0.0.1",
        "203.0.113.7",
    ] {
        assert!(trusted.trusts(yes.parse().unwrap()), "{yes}");
    }
    for no in ["8.8.8.8", "172.32.0.1", "127.0.0.1", "::1", "2001:db8::1", "::ffff:8.8.8.8"] {
        assert!(!trusted.trusts(no.parse().unwrap()), "{no}");
    }
    assert_eq!(trusted.add("Private"), Err(NotANetwork));
}

#[test]
fn certificate_decides_only_if_no_address_is_trusted() {
    let (peer, mut trusted) = ("10.0.0.7".parse().unwrap(), TrustedProxies::default());
    assert!(trusted.answers(peer, true));
    assert!(!trusted.answers(peer, false));
    trusted.add("10.0.0.8").unwrap();
    assert!(!trusted.answers(peer, true), "both must be right");
    trusted.add("10.0.0.7").unwrap();
    assert!(trusted.answers(peer, true) && trusted.answers(peer, false));
}

#[test]
fn no_address_is_trusted_by_default() {
    assert!(!TrustedProxies::default().trusts(Ipv4Addr::LOCALHOST.into()));
    assert!(TrustedProxies::loopback().trusts("127.9.9.9".parse().unwrap()));
}

fn trusting(entries: &[&str]) -> TrustedProxies {
    let mut trusted = TrustedProxies::default();
    for entry in entries {
        trusted.add(entry).unwrap();
    }
    trusted
}

#[test]
fn client_is_the_rightmost_address_that_is_not_a_trusted_proxy() {
    let trusted = trusting(&["10.0.0.0/8", "2001:db8::/32"]);
    for (field, client) in [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("6.6.6.6,203.0.113.9,\t10.0.0.1 ,2001:db8::1", "203.0.113.9"),
        ("203.0.113.9, ::ffff:10.0.0.1", "203.0.113.9"),
        ("::ffff:203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("10.0.0.2, 10.0.0.1", "10.0.0.2"),
        ("6.6.6.6, unknown, 10.0.0.1", "10.0.0.1"),
        ("6.6.6.6, , 10.0.0.1", "10.0.0.1"),
        ("6.6.6.6, 10.0.0.1:, 10.0.0.2", "10.0.0.2"),
        ("203.0.113.9:4711, 10.0.0.1", "203.0.113.9"),
        ("[2001:db9::9]:4711, 10.0.0.1", "2001:db9::9"),
        ("10.0.0.1, 203.0.113.9", "203.0.113.9"),
    ] {
        assert_eq!(trusted.client(field.as_bytes()), Some(client.parse().unwrap()), "{field}");
    }
    for field in
        ["", " ", ",", "203.0.113.9,", "203.0.113.9, unknown", "_hidden", "10.0.0.256", "for=10.0.0.1"]
    {
        assert_eq!(trusted.client(field.as_bytes()), None, "{field}");
    }
}

#[test]
fn search_for_the_client_ends_after_the_maximum_of_hops() {
    let field = format!("203.0.113.9{}", ", 10.0.0.1".repeat(MAX_HOPS));
    assert_eq!(trusting(&["private"]).client(field.as_bytes()), "10.0.0.1".parse().ok());
}

fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<Ipv4Addr>().prop_map(IpAddr::from), any::<Ipv6Addr>().prop_map(IpAddr::from)]
}

proptest! {
    /// The entries of the trusted proxies lead to the address of the client, even if the client sent other entries.
    #[test]
    fn forged_entries_do_not_change_the_client_address(
        written in prop::collection::vec(any::<u8>(), 0..60),
        client in any_address(),
        hops in prop::collection::vec(any::<[u8; 3]>(), 0..5),
    ) {
        let trusted = trusting(&["10.0.0.0/8"]);
        prop_assume!(!trusted.trusts(client));
        let hops = hops.iter().map(|[a, b, c]| Ipv4Addr::new(10, *a, *b, *c).into());
        let seen: Vec<String> = [client].into_iter().chain(hops).map(|address: IpAddr| address.to_string()).collect();
        let field = [&written[..], b", ", seen.join(", ").as_bytes()].concat();
        prop_assert_eq!(trusted.client(&field), Some(client.to_canonical()));
    }

    #[test]
    fn client_address_is_always_an_entry_of_the_field(field in "[0-9a-f:., ]{0,60}") {
        if let Some(client) = trusting(&["private"]).client(field.as_bytes()) {
            let mut named = field.split(',').filter_map(|entry| parse_address(entry.trim().as_bytes()));
            prop_assert!(named.any(|found| found == client));
        }
    }
}
