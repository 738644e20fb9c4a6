//! The name servers of the system.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use sipsimple_core::dns::wire::PORT;

/// Where the system keeps them (resolv.conf(5)).
const FILE: &str = "/etc/resolv.conf";

/// The most that are used.
const MOST: usize = 8;

/// The name servers of the system, best first. Empty where the system does not tell them in `/etc/resolv.conf`.
#[must_use]
pub fn system_nameservers() -> Vec<SocketAddr> {
    match std::fs::read_to_string(FILE) {
        Ok(text) => parse(&text, interface_index),
        Err(error) => {
            tracing::debug!(%error, "{FILE} cannot be read");
            Vec::new()
        }
    }
}

/// The servers in the text of a resolv.conf. `index` tells the number of an interface, which a link-local address needs.
fn parse(text: &str, index: impl Fn(&str) -> Option<u32>) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        if let Some(server) = words.next().and_then(|word| server(word, &index))
            && !servers.contains(&server)
            && servers.len() < MOST
        {
            servers.push(server);
        }
    }
    servers
}

fn server(word: &str, index: impl Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    if let Some((address, zone)) = word.split_once('%') {
        let address: Ipv6Addr = address.parse().ok()?;
        let scope = zone.parse().ok().or_else(|| index(zone))?;
        return Some(SocketAddrV6::new(address, PORT, 0, scope).into());
    }
    word.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, PORT))
}

fn interface_index(name: &str) -> Option<u32> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    interfaces.into_iter().find(|interface| interface.name == name)?.index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_of_both_versions_of_ip_are_read() {
        let text = "# nameserver 192.0.2.1\nsearch example.com\nnameserver 192.0.2.53\n\
                    nameserver\t2001:db8::53  # comment\nnameserver fe80::1%eth0\nnameserver fe80::2%7\n\
                    nameserver fe80::3%none\nnameserver nonsense\nnameserver\nnameserver 192.0.2.53\noptions edns0";
        let servers = parse(text, |name| (name == "eth0").then_some(3));
        let shown: Vec<String> = servers.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["192.0.2.53:53", "[2001:db8::53]:53", "[fe80::1%3]:53", "[fe80::2%7]:53"]);
    }

    #[test]
    fn no_more_are_read_than_are_used() {
        let text: String = (0..50).map(|last| format!("nameserver 192.0.2.{last}\n")).collect();
        assert_eq!(parse(&text, |_| None).len(), MOST);
    }
}
