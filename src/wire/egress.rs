//! Which addresses may be called. Pure: ranges and verdicts; resolving is in [`super::resolve`].
//!
//! Everything that is not plainly on the public internet is refused unless the operator allow-lists it. The
//! verdict is on the address that will be connected to, never on how the host is spelled. An address inside
//! another (v4-mapped, 6to4, NAT64, Teredo) is refused as such; once its form is allow-listed, the address
//! inside is judged too, so that opening NAT64 does not open the private network behind it.
//!
//! * 2026-11-21: metadata services answer with credentials. They are allowed only when listed as that one
//!   address; a wide range that covers them does not open them.
//! * 2026-11-21: outside of 2000::/3 the IPv6 space is not handed out to anyone; all of it is refused, so a
//!   range assigned to something special later is refused from the start.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The address lies in a range that is not the public internet.
    #[error(
        "{address} is {what}; postbacks go to public addresses only. If the receiver is yours, allow it under delivery.allow_networks"
    )]
    Range {
        /// The address.
        address: IpAddr,
        /// What the range is for.
        what: &'static str,
    },
    /// An IPv4 address dressed as an IPv6 address.
    #[error("{address} is an IPv4 address in {form} form; postbacks go to plain public addresses only")]
    Embedded {
        /// The address.
        address: IpAddr,
        /// Which form.
        form: &'static str,
    },
    /// A metadata service of a cloud.
    #[error(
        "{address} is the metadata service of a cloud; it is never called unless this one address is allowed by itself"
    )]
    Metadata {
        /// The address.
        address: IpAddr,
    },
    /// A name that means this machine or a metadata service.
    #[error(
        "{host} names this machine or its network, not a public receiver; use the receiver's public name"
    )]
    Name {
        /// The name.
        host: String,
    },
    /// Not a host.
    #[error("{host} is neither a host name nor an address; write it as in https://partner.example/")]
    Malformed {
        /// What was written.
        host: String,
    },
}

impl Refusal {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Range { .. } => "egress_range",
            Self::Embedded { .. } => "egress_embedded",
            Self::Metadata { .. } => "egress_metadata",
            Self::Name { .. } => "egress_name",
            Self::Malformed { .. } => "egress_malformed",
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// IANA's special-purpose registry for IPv4, as of 2026-11.
const V4_RANGES: [(Ipv4Net, &str); 15] = [
    (v4(0, 0, 0, 0, 8), "\"this network\""),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "shared by a carrier (CGNAT)"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "reserved for protocols"),
    (v4(192, 0, 2, 0, 24), "for documentation"),
    (v4(192, 88, 99, 0, 24), "a former 6to4 relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "for benchmarks"),
    (v4(198, 51, 100, 0, 24), "for documentation"),
    (v4(203, 0, 113, 0, 24), "for documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// Special ranges for IPv6 that have a name; all else outside of 2000::/3 is reserved.
const V6_RANGES: [(Ipv6Net, &str); 11] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "discarded"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "reserved for protocols"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "for documentation"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "for documentation"),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), "for segment routing"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "private (ULA)"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
];

/// Addresses at which clouds hand out credentials or settings of the machine.
const METADATA: [IpAddr; 8] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

const NAT64: &str = "NAT64";
const LOCAL_NAMES: [&str; 3] = ["localhost", "ip6-localhost", "ip6-loopback"];
const METADATA_NAMES: [&str; 3] = ["metadata.google.internal", "metadata.goog", "instance-data"];

/// Whether `address` may be called: public, or covered by `allow`.
pub fn judge(address: IpAddr, allow: &[IpNet]) -> Result<(), Refusal> {
    if METADATA.contains(&address) {
        let is_listed = allow
            .iter()
            .any(|net| net.addr() == address && net.prefix_len() == net.max_prefix_len());
        return if is_listed {
            Ok(())
        } else {
            Err(Refusal::Metadata { address })
        };
    }
    if let IpAddr::V6(v6) = address
        && let Some((form, inner)) = embedded(v6)
    {
        // What a DNS64 makes of an address of IPv4: the network leads there, and nowhere else.
        if form == NAT64 {
            return judge(IpAddr::V4(inner), allow);
        }
        if !allow.iter().any(|net| net.contains(&address)) {
            return Err(Refusal::Embedded { address, form });
        }
        return judge(IpAddr::V4(inner), allow);
    }
    let Some(what) = special_range(address) else {
        return Ok(());
    };
    if allow.iter().any(|net| net.contains(&address)) {
        return Ok(());
    }
    Err(Refusal::Range { address, what })
}

/// What can be said of a host when a rule is saved, before any name is looked up: addresses in every spelling
/// that a URL allows (decimal, octal, hexadecimal, shortened, in brackets, full-width), and names that mean
/// this machine.
pub fn judge_host(host: &str, allow: &[IpNet]) -> Result<(), Refusal> {
    let malformed = || Refusal::Malformed { host: host.into() };
    // A bare IPv6 address is taken like one in brackets.
    if let Ok(bare) = host.parse::<Ipv6Addr>() {
        return judge(bare.into(), allow);
    }
    match url::Host::parse(host).map_err(|_| malformed())? {
        url::Host::Ipv4(address) => judge(address.into(), allow),
        url::Host::Ipv6(address) => judge(address.into(), allow),
        url::Host::Domain(name) => judge_name(name.trim_end_matches('.'), allow),
    }
}

fn judge_name(name: &str, allow: &[IpNet]) -> Result<(), Refusal> {
    let refused = || Refusal::Name { host: name.into() };
    if name.is_empty() || METADATA_NAMES.contains(&name) {
        return Err(refused());
    }
    let is_local = LOCAL_NAMES.contains(&name) || name.ends_with(".localhost");
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    if is_local && !loopback.iter().any(|address| judge(*address, allow).is_ok()) {
        return Err(refused());
    }
    Ok(())
}

fn special_range(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => V4_RANGES
            .iter()
            .find(|(net, _)| net.contains(&v4))
            .map(|(_, what)| *what),
        IpAddr::V6(v6) => V6_RANGES
            .iter()
            .find(|(net, _)| net.contains(&v6))
            .map(|(_, what)| *what)
            .or_else(|| (v6.segments()[0] >> 13 != 1).then_some("reserved")),
    }
}

/// Whether an address is what a DNS64 makes of one of IPv4.
pub fn is_nat64(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if embedded(v6).is_some_and(|(form, _)| form == NAT64))
}

/// The IPv4 address inside an IPv6 address, and the name of its form.
fn embedded(address: Ipv6Addr) -> Option<(&'static str, Ipv4Addr)> {
    let s = address.segments();
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(("v4-mapped", inner(high, low))),
        [0, 0, 0, 0, 0xffff, 0, high, low] => Some(("v4-translated", inner(high, low))),
        // ::/96 without :: and ::1, which are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(("v4-compatible", inner(high, low))),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some((NAT64, inner(high, low))),
        [0x64, 0xff9b, 1, _, _, _, high, low] => Some(("local NAT64", inner(high, low))),
        [0x2002, high, low, ..] => Some(("6to4", inner(high, low))),
        // Teredo holds the client's address with every bit turned.
        [0x2001, 0, _, _, _, _, high, low] => Some(("Teredo", inner(!high, !low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    fn code(address: &str, allow: &[&str]) -> &'static str {
        judge(address.parse().unwrap(), &nets(allow))
            .err()
            .map_or("ok", |r| r.code())
    }

    #[test]
    fn public_addresses_pass_and_special_ones_do_not() {
        for public in [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00::1",
            "2001:200::1",
            "3fff:1000::1",
        ] {
            assert_eq!(code(public, &[]), "ok", "{public}");
        }
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.1.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "100::1",
            "2001:1::1",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "8000::1",
            "e000::1",
            "1000::1",
            "200::1",
        ] {
            assert_eq!(code(special, &[]), "egress_range", "{special}");
        }
    }

    #[test]
    fn addresses_inside_addresses_are_refused_whatever_is_inside() {
        for dressed in [
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b:1::8.8.8.8",
            "2002:7f00:1::",
            "2002:808:808::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        ] {
            assert_eq!(code(dressed, &[]), "egress_embedded", "{dressed}");
        }
        // Once the form is allowed, what is inside is judged.
        assert_eq!(code("2002:808:808::1", &["2002::/16"]), "ok");
        assert_eq!(code("2002:a00:1::1", &["2002::/16"]), "egress_range");
        // A DNS64 is common where there is no IPv4: what is inside is judged at once.
        assert_eq!(code("64:ff9b::8.8.8.8", &[]), "ok");
        assert_eq!(code("64:ff9b::10.0.0.1", &[]), "egress_range");
        assert_eq!(code("64:ff9b::127.0.0.1", &["64:ff9b::/96"]), "egress_range");
        assert_eq!(code("64:ff9b::10.0.0.1", &["10.0.0.0/8"]), "ok");
        assert_eq!(
            code("64:ff9b::169.254.169.254", &["::/0", "0.0.0.0/0"]),
            "egress_metadata"
        );
        assert_eq!(code("::ffff:127.0.0.1", &["127.0.0.0/8"]), "egress_embedded");
    }

    #[test]
    fn the_allow_list_opens_ranges_but_never_metadata_by_the_way() {
        assert_eq!(code("127.0.0.1", &["127.0.0.0/8"]), "ok");
        assert_eq!(code("127.0.0.1", &["10.0.0.0/8"]), "egress_range");
        for address in METADATA {
            let text = address.to_string();
            assert_eq!(
                code(&text, &["0.0.0.0/0", "::/0", "169.254.0.0/16", "fd00::/8"]),
                "egress_metadata",
                "{text}"
            );
            let alone = format!("{text}/{}", if address.is_ipv4() { 32 } else { 128 });
            assert_eq!(code(&text, &[&alone]), "ok", "{text}");
        }
    }

    #[test]
    fn hosts_are_judged_in_every_spelling() {
        let code = |host: &str| judge_host(host, &[]).err().map_or("ok", |r| r.code());
        for loopback in [
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "１２７.０.０.１",
            "127。0。0。1",
            "%31%32%37.1",
            "[::1]",
            "::1",
            "[0:0:0:0:0:0:0:1]",
        ] {
            assert_eq!(code(loopback), "egress_range", "{loopback}");
        }
        assert_eq!(code("[::ffff:10.0.0.1]"), "egress_embedded");
        assert_eq!(code("[::ffff:a00:1]"), "egress_embedded");
        assert_eq!(code("169.254.169.254"), "egress_metadata");
        assert_eq!(code("0xa9fea9fe"), "egress_metadata");
        for name in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "ip6-loopback",
            "metadata.google.internal",
        ] {
            assert_eq!(code(name), "egress_name", "{name}");
        }
        for malformed in ["[fe80::1%25eth0]", "fe80::1%eth0", "", "a b", "a/b", "1.2.3.4.5"] {
            assert_eq!(code(malformed), "egress_malformed", "{malformed}");
        }
        for fine in ["partner.example", "媒体.example", "8.8.8.8", "[2606:4700::1111]"] {
            assert_eq!(code(fine), "ok", "{fine}");
        }
        assert_eq!(judge_host("localhost", &nets(&["127.0.0.0/8"])), Ok(()));
    }

    proptest! {
        #[test]
        fn no_spelling_of_an_ipv4_address_passes_when_the_plain_one_does_not(bits in any::<u32>()) {
            let plain = Ipv4Addr::from(bits);
            let expected = judge(plain.into(), &[]).is_ok();
            let o = plain.octets();
            for host in [
                plain.to_string(),
                bits.to_string(),
                format!("{bits:#x}"),
                format!("{bits:#o}").replacen("0o", "0", 1),
                format!("{:#x}.{:#x}.{}.{}", o[0], o[1], o[2], o[3]),
                format!("{}.{}", o[0], bits & 0x00ff_ffff),
            ] {
                prop_assert_eq!(judge_host(&host, &[]).is_ok(), expected, "{}", host);
            }
        }

        #[test]
        fn dressed_addresses_never_pass(bits in any::<u32>(), rest in any::<u64>()) {
            let [a, b] = [(bits >> 16) as u16, bits as u16];
            let r = [rest as u16, (rest >> 16) as u16, (rest >> 32) as u16, (rest >> 48) as u16];
            for address in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, a, b),
                Ipv6Addr::new(0x64, 0xff9b, 1, r[0], r[1], r[2], a, b),
                Ipv6Addr::new(0x2002, a, b, r[0], r[1], r[2], r[3], 1),
                Ipv6Addr::new(0x2001, 0, r[0], r[1], r[2], r[3], a, b),
            ] {
                prop_assert!(judge(address.into(), &[]).is_err(), "{}", address);
                // Even with every IPv6 address allowed, what is inside still counts.
                let inside = judge(Ipv4Addr::from(bits).into(), &[]).is_ok();
                if address.segments()[0] != 0x2001 {
                    prop_assert_eq!(judge(address.into(), &nets(&["::/0"])).is_ok(), inside, "{}", address);
                }
            }
        }

        #[test]
        fn only_global_unicast_passes(bits in any::<u128>()) {
            let address = Ipv6Addr::from(bits);
            let is_nat64 = address.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
            if judge(address.into(), &[]).is_ok() && !is_nat64 {
                prop_assert_eq!(address.segments()[0] >> 13, 1);
            }
        }

        #[test]
        fn any_text_is_judged_without_harm(host in ".{0,60}") {
            if let Err(refusal) = judge_host(&host, &[]) {
                prop_assert!(!refusal.to_string().is_empty());
            }
        }
    }
}
