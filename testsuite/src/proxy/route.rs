//! Where a request goes (RFC 3261 sections 16.4 to 16.6), and where its answer goes back (section 16.7).

use std::net::SocketAddr;

use sipsimple_core::id::ConnId;
use sipsimple_core::transport::Transport;

use crate::draft::Draft;
use crate::post::Letter;
use crate::script::{Turn, Way};
use crate::sip::{Sip, address_of, uri_of};

use super::{Hop, Location, Path, Plan};

/// A request on its way on.
#[derive(Clone, Debug)]
pub(super) struct Onward {
    pub(super) draft: Draft,
    pub(super) hop: Hop,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    Forward(Vec<Onward>),
    Refuse(u16),
}

/// The routes of a request that name us, which are taken off, and the user part of the last of them.
pub(super) fn own_routes(sip: &Sip, own: SocketAddr) -> (usize, Option<String>) {
    let routes = sip.list("route");
    let ours: Vec<&str> =
        routes.iter().map(|route| uri_of(route)).take_while(|uri| address_of(uri) == Some(own)).collect();
    let token = ours.last().and_then(|uri| user(uri)).map(str::to_owned);
    (ours.len(), token)
}

/// Where a request goes next, and how it reads then, but for its Via.
pub(super) fn judge(letter: &Letter, plan: &Plan, turn: &Turn) -> Verdict {
    let sip = &letter.sip;
    let hops = sip.header("max-forwards").and_then(|text| text.parse::<u32>().ok()).unwrap_or(70);
    if hops == 0 {
        return Verdict::Refuse(483);
    }
    let (ours, token) = own_routes(sip, turn.own);
    let rest: Vec<String> = sip.list("route").into_iter().skip(ours).map(str::to_owned).collect();
    let plain = Draft::of(sip).set("Max-Forwards", (hops - 1).to_string()).list("Route", rest.clone());
    let plain = noted(letter, plain);
    let flow = match token.as_deref().map(flow_of) {
        Some(Some(way)) => Some(way),
        Some(None) => return Verdict::Refuse(403),
        None => None,
    };
    let ways: Vec<Onward> = if let Some(way) = flow {
        vec![Onward { draft: plain, hop: Hop::Flow(way) }]
    } else if let Some(next) = rest.first() {
        to(uri_of(next)).map(|hop| Onward { draft: plain, hop }).into_iter().collect()
    } else if sip.request() == "REGISTER" {
        let hop = plan.registrar.map(|address| Hop::To(Transport::Udp, address)).or_else(|| to(sip.uri()));
        hop.map(|hop| Onward { draft: plain, hop }).into_iter().collect()
    } else if address_of(sip.uri()) == Some(plan.domain.unwrap_or(turn.own)) {
        let known = user(sip.uri()).and_then(|user| plan.users.get(user)).cloned().unwrap_or_default();
        known.iter().filter_map(|location| located(sip, &plain, location)).collect()
    } else {
        to(sip.uri()).map(|hop| Onward { draft: plain, hop }).into_iter().collect()
    };
    if ways.is_empty() {
        return Verdict::Refuse(404);
    }
    Verdict::Forward(ways.into_iter().map(|way| stamped(letter, plan, turn, way)).collect())
}

/// The request to one of the places of a user.
fn located(sip: &Sip, plain: &Draft, location: &Location) -> Option<Onward> {
    let draft =
        plain.clone().start(format!("{} {} SIP/2.0", sip.request(), location.uri)).list("Route", location.path.clone());
    let hop = to(location.path.first().map_or(location.uri.as_str(), |route| uri_of(route)))?;
    Some(Onward { draft, hop })
}

/// The address that a URI leads to. Names are not looked up: nobody has one here.
fn to(uri: &str) -> Option<Hop> {
    let transport = uri.split(';').skip(1).find_map(|param| param.strip_prefix("transport="));
    let transport = transport.and_then(|name| name.parse().ok()).unwrap_or(Transport::Udp);
    Some(Hop::To(transport, address_of(uri)?))
}

fn user(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once(':')?;
    Some(rest.split_once('@')?.0)
}

/// With what the Via does not say of where the request came from (RFC 3261 section 18.2.1, RFC 3581 section 4).
fn noted(letter: &Letter, draft: Draft) -> Draft {
    let mut vias: Vec<String> = letter.sip.list("via").into_iter().map(str::to_owned).collect();
    let Some(top) = vias.first_mut() else { return draft };
    let Some(via) = letter.sip.via() else { return draft };
    let asked = via.param("rport") == Some(None);
    if asked {
        *top = top.replace(";rport", &format!(";rport={}", letter.from.port()));
    }
    if asked || via.address().is_none_or(|address| address.ip() != letter.from.ip()) {
        top.push_str(&format!(";received={}", letter.from.ip()));
    }
    draft.list("Via", vias)
}

/// With our routes or our Path.
fn stamped(letter: &Letter, plan: &Plan, turn: &Turn, way: Onward) -> Onward {
    let sip = &letter.sip;
    let flows = plan.path == Path::Flow;
    let mut draft = way.draft;
    if sip.request() == "REGISTER" && plan.path != Path::None {
        let token = if flows { format!("{}@", name_of(letter.into())) } else { String::new() };
        let ob = if flows { ";ob" } else { "" };
        draft = draft.with_first("Path", format!("<sip:{token}{};lr{ob}>", turn.own));
    }
    let begins = sip.to_tag().is_empty() && matches!(sip.request(), "INVITE" | "SUBSCRIBE" | "REFER");
    if begins && plan.records_route {
        let (came, goes) = (letter.transport, way.hop.transport());
        let route = |transport: Transport, flow: Option<Way>| {
            let token = flow.filter(|_| flows).map(|flow| format!("{}@", name_of(flow))).unwrap_or_default();
            let transport = if transport == Transport::Udp { String::new() } else { format!(";transport={transport}") };
            format!("<sip:{token}{}{transport};lr>", turn.own)
        };
        draft = draft.with_first("Record-Route", route(came, Some(letter.into())));
        if came != goes || flows {
            let flow = if let Hop::Flow(flow) = way.hop { Some(flow) } else { None };
            draft = draft.with_first("Record-Route", route(goes, flow));
        }
    }
    Onward { draft, hop: way.hop }
}

/// The name of a flow, as the user part of a URI.
fn name_of(way: Way) -> String {
    match way {
        Way::Datagram(address) => format!("u-{}-{}", address.ip(), address.port()),
        Way::Stream(conn) => format!("t-{}", conn.as_u64()),
    }
}

fn flow_of(name: &str) -> Option<Way> {
    let (kind, rest) = name.split_once('-')?;
    match kind {
        "t" => Some(Way::Stream(ConnId::from_u64(rest.parse().ok()?))),
        "u" => {
            let (ip, port) = rest.split_once('-')?;
            Some(Way::Datagram(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?)))
        }
        _ => None,
    }
}

/// A response without the Via of its first receiver, and where the next one says that it goes.
pub(super) fn back(sip: &Sip) -> Option<(Draft, Hop)> {
    let rest: Vec<&str> = sip.list("via").into_iter().skip(1).collect();
    let draft = Draft::of(sip).list("Via", rest.iter().map(|via| (*via).to_owned()));
    let below = Sip::read(&draft.bytes())?;
    let via = below.via()?;
    let transport = via.transport.to_ascii_lowercase().parse().ok()?;
    let mut address = via.address()?;
    if let Some(ip) = via.param("received").flatten().and_then(|ip| ip.parse().ok()) {
        address.set_ip(ip);
    }
    if let Some(port) = via.param("rport").flatten().and_then(|port| port.parse().ok()) {
        address.set_port(port);
    }
    Some((draft, Hop::To(transport, address)))
}
