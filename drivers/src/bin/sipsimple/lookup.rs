//! `sipsimple lookup`: asks DNS where something is, as the agent does.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sipsimple_core::agent::{EventKind as AgentEvent, Intent, Outcome};
use sipsimple_core::dns::{LookupEvent, LookupId, LookupResult, Service, Trace};
use sipsimple_core::sip::Text;
use sipsimple_core::transport::Transport;
use sipsimple_drivers::{EventKind, Settings};

use crate::client::{Client, Wake};
use crate::failure::Failure;
use crate::output::Output;
use crate::{value, words};

/// Options of `sipsimple lookup`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What is looked for
    what: What,
    /// A domain, or a SIP URI as in "sips:example.com:5061;transport=tcp"
    name: String,
    /// Ask this name server, not those of the system; may be given several times
    #[arg(long, value_name = "ADDR:PORT", value_parser = value::nameserver)]
    nameserver: Vec<SocketAddr>,
    /// The transports that are supported, best first
    #[arg(long, value_name = "LIST", default_value = "tls,tcp,udp", value_parser = transports)]
    transports: Transports,
    /// How long one name server may take
    #[arg(long, value_name = "SECS", value_parser = value::seconds)]
    timeout: Option<Duration>,
    /// How long the whole may take
    #[arg(long, value_name = "SECS", value_parser = value::seconds)]
    lifetime: Option<Duration>,
    /// Print each question and its answer to standard error
    #[arg(long)]
    trace_dns: bool,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Where SIP requests go: transport, address and port (RFC 3263)
    Sip,
    /// STUN servers
    Stun,
    /// MSRP relays
    Msrprelay,
    /// The roots of XCAP servers
    Xcap,
}

/// Transports, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Transports(Vec<Transport>);

/// Looks up, and prints what was found, one a line, best first.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let mut settings = Settings::default();
    settings.config.dns.nameservers.clone_from(&options.nameserver);
    let mut client = Client::start(settings, trace, out)?;
    let result = look_up(&mut client, options);
    client.stop();
    for line in result? {
        out.line(line);
    }
    client.written()
}

fn look_up(client: &mut Client, options: &Options) -> Result<Vec<String>, Failure> {
    let Outcome::Lookup(id) = client.application.intend(intent(options))? else {
        return Err(Failure::new("the application has stopped"));
    };
    loop {
        match client.next(None) {
            Wake::Event(event) => {
                if let EventKind::Agent(AgentEvent::Lookup { id: of, event }) = &event.kind
                    && let Some(result) = take(options, id, *of, event)
                {
                    return result;
                }
            }
            Wake::Interrupt => return Err(Failure::new("interrupted")),
            Wake::Due | Wake::Stopped => return Err(Failure::new("the application has stopped")),
        }
    }
}

/// Takes the news of a lookup; the lines to print, when it is over.
fn take(options: &Options, id: LookupId, of: LookupId, event: &LookupEvent) -> Option<Result<Vec<String>, Failure>> {
    if of != id {
        return None;
    }
    match event {
        LookupEvent::Trace(trace) => {
            if options.trace_dns {
                eprintln!("{}", words::printable(&traced(trace)));
            }
            None
        }
        LookupEvent::DidSucceed { result } => Some(Ok(lines(options.what, result))),
        LookupEvent::DidFail { error } => Some(Err(Failure::new(error.to_string()))),
        _ => None,
    }
}

fn intent(options: &Options) -> Intent {
    let (uri, timeout, lifetime) = (uri(&options.name), options.timeout, options.lifetime);
    match options.what {
        What::Sip => Intent::LookupSipProxy { uri, transports: options.transports.0.clone(), timeout, lifetime },
        What::Stun => Intent::LookupService { uri, service: Service::Stun, timeout, lifetime },
        What::Msrprelay => Intent::LookupService { uri, service: Service::MsrpRelay, timeout, lifetime },
        What::Xcap => Intent::LookupXcapServer { uri, timeout, lifetime },
    }
}

/// The URI that a name stands for. An IPv6 address needs no brackets.
fn uri(name: &str) -> Text {
    let scheme = name.split_once(':').map(|(scheme, _)| scheme);
    if name.parse::<std::net::Ipv6Addr>().is_ok() {
        Text::from(format!("sip:[{name}]"))
    } else if scheme.is_some_and(|scheme| ["sip", "sips"].iter().any(|known| scheme.eq_ignore_ascii_case(known))) {
        Text::from(name)
    } else {
        Text::from(format!("sip:{name}"))
    }
}

/// What was found, one a line: `tls 127.0.0.1 5071`, or a URI.
fn lines(what: What, result: &LookupResult) -> Vec<String> {
    let transport = if what == What::Stun { Transport::Udp } else { Transport::Tls };
    match result {
        LookupResult::Routes(routes) => {
            routes.iter().map(|route| format!("{} {} {}", route.transport, route.address, route.port)).collect()
        }
        LookupResult::Servers(servers) => {
            servers.iter().map(|server| format!("{transport} {} {}", server.ip(), server.port())).collect()
        }
        LookupResult::Uris(uris) => uris.iter().map(|uri| words::printable(uri)).collect(),
    }
}

/// A question and its answer in one line.
fn traced(trace: &Trace) -> String {
    let servers: Vec<String> = trace.nameservers.iter().map(ToString::to_string).collect();
    let answer = match (&trace.answer, &trace.error) {
        (Some(answer), _) => answer.join(", "),
        (None, Some(error)) => error.to_string(),
        (None, None) => String::new(),
    };
    format!("{} {} @{}: {answer}", trace.query_type, trace.query_name, servers.join(","))
}

/// Reads transports with commas between them.
fn transports(text: &str) -> Result<Transports, String> {
    let names = || text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let unknown: Vec<&str> = names().filter(|name| name.parse::<Transport>().is_err()).collect();
    if unknown.is_empty() {
        Ok(Transports(names().filter_map(|name| name.parse().ok()).collect()))
    } else {
        Err(format!("Unknown transports: {}", unknown.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_uris() {
        for (name, expected) in [
            ("example.com", "sip:example.com"),
            ("example.com:5070;transport=tcp", "sip:example.com:5070;transport=tcp"),
            ("sips:bob@example.com", "sips:bob@example.com"),
            ("SIP:example.com", "SIP:example.com"),
            ("192.0.2.1", "sip:192.0.2.1"),
            ("2001:db8::1", "sip:[2001:db8::1]"),
            ("[2001:db8::1]:5070", "sip:[2001:db8::1]:5070"),
        ] {
            assert_eq!(uri(name), expected);
        }
    }

    #[test]
    fn transports_are_read() {
        assert_eq!(transports("udp, TLS"), Ok(Transports(vec![Transport::Udp, Transport::Tls])));
        assert_eq!(transports(""), Ok(Transports(vec![])));
        assert_eq!(transports("udp,sctp,ws"), Err("Unknown transports: sctp, ws".into()));
    }

    #[test]
    fn results_are_lines() {
        let routes =
            LookupResult::Routes(vec!["tls:127.0.0.1:5071".parse().unwrap(), "udp:[::1]:5060".parse().unwrap()]);
        assert_eq!(lines(What::Sip, &routes), ["tls 127.0.0.1 5071", "udp ::1 5060"]);
        let servers = LookupResult::Servers(vec!["192.0.2.1:3478".parse().unwrap()]);
        assert_eq!(lines(What::Stun, &servers), ["udp 192.0.2.1 3478"]);
        assert_eq!(lines(What::Msrprelay, &servers), ["tls 192.0.2.1 3478"]);
    }
}
