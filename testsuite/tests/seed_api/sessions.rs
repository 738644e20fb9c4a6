//! Calls between two hosts.

use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Agent, Config, EventKind, Intent};
use sipsimple_core::id::{AccountId, SessionId};
use sipsimple_core::session::{Direction, SessionEvent, SessionState};
use sipsimple_core::settings::kind::SrtpEncryption;
use sipsimple_core::sip::NameAddr;
use sipsimple_core::sip::digest::Credentials;
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::time::Utc;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::host::Place;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::media::Mode;
use sipsimple_testsuite::world::World;

use super::accounts;
use super::table::Table;

pub(crate) const ALICE: usize = 0;
pub(crate) const BOB: usize = 1;

pub(crate) struct Call {
    pub(crate) world: World,
    /// At the caller, and at the callee.
    sessions: [SessionId; 2],
}

impl Call {
    /// A call that has arrived.
    pub(crate) fn new() -> Self {
        Self::between(&AccountSpec::default())
    }

    /// A call that has arrived, between two with accounts like this one.
    pub(crate) fn between(spec: &AccountSpec) -> Self {
        Self::with_streams(spec, &[StreamSpec::Audio(AudioSpec::default())], |_, _| ())
    }

    /// A call with these streams that has arrived, between two agents that were prepared.
    pub(crate) fn with_streams(
        spec: &AccountSpec,
        streams: &[StreamSpec],
        prepare: impl Fn(usize, &mut Agent),
    ) -> Self {
        let mut world = World::new(1, Faults::none());
        for name in ["alice", "bob"] {
            let place = Place { media: Mode::Paths, ..Place::default() };
            let number = world.add_at(place, Config::default(), Box::new(Idle));
            world.with(number, |agent, _| prepare(number, agent));
            let account = AccountSpec {
                uri: format!("sip:{name}@{}", world.host(number).addresses[0]).into(),
                srtp_encryption: SrtpEncryption::Optional,
                use_srtp_without_tls: true,
                ..spec.clone()
            };
            world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(account))).unwrap();
        }
        world.run_for(Duration::from_millis(1));
        let caller = world.call(ALICE, BOB, "bob", streams);
        world.run_for(Duration::from_millis(500));
        let callee = world.host(BOB).incoming_sessions().next();
        Self { world, sessions: [caller, callee.expect("no call came")] }
    }

    /// Bob accepts all streams.
    pub(crate) fn accepted(mut self) -> Self {
        let streams = self.with(BOB, |session| session.streams());
        self.with(BOB, |mut session| session.accept(&streams)).unwrap();
        self
    }

    /// The news that a session told of itself.
    pub(crate) fn news(&self, host: usize) -> impl Iterator<Item = (Utc, &SessionEvent)> {
        self.world.host(host).events.iter().filter_map(|(_, event)| match &event.kind {
            EventKind::Session { event: news, .. } => Some((event.timestamp, news)),
            _ => None,
        })
    }

    pub(crate) fn with<T>(&mut self, host: usize, act: impl FnOnce(sipsimple_core::agent::SessionMut<'_>) -> T) -> T {
        let id = self.sessions[host];
        let result = self.world.with(host, |agent, now| act(agent.session(now, id).expect("the session is over")));
        self.world.run_for(Duration::from_millis(500));
        result
    }

    pub(crate) fn state(&mut self, host: usize) -> SessionState {
        self.with(host, |session| session.state())
    }

    pub(crate) fn told(&self, host: usize, name: &str) -> bool {
        self.world.host(host).names().contains(&name)
    }

    pub(crate) fn over(mut self, table: &mut Table) {
        assert!(self.world.run_until_quiescent(Duration::from_secs(300)));
        accounts::hear(table, &self.world);
    }
}

pub(crate) fn scenarios(table: &mut Table) {
    accepted(table);
    outgoing(table);
    rejected(table);
}

fn accepted(table: &mut Table) {
    let mut call = Call::new();
    table.is("002 Session.connect", call.state(ALICE), SessionState::Outgoing);
    table.is("000 Session.new", call.state(BOB), SessionState::Incoming);
    identities(table, &mut call);
    call.with(BOB, |mut session| session.send_ring_indication()).unwrap();
    table.does("002 Session.send_ring_indication", call.told(ALICE, "SIPSessionGotRingIndication"));
    let streams = call.with(BOB, |session| session.streams());
    call.with(BOB, |mut session| session.accept(&streams)).unwrap();
    table.is("002 Session.accept", call.state(BOB), SessionState::Connected);
    table.is("002 Session.state", call.state(ALICE), SessionState::Connected);
    table.is("000 Session.state", call.state(ALICE).as_str(), "connected");
    let start_time = call.with(ALICE, |session| session.start_time());
    let told = call.news(ALICE).find_map(|(at, news)| matches!(news, SessionEvent::DidStart { .. }).then_some(at));
    assert!(told.is_some());
    table.is("002 Session.start_time", start_time, told);
    table.is("000 Session.start_time", start_time, told);
    let streams = call.with(ALICE, |session| session.streams());
    table.is("002 Session.streams", streams.len(), 1);
    call.with(ALICE, |mut session| session.send_dtmf(streams[0], '5', Duration::from_millis(100))).unwrap();
    call.world.run_for(Duration::from_secs(1));
    let digit = call.world.host(BOB).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Stream { event: sipsimple_core::stream::StreamEvent::GotDtmf { digit }, .. } => Some(*digit),
        _ => None,
    });
    table.is("002 AudioStream.send_dtmf", digit, Some('5'));
    table.is("000 Session.send_dtmf", digit, Some('5'));
    call.with(BOB, |mut session| session.end()).unwrap();
    table.does("002 Session.end", call.told(ALICE, "SIPSessionDidEnd"));
    let ended = |news: &SessionEvent| news.names().contains(&"SCSessionDidEnd");
    table.does("000 Session.terminate", call.news(BOB).any(|(_, news)| ended(news)));
    let ended = call.news(ALICE).find_map(|(at, news)| match news {
        SessionEvent::DidEnd { start_time, stop_time, .. } => Some((at, *start_time, *stop_time)),
        _ => None,
    });
    let (at, started, stop_time) = ended.unwrap();
    assert_eq!(started, told);
    table.is("002 Session.stop_time", stop_time, at);
    table.is("000 Session.stop_time", stop_time, at);
    call.over(table);
}

/// Whose the session is, and whom it is with.
fn identities(table: &mut Table, call: &mut Call) {
    let account = AccountId::from_u64(0);
    table.is("002 Session.__init__", call.with(ALICE, |session| session.account()), Some(account));
    table.is("002 Session.account", call.with(BOB, |session| session.account()), Some(account));
    let directions = [ALICE, BOB].map(|host| call.with(host, |session| session.direction()));
    table.is("002 Session.direction", directions, [Some(Direction::Outgoing), Some(Direction::Incoming)]);
    let words = directions.map(|direction| direction.map(Direction::as_str));
    table.is("000 Session.direction", words, [Some("outgoing"), Some("incoming")]);
    let sessions = [ALICE, BOB].map(|host| call.world.with(host, |agent, _| agent.sessions()));
    table.is("002 SessionManager.sessions", sessions.clone(), call.sessions.map(|session| vec![session]));
    table.is("000 SessionManager.sessions", sessions, call.sessions.map(|session| vec![session]));
    let offer = call.world.host(BOB).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Session { event: SessionEvent::NewIncoming { remote_identity, has_audio, .. }, .. } => {
            Some((remote_identity.to_string(), *has_audio))
        }
        _ => None,
    });
    let (remote_identity, has_audio) = offer.unwrap();
    let caller = format!("sip:alice@{}", call.world.host(ALICE).addresses[0]);
    table.is("002 Session.remote_identity", remote_identity.clone(), format!("<{caller}>"));
    table.does("000 Session.remote_uri", remote_identity.contains(&caller));
    table.is("000 Session.has_audio", has_audio, true);
    let uri = |address: Option<NameAddr>| address.map(|address| address.uri.to_string());
    let alice = Some(caller);
    let bob = Some(format!("sip:bob@{}", call.world.host(BOB).addresses[0]));
    let locals = [ALICE, BOB].map(|host| call.with(host, |session| uri(session.local_identity())));
    table.is("002 Session.local_identity", locals.clone(), [alice.clone(), bob.clone()]);
    table.is("000 Session.local_uri", locals, [alice.clone(), bob.clone()]);
    let callers = [ALICE, BOB].map(|host| call.with(host, |session| uri(session.caller())));
    table.is("000 Session.caller_uri", callers, [alice.clone(), alice]);
    let callees = [ALICE, BOB].map(|host| call.with(host, |session| uri(session.callee())));
    table.is("000 Session.callee_uri", callees, [bob.clone(), bob]);
}

/// How the caller's INVITE went out.
fn outgoing(table: &mut Table) {
    let credentials = Credentials::new("ally", "hush");
    let spec = AccountSpec { credentials: Some(credentials.clone()), ..AccountSpec::default() };
    let mut call = Call::between(&spec);
    let first = call.news(ALICE).find_map(|(_, news)| match news {
        SessionEvent::ChangedState { prev_state, .. } => Some(*prev_state),
        _ => None,
    });
    table.is("000 Session.__init__", first, Some(SessionState::Null));
    let route = Route::new(Transport::Udp, call.world.address(BOB));
    let routes = [ALICE, BOB].map(|host| call.with(host, |session| session.route()));
    table.is("000 Session.route", routes, [Some(route), None]);
    let known = [ALICE, BOB].map(|host| call.with(host, |session| session.credentials()));
    table.is("000 Session.credentials", known, [Some(credentials), None]);
    table.is("002 Session.transport", call.with(BOB, |session| session.transport()), Some(Transport::Udp));
    let agent = Config::default().user_agent;
    let remote = call.with(BOB, |session| session.remote_user_agent());
    table.is("002 Session.remote_user_agent", remote.as_deref(), Some(&*agent));
    table.is("000 Session.remote_user_agent", remote.as_deref(), Some(&*agent));
    call.with(BOB, |mut session| session.end()).unwrap();
    let stop = call.news(ALICE).find_map(|(at, news)| match news {
        SessionEvent::DidFail { stop_time, .. } => Some((at, *stop_time)),
        _ => None,
    });
    assert!(stop.is_some_and(|(at, stop_time)| at == stop_time));
    call.over(table);
}

fn rejected(table: &mut Table) {
    let mut call = Call::new();
    call.with(BOB, |mut session| session.reject(486, None)).unwrap();
    let code = call.world.host(ALICE).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Session { event: SessionEvent::DidFail { code, .. }, .. } => Some(*code),
        _ => None,
    });
    table.is("002 Session.reject", code, Some(486));
    table.is("000 Session.reject", code, Some(486));
    call.over(table);
}
