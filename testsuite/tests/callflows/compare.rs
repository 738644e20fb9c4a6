//! What an agent sends beside what a flow has it send.

use std::collections::{BTreeMap, BTreeSet};

use sipsimple_testsuite::sdp::Sdp;
use sipsimple_testsuite::sip::{Sip, address_of, uri_of};

use crate::stage::node_of;

/// What was learned of the choices of the agent.
#[derive(Default)]
pub(crate) struct Known {
    /// Names in the flow, and what the agent has in their place: tags, Call-IDs, Contacts.
    pub(crate) names: BTreeMap<String, String>,
    /// Branches in the flow, and those of the agent.
    branches: BTreeMap<String, String>,
    /// By Call-ID: how much higher the agent counts than the flow.
    ahead: BTreeMap<String, u32>,
    /// The tags and Call-IDs that others have said.
    said: BTreeSet<String>,
    /// By realm: the nonce of the last challenge.
    nonces: BTreeMap<String, String>,
}

impl Known {
    /// Remembers what another says: its names, which the agent has to keep, and its challenges.
    pub(crate) fn remember(&mut self, sip: &Sip) {
        self.said.extend([sip.from_tag(), sip.to_tag(), sip.call_id()].map(str::to_owned));
        for (name, value) in sip.fields() {
            if name == "proxy-authenticate" {
                self.nonces.insert(quoted(value, "realm"), quoted(value, "nonce"));
            }
        }
    }

    /// What stands for a name of the flow is what was learned; what was not, is what the agent has there from now on. It is told when the agent
    /// has another name where the flow has the same, or the same where the flow has another.
    fn learn(&mut self, due: &str, real: &str) -> Option<String> {
        if due == real {
            return None;
        }
        let told = Some(format!("{due:?} due, {real:?} found"));
        if due.is_empty() || real.is_empty() {
            return told;
        }
        if let Some(known) = self.names.values_mut().find(|known| *known == due) {
            real.clone_into(known);
            return told;
        }
        if self.said.contains(due) {
            return told;
        }
        let taken = self.said.contains(real) || self.names.values().any(|known| known == real);
        self.names.insert(due.to_owned(), real.to_owned());
        told.filter(|_| taken)
    }
}

/// The aspects in which a message differs from the one that is due, which is of the same kind.
pub(crate) fn compare(due: &Sip, real: &Sip, known: &mut Known) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut same = |aspect: &'static str, due: String, real: String| {
        if due != real {
            found.push((aspect, format!("{due:?} due, {real:?} found")));
        }
    };
    same("uri", place(due.uri()), place(real.uri()));
    same("address of From", bare(due, "from"), bare(real, "from"));
    same("address of To", bare(due, "to"), bare(real, "to"));
    same("Route", routes(due, "route"), routes(real, "route"));
    same("Record-Route", routes(due, "record-route"), routes(real, "record-route"));
    same("Contact", (due.count("contact") > 0).to_string(), (real.count("contact") > 0).to_string());
    same("Max-Forwards", request_field(due, "max-forwards"), request_field(real, "max-forwards"));
    same("SDP", description(due), description(real));
    same("credentials", realms(due, "realm").join(" "), realms(real, "realm").join(" "));
    for (realm, nonce) in realms(real, "realm").into_iter().zip(realms(real, "nonce")) {
        same("nonce", known.nonces.get(&realm).cloned().unwrap_or_default(), nonce);
    }
    let (number, _) = due.cseq();
    if due.code() == 0 {
        let ahead = *known.ahead.entry(real.call_id().to_owned()).or_insert_with(|| real.cseq().0.wrapping_sub(number));
        same("CSeq", (number.wrapping_add(ahead)).to_string(), real.cseq().0.to_string());
        let branch = known.branches.get(due.branch()).cloned();
        let new = !known.branches.values().any(|branch| branch == real.branch());
        match branch {
            Some(branch) => same("branch", branch, real.branch().to_owned()),
            None => same("branch", "a new one".to_owned(), if new { "a new one" } else { real.branch() }.to_owned()),
        }
        known.branches.insert(due.branch().to_owned(), real.branch().to_owned());
    } else {
        same("CSeq", number.to_string(), real.cseq().0.to_string());
        same("Via", branches(due), branches(real));
    }
    for (aspect, due, real) in [
        ("tag of From", due.from_tag(), real.from_tag()),
        ("tag of To", due.to_tag(), real.to_tag()),
        ("Call-ID", due.call_id(), real.call_id()),
    ] {
        found.extend(known.learn(due, real).map(|text| (aspect, text)));
    }
    if !due.contact().is_empty() && !real.contact().is_empty() && due.contact() != real.contact() {
        known.names.insert(due.contact().to_owned(), real.contact().to_owned());
    }
    found
}

/// User and address of a URI.
fn place(uri: &str) -> String {
    let user = uri.split_once('@').map_or("", |(user, _)| user);
    let rest = uri.rsplit('@').next().unwrap_or_default();
    let address = address_of(uri).map_or_else(|| rest.to_owned(), |address| address.to_string());
    format!("{user}@{address}")
}

/// The URI in From or To.
fn bare(sip: &Sip, name: &str) -> String {
    uri_of(sip.header(name).unwrap_or_default()).to_owned()
}

/// The nodes that a list of routes names.
fn routes(sip: &Sip, name: &str) -> String {
    let node = |route: &str| address_of(uri_of(route)).map_or("nobody", |address| node_of(address.ip()));
    sip.list(name).into_iter().map(node).collect::<Vec<_>>().join(", ")
}

fn request_field(sip: &Sip, name: &str) -> String {
    if sip.code() == 0 { sip.header(name).unwrap_or_default().to_owned() } else { String::new() }
}

/// What a description says of each line: kind, whether it is on, direction, and whether it has the codec of the flows.
fn description(sip: &Sip) -> String {
    let Some(text) = sip.description() else { return "none".to_owned() };
    let Some(sdp) = Sdp::read(text) else { return "unreadable".to_owned() };
    let line = |media: &sipsimple_testsuite::sdp::Media| {
        let on = if media.port == 0 { "off" } else { "on" };
        let pcmu = media.formats.iter().any(|(_, name)| name.starts_with("pcmu/"));
        format!("{} {on} {} {}", media.kind, media.direction, if pcmu { "PCMU" } else { "-" })
    };
    sdp.media.iter().map(line).collect::<Vec<_>>().join(", ")
}

/// A parameter of each of the credentials for proxies, which an ACK need not have.
fn realms(sip: &Sip, parameter: &str) -> Vec<String> {
    let named = sip.fields().iter().filter(|(name, _)| name == "proxy-authorization");
    named.map(|(_, value)| quoted(value, parameter)).collect()
}

fn branches(sip: &Sip) -> String {
    let branch = |via: &str| sipsimple_testsuite::sip::param(via, "branch").flatten().unwrap_or_default().to_owned();
    sip.list("via").into_iter().map(branch).collect::<Vec<_>>().join(" ")
}

fn quoted(value: &str, name: &str) -> String {
    let rest = value.split_once(&format!("{name}=\"")).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default().to_owned()
}
