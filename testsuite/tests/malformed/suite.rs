//! The malformed INVITEs of the PROTOS suite c07-sip, if they are at hand.
//!
//! They are under the GPL and are not part of this project. The environment variable `PROTOS_C07_SIP` names a folder with `groups.json` and
//! `cases/NNNNNNN`; without it the test says that it skips them. A case is two records, each its length, a space and the bytes; the second one
//! is a teardown. What a tester fills in stands in angle brackets.
//!
//! Each case is read by the parser, and then handed to a live agent: no panic, at most one final answer, nothing kept once its time is over.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant as Clock};

use bytes::Bytes;
use sipsimple_core::agent::{
    AccountSpec, Agent, Answer, Config, Effect, EventKind, Input, Intent, Listen, Question, SocketEvent,
};
use sipsimple_core::id::SocketId;
use sipsimple_core::limits::Limits;
use sipsimple_core::random::Seed;
use sipsimple_core::sip::Message;
use sipsimple_core::time::{Instant, Utc};
use sipsimple_core::transport::{Port, Transport};

const OURS: &str = "192.0.2.9";
const PEER: &str = "192.0.2.4:5060";

/// A group of cases.
struct Group {
    name: String,
    cases: std::ops::Range<usize>,
}

fn groups(folder: &Path) -> Vec<Group> {
    let text = std::fs::read(folder.join("groups.json")).expect("groups.json");
    let json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let number = |group: &serde_json::Value, key: &str| group[key].as_u64().expect(key) as usize;
    let groups = json["groups"].as_array().expect("a list").iter().map(|group| {
        let first = number(group, "first");
        Group {
            name: group["group"].as_str().expect("a name").to_owned(),
            cases: first..first + number(group, "cases"),
        }
    });
    groups.collect()
}

/// The datagrams of a case, filled in.
fn datagrams(case: &[u8], number: usize) -> Vec<Bytes> {
    let mut rest = case;
    let mut records = Vec::new();
    while let Some(space) = rest.iter().position(|byte| *byte == b' ') {
        let length = std::str::from_utf8(&rest[..space]).ok().and_then(|text| text.parse::<usize>().ok());
        let Some(length) = length.filter(|length| space + 1 + length <= rest.len()) else { break };
        records.push(rest[space + 1..space + 1 + length].to_vec());
        rest = &rest[space + 1 + length..];
    }
    let body = |record: &[u8]| {
        let end = record.windows(4).position(|four| four == b"\r\n\r\n");
        end.map_or(0, |end| record.len() - end - 4)
    };
    let call_id = format!("{number}.protos");
    let fill = |record: Vec<u8>, sequence: &str| {
        let values = [
            ("<From-Address>", "192.0.2.4"),
            ("<From-IP>", "192.0.2.4"),
            ("<Local-Port>", "5060"),
            ("<Branch-ID>", "x"),
            ("<Call-ID>", call_id.as_str()),
            ("<CSeq>", sequence),
            ("<From>", "tester@192.0.2.4"),
            ("<To>", "us@192.0.2.9"),
            ("<Teardown-Method>", "CANCEL"),
        ];
        let filled =
            values.iter().fold(record, |record, (name, value)| replace(&record, name.as_bytes(), value.as_bytes()));
        let length = body(&filled).to_string();
        Bytes::from(replace(&filled, b"<Content-Length>", length.as_bytes()))
    };
    records.into_iter().map(|record| fill(record, "1")).collect()
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}

/// An agent on one UDP socket, and a driver that does what it is asked.
struct Live {
    agent: Agent,
    now: Instant,
    udp: SocketId,
    /// The status codes that were sent since they were last taken.
    codes: Vec<u16>,
}

impl Live {
    fn new() -> Self {
        let ip: IpAddr = OURS.parse().expect("an address");
        let mut config = Config::default();
        config.listen.push(Listen { transport: Transport::Udp, address: ip, port: Port::Fixed(5060) });
        let agent = Agent::new(config, Seed::from_u64(7), Instant::ZERO, Utc::default()).expect("a configuration");
        let mut live = Self { agent, now: Instant::ZERO, udp: SocketId::from_u64(0), codes: Vec::new() };
        live.drain();
        let account = AccountSpec { any_user: true, ..AccountSpec::new("sip:us@192.0.2.9") };
        live.agent.intend(live.now, Intent::AddAccount(account)).expect("an account");
        live.drain();
        live
    }

    fn drain(&mut self) {
        loop {
            if let Some(effect) = self.agent.poll_effect() {
                self.effect(effect);
            } else if let Some(event) = self.agent.poll_event() {
                if let EventKind::Session { id, .. } = event.kind
                    && let Some(mut session) = self.agent.session(self.now, id)
                {
                    // Nobody is at home; a session that is over already cannot be refused.
                    let _ = session.reject(486, None);
                }
            } else {
                return;
            }
        }
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "a driver of datagrams alone")]
    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Bind { socket, addr, .. } => {
                self.udp = socket;
                let local = SocketAddr::new(addr, 5060);
                self.agent.handle(self.now, Input::Socket { socket, event: SocketEvent::Bound { local } });
            }
            Effect::Send { data, .. } => {
                let sent = Message::parse(data, &Limits::default()).expect("what we send can be read");
                self.codes.extend(sent.as_response().map(|response| response.code()));
            }
            Effect::Ask { ask, question: Question::LocalAddress { .. } } => {
                let answer = Answer::LocalAddress(Some(OURS.parse().expect("an address")));
                self.agent.handle(self.now, Input::Answer { ask, answer });
            }
            _ => {}
        }
    }

    /// Takes a datagram, and gives the codes that were answered until all its timers are over.
    fn take(&mut self, data: Bytes) -> Vec<u16> {
        let from = PEER.parse().expect("an address");
        self.agent
            .handle(self.now, Input::Datagram { socket: self.udp, from, to: None, interface: None, ttl: None, data });
        self.drain();
        for _ in 0..200 {
            let Some(deadline) = self.agent.poll_timeout() else { break };
            self.now = self.now.max(deadline.at);
            self.agent.handle(self.now, Input::Tick { utc: None });
            self.drain();
        }
        std::mem::take(&mut self.codes)
    }
}

#[test]
fn the_malformed_invites_do_no_harm() {
    let Some(folder) = std::env::var_os("PROTOS_C07_SIP") else {
        eprintln!("skipped: PROTOS_C07_SIP names no folder with the suite");
        return;
    };
    let folder = Path::new(&folder);
    let limits = Limits::default();
    let mut live = Live::new();
    let mut total = 0;
    println!("{:28} {:>5} {:>6} {:>8}  answers", "group", "cases", "read", "bytes/µs");
    for group in groups(folder) {
        let (mut cases, mut read, mut bytes) = (0, 0, 0);
        let mut answers: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
        let mut spent = Duration::ZERO;
        for number in group.cases {
            let Ok(case) = std::fs::read(folder.join(format!("cases/{number:07}"))) else { continue };
            let datagrams = datagrams(&case, number);
            cases += 1;
            let Some(invite) = datagrams.first() else { panic!("case {number} has no datagram") };
            bytes += invite.len();
            let begin = Clock::now();
            let parsed = Message::parse(invite.clone(), &limits);
            if let Ok(Message::Request(request)) = &parsed {
                read += usize::from(request.validate().is_ok());
            }
            let taken = begin.elapsed();
            spent += taken;
            assert!(taken < Duration::from_millis(500), "case {number}: {} bytes took {taken:?}", invite.len());
            let codes = live.take(invite.clone());
            let finals: BTreeSet<_> = codes.iter().filter(|code| **code >= 200).collect();
            assert!(finals.len() <= 1, "case {number} is answered with {finals:?}");
            let said = finals.first().map_or_else(|| "none".to_owned(), |code| code.to_string());
            *answers.entry(said).or_default() += 1;
            for teardown in datagrams.into_iter().skip(1) {
                live.take(teardown);
            }
            assert!(live.agent.is_quiescent(), "case {number} has left something behind");
        }
        total += cases;
        let rate = bytes as f64 / spent.as_secs_f64().max(1e-9) / 1e6;
        println!("{:28} {cases:>5} {read:>6} {rate:>8.1}  {answers:?}", group.name);
    }
    assert!(total > 0, "no case in {}", folder.display());
    println!("{total} cases");
}
