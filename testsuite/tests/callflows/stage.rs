//! A flow on the stage of the simulator: one of its user agents is a live agent, all others say what the flow says.
//!
//! Every node has the address that RFC 3665 gives it. Names of hosts become these addresses and TCP becomes UDP, so that nothing needs to be looked
//! up; what the agent chose itself (tags, Call-ID, Contact, the first CSeq, Via) takes the place of what the flow has.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use sipsimple_core::agent::{AccountSpec, Config, Event, EventKind, Intent, Outcome};
use sipsimple_core::id::{AccountId, SessionId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::sip::digest::Credentials;
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::draft::Draft;
use sipsimple_testsuite::host::Place;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::property;
use sipsimple_testsuite::script::Way;
use sipsimple_testsuite::sip::Sip;
use sipsimple_testsuite::world::World;

use crate::compare::{Known, compare};

/// The nodes, their names in messages, and their addresses. Bob has moved to the second one in 3.6, and moves there in 3.7.
const NODES: [(&str, &str, &str); 9] = [
    ("Alice", "client.atlanta.example.com", "192.0.2.101"),
    ("Bob", "client.biloxi.example.com", "192.0.2.201"),
    ("Bob", "client.chicago.example.com", "192.0.2.100"),
    ("Proxy 1", "ss1.atlanta.example.com", "192.0.2.111"),
    ("Proxy 2", "ss2.biloxi.example.com", "192.0.2.222"),
    ("Proxy 3", "ss3.chicago.example.com", "192.0.2.233"),
    ("SIP ALG", "alg1.atlanta.example.com", "192.0.2.128"),
    ("Redirect Server", "rs.example.com", "192.0.2.250"),
    // What the redirection leads to is served by Proxy 3.
    ("Proxy 3", "chicago.example.com", "192.0.2.233"),
];

/// How long a message is waited for: longer than an INVITE takes to time out.
const PATIENCE: Duration = Duration::from_secs(40);

/// A message of a flow, adapted to the stage.
pub(crate) struct Line {
    pub(crate) message: String,
    pub(crate) from: String,
    pub(crate) to: String,
    text: String,
}

impl Line {
    /// Reads a message of the vectors.
    pub(crate) fn new(message: &str, from: &str, to: &str, octets: &Bytes) -> Self {
        let mut text = String::from_utf8(octets.to_vec()).expect("UTF-8");
        text = text.replace("SIP/2.0/TCP", "SIP/2.0/UDP").replace(";transport=tcp", "");
        for (_, name, address) in NODES {
            // The domain has a redirection lead to it; elsewhere it is a part of names.
            let name = if name.starts_with("chicago") { format!("@{name}") } else { name.to_owned() };
            let address = if name.starts_with('@') { format!("@{address}") } else { address.to_owned() };
            text = text.replace(&name, &address);
        }
        Self { message: message.to_owned(), from: from.to_owned(), to: to.to_owned(), text }
    }

    /// Replaces something in the message.
    pub(crate) fn edit(&mut self, replace: &str, with: &str) {
        assert!(self.text.contains(replace), "{replace} in {}", self.text);
        self.text = self.text.replace(replace, with);
    }

    /// The message with what was learned in the place of what the flow has, and with its length.
    fn sip(&self, known: &Known) -> Sip {
        let mut text = self.text.clone();
        for (flow, real) in &known.names {
            text = text.replace(flow, real);
        }
        let (head, body) = text.split_once("\r\n\r\n").expect("an empty line");
        let head: Vec<&str> = head.split("\r\n").filter(|line| !line.starts_with("Content-Length")).collect();
        let text = format!("{}\r\nContent-Length: {}\r\n\r\n{body}", head.join("\r\n"), body.len());
        Sip::read(&Bytes::from(text)).expect("a message")
    }
}

/// The node that has this address.
pub(crate) fn node_of(ip: IpAddr) -> &'static str {
    let at = |(_, _, address): &&(&str, &str, &str)| address.parse() == Ok(ip);
    NODES.iter().find(at).map_or("nobody", |(node, _, _)| node)
}

fn address_of(node: &str) -> SocketAddr {
    let (_, _, address) = NODES.iter().find(|(name, _, _)| *name == node).expect("a node");
    SocketAddr::new(address.parse().expect("an address"), 5060)
}

/// A flow while it is played.
pub(crate) struct Stage {
    world: World,
    host: usize,
    account: AccountId,
    role: String,
    /// The mailboxes of the others, by address.
    posts: BTreeMap<SocketAddr, usize>,
    /// What the agent asked, by number and method in the flow.
    asked: BTreeMap<(u32, String), (usize, Letter)>,
    session: Option<SessionId>,
    known: Known,
    /// By message and aspect: what was found that the flow has not.
    pub(crate) found: BTreeMap<(String, &'static str), String>,
}

impl Stage {
    /// The agent in this role, at this address of it.
    pub(crate) fn new(role: &str, lines: &[Line]) -> Self {
        let mut world = World::new(3665, Faults::none());
        world.watch(property::all());
        let chicago = lines.iter().any(|line| line.from == "Proxy 3" && line.to == role);
        let moved = "192.0.2.100".parse().expect("an address");
        let own: IpAddr = if chicago && role == "Bob" { moved } else { address_of(role).ip() };
        let place = Place { addresses: vec![own], ..Place::default() };
        let host = world.add_at(place, Config::default(), Box::new(Idle));
        let (name, domain) = if role == "Alice" { ("alice", "atlanta") } else { ("bob", "biloxi") };
        let spec = AccountSpec {
            any_user: true,
            credentials: Some(Credentials::new(name, "secret")),
            ..AccountSpec::new(format!("sip:{name}@{domain}.example.com"))
        };
        let outcome = world.with(host, |agent, now| agent.intend(now, Intent::AddAccount(spec)));
        let Ok(Outcome::Account(account)) = outcome else { panic!("{outcome:?}") };
        let others: BTreeSet<SocketAddr> = NODES
            .iter()
            .map(|(_, _, address)| SocketAddr::new(address.parse().expect("an address"), 5060))
            .filter(|address| address.ip() != own)
            .collect();
        let posts = others.into_iter().map(|address| (address, world.add_post(address, true))).collect();
        world.run_for(Duration::from_millis(1));
        let (asked, known, found) = (BTreeMap::new(), Known::default(), BTreeMap::new());
        Self { world, host, account, role: role.to_owned(), posts, asked, session: None, known, found }
    }

    /// Plays the flow to its end.
    pub(crate) fn play(mut self, lines: &[Line]) -> BTreeMap<(String, &'static str), String> {
        let routes: Vec<&str> = lines
            .iter()
            .filter(|line| line.from == self.role && line.text.starts_with("INVITE "))
            .map(|line| line.to.as_str())
            .collect();
        for line in lines {
            if line.from == self.role {
                self.user(line, &routes);
                self.hear(line);
            } else if line.to == self.role {
                self.say(line);
            }
        }
        self.world.run_for(Duration::from_secs(5));
        while let Some((_, letter)) = self.letter() {
            self.found.insert(("end".to_owned(), "more"), letter.sip.to_string());
        }
        if !self.world.run_until_quiescent(Duration::from_secs(600)) {
            self.found.insert(("end".to_owned(), "open"), "it does not come to an end".to_owned());
            return self.found;
        }
        self.world.finish();
        self.found
    }

    /// What the user has to do for a message to be sent.
    fn user(&mut self, line: &Line, routes: &[&str]) {
        let sip = line.sip(&self.known);
        let came = self.world.host(self.host).incoming_sessions().next();
        self.session = self.session.or(came);
        let account = self.account;
        match (sip.request(), sip.code(), sip.cseq().1, self.session) {
            ("INVITE", _, _, session) if sip.to_tag().is_empty() && (session.is_none() || self.is_redirected()) => {
                let mut routes: Vec<_> =
                    routes.iter().map(|node| Route::new(Transport::Udp, address_of(node))).collect();
                routes.dedup();
                if session.is_some() {
                    routes.remove(0);
                }
                let streams = vec![StreamSpec::Audio(AudioSpec::default())];
                let intent = Intent::Connect {
                    account,
                    to: format!("Bob <{}>", sip.uri()).into(),
                    routes,
                    streams,
                    late_offer: false,
                };
                let outcome = self.world.with(self.host, |agent, now| agent.intend(now, intent));
                let Ok(Outcome::Session(session)) = outcome else { panic!("{outcome:?}") };
                self.session = Some(session);
            }
            ("BYE" | "CANCEL", _, _, Some(session)) => self.act(Intent::End { session }),
            (_, 180, _, Some(session)) => self.act(Intent::SendRingIndication { session }),
            (_, 200, "INVITE", Some(session)) => {
                let streams = self.world.with(self.host, |agent, now| Some(agent.session(now, session)?.streams()));
                let streams = streams.expect("a session");
                self.act(Intent::Accept { session, streams, relay_password: None });
            }
            (_, code @ (300..=486 | 488..), "INVITE", Some(session)) => {
                self.act(Intent::Reject { session, code, reason: None });
            }
            _ => {}
        }
    }

    /// Whether the last thing that the agent told of a session is that it was redirected.
    fn is_redirected(&self) -> bool {
        let of_session = |(_, event): &(_, Event)| match &event.kind {
            EventKind::Session { event: SessionEvent::DidFail { code, .. }, .. } => Some((300..400).contains(code)),
            EventKind::Session { event: SessionEvent::NewOutgoing { .. }, .. } => Some(false),
            _ => None,
        };
        self.world.host(self.host).events.iter().rev().find_map(of_session).unwrap_or(false)
    }

    /// What the agent does by itself, as its answer to a re-INVITE, is nothing that its user can do.
    fn act(&mut self, intent: Intent) {
        let _ = self.world.with(self.host, |agent, now| agent.intend(now, intent));
    }

    /// Another says a line of the flow.
    fn say(&mut self, line: &Line) {
        let sip = line.sip(&self.known);
        self.known.remember(&sip);
        let own = self.world.address(self.host);
        let (post, draft) = if sip.code() == 0 {
            let via = sip.via().and_then(|via| via.address()).expect("an address in the Via");
            (self.posts[&via], Draft::of(&sip))
        } else {
            let (number, method) = sip.cseq();
            let Some((post, letter)) = self.asked.get(&(number, method.to_owned())) else {
                self.found.insert((line.message.clone(), "unasked"), sip.to_string());
                return;
            };
            let asked = &letter.sip;
            let mut to = asked.header("to").unwrap_or_default().to_owned();
            if asked.to_tag().is_empty() && !sip.to_tag().is_empty() {
                to = format!("{to};tag={}", sip.to_tag());
            }
            let mut draft = Draft::of(&sip).set("Via", asked.header("via").unwrap_or_default()).set("To", to);
            for name in ["From", "Call-ID", "CSeq"] {
                draft = draft.set(name, asked.header(&name.to_ascii_lowercase()).unwrap_or_default());
            }
            (*post, draft)
        };
        self.world.turn(post, |turn| turn.send(Way::Datagram(own), draft.bytes()));
        self.world.run_for(Duration::from_millis(15));
    }

    /// The agent is to say a line of the flow.
    fn hear(&mut self, line: &Line) {
        let due = line.sip(&self.known);
        let until = self.world.now() + PATIENCE;
        loop {
            let Some((post, letter)) = self.letter() else {
                if self.world.now() < until && self.world.step() {
                    continue;
                }
                self.found.insert((line.message.clone(), "missing"), due.to_string());
                return;
            };
            if letter.sip.to_string() != due.to_string() {
                self.found.insert((line.message.clone(), "before"), letter.sip.to_string());
                continue;
            }
            let to = self.world.post(post).address.ip();
            let differences = compare(&due, &letter.sip, &mut self.known);
            let node = (node_of(to) != line.to).then(|| ("node", format!("{} due, {} found", line.to, node_of(to))));
            for (aspect, text) in differences.into_iter().chain(node) {
                self.found.insert((line.message.clone(), aspect), text);
            }
            if due.code() == 0 {
                let (number, method) = due.cseq();
                self.asked.insert((number, method.to_owned()), (post, letter));
            }
            return;
        }
    }

    /// The letter that came first.
    fn letter(&mut self) -> Option<(usize, Letter)> {
        let front = |post: &usize| self.world.post(*post).letters.front().map(|letter| (letter.at, *post));
        let (_, post) = self.posts.values().filter_map(front).min()?;
        self.world.take_letter(post).map(|letter| (post, letter))
    }
}
