//! A live agent that malformed requests are handed to.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

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

/// Its address.
pub(crate) const OURS: &str = "192.0.2.9";
/// Where what it takes comes from.
pub(crate) const PEER: &str = "192.0.2.4:5060";

/// An agent on one UDP socket, and a driver that does what it is asked.
pub(crate) struct Live {
    pub(crate) agent: Agent,
    now: Instant,
    udp: SocketId,
    /// The status codes that were sent since they were last taken.
    codes: Vec<u16>,
}

impl Live {
    pub(crate) fn new() -> Self {
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

    /// Takes a datagram, and gives the final answers that it got until all its timers are over.
    pub(crate) fn take(&mut self, data: Bytes) -> BTreeSet<u16> {
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
        std::mem::take(&mut self.codes).into_iter().filter(|code| *code >= 200).collect()
    }

    /// Takes an INVITE, whatever it is: it does no harm, is answered once at most, leaves nothing behind, and costs no more than in proportion. Whether it is
    /// read as a request that can be answered, and its final answer.
    pub(crate) fn judge(&mut self, message: &Bytes) -> (bool, Option<u16>) {
        let (mut read, mut finals) = (false, BTreeSet::new());
        let cost = allocation_counter::measure(|| {
            if let Ok(Message::Request(request)) = Message::parse(message.clone(), &Limits::default()) {
                read = request.validate().is_ok();
            }
            finals = self.take(message.clone());
        });
        let shown = || message.slice(..message.len().min(600)).escape_ascii().to_string();
        assert!(finals.len() <= 1, "answered with {finals:?}: {}", shown());
        let length = u64::try_from(message.len()).expect("a length");
        assert!(cost.count_total <= ALLOCATIONS + length / 8, "{} allocations for {}", cost.count_total, shown());
        assert!(cost.bytes_total <= BYTES + 64 * length, "{} bytes for {length}: {}", cost.bytes_total, shown());
        (read, finals.first().copied())
    }
}

/// What any INVITE may cost, a call that is refused included; what is longer may cost more in proportion.
const ALLOCATIONS: u64 = 600;
const BYTES: u64 = 200_000;
