//! The life of a transaction: client and server in memory, messages parsed before.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::id::TransactionId;
use sipsimple_core::limits::Limits;
use sipsimple_core::outbox::Outbox;
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::sip::{Essentials, Message, Request, Response};
use sipsimple_core::time::Instant;
use sipsimple_core::transaction::{Arrival, Output, Table, Timers};

use super::message::MESSAGES;
use super::{Round, Work};

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    Work { name: "invite_transaction", unit: "transaction", units: 1, target: None, prepare: invite },
    Work { name: "non_invite_transaction", unit: "transaction", units: 1, target: None, prepare: non_invite },
];

/// The messages of an exchange.
struct Exchange {
    request: Request,
    essentials: Essentials,
    responses: Vec<(Response, Essentials)>,
}

impl Exchange {
    fn new(request: &'static [u8], codes: &[u16]) -> Self {
        let parsed = Message::parse(Bytes::from_static(request), &Limits::default()).expect("a message");
        let Message::Request(request) = parsed else { unreachable!("it is a request") };
        let essentials = request.validate().expect("it is sound");
        let respond = |code: &u16| {
            let response = Response::reply(&request, *code, None, Some("a6c85cf"), None).finish().expect("a response");
            let essentials = response.validate().expect("it is sound");
            (response, essentials)
        };
        let responses = codes.iter().map(respond).collect();
        Self { request, essentials, responses }
    }
}

/// Two tables side by side, and what they tell.
struct Ends {
    now: Instant,
    client: Table<u32>,
    server: Table<u32>,
    out: Outbox<Output<u32>>,
}

impl Ends {
    fn new() -> Self {
        let table = |seed| Table::new(Timers::default(), &Limits::default(), &mut Random::new(&Seed::from_u64(seed)));
        Self { now: Instant::ZERO, client: table(1), server: table(2), out: Outbox::new() }
    }

    /// Takes what was told; gives the transaction of a request that came.
    fn drain(&mut self) -> Option<TransactionId> {
        let mut came = None;
        while let Some(output) = self.out.pop() {
            if let Output::Request { id, .. } = &output {
                came = Some(*id);
            }
            drop(black_box(output));
        }
        came
    }

    /// From the request to the end of both transactions by their timers.
    fn run(&mut self, exchange: &Exchange, from: SocketAddr) {
        let now = self.now;
        self.client.request(now, exchange.request.clone(), 1, false, &mut self.out).expect("there is room");
        self.drain();
        let arrival = Arrival { flow: 2, from, reliable: false };
        self.server.receive_request(now, exchange.request.clone(), &exchange.essentials, arrival, &mut self.out);
        let id = self.drain().expect("it is new");
        for (response, essentials) in &exchange.responses {
            self.server.respond(now, id, response, &mut self.out).expect("it may be sent");
            self.drain();
            self.client.receive_response(now, response.clone(), essentials, &mut self.out);
            self.drain();
        }
        self.now += Duration::from_secs(40);
        self.client.timeout(self.now, &mut self.out);
        self.server.timeout(self.now, &mut self.out);
        self.drain();
        assert!(self.client.is_empty() && self.server.is_empty(), "both are over");
    }
}

fn life(request: &'static [u8], codes: &[u16]) -> Round {
    let exchange = Exchange::new(request, codes);
    let from = "192.0.2.10:5060".parse().expect("an address");
    let mut ends = Ends::new();
    Box::new(move || ends.run(&exchange, from))
}

/// INVITE, 100, 180, 200.
fn invite() -> Round {
    life(MESSAGES[4], &[100, 180, 200])
}

/// BYE, 200.
fn non_invite() -> Round {
    life(MESSAGES[12], &[200])
}
