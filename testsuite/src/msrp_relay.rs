//! A scripted MSRP relay (RFC 4976 section 6): it challenges, grants paths, and forwards what goes to or comes from those who asked for
//! one; and as the test says it refuses, says nothing, grants other paths, or closes connections.
//!
//! ```text
//!  AUTH ──► 401, 423, 200 with Use-Path, or a refusal
//!  SEND ──► 200 to the previous hop; the same SEND under another transaction to the next one ── refused, or not answered ──► REPORT
//!  REPORT, NICKNAME ... ──► to the next hop; their responses go back
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::id::ConnId;
use sipsimple_core::random::Random;
use sipsimple_core::time::Instant;
use sipsimple_core::transport::CloseHow;

use crate::digest::Given;
use crate::msrp::{Cutter, Frame, Start};
use crate::post::Letter;
use crate::script::{Script, Turn, Way};

/// The realm, and the password of everybody.
const REALM: &str = "relay";
/// The password of everybody.
pub const PASSWORD: &str = "secret";
/// Where what goes from one of its URIs to another one comes from.
const ITSELF: ConnId = ConnId::of_msrp(0);
/// How long the next hop may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// What the relay knows, and what it is to do. Shared with the test.
#[derive(Debug, Default)]
pub struct Books {
    /// For how many seconds a path is granted.
    pub lasts: u64,
    /// The shortest and the longest wish that it grants.
    pub bounds: Option<(u64, u64)>,
    /// Every AUTH is answered with this code.
    pub refuses: Option<u16>,
    /// It answers nothing, and forwards nothing.
    pub mute: bool,
    /// Every AUTH is granted another path, instead of the same one for longer.
    pub moves: bool,
    /// Every nonce is good for one request only.
    pub stale: bool,
    /// Every AUTH in the order in which it came, and the code of the answer.
    pub asked: Vec<(Instant, u16)>,
    /// Requests that were forwarded, by their method.
    pub forwarded: BTreeMap<String, usize>,
    /// Reports of its own on what was not delivered.
    pub reports: usize,
}

/// A path that was granted.
#[derive(Debug)]
struct Grant {
    /// The connection of who asked for it: the only one that it leads to.
    conn: ConnId,
    /// Whom it leads to.
    client: String,
    until: Instant,
}

/// A request that was forwarded and not answered.
#[derive(Debug)]
struct Pending {
    /// As it came, and on which connection.
    request: Frame,
    from: ConnId,
    /// Our URI in its path.
    own: String,
}

/// The relay.
#[derive(Debug)]
pub struct Relay {
    random: Random,
    books: Rc<RefCell<Books>>,
    /// `msrp` or `msrps`.
    scheme: &'static str,
    nonce: String,
    cutters: BTreeMap<ConnId, Cutter>,
    /// By their URI.
    grants: BTreeMap<String, Grant>,
    /// On which connection the owner of a URI, or the place of one, is reached.
    known: BTreeMap<String, ConnId>,
    /// What waits for a connection to open.
    waiting: BTreeMap<ConnId, Vec<Frame>>,
    pending: BTreeMap<String, Pending>,
    /// The transactions of the alarms.
    alarms: Vec<String>,
}

/// The address in a URI.
fn place(uri: &str) -> Option<SocketAddr> {
    uri.split("://").nth(1)?.split(['/', ';']).next()?.parse().ok()
}

/// Scheme and place of a URI.
fn hop(uri: &str) -> String {
    uri.rsplit_once('/').map_or(uri, |(hop, _)| hop).to_owned()
}

impl Relay {
    /// A relay for URIs of this scheme, and what it shares.
    #[must_use]
    pub fn new(mut random: Random, scheme: &'static str) -> (Self, Rc<RefCell<Books>>) {
        let books = Rc::new(RefCell::new(Books { lasts: 600, ..Books::default() }));
        let relay = Self {
            nonce: random.token(20),
            random,
            books: Rc::clone(&books),
            scheme,
            cutters: BTreeMap::new(),
            grants: BTreeMap::new(),
            known: BTreeMap::new(),
            waiting: BTreeMap::new(),
            pending: BTreeMap::new(),
            alarms: Vec::new(),
        };
        (relay, books)
    }

    fn write(&mut self, conn: ConnId, frame: Frame, turn: &mut Turn) {
        if conn == ITSELF {
            match frame.start {
                Start::Request(_) => self.request(conn, frame, turn),
                Start::Response(code) => self.response(&frame, code, turn),
            }
        } else if let Some(waiting) = self.waiting.get_mut(&conn) {
            waiting.push(frame);
        } else {
            turn.send(Way::Stream(conn), frame.bytes());
        }
    }

    /// Answers a request; a SEND to the previous hop, all else all the way back.
    fn answer(&mut self, conn: ConnId, request: &Frame, code: u16, more: &[(&str, String)], turn: &mut Turn) {
        let from = request.path("From-Path");
        let back =
            if request.is("SEND") { from.first().copied().unwrap_or_default().to_owned() } else { from.join(" ") };
        let own = request.path("To-Path").first().copied().unwrap_or_default().to_owned();
        let fields = [&[("To-Path", back), ("From-Path", own)], more].concat();
        self.write(conn, Frame::new(&request.transaction, Start::Response(code), &fields), turn);
    }

    fn request(&mut self, conn: ConnId, frame: Frame, turn: &mut Turn) {
        let Some(own) = frame.path("To-Path").first().map(|uri| (*uri).to_owned()) else { return };
        if place(&own) != Some(turn.own) {
            return turn.close(conn, CloseHow::Abort);
        }
        if frame.is("AUTH") && frame.path("To-Path").len() == 1 {
            let (code, more) = self.auth(conn, &frame, turn);
            self.books.borrow_mut().asked.push((turn.now, code));
            return self.answer(conn, &frame, code, &more, turn);
        }
        let wants = |code: u16| match frame.failure() {
            "no" => false,
            "partial" => code != 200,
            _ => !frame.is("REPORT"),
        };
        let next = frame.path("To-Path").get(1).map(|uri| (*uri).to_owned());
        let grant = self.grants.get(&own).filter(|grant| grant.until > turn.now);
        // To the one that asked for the path, or from it.
        let to = match (grant, &next) {
            (Some(grant), Some(next)) if grant.client == *next => Some(grant.conn),
            (Some(grant), Some(next)) if grant.conn == conn => Some(self.toward(next, turn)),
            (Some(_) | None, _) => None,
        };
        let Some(to) = to else {
            if wants(481) {
                self.answer(conn, &frame, 481, &[], turn);
            }
            return;
        };
        if let Some(hop) = frame.path("From-Path").first().filter(|_| conn != ITSELF) {
            self.known.insert((*hop).to_owned(), conn);
        }
        if frame.is("SEND") && wants(200) {
            self.answer(conn, &frame, 200, &[], turn);
        }
        let Start::Request(method) = &frame.start else { return };
        *self.books.borrow_mut().forwarded.entry(method.clone()).or_default() += 1;
        let mut forward = frame.clone();
        forward.transaction = self.random.token(12);
        forward.set("To-Path", frame.path("To-Path")[1..].join(" "));
        forward.set("From-Path", format!("{own} {}", frame.field("From-Path").unwrap_or_default()));
        if !frame.is("REPORT") {
            if frame.failure() == "yes" && frame.is("SEND") {
                turn.wake(ANSWER, self.alarms.len() as u64);
                self.alarms.push(forward.transaction.clone());
            }
            let pending = Pending { request: frame, from: conn, own };
            self.pending.insert(forward.transaction.clone(), pending);
        }
        self.write(to, forward, turn);
    }

    /// The connection toward a URI: the one that is there, or a new one.
    fn toward(&mut self, uri: &str, turn: &mut Turn) -> ConnId {
        let known = [uri, &hop(uri)].iter().find_map(|name| self.known.get(*name)).copied();
        let Some(to) = place(uri).filter(|to| *to != turn.own) else { return ITSELF };
        if let Some(conn) = known {
            return conn;
        }
        let conn = turn.open(to);
        self.cutters.insert(conn, Cutter::default());
        self.waiting.insert(conn, Vec::new());
        self.known.insert(hop(uri), conn);
        conn
    }

    /// The answer to an AUTH.
    fn auth(&mut self, conn: ConnId, frame: &Frame, turn: &Turn) -> (u16, Vec<(&'static str, String)>) {
        let books = Rc::clone(&self.books);
        let books = books.borrow();
        if let Some(code) = books.refuses {
            return (code, Vec::new());
        }
        let given = frame.field("Authorization").and_then(Given::read);
        let proved = given.as_ref().is_some_and(|given| given.prove_for(REALM, PASSWORD, "MD5", "AUTH"));
        if !proved || given.is_none_or(|given| given.nonce != self.nonce) {
            let stale = if proved { ", stale=true" } else { "" };
            let challenge = format!("Digest realm=\"{REALM}\", nonce=\"{}\", qop=\"auth\"{stale}", self.nonce);
            return (401, vec![("WWW-Authenticate", challenge)]);
        }
        if books.stale {
            self.nonce = self.random.token(20);
        }
        let wish: Option<u64> = frame.field("Expires").and_then(|text| text.parse().ok());
        if let Some((least, most)) = books.bounds {
            match wish.unwrap_or(books.lasts) {
                wish if wish < least => return (423, vec![("Min-Expires", least.to_string())]),
                wish if wish > most => return (423, vec![("Max-Expires", most.to_string())]),
                _ => {}
            }
        }
        let lasts = wish.unwrap_or(books.lasts);
        let until = turn.now + Duration::from_secs(lasts);
        let client = frame.last("From-Path");
        let same =
            self.grants.iter_mut().find(|(_, grant)| !books.moves && grant.conn == conn && grant.client == client);
        let uri = if let Some((uri, grant)) = same {
            grant.until = until;
            uri.clone()
        } else {
            let uri = format!("{}://{}/{};tcp", self.scheme, turn.own, self.random.token(20));
            self.grants.insert(uri.clone(), Grant { conn, client, until });
            uri
        };
        (200, vec![("Use-Path", uri), ("Expires", lasts.to_string())])
    }

    fn response(&mut self, frame: &Frame, code: u16, turn: &mut Turn) {
        let Some(Pending { request, from, own }) = self.pending.remove(&frame.transaction) else { return };
        if request.is("SEND") {
            if code != 200 && request.failure() != "no" {
                self.report(from, &request, &own, code, turn);
            }
            return;
        }
        let mut back = frame.clone();
        back.transaction = request.transaction.clone();
        back.set("To-Path", request.field("From-Path").unwrap_or_default());
        back.set("From-Path", format!("{own} {}", frame.field("From-Path").unwrap_or_default()));
        self.write(from, back, turn);
    }

    /// Tells the sender of a message that the next hop did not take it (section 6.4.1).
    fn report(&mut self, from: ConnId, request: &Frame, own: &str, code: u16, turn: &mut Turn) {
        let start = request.range().map_or(1, |range| range.start);
        let total =
            request.range().and_then(|range| range.total).map_or_else(|| "*".to_owned(), |total| total.to_string());
        let range = format!("{start}-{}/{total}", (start + request.len()).saturating_sub(1));
        let fields = [
            ("To-Path", request.field("From-Path").unwrap_or_default().to_owned()),
            ("From-Path", own.to_owned()),
            ("Message-ID", request.message()),
            ("Byte-Range", range),
            ("Status", format!("000 {code:03}")),
        ];
        self.books.borrow_mut().reports += 1;
        let transaction = self.random.token(12);
        self.write(from, Frame::new(transaction, Start::Request("REPORT".into()), &fields), turn);
    }
}

impl Script for Relay {
    fn got(&mut self, _: &Letter, _: &mut Turn) {}

    fn opened(&mut self, conn: ConnId, _: SocketAddr, turn: &mut Turn) {
        self.cutters.entry(conn).or_default();
        for frame in self.waiting.remove(&conn).unwrap_or_default() {
            self.write(conn, frame, turn);
        }
    }

    fn data(&mut self, way: Way, data: &Bytes, turn: &mut Turn) {
        let Way::Stream(conn) = way else { return };
        let frames = self.cutters.get_mut(&conn).map(|cutter| cutter.feed(data)).unwrap_or_default();
        if self.books.borrow().mute {
            return;
        }
        for frame in frames {
            match frame {
                Ok(frame) => match frame.start {
                    Start::Request(_) => self.request(conn, frame, turn),
                    Start::Response(code) => self.response(&frame, code, turn),
                },
                Err(_) => turn.close(conn, CloseHow::Abort),
            }
        }
    }

    /// A path leads to one connection only, and ends with it (section 6.3).
    fn closed(&mut self, conn: ConnId, _: &mut Turn) {
        self.cutters.remove(&conn);
        self.waiting.remove(&conn);
        self.grants.retain(|_, grant| grant.conn != conn);
        self.known.retain(|_, known| *known != conn);
    }

    fn alarm(&mut self, number: u64, turn: &mut Turn) {
        let transaction = usize::try_from(number).ok().and_then(|number| self.alarms.get(number));
        if let Some(Pending { request, from, own }) = transaction.and_then(|name| self.pending.remove(name)) {
            self.report(from, &request, &own, 408, turn);
        }
    }
}
