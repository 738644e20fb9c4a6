//! Registrations at a registrar that challenges, fails, lies and is silent, over bad links: properties REG of RFC 3261 section 10, RFC 7616 and
//! RFC 8760. A failing run tells its seed; `SIPSIMPLE_SEED` runs it again.

use std::collections::BTreeSet;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, EventKind, Input, Intent, NetworkChange, Outcome};
use sipsimple_core::id::AccountId;
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::registration::RegistrationEvent;
use sipsimple_core::sip::digest::Credentials;
use sipsimple_core::time::Instant;
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::digest::Given;
use sipsimple_testsuite::host::Host;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::property;
use sipsimple_testsuite::registrar::{Books, Registrar};
use sipsimple_testsuite::world::World;

fn account(transport: &str) -> AccountSpec {
    AccountSpec {
        credentials: Some(Credentials::new("alice", "secret")),
        outbound_proxy: Some(format!("10.9.0.1:5060;transport={transport}").into()),
        register: true,
        register_interval: 120,
        ..AccountSpec::new("sip:alice@registrar.example")
    }
}

/// The news of the registration of a host's account.
fn news(host: &Host) -> Vec<(Instant, RegistrationEvent)> {
    let all = host.events.iter();
    all.filter_map(|(at, event)| match &event.kind {
        EventKind::Registration { event, .. } => Some((*at, event.clone())),
        _ => None,
    })
    .collect()
}

/// What must hold of all REGISTERs that came.
fn judge_requests(books: &Books, switched_on: usize) {
    let mut numbers = BTreeSet::new();
    let mut nonces = BTreeSet::new();
    let mut call_ids = BTreeSet::new();
    for seen in &books.seen {
        let sip = &seen.sip;
        call_ids.insert(sip.call_id().to_owned());
        assert_eq!(sip.uri(), "sip:registrar.example", "REG-1: the Request-URI");
        assert!(numbers.insert((sip.call_id(), sip.cseq().0)), "REG-1: CSeq {} twice", sip.cseq().0);
        assert!(!sip.list("contact").contains(&"*"), "REG-4");
        let users: BTreeSet<&str> =
            sip.list("contact").iter().filter_map(|contact| contact.split('@').next()).collect();
        assert_eq!(users.len(), 1, "REG-4: only our own bindings");
        if let Some(given) = Given::of(sip, "authorization") {
            assert!(given.count > 0 && nonces.insert((given.nonce.clone(), given.count)), "REG-5: {given:?} again");
        }
    }
    // Whoever was switched off in the meantime begins anew.
    assert!(call_ids.len() <= switched_on, "REG-1: {} Call-IDs", call_ids.len());
}

/// What must hold of all that was told.
fn judge_news(news: &[(Instant, RegistrationEvent)]) {
    let mut began: Option<Instant> = None;
    let mut expires: Option<Instant> = None;
    for (at, event) in news {
        match event {
            RegistrationEvent::WillRegister | RegistrationEvent::WillRefresh => {
                if let Some(last) = began {
                    assert!(at.saturating_since(last) >= Duration::from_secs(1), "REG-11: {last} and {at}");
                }
                if *event == RegistrationEvent::WillRefresh {
                    assert!(expires.is_some_and(|until| *at <= until), "REG-2: refreshed at {at}, expired {expires:?}");
                }
                began = Some(*at);
            }
            RegistrationEvent::DidSucceed { expires: seconds, contacts, .. } => {
                assert!(*seconds > 0 && !contacts.is_empty());
                expires = Some(*at + Duration::from_secs(u64::from(*seconds)));
            }
            RegistrationEvent::DidFail { timeout, .. } => assert!(*timeout >= Duration::from_secs(1), "REG-11"),
            _ => {}
        }
    }
}

/// One run: a time of bad moods and bad links, then a good one.
fn run(seed: u64, transport: &str, algorithm: &'static str) {
    println!("SIPSIMPLE_SEED={seed} cargo test -p sipsimple-testsuite --test registration  ({transport}, {algorithm})");
    let mut random = Random::new(&Seed::from_u64(seed));
    let mut world = World::new(seed, Faults::draw(&mut random));
    world.watch(property::all());
    let alice = world.add(Config::default(), Box::new(Idle));
    let (registrar, books) = Registrar::new(Random::new(&Seed::from_u64(seed + 1)), algorithm);
    books.borrow_mut().bad = random.between(0, 10);
    world.add_script("10.9.0.1:5060".parse().expect("an address"), registrar);
    world.run_for(Duration::from_millis(1));
    let added = world.with(alice, |agent, now| agent.intend(now, Intent::AddAccount(account(transport))));
    let Ok(Outcome::Account(id)) = added else { panic!("{added:?}") };
    let mut switched_on = 1;
    for _ in 0..10 {
        world.run_for(Duration::from_secs(random.between(1, 120)));
        match random.below(4) {
            0 => world.tell(alice, Input::Network(NetworkChange::Addresses)),
            1 => {
                let spec = AccountSpec { register: random.below(2) == 0, ..account(transport) };
                switched_on += usize::from(!spec.register);
                change(&mut world, alice, id, spec);
            }
            _ => {}
        }
    }
    change(&mut world, alice, id, account(transport));
    books.borrow_mut().bad = 0;
    world.heal();
    // The longest pause is 120 s; then it is registered, and stays so.
    world.run_for(Duration::from_secs(300));
    for _ in 0..20 {
        world.run_for(Duration::from_secs(10));
        assert!(world.with(alice, |agent, now| agent.account(now, id).is_some_and(|account| account.is_registered())));
        let now = world.host(alice).events.last().map(|(at, _)| *at).unwrap_or_default();
        assert!(books.borrow().bindings.values().any(|until| *until > now), "a gap between two bindings");
    }
    judge_requests(&books.borrow(), switched_on);
    judge_news(&news(world.host(alice)));
    assert!(books.borrow().authenticated > 0);
    world.with(alice, |agent, now| agent.intend(now, Intent::ShutDown)).expect("it shuts down");
    world.run_for(Duration::from_secs(60));
    assert!(matches!(news(world.host(alice)).last(), Some((_, RegistrationEvent::DidEnd))));
    assert!(books.borrow().bindings.is_empty(), "left behind: {:?}", books.borrow().bindings);
    assert!(world.host(alice).is_quiescent());
}

fn change(world: &mut World, host: usize, account: AccountId, spec: AccountSpec) {
    world.with(host, |agent, now| agent.intend(now, Intent::ChangeAccount { account, spec })).expect("sound settings");
}

#[test]
fn registrations_over_bad_links() {
    let given = std::env::var("SIPSIMPLE_SEED").ok().and_then(|text| text.parse().ok());
    let fresh = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let seeds: Vec<u64> = given.map_or_else(|| (0..12).chain(fresh..fresh + 4).collect(), |seed| vec![seed]);
    for seed in seeds {
        for (transport, algorithm) in [("udp", "SHA-256"), ("tcp", "MD5"), ("udp", "SHA-512-256")] {
            run(seed, transport, algorithm);
        }
    }
}

/// REG-11: whatever it says.
#[test]
fn a_registrar_that_never_answers_is_not_hammered() {
    let mut world = World::new(1, Faults::none());
    world.watch(property::all());
    let alice = world.add(Config::default(), Box::new(Idle));
    let (registrar, books) = Registrar::new(Random::new(&Seed::from_u64(1)), "MD5");
    books.borrow_mut().bad = 10;
    world.add_script("10.9.0.1:5060".parse().expect("an address"), registrar);
    world.run_for(Duration::from_millis(1));
    world.with(alice, |agent, now| agent.intend(now, Intent::AddAccount(account("udp")))).expect("a sound account");
    world.run_for(Duration::from_secs(3600));
    let seen = books.borrow().seen.len();
    // At least a second between two attempts, and mostly a quarter of a minute; a challenge and a longer expiry double some.
    assert!((20..1000).contains(&seen), "{seen} in an hour");
    judge_requests(&books.borrow(), 1);
}
