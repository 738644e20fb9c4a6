//! How requests leave: `--route`, `--nameserver`, the options of TLS, and the sockets that follow from them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use clap::Args;
use sipsimple_core::sip::{Host, SipUri, Text, Uri};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_drivers::{Settings, local_address};

use crate::failure::Failure;
use crate::{tls, value};

/// Options of the commands that send requests.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Way {
    /// Where to send requests, udp|tcp|tls:ADDRESS:PORT; found by DNS, from whom they are for, if not said
    #[arg(long, value_name = "SOCKET", value_parser = value::route)]
    pub(crate) route: Option<Route>,
    /// Ask this name server, not those of the system; may be given several times
    #[arg(long, value_name = "ADDR:PORT", value_parser = value::nameserver)]
    nameserver: Vec<SocketAddr>,
    #[command(flatten)]
    pub(crate) tls: tls::Options,
}

impl Way {
    /// Puts the name servers and TLS into the settings.
    pub(crate) fn apply(&self, settings: &mut Settings) {
        settings.config.dns.nameservers.clone_from(&self.nameserver);
        self.tls.apply(settings);
    }

    /// The settings of an application that sends requests to these URIs, on any port, and the sockets among them: for TLS only where that may be
    /// spoken, and at any address where the URIs name hosts.
    ///
    /// # Errors
    /// When there is no network route to where they lead.
    pub(crate) fn settings(&self, uris: &[&SipUri]) -> Result<(Settings, Vec<Route>), Failure> {
        let speaks_tls = match self.route {
            Some(route) => route.transport == Transport::Tls,
            None => uris.iter().any(|uri| uri.host.ip().is_none() || is_tls(uri)),
        };
        let transports = [Transport::Udp, Transport::Tcp, Transport::Tls].into_iter();
        let transports = transports.filter(|transport| *transport != Transport::Tls || speaks_tls);
        let addresses = self.local(uris)?;
        let listen: Vec<Route> = transports
            .flat_map(|transport| addresses.iter().map(move |address| Route::new(transport, (*address, 0).into())))
            .collect();
        let mut settings = Settings::listening(listen.iter().copied());
        self.apply(&mut settings);
        Ok((settings, listen))
    }

    /// The addresses to speak from: those toward the route or toward the addresses in the URIs; any, when there are names.
    fn local(&self, uris: &[&SipUri]) -> Result<Vec<IpAddr>, Failure> {
        let toward: Option<Vec<IpAddr>> = match self.route {
            Some(route) => Some(vec![route.address]),
            None => uris.iter().map(|uri| uri.host.ip()).collect(),
        };
        let Some(toward) = toward else { return Ok(unspecified()) };
        let mut local = Vec::new();
        for address in toward {
            let own = local_address(SocketAddr::new(address, 5060))
                .ok_or_else(|| Failure::new(format!("there is no network route to {address}")))?;
            if !local.contains(&own) {
                local.push(own);
            }
        }
        Ok(local)
    }
}

/// Any address, of each family that the system speaks.
fn unspecified() -> Vec<IpAddr> {
    let v6 = IpAddr::from(Ipv6Addr::UNSPECIFIED);
    let has_v6 = UdpSocket::bind(SocketAddr::new(v6, 0)).is_ok();
    [Ipv4Addr::UNSPECIFIED.into()].into_iter().chain(has_v6.then_some(v6)).collect()
}

/// Whom a request is for, as a URI to which there can be a way.
///
/// # Errors
/// When it is no SIP URI, or one that nobody can be reached at.
pub(crate) fn target(uri: &str) -> Result<SipUri, Failure> {
    let parsed =
        Uri::parse(&Text::from(uri)).map_err(|error| Failure::new(format!("'{uri}' is not a SIP URI: {error}")))?;
    let sip = parsed.as_sip().ok_or_else(|| Failure::new(format!("'{uri}' is not a SIP URI")))?;
    if let Some(name) = sip.transport().filter(|name| name.parse::<Transport>().is_err()) {
        return Err(Failure::new(format!("the transport {name} is not supported")));
    }
    if sip.port == Some(0) {
        return Err(Failure::new(format!("'{uri}' has port 0, at which nobody can be reached")));
    }
    Ok(sip.clone())
}

fn is_tls(uri: &SipUri) -> bool {
    uri.secure || uri.transport().is_some_and(|name| name.parse() == Ok(Transport::Tls))
}

/// The address to be known by when these sockets are ours: the one that is listened on, or, when that is any, the one that others are reached from.
pub(crate) fn own_address(listen: &[Route]) -> Host {
    let address = listen.first().map_or_else(|| Ipv4Addr::UNSPECIFIED.into(), |route| route.address);
    // Addresses for documentation (RFC 5737, RFC 3849) are reached by the default route; nothing is sent there.
    let (outside, loopback) = match address {
        IpAddr::V4(_) => (SocketAddr::from(([192, 0, 2, 1], 9)), Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(_) => (SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 9)), Ipv6Addr::LOCALHOST.into()),
    };
    Host::from(if address.is_unspecified() { local_address(outside).unwrap_or(loopback) } else { address })
}

/// `sip:USER@ADDRESS` of the user who runs the program.
pub(crate) fn own_uri(listen: &[Route]) -> String {
    let user = std::env::var("USER").unwrap_or_default();
    let user =
        user.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter)).collect::<String>();
    let user = if user.is_empty() { "sipsimple" } else { &user };
    SipUri::new(Some(user), own_address(listen), None).to_string()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        way: Way,
    }

    /// The sockets for requests to these URIs with these options.
    fn sockets(options: &[&str], uris: &[&str]) -> String {
        let way = Line::try_parse_from(["test"].iter().chain(options)).unwrap().way;
        let uris: Vec<SipUri> = uris.iter().map(|uri| target(uri).unwrap()).collect();
        let (_, listen) = way.settings(&uris.iter().collect::<Vec<_>>()).unwrap();
        listen.iter().map(Route::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn sockets_follow_from_where_requests_go() {
        let (plain, tls) = ("udp:127.0.0.1:0 tcp:127.0.0.1:0", "udp:127.0.0.1:0 tcp:127.0.0.1:0 tls:127.0.0.1:0");
        assert_eq!(sockets(&[], &["sip:bob@127.0.0.1"]), plain);
        assert_eq!(sockets(&[], &["sip:bob@127.0.0.1", "sip:alice@127.0.0.1:5070"]), plain);
        assert_eq!(sockets(&["--route", "tcp:127.0.0.1:5060"], &["sip:bob@example.com"]), plain);
        assert_eq!(sockets(&["--route", "tls:127.0.0.1:5061"], &["sip:bob@example.com"]), tls);
        assert_eq!(sockets(&[], &["sips:bob@127.0.0.1"]), tls);
        assert_eq!(sockets(&[], &["sip:127.0.0.1;transport=TLS"]), tls);
        let any = sockets(&[], &["sip:bob@example.com", "sip:alice@127.0.0.1"]);
        for transport in ["udp", "tcp", "tls"] {
            assert!(any.contains(&format!("{transport}:0.0.0.0:0")), "{any}");
        }
    }

    #[test]
    fn what_cannot_be_reached_is_refused() {
        for (uri, words) in [
            ("sip:bob@127.0.0.1;transport=sctp", "sctp"),
            ("bob", "not a SIP URI"),
            ("tel:+15551234", "not a SIP URI"),
            ("sip:bob@127.0.0.1:0", "port 0"),
        ] {
            let failure = target(uri).unwrap_err().to_string();
            assert!(failure.contains(words), "{uri}: {failure}");
        }
        assert!(target("sip:bob@example.com").is_ok());
    }

    #[test]
    fn name_servers_reach_the_configuration() {
        let line = ["test", "--nameserver", "127.0.0.1:5300", "--nameserver", "::1"];
        let way = Line::try_parse_from(line).unwrap().way;
        let (settings, _) = way.settings(&[&target("sip:127.0.0.1").unwrap()]).unwrap();
        let servers: Vec<String> = settings.config.dns.nameservers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["127.0.0.1:5300", "[::1]:53"]);
    }
}
