//! Two hosts whose accounts speak MSRP over TCP; the second one answers.

use std::net::SocketAddr;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, EventKind, Intent, IntentError, MsrpAccount, Outcome, SessionMut};
use sipsimple_core::id::{AccountId, SessionId, StreamId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::settings::kind::{ConnectionModel, MsrpTransport};
use sipsimple_core::sip::digest::Credentials;
use sipsimple_core::stream::{ChatCommand, ChatEvent, ChatMessage, Command, StreamEvent, StreamSpec};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::{Answering, Application, Idle};
use sipsimple_testsuite::host::{Place, Tracing};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::msrp_relay::PASSWORD;
use sipsimple_testsuite::property;
use sipsimple_testsuite::world::World;

pub(crate) const ALICE: usize = 0;
pub(crate) const BOB: usize = 1;

/// How an account of the scene speaks MSRP: over TCP.
pub(crate) fn over_tcp(model: ConnectionModel) -> MsrpAccount {
    MsrpAccount { transport: MsrpTransport::Tcp, connection_model: model, ..MsrpAccount::default() }
}

pub(crate) struct Scene {
    pub(crate) world: World,
    session: Option<SessionId>,
}

impl Scene {
    pub(crate) fn new(seed: u64, faults: Faults, accounts: [MsrpAccount; 2]) -> Self {
        Self::traced(seed, faults, accounts, Tracing::Keep)
    }

    /// With traces that are kept, or are not.
    pub(crate) fn traced(seed: u64, faults: Faults, accounts: [MsrpAccount; 2], tracing: Tracing) -> Self {
        let mut world = World::new(seed, faults);
        for (number, (name, msrp)) in ["alice", "bob"].into_iter().zip(accounts).enumerate() {
            let application: Box<dyn Application> =
                if number == ALICE { Box::new(Idle) } else { Box::new(Answering::after(Duration::from_millis(500))) };
            world.add_at(Place { tracing, ..Place::default() }, Config::default(), application);
            let uri = format!("sip:{name}@{}", world.host(number).addresses[0]);
            let credentials = Some(Credentials::new(name, PASSWORD));
            let spec = AccountSpec { msrp, credentials, ..AccountSpec::new(uri) };
            world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
        }
        world.watch(property::all());
        world.run_for(Duration::from_millis(1));
        Self { world, session: None }
    }

    /// With both sides alike.
    pub(crate) fn alike(seed: u64, model: ConnectionModel) -> Self {
        Self::new(seed, Faults::none(), [over_tcp(model), over_tcp(model)])
    }

    /// Alice calls Bob.
    pub(crate) fn call(&mut self, streams: Vec<StreamSpec>) {
        self.call_at(self.world.address(BOB), streams);
    }

    /// Alice calls somebody.
    pub(crate) fn call_at(&mut self, address: SocketAddr, streams: Vec<StreamSpec>) {
        let route = Route::new(Transport::Udp, address);
        let to = format!("sip:bob@{}", route.address).as_str().into();
        let intent =
            Intent::Connect { account: AccountId::from_u64(0), to, routes: vec![route], streams, late_offer: false };
        match self.world.with(ALICE, |agent, now| agent.intend(now, intent)).unwrap() {
            Outcome::Session(session) => self.session = Some(session),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn run(&mut self, millis: u64) {
        self.world.run_for(Duration::from_millis(millis));
    }

    /// Alice ends the session that she called last, unless it is over.
    pub(crate) fn hang_up(&mut self) {
        let session = self.session.unwrap();
        self.world.with(ALICE, |agent, now| {
            if let Some(mut session) = agent.session(now, session) {
                let _ = session.end();
            }
        });
    }

    /// The session of a host, of which there is one.
    pub(crate) fn session(&mut self, host: usize, act: impl FnOnce(&mut SessionMut<'_>)) {
        self.world.with(host, |agent, now| {
            let id = agent.sessions()[0];
            act(&mut agent.session(now, id).unwrap());
        });
    }

    pub(crate) fn end(&mut self) {
        let session = self.session.unwrap();
        self.world.with(ALICE, |agent, now| agent.session(now, session).unwrap().end()).unwrap();
        assert!(self.world.run_until_quiescent(Duration::from_secs(120)));
        self.world.finish();
    }

    /// The events of a host's streams.
    pub(crate) fn told(&self, host: usize) -> Vec<StreamEvent> {
        let of = |kind: &EventKind| {
            if let EventKind::Stream { event, .. } = kind { Some(event.clone()) } else { None }
        };
        self.world.host(host).events.iter().filter_map(|(_, event)| of(&event.kind)).collect()
    }

    /// The news of a host's chats.
    pub(crate) fn chat(&self, host: usize) -> Vec<ChatEvent> {
        let of = |event| if let StreamEvent::Chat(event) = event { Some(event) } else { None };
        self.told(host).into_iter().filter_map(of).collect()
    }

    /// The texts of the messages that a host got.
    pub(crate) fn texts(&self, host: usize) -> Vec<String> {
        let text = |event| {
            if let ChatEvent::GotMessage { message } = event {
                Some(String::from_utf8(message.content.to_vec()).unwrap())
            } else {
                None
            }
        };
        self.chat(host).into_iter().filter_map(text).collect()
    }

    /// The seeds' names of what a host was told of its streams.
    pub(crate) fn names(&self, host: usize) -> Vec<&'static str> {
        self.told(host).iter().filter_map(|event| event.names().first().copied()).collect()
    }

    pub(crate) fn command(&mut self, host: usize, command: Command) -> Result<Outcome, IntentError> {
        self.command_on(host, 0, command)
    }

    pub(crate) fn command_on(&mut self, host: usize, stream: u64, command: Command) -> Result<Outcome, IntentError> {
        let intent = Intent::Stream { stream: StreamId::from_u64(stream), command };
        self.world.with(host, |agent, now| agent.intend(now, intent))
    }

    pub(crate) fn say(&mut self, host: usize, id: &str, text: &str) -> Result<Outcome, IntentError> {
        self.send(host, ChatMessage::text(id, text))
    }

    /// Says something on another stream than the first.
    pub(crate) fn say_on(&mut self, host: usize, stream: u64, id: &str, text: &str) {
        let message = Box::new(ChatMessage::text(id, text));
        self.command_on(host, stream, Command::Chat(ChatCommand::SendMessage(message))).unwrap();
    }

    pub(crate) fn send(&mut self, host: usize, message: ChatMessage) -> Result<Outcome, IntentError> {
        self.command(host, Command::Chat(ChatCommand::SendMessage(Box::new(message))))
    }

    /// The code with which a host's session failed.
    pub(crate) fn failure(&self, host: usize) -> Option<u16> {
        self.world.host(host).events.iter().find_map(|(_, event)| {
            if let EventKind::Session { event: SessionEvent::DidFail { code, .. }, .. } = &event.kind {
                Some(*code)
            } else {
                None
            }
        })
    }
}
