//! A scripted registrar (RFC 3261 section 10.3): it challenges, checks, and keeps bindings; and in a bad mood it refuses, lies, says nothing,
//! or challenges without end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::random::Random;
use sipsimple_core::time::Instant;

use crate::digest::Given;
use crate::draft::Draft;
use crate::post::Letter;
use crate::script::{Script, Turn};
use crate::sip::{Sip, param, uri_of};

/// The realm, and the password of everybody.
const REALM: &str = "registrar";
const PASSWORD: &str = "secret";

/// One REGISTER that came, retransmissions left out.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When it came first.
    pub at: Instant,
    /// The request.
    pub sip: Sip,
}

/// What the registrar knows, and what it is to do. Shared with the test.
#[derive(Debug, Default)]
pub struct Books {
    /// Every REGISTER, in the order in which they came.
    pub seen: Vec<Seen>,
    /// The bindings, and when they expire.
    pub bindings: BTreeMap<String, Instant>,
    /// The routes to each binding (RFC 3327).
    pub paths: BTreeMap<String, Vec<String>>,
    /// What it tells of the way to its home proxy (RFC 3608).
    pub service_route: Vec<String>,
    /// Whether it gives GRUUs to devices that ask for them (RFC 5627).
    pub gruus: bool,
    /// Whether it supports outbound (RFC 5626 section 6), and how often it wants flows to be kept alive.
    pub outbound: Option<Option<u32>>,
    /// The binding of each flow of each device, where outbound is supported.
    flows: BTreeMap<(String, String), String>,
    /// For how many seconds it keeps bindings at most.
    pub longest: u64,
    /// How many of ten requests meet a bad mood.
    pub bad: u64,
    /// How many requests had right credentials.
    pub authenticated: usize,
    /// The nonces in force, and the highest count of each.
    nonces: BTreeMap<String, u32>,
}

/// The registrar.
#[derive(Debug)]
pub struct Registrar {
    random: Random,
    books: Rc<RefCell<Books>>,
    algorithm: &'static str,
}

impl Registrar {
    /// One that challenges for this algorithm, and what it shares.
    #[must_use]
    pub fn new(random: Random, algorithm: &'static str) -> (Self, Rc<RefCell<Books>>) {
        let books = Rc::new(RefCell::new(Books { longest: 60, ..Books::default() }));
        (Self { random, books: Rc::clone(&books), algorithm }, books)
    }

    fn challenge(&mut self, letter: &Letter, books: &mut Books, stale: bool) -> Draft {
        let nonce = self.random.token(20);
        let stale = if stale { ", stale=true" } else { "" };
        let value =
            format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}", self.algorithm);
        books.nonces.insert(nonce, 0);
        Draft::response(&letter.sip, 401, "registrar")
            .with("WWW-Authenticate", "Bearer realm=\"registrar\"")
            .with("WWW-Authenticate", value)
    }

    /// Answers in a bad mood; nothing is said when there is no answer.
    fn bad(&mut self, letter: &Letter, books: &mut Books) -> Option<Draft> {
        let answer = |code| Draft::response(&letter.sip, code, "registrar");
        let own = letter.sip.list("contact").last().map(|contact| uri_of(contact).to_owned()).unwrap_or_default();
        let bound = |expires: u64| answer(200).with("Contact", format!("<{own}>;expires={expires}"));
        Some(match self.random.below(13) {
            0 => return None,
            1 => answer(503),
            2 => answer(503).with("Retry-After", "20"),
            3 => answer(500),
            4 => answer(423).with("Min-Expires", self.random.below(u64::from(u32::MAX)).to_string()),
            5 => answer(423),
            6 => self.challenge(letter, books, true),
            7 => answer(401).with("WWW-Authenticate", "Digest realm=\"registrar\", nonce=\"x\", algorithm=ROT13"),
            8 => answer(401).with("WWW-Authenticate", "Digest realm=\"registrar\""),
            9 => bound(0),
            10 => bound(self.random.between(1, 5)),
            11 => answer(200).with("Contact", "<sip:somebody@203.0.113.1>;expires=7"),
            _ => answer(302).with("Contact", "<sip:elsewhere@203.0.113.1>"),
        })
    }

    fn register(&mut self, letter: &Letter, turn: &Turn, books: &mut Books) -> Draft {
        match Given::of(&letter.sip, "authorization") {
            Some(given)
                if books.nonces.contains_key(&given.nonce)
                    && given.prove(REALM, PASSWORD, self.algorithm, &letter.sip) =>
            {
                let last = books.nonces.entry(given.nonce.clone()).or_default();
                if given.count <= *last {
                    return self.challenge(letter, books, true);
                }
                *last = given.count;
                books.authenticated += 1;
            }
            Some(_) | None => return self.challenge(letter, books, false),
        }
        let header = letter.sip.header("expires").and_then(|text| text.parse().ok()).unwrap_or(3600);
        for contact in letter.sip.list("contact") {
            let own = param(contact, "expires").flatten().and_then(|text| text.parse().ok());
            let expires: u64 = own.unwrap_or(header);
            let word = |name| param(contact, name).flatten().map(str::to_owned);
            let flow = word("+sip.instance").zip(word("reg-id")).filter(|_| books.outbound.is_some());
            if let Some(old) = flow.and_then(|flow| books.flows.insert(flow, uri_of(contact).to_owned())) {
                // The same flow of the same device: another binding takes its place (RFC 5626 section 6).
                books.bindings.remove(&old);
            }
            if expires == 0 {
                books.bindings.remove(uri_of(contact));
            } else {
                let path = letter.sip.list("path").into_iter().map(str::to_owned).collect();
                books.paths.insert(uri_of(contact).to_owned(), path);
                // It does not keep bindings for as long as it is asked to.
                let until = turn.now + Duration::from_secs(expires.min(books.longest));
                books.bindings.insert(uri_of(contact).to_owned(), until);
            }
        }
        books.bindings.retain(|_, until| *until > turn.now);
        let mut answer = Draft::response(&letter.sip, 200, "registrar");
        for (contact, until) in &books.bindings {
            let left = until.saturating_since(turn.now).as_secs();
            let gruu = format!(";pub-gruu=\"{}\"", gruu(&letter.sip));
            let gruu = if books.gruus && lists(&letter.sip, "gruu") { gruu.as_str() } else { "" };
            answer = answer.with("Contact", format!("<{contact}>;expires={left}{gruu}"));
        }
        for path in letter.sip.list("path") {
            answer = answer.with("Path", path);
        }
        for route in &books.service_route {
            answer = answer.with("Service-Route", route);
        }
        // The first hop has to know of it too (RFC 5626 section 6).
        let first = letter.sip.list("path").last().is_none_or(|path| uri_of(path).contains(";ob"));
        if let Some(timer) = books.outbound.filter(|_| first && lists(&letter.sip, "outbound")) {
            answer = answer.with("Require", "outbound");
            if let Some(seconds) = timer {
                answer = answer.with("Flow-Timer", seconds.to_string());
            }
        }
        answer
    }
}

/// The public GRUU of the device that registers (RFC 5627 section 3.1).
fn gruu(request: &Sip) -> String {
    let instance =
        request.list("contact").iter().find_map(|contact| param(contact, "+sip.instance").flatten().map(str::to_owned));
    let urn = instance.as_deref().map_or("", |value| value.trim_matches(['"', '<', '>']));
    format!("{};gr={urn}", uri_of(request.header("to").unwrap_or_default()))
}

/// Whether a request supports an extension.
fn lists(request: &Sip, option: &str) -> bool {
    request.list("supported").contains(&option)
}

impl Script for Registrar {
    fn got(&mut self, letter: &Letter, turn: &mut Turn) {
        if letter.sip.request() != "REGISTER" {
            return;
        }
        let shared = Rc::clone(&self.books);
        let books = &mut *shared.borrow_mut();
        // A retransmission is not answered again: the first answer may have been lost, and then the client tries anew.
        if books.seen.iter().any(|seen| seen.sip.branch() == letter.sip.branch()) {
            return;
        }
        books.seen.push(Seen { at: turn.now, sip: letter.sip.clone() });
        let bad = self.random.below(10) < books.bad;
        let answer = if bad { self.bad(letter, books) } else { Some(self.register(letter, turn, books)) };
        if let Some(answer) = answer {
            turn.reply(letter, &answer);
        }
    }
}
