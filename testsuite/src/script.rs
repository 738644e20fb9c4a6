//! Scripted peers: nodes of the world that do what a test says with what comes to them, over datagrams and connections.
//!
//! A script is a closure over the messages that come, or a [`Script`] of its own where it needs timers, connections
//! or what is no SIP. In its [`Turn`] it answers, sends anything to anybody, waits, or does nothing; messages are written with
//! [`Draft`]. The network between it and the hosts has the faults of the world.
//!
//! ```
//! use std::time::Duration;
//!
//! use sipsimple_core::agent::{AccountSpec, Config, Intent, Outcome};
//! use sipsimple_core::stream::{AudioSpec, StreamSpec};
//! use sipsimple_core::transport::{Route, Transport};
//! use sipsimple_testsuite::application::Idle;
//! use sipsimple_testsuite::link::Faults;
//! use sipsimple_testsuite::post::Letter;
//! use sipsimple_testsuite::script::Turn;
//! use sipsimple_testsuite::world::World;
//!
//! let mut world = World::new(1, Faults::none());
//! let alice = world.add(Config::default(), Box::new(Idle));
//! world.run_for(Duration::from_millis(1));
//!
//! // A peer that rings at once, and is busy three seconds later.
//! let busy = world.add_script("10.9.0.1:5060".parse()?, |letter: &Letter, turn: &mut Turn| {
//!     if letter.sip.request() == "INVITE" {
//!         turn.answer(letter, 180);
//!         turn.answer_after(Duration::from_secs(3), letter, 486);
//!     }
//! });
//!
//! let own = AccountSpec::new("sip:alice@10.0.0.1");
//! let Outcome::Account(account) = world.with(alice, |agent, now| agent.intend(now, Intent::AddAccount(own)))? else { panic!() };
//! world.with(alice, |agent, now| {
//!     agent.intend(now, Intent::Connect {
//!         account,
//!         to: "sip:bob@10.9.0.1".into(),
//!         routes: vec![Route::new(Transport::Udp, "10.9.0.1:5060".parse().unwrap())],
//!         streams: vec![StreamSpec::Audio(AudioSpec::default())],
//!         late_offer: false,
//!     })
//! })?;
//! assert!(world.run_until_quiescent(Duration::from_secs(60)));
//!
//! // What came to the peer can be read afterwards.
//! assert_eq!(world.take_letters(busy), ["INVITE", "ACK"]);
//! assert_eq!(world.host(alice).names().last(), Some(&"SIPSessionDidFail"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::id::ConnId;
use sipsimple_core::time::Instant;
use sipsimple_core::transport::CloseHow;

use crate::draft::Draft;
use crate::post::Letter;

/// Where bytes came from, or are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A datagram from or to this address.
    Datagram(SocketAddr),
    /// On this connection.
    Stream(ConnId),
}

impl From<&Letter> for Way {
    /// The way back to the sender.
    fn from(letter: &Letter) -> Self {
        letter.conn.map_or(Self::Datagram(letter.from), Self::Stream)
    }
}

/// What a scripted peer does.
pub trait Script {
    /// A SIP message came.
    fn got(&mut self, letter: &Letter, turn: &mut Turn);

    /// Bytes came: a datagram that is not SIP, or the next piece of a stream, whatever it is.
    fn data(&mut self, _way: Way, _data: &Bytes, _turn: &mut Turn) {}

    /// A connection is open: one of its own, or one that came from this address.
    fn opened(&mut self, _conn: ConnId, _remote: SocketAddr, _turn: &mut Turn) {}

    /// A connection was closed by the other side or by the network, or could not be opened.
    fn closed(&mut self, _conn: ConnId, _turn: &mut Turn) {}

    /// The time of an [alarm](Turn::wake) has come.
    fn alarm(&mut self, _number: u64, _turn: &mut Turn) {}
}

impl<F: FnMut(&Letter, &mut Turn)> Script for F {
    fn got(&mut self, letter: &Letter, turn: &mut Turn) {
        self(letter, turn);
    }
}

/// Something that a script does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Send(Way, Bytes),
    Open(ConnId, SocketAddr),
    Close(ConnId, CloseHow),
    Wake(u64),
    Inject(SocketAddr, SocketAddr, Bytes),
}

/// A script's turn: the time, and what it does now or later.
#[derive(Debug)]
pub struct Turn {
    /// The time.
    pub now: Instant,
    /// The address of the peer.
    pub own: SocketAddr,
    pub(crate) opened: u64,
    pub(crate) acts: Vec<(Duration, Act)>,
}

/// The To tag of [`Turn::answer`].
pub const TAG: &str = "script";

impl Turn {
    /// Answers a request with this code, back the way it came. The To tag is [`TAG`]; an answer of 101 to 299 has a Contact.
    pub fn answer(&mut self, letter: &Letter, code: u16) {
        self.answer_after(Duration::ZERO, letter, code);
    }

    /// Answers a request so long from now.
    pub fn answer_after(&mut self, after: Duration, letter: &Letter, code: u16) {
        let mut draft = Draft::response(&letter.sip, code, TAG);
        if (101..300).contains(&code) {
            draft = draft.with("Contact", format!("<sip:script@{}>", self.own));
        }
        self.reply_after(after, letter, &draft);
    }

    /// Sends a message back the way that another came.
    pub fn reply(&mut self, letter: &Letter, draft: &Draft) {
        self.reply_after(Duration::ZERO, letter, draft);
    }

    /// Sends a message back the way that another came, so long from now.
    pub fn reply_after(&mut self, after: Duration, letter: &Letter, draft: &Draft) {
        self.send_after(after, letter.into(), draft.bytes());
    }

    /// Sends any bytes: a datagram, or on a connection.
    pub fn send(&mut self, way: Way, data: impl Into<Bytes>) {
        self.send_after(Duration::ZERO, way, data);
    }

    /// Sends any bytes so long from now.
    pub fn send_after(&mut self, after: Duration, way: Way, data: impl Into<Bytes>) {
        self.acts.push((after, Act::Send(way, data.into())));
    }

    /// Sends a datagram that says that it comes from somewhere else.
    pub fn inject(&mut self, from: SocketAddr, to: SocketAddr, data: impl Into<Bytes>) {
        self.acts.push((Duration::ZERO, Act::Inject(from, to, data.into())));
    }

    /// Opens a connection. It can be written to once [`Script::opened`] tells of it.
    pub fn open(&mut self, to: SocketAddr) -> ConnId {
        let conn = ConnId::opened(self.opened);
        self.opened += 1;
        self.acts.push((Duration::ZERO, Act::Open(conn, to)));
        conn
    }

    /// Closes a connection.
    pub fn close(&mut self, conn: ConnId, how: CloseHow) {
        self.acts.push((Duration::ZERO, Act::Close(conn, how)));
    }

    /// Calls [`Script::alarm`] with this number, so long from now.
    pub fn wake(&mut self, after: Duration, number: u64) {
        self.acts.push((after, Act::Wake(number)));
    }
}
