//! The order of the addresses of a host (RFC 6724 section 2.1 and rule 6, as RFC 7984 asks for SIP).

use std::net::{IpAddr, Ipv6Addr};

/// The policy table of RFC 6724 section 2.1: a prefix, its length and its precedence. What is not listed has that of `::/0`.
const POLICY: [(Ipv6Addr, u32, u8); 8] = [
    (Ipv6Addr::LOCALHOST, 128, 50),
    (Ipv6Addr::UNSPECIFIED, 96, 1),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 35),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 30),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, 5),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, 3),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, 1),
    (Ipv6Addr::new(0x3ffe, 0, 0, 0, 0, 0, 0, 0), 16, 1),
];

/// The precedence of every other address.
const OTHER: u8 = 40;

/// The addresses by descending precedence; those of one precedence in their own order, so that the order in which they came does not matter.
pub(super) fn in_order(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort_by_key(|address| (std::cmp::Reverse(precedence(*address)), *address));
    addresses.dedup();
    addresses
}

fn precedence(address: IpAddr) -> u8 {
    let bits = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    };
    let fits = |prefix: &Ipv6Addr, length: u32| (bits ^ prefix.to_bits()).leading_zeros() >= length;
    POLICY.iter().find(|(prefix, length, _)| fits(prefix, *length)).map_or(OTHER, |(_, _, precedence)| *precedence)
}
