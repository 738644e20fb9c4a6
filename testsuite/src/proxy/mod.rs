//! A scripted proxy (RFC 3261 section 16): it forwards by Route, Request-URI or the places of a user, stays in dialogs, challenges, forks,
//! keeps flows by Path, and in a bad mood is silent, refuses, or resets connections.
//!
//! Requests pass without state (section 16.11), each retransmission too, where the transport stays the same; INVITEs have transactions of
//! their own also where the [`Plan`] says so.
//!
//! | file | what it does |
//! |---|---|
//! | `plan` | what it is told to do, and what it has done |
//! | `route` | where a request goes, and how it reads then |
//! | `fork` | one INVITE with a state: its branches, and which answer is the best |
//! | `relay` | another request with a state, where the transport changes |
//! | `wires` | datagrams and connections |

mod fork;
mod plan;
mod relay;
mod route;
mod wires;

pub use plan::{Location, Logbook, Mood, Passed, Path, Plan};
pub use wires::Hop;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;

use sipsimple_core::id::ConnId;
use sipsimple_core::stun::{BINDING, Builder, Class, Message, is_stun};

use crate::digest::Given;
use crate::draft::Draft;
use crate::post::Letter;
use crate::script::{Script, Turn, Way};

use fork::{Fork, Said};
use relay::Relay;
use route::{Onward, Verdict};
use wires::Wires;

/// The realm of its challenges, and everybody's password.
const REALM: &str = "proxy";
const PASSWORD: &str = "secret";
const NONCE: &str = "once";

/// The proxy.
#[derive(Debug, Default)]
pub struct Proxy {
    logbook: Rc<RefCell<Logbook>>,
    wires: Wires,
    /// The INVITEs with a state, by the branch that they came with.
    forks: BTreeMap<String, Fork>,
    /// The other requests with a state, by the branch that they came with.
    relays: BTreeMap<String, Relay>,
    /// The requests that came, by the branch that they went on with: the flow on which the answer goes back.
    origins: BTreeMap<String, Way>,
    /// Which request wants to be woken, by the branch that it came with.
    alarms: BTreeMap<u64, String>,
    next_alarm: u64,
}

impl Proxy {
    /// One that does this, and what it shares.
    #[must_use]
    pub fn new(plan: Plan) -> (Self, Rc<RefCell<Logbook>>) {
        let logbook = Rc::new(RefCell::new(Logbook { plan, ..Logbook::default() }));
        (Self { logbook: Rc::clone(&logbook), ..Self::default() }, logbook)
    }

    fn request(&mut self, letter: &Letter, turn: &mut Turn) {
        let sip = &letter.sip;
        let plan = self.logbook.borrow().plan.clone();
        match plan.mood {
            Mood::Well => {}
            Mood::Silent => return,
            Mood::Refusing(code) => {
                self.note(letter, turn, Vec::new());
                if sip.request() != "ACK" {
                    turn.reply(letter, &Draft::response(sip, code, "proxy"));
                }
                return;
            }
            Mood::Resetting => {
                if letter.conn.is_some() {
                    self.note(letter, turn, Vec::new());
                    self.wires.reset(turn);
                }
                return;
            }
        }
        if let Some(fork) = self.forks.get_mut(sip.branch()) {
            // What belongs to a transaction of our own goes no further (RFC 3261 section 16.10).
            let said = match sip.request() {
                "INVITE" => fork.repeated(),
                "CANCEL" => {
                    turn.reply(letter, &Draft::response(sip, 200, "proxy"));
                    fork.cancelled(turn.now)
                }
                _ => fork.acknowledged(),
            };
            self.say(sip.branch(), said, turn);
            return;
        }
        if let Some(relay) = self.relays.get(sip.branch()) {
            let said = relay.repeated();
            self.say(sip.branch(), said, turn);
            return;
        }
        if plan.challenges && !matches!(sip.request(), "ACK" | "CANCEL" | "REGISTER") && sip.to_tag().is_empty() {
            match Given::of(sip, "proxy-authorization") {
                Some(given) if given.nonce == NONCE && given.prove(REALM, PASSWORD, "SHA-256", sip) => {
                    self.logbook.borrow_mut().authenticated += 1;
                }
                Some(_) | None => {
                    self.note(letter, turn, Vec::new());
                    let value = format!("Digest realm=\"{REALM}\", nonce=\"{NONCE}\", algorithm=SHA-256, qop=\"auth\"");
                    turn.reply(letter, &Draft::response(sip, 407, "proxy").with("Proxy-Authenticate", value));
                    return;
                }
            }
        }
        match route::judge(letter, &plan, turn) {
            Verdict::Refuse(code) => {
                self.note(letter, turn, Vec::new());
                if sip.request() != "ACK" {
                    turn.reply(letter, &Draft::response(sip, code, "proxy"));
                }
            }
            Verdict::Forward(ways) => {
                self.note(letter, turn, ways.iter().map(|way| way.hop).collect());
                let changes = ways.iter().any(|way| way.hop.transport() != letter.transport);
                if (plan.stateful || changes) && sip.request() == "INVITE" {
                    let ways = ways.into_iter().enumerate().map(|(at, way)| self.via(letter, at, way, turn)).collect();
                    let (fork, said) = Fork::new(letter, ways, plan.keeps_losers, turn.now);
                    self.forks.insert(sip.branch().to_owned(), fork);
                    self.say(sip.branch(), said, turn);
                } else if let Some(way) = ways.into_iter().next() {
                    let (branch, way) = self.via(letter, 0, way, turn);
                    if changes && sip.request() != "ACK" {
                        let (relay, said) = Relay::new(branch, way, turn.now);
                        self.relays.insert(sip.branch().to_owned(), relay);
                        self.say(sip.branch(), said, turn);
                    } else {
                        self.forward(letter, way, turn);
                    }
                }
            }
        }
    }

    fn forward(&mut self, letter: &Letter, way: Onward, turn: &mut Turn) {
        let sent = self.wires.send(turn, way.hop, way.draft.bytes());
        if !sent && letter.sip.request() != "ACK" {
            // Flow Failed (RFC 5626 section 5.3.1).
            turn.reply(letter, &Draft::response(&letter.sip, 430, "proxy"));
        }
    }

    /// The request with our Via, and the branch of that: always the same for the same request (RFC 3261 section 16.11).
    fn via(&mut self, letter: &Letter, at: usize, way: Onward, turn: &Turn) -> (String, Onward) {
        let name = format!("{} {}", turn.own, letter.sip.branch());
        let sum = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let branch = format!("z9hG4bKproxy{sum:016x}{at}");
        self.origins.insert(branch.clone(), letter.into());
        let via = format!("SIP/2.0/{} {};branch={branch}", way.hop.transport().via(), turn.own);
        (branch, Onward { draft: way.draft.with_first("Via", via), hop: way.hop })
    }

    fn response(&mut self, letter: &Letter, turn: &mut Turn) {
        let branch = letter.sip.branch().to_owned();
        if self.logbook.borrow().plan.mood != Mood::Well {
            return;
        }
        let fork = self.forks.iter_mut().find(|(_, fork)| fork.has(&branch));
        if let Some((upstream, fork)) = fork {
            let said = fork.answered(&branch, &letter.sip, turn.now);
            let upstream = upstream.clone();
            self.say(&upstream, said, turn);
            return;
        }
        if let Some((upstream, relay)) = self.relays.iter_mut().find(|(_, relay)| relay.has(&branch)) {
            let said = relay.answered(&letter.sip);
            let upstream = upstream.clone();
            self.say(&upstream, said, turn);
            return;
        }
        self.send_back(&branch, &letter.sip, turn);
    }

    /// Sends a response on the flow on which its request came, or where the Via below ours says when that is gone (RFC 3261 section 18.2.2).
    fn send_back(&mut self, branch: &str, response: &crate::sip::Sip, turn: &mut Turn) {
        let Some((draft, hop)) = route::back(response) else { return };
        let flow = self.origins.get(branch).is_some_and(|way| self.wires.send(turn, Hop::Flow(*way), draft.bytes()));
        if !flow {
            self.wires.send(turn, hop, draft.bytes());
        }
    }

    /// Does what a request with a state says.
    fn say(&mut self, upstream: &str, said: Vec<Said>, turn: &mut Turn) {
        for said in said {
            match said {
                Said::Down(way) => {
                    // A branch whose flow is gone is silent, and ends by its timer.
                    self.wires.send(turn, way.hop, way.draft.bytes());
                }
                Said::Up(draft) => {
                    let Some(fork) = self.forks.get(upstream) else { continue };
                    self.wires.send(turn, Hop::Flow((&fork.invite).into()), draft.bytes());
                }
                Said::Back(branch, response) => self.send_back(&branch, &response, turn),
                Said::Wake(after) => {
                    self.alarms.insert(self.next_alarm, upstream.to_owned());
                    turn.wake(after, self.next_alarm);
                    self.next_alarm += 1;
                }
            }
        }
    }

    fn note(&self, letter: &Letter, turn: &Turn, to: Vec<Hop>) {
        let passed = &mut self.logbook.borrow_mut().passed;
        let known = |passed: &Passed| {
            passed.sip.branch() == letter.sip.branch() && passed.sip.request() == letter.sip.request()
        };
        if !passed.iter().any(known) {
            let (routed, _) = route::own_routes(&letter.sip, turn.own);
            passed.push(Passed { sip: letter.sip.clone(), routed, to });
        }
    }

    fn stun(&self, from: SocketAddr, data: &Bytes, turn: &mut Turn) {
        if let Ok(message) = Message::parse(data.clone())
            && message.class() == Class::Request
        {
            let answer = Builder::new(Class::Success, BINDING, message.transaction()).mapped_address(from).finish();
            turn.send(Way::Datagram(from), answer);
        }
    }
}

impl Script for Proxy {
    fn got(&mut self, letter: &Letter, turn: &mut Turn) {
        if letter.sip.code() == 0 { self.request(letter, turn) } else { self.response(letter, turn) }
    }

    /// Keep-alives are answered (RFC 5626 section 5.4).
    fn data(&mut self, way: Way, data: &Bytes, turn: &mut Turn) {
        if self.logbook.borrow().plan.mood != Mood::Well {
            return;
        }
        let ping = match way {
            Way::Stream(_) => data.as_ref() == b"\r\n\r\n",
            Way::Datagram(_) => is_stun(data),
        };
        if ping {
            self.logbook.borrow_mut().pings.push(turn.now);
        }
        if self.logbook.borrow().plan.deaf {
            return;
        }
        match way {
            Way::Stream(_) if ping => turn.send(way, "\r\n"),
            Way::Stream(_) => {}
            Way::Datagram(from) => self.stun(from, data, turn),
        }
    }

    fn opened(&mut self, conn: ConnId, remote: SocketAddr, turn: &mut Turn) {
        self.wires.opened(conn, remote, turn);
    }

    fn closed(&mut self, conn: ConnId, _: &mut Turn) {
        self.wires.closed(conn);
    }

    fn alarm(&mut self, number: u64, turn: &mut Turn) {
        let Some(upstream) = self.alarms.remove(&number) else { return };
        if self.logbook.borrow().plan.mood != Mood::Well {
            return;
        }
        let said = match (self.forks.get_mut(&upstream), self.relays.get_mut(&upstream)) {
            (Some(fork), _) => fork.alarm(turn.now),
            (None, Some(relay)) => relay.alarm(turn.now),
            (None, None) => return,
        };
        self.say(&upstream, said, turn);
    }
}
