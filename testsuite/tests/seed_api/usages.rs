//! Subscriptions, publications, the summary of messages, and a socket for TLS that fails.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::{
    AccountSpec, Agent, Config, Event, EventKind, Input, Intent, Outcome, Published, SocketEvent, Supervised,
    TransportEvent,
};
use sipsimple_core::id::AccountId;
use sipsimple_core::notifier::NotifierEvent;
use sipsimple_core::package::{Forking, Package};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::{CloseCause, Route, TlsConfig, Transport};
use sipsimple_core::usage::Content;
use sipsimple_testsuite::application::{Alarms, Application, Idle};
use sipsimple_testsuite::draft::Draft;
use sipsimple_testsuite::host::Place;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::script::Turn;
use sipsimple_testsuite::world::World;

use super::accounts;
use super::table::Table;

const ALICE: usize = 0;
const BOB: usize = 1;
const ACCOUNT: AccountId = AccountId::from_u64(0);
const SERVER: &str = "10.9.0.1:5060";
const SUMMARY: &str = "Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n";

/// Tells everybody who subscribes that there are messages.
#[derive(Debug)]
struct Voicemail;

impl Application for Voicemail {
    fn event(&mut self, now: Instant, event: &Event, agent: &mut Agent, _: &mut Alarms) {
        let EventKind::IncomingSubscription { id, event: NotifierEvent::GotSubscribe { .. }, .. } = &event.kind else {
            return;
        };
        let content = Some(Content::new("application/simple-message-summary", SUMMARY));
        agent.intend(now, Intent::AcceptSubscription { subscription: *id, pending: false, content }).unwrap();
    }
}

fn world() -> World {
    let mut world = World::new(1, Faults::none());
    world.add(Config::default(), Box::new(Idle));
    let mut config = Config::default();
    config.packages = vec![
        Package::new("message-summary", &["application/simple-message-summary"], Forking::Several).with_notifier(),
    ];
    world.add(config, Box::new(Voicemail));
    for (number, name) in [(ALICE, "alice"), (BOB, "bob")] {
        let spec = AccountSpec::new(format!("sip:{name}@{}", world.host(number).addresses[0]));
        world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
    }
    world.run_for(Duration::from_millis(1));
    world
}

fn intend(world: &mut World, intent: Intent) -> Outcome {
    let outcome = world.with(ALICE, |agent, now| agent.intend(now, intent)).unwrap();
    world.run_for(Duration::from_secs(5));
    outcome
}

pub(crate) fn scenarios(table: &mut Table) {
    subscriptions(table);
    publications(table);
    message_summary(table);
    presence_and_dialogs(table);
    failure_of_tls(table);
}

fn subscriptions(table: &mut Table) {
    let mut world = world();
    let route = Route::new(Transport::Udp, world.address(BOB));
    for user in ["bob", "nobody"] {
        let subscribe = Intent::Subscribe {
            account: ACCOUNT,
            to: format!("sip:{user}@{}", route.address).as_str().into(),
            event: "message-summary".into(),
            expires: Some(600),
            content: None,
            eventlist: false,
            persistent: false,
            routes: vec![route],
        };
        let outcome = intend(&mut world, subscribe);
        let Outcome::Subscription(id) = outcome else { panic!("{outcome:?}") };
        if user == "bob" {
            intend(&mut world, Intent::EndSubscription(id));
        }
    }
    assert!(world.run_until_quiescent(Duration::from_secs(300)));
    accounts::hear(table, &world);
}

fn publications(table: &mut Table) {
    let mut world = world();
    let code = Rc::new(Cell::new(200));
    let answer = Rc::clone(&code);
    world.add_script(SERVER.parse().unwrap(), move |letter: &Letter, turn: &mut Turn| {
        let draft = Draft::response(&letter.sip, answer.get(), "server");
        turn.reply(letter, &draft.with("SIP-ETag", "a").with("Expires", "600"));
    });
    for answer in [200, 403] {
        code.set(answer);
        let publish = Intent::Publish {
            account: ACCOUNT,
            event: "presence".into(),
            content: Content::new("application/pidf+xml", "<presence/>"),
            expires: Some(600),
            persistent: false,
            routes: vec![Route::new(Transport::Udp, SERVER.parse().unwrap())],
        };
        let outcome = intend(&mut world, publish);
        let Outcome::Publication(id) = outcome else { panic!("{outcome:?}") };
        if answer == 200 {
            intend(&mut world, Intent::EndPublication(id));
        }
    }
    assert!(world.run_until_quiescent(Duration::from_secs(300)));
    accounts::hear(table, &world);
}

fn message_summary(table: &mut Table) {
    let mut world = world();
    let waiting = |world: &World| {
        world.host(ALICE).events.iter().find_map(|(_, event)| match &event.kind {
            EventKind::MessageSummary { message_summary, .. } => Some(message_summary.messages_waiting),
            _ => None,
        })
    };
    world.run_for(Duration::from_secs(10));
    assert_eq!(waiting(&world), None);
    let voicemail = format!("sip:bob@{}", world.host(BOB).addresses[0]);
    let mut spec = world.with(ALICE, |agent, now| agent.account(now, ACCOUNT).unwrap().spec());
    spec.message_summary = true;
    spec.voicemail_uri = Some(voicemail.as_str().into());
    intend(&mut world, Intent::ChangeAccount { account: ACCOUNT, spec });
    table.is("002 Account.Account.message_summary.enabled", waiting(&world), Some(true));
    accounts::hear(table, &world);
}

fn presence_and_dialogs(table: &mut Table) {
    let mut world = world();
    let watched = |world: &World| {
        world
            .host(ALICE)
            .events
            .iter()
            .filter_map(|(_, event)| match &event.kind {
                EventKind::Subscription { supervised: Some(kind), .. } => Some(*kind),
                _ => None,
            })
            .collect::<BTreeSet<Supervised>>()
    };
    let published = |world: &World| {
        world
            .host(ALICE)
            .events
            .iter()
            .filter_map(|(_, event)| match &event.kind {
                EventKind::Publication { published: Some(kind), .. } => Some(*kind),
                _ => None,
            })
            .collect::<BTreeSet<Published>>()
    };
    for (published, kind) in
        [(Published::Presence, "application/pidf+xml"), (Published::Dialog, "application/dialog-info+xml")]
    {
        let content = Some(Content::new(kind, "<x/>"));
        intend(&mut world, Intent::SetState { account: ACCOUNT, published, content });
    }
    assert!(watched(&world).is_empty() && published(&world).is_empty());
    let mut spec = world.with(ALICE, |agent, now| agent.account(now, ACCOUNT).unwrap().spec());
    (spec.presence, spec.use_rls) = (true, true);
    intend(&mut world, Intent::ChangeAccount { account: ACCOUNT, spec: spec.clone() });
    let seen = (watched(&world), published(&world));
    let expected = ([Supervised::Presence, Supervised::PresenceWatchers].into(), [Published::Presence].into());
    table.is("002 Account.Account.presence.enabled", seen, expected);
    (spec.presence, spec.dialog_event) = (false, true);
    intend(&mut world, Intent::ChangeAccount { account: ACCOUNT, spec });
    let has = (watched(&world).contains(&Supervised::Dialogs), published(&world).contains(&Published::Dialog));
    table.is("002 Account.Account.dialog_event.enabled", has, (true, true));
    accounts::hear(table, &world);
}

fn failure_of_tls(table: &mut Table) {
    let mut world = World::new(1, Faults::none());
    let mut config = Config::default();
    config.tls = Some(TlsConfig::default());
    let place = Place { transports: vec![Transport::Tls], ..Place::default() };
    world.add_at(place, config, Box::new(Idle));
    world.run_for(Duration::from_millis(1));
    let socket = world.host(ALICE).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Transport { id, event: TransportEvent::Listening { transport: Transport::Tls, .. } } => Some(*id),
        _ => None,
    });
    let event = SocketEvent::Failed(CloseCause::AddressUnavailable);
    world.tell(ALICE, Input::Socket { socket: socket.expect("it does not listen"), event });
    world.run_for(Duration::from_millis(1));
    accounts::hear(table, &world);
}
