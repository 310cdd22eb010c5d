//! Networks of addresses, for counting strangers: who has one address of a network often has them all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network of an address: its first bits, of which IPv4 and IPv6 have their own number.
pub fn network_of(ip: IpAddr, bits_v4: u32, bits_v6: u32) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - bits_v4.min(32)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - bits_v6.min(128)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
        }
    }
}

/// Whether an address is of this machine or of a network that does not reach the Internet by itself (private, carrier's,
/// link-local, unique local).
pub fn is_inner(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let is_shared = network_of(ip, 10, 10) == IpAddr::from([100, 64, 0, 0]);
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || is_shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The network that counts as one neighbourhood: /24 of IPv4, /48 of IPv6.
pub fn neighbourhood(ip: IpAddr) -> IpAddr {
    network_of(ip, 24, 48)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside() {
        for (address, expected) in [
            ("127.0.0.9", true),
            ("10.1.2.3", true),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("100.64.0.1", true),
            ("100.128.0.1", false),
            ("169.254.1.1", true),
            ("203.0.113.1", false),
            ("::ffff:10.0.0.1", true),
            ("::1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_inner(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn networks_are_cut_where_they_should_be() {
        for (address, v4, v6, expected) in [
            ("203.0.113.77", 24, 48, "203.0.113.0"),
            ("203.0.113.77", 32, 64, "203.0.113.77"),
            ("203.0.113.77", 0, 0, "0.0.0.0"),
            ("::ffff:203.0.113.77", 16, 32, "203.0.0.0"),
            ("2001:db8:1:2:3::4", 24, 48, "2001:db8:1::"),
            ("2001:db8:1:2:3::4", 32, 64, "2001:db8:1:2::"),
            ("2001:db8:1:2:3::4", 0, 0, "::"),
        ] {
            let ip = |text: &str| text.parse::<IpAddr>().unwrap();
            assert_eq!(network_of(ip(address), v4, v6), ip(expected), "{address}");
        }
    }
}
