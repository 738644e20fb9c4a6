//! Accounts and their registration, against a registrar that does what the test says.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, Intent, Outcome};
use sipsimple_core::id::AccountId;
use sipsimple_core::sip::Uri;
use sipsimple_core::sip::digest::Credentials;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::draft::Draft;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::script::Turn;
use sipsimple_testsuite::world::World;

use super::table::Table;

const HOST: usize = 0;
const REGISTRAR: &str = "10.9.0.1:5060";

fn add(world: &mut World, spec: AccountSpec) -> AccountId {
    match world.with(HOST, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap() {
        Outcome::Account(id) => id,
        other => panic!("{other:?}"),
    }
}

fn change(world: &mut World, account: AccountId, change: impl FnOnce(&mut AccountSpec)) {
    world.with(HOST, |agent, now| {
        let mut spec = agent.account(now, account).unwrap().spec();
        change(&mut spec);
        agent.intend(now, Intent::ChangeAccount { account, spec }).unwrap();
    });
}

pub(crate) fn scenarios(table: &mut Table) {
    let mut world = World::new(1, Faults::none());
    world.add(Config::default(), Box::new(Idle));
    // Answers with this code, or not at all.
    let code = Rc::new(Cell::new(Some(200)));
    let answer = Rc::clone(&code);
    world.add_script(REGISTRAR.parse().unwrap(), move |letter: &Letter, turn: &mut Turn| {
        if let Some(code) = answer.get() {
            let draft = Draft::response(&letter.sip, code, "registrar");
            let contact = letter.sip.header("contact").unwrap_or_default();
            turn.reply(letter, &draft.with("Contact", format!("{contact};expires=60")));
        }
    });
    world.run_for(Duration::from_millis(1));

    let alice = AccountSpec {
        register: true,
        outbound_proxy: Some(REGISTRAR.into()),
        credentials: Some(Credentials::new("ally", "hush")),
        ..AccountSpec::new("sip:alice@example.com")
    };
    let alice = add(&mut world, alice);
    let bob = add(&mut world, AccountSpec::new("sip:bob@example.com"));
    world.run_for(Duration::from_secs(1));
    attributes(table, &mut world, alice, bob);

    // Registered, refreshed, refused, registered again; not unregistered; unregistered.
    world.run_for(Duration::from_secs(60));
    code.set(Some(403));
    world.run_for(Duration::from_secs(60));
    code.set(Some(200));
    world.run_for(Duration::from_secs(600));
    code.set(None);
    change(&mut world, alice, |spec| spec.enabled = false);
    world.run_for(Duration::from_secs(60));
    code.set(Some(200));
    change(&mut world, alice, |spec| spec.enabled = true);
    world.run_for(Duration::from_secs(60));
    change(&mut world, alice, |spec| spec.register = false);
    world.run_for(Duration::from_secs(60));
    let is_registered = world.with(HOST, |agent, now| agent.account(now, alice).unwrap().is_registered());
    table.is("002 Account.Account.registration.enabled", is_registered, false);

    world.with(HOST, |agent, now| agent.intend(now, Intent::SetDefaultAccount(bob))).unwrap();
    world.with(HOST, |agent, now| agent.intend(now, Intent::RemoveAccount(alice))).unwrap();
    world.run_for(Duration::from_secs(60));
    world.with(HOST, |agent, now| agent.intend(now, Intent::ShutDown)).unwrap();
    assert!(world.run_until_quiescent(Duration::from_secs(120)));
    table.does("002 AccountManager.stop", world.host(HOST).names().contains(&"SIPAccountDidDeactivate"));
    hear(table, &world);
}

/// Everything that the hosts of a world tell of accounts that are not for Bonjour.
pub(crate) fn hear(table: &mut Table, world: &World) {
    for host in world.hosts() {
        for (_, event) in &host.events {
            let is_of_account = event.names().iter().any(|name| name.starts_with("SIPAccount"));
            let is_of_manager = event.names().iter().any(|name| name.starts_with("SIPAccountManager"));
            if is_of_account && !is_of_manager {
                table.heard_of("Account", event.names(), event);
                table.heard_of("SIP Registration", event.names(), event);
            } else {
                table.heard(event.names(), event);
            }
        }
    }
}

fn attributes(table: &mut Table, world: &mut World, alice: AccountId, bob: AccountId) {
    world.with(HOST, |agent, now| {
        table.does("002 AccountManager.__init__", !agent.get_accounts().is_empty());
        table.is("002 AccountManager.has_account", agent.has_account("alice@example.com"), true);
        table.is("002 AccountManager.get_account", agent.get_account("bob@example.com"), Some(bob));
        table.is("002 AccountManager.get_accounts", agent.get_accounts(), vec![alice, bob]);
        table.is("002 AccountManager.iter_accounts", agent.iter_accounts().collect(), vec![alice, bob]);
        let account = agent.account(now, alice).unwrap();
        table.does("002 AccountManager.start", account.is_registered());
        table.is("002 Account.id", account.name().as_str(), "alice@example.com");
        let uri = account.uri().unwrap();
        table.is("002 Account.uri", Uri::Sip(uri).to_string(), "sip:alice@example.com".to_owned());
        table.is("002 Account.credentials", account.credentials(), Some(Credentials::new("ally", "hush")));
        let route = Route::new(Transport::Tcp, REGISTRAR.parse().unwrap());
        let contact = account.contact(route).unwrap();
        let contact = contact.as_sip().unwrap().clone();
        let user = contact.user.clone().unwrap();
        let shown = Uri::Sip(contact.clone()).to_string();
        table.is("002 Account.contact", shown, format!("sip:{user}@10.0.0.1:5060;transport=tcp"));
        table.is("002 AccountManager.find_account", agent.find_account(&contact), Some(alice));
    });
}
