//! The same messages sent to a live agent: what it answers, and that it keeps nothing.

use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, Intent};
use sipsimple_testsuite::application::Answering;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::model::Step;
use sipsimple_testsuite::property::{Property, Seen, Violations};
use sipsimple_testsuite::world::World;

use crate::verdicts::table::{octets, table};

/// Notes the codes of the responses that a host sends, wherever they go.
struct Codes(Rc<RefCell<Vec<u16>>>);

impl Property for Codes {
    fn seen(&mut self, seen: &Seen<'_>, _: &mut Violations) {
        let sent = seen.sight.fate == sipsimple_testsuite::wire::Fate::Sent;
        let got = matches!(seen.step, Step::RequestGot { .. } | Step::ResponseGot { .. } | Step::AckGot { .. });
        if sent && !got && seen.sight.sip.code() != 0 {
            self.0.borrow_mut().push(seen.sight.sip.code());
        }
    }
}

/// The codes that a message is answered with, and whether anything is left of it in the end.
fn answers(file: &str) -> (Vec<u16>, bool) {
    let mut world = World::new(1, Faults::none());
    let codes = Rc::default();
    world.watch(vec![Box::new(Codes(Rc::clone(&codes)))]);
    let refusing = Answering { ring: None, accept: None, reject: Some((Duration::from_millis(100), 486)), end: None };
    let alice = world.add(Config::default(), Box::new(refusing));
    let spec = AccountSpec { any_user: true, ..AccountSpec::new("sip:alice@10.0.0.1") };
    world.with(alice, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
    world.run_for(Duration::from_millis(1));
    let to = world.address(alice);
    world.inject("10.9.0.1:5060".parse().unwrap(), to, octets(file));
    let quiet = world.run_until_quiescent(Duration::from_secs(600));
    let codes = codes.borrow().clone();
    (codes, quiet)
}

/// Where a user agent may do otherwise than the table says: it says what RFC 4475 likes best. A method that is not known is 405, as RFC 3261
/// section 8.2.1 has it; and a registrar, or who takes messages, is not at home here.
fn allowed(verdict: &str, method: &str, code: u16) -> bool {
    let foreign = !matches!(method, "INVITE" | "OPTIONS" | "BYE" | "ACK" | "CANCEL");
    match verdict {
        "accept" => matches!(code, 200 | 404 | 415 | 416 | 481 | 486 | 488) || (foreign && code == 405),
        "501" => code == 405,
        code_due => code_due == code.to_string() || (foreign && code == 405),
    }
}

#[test]
fn a_live_agent_answers_every_message_as_it_is_judged_and_keeps_nothing() {
    let mut failures = String::new();
    for row in table("torture/verdicts.tsv") {
        let (codes, quiet) = answers(&format!("torture/{}", row["file"]));
        let last = codes.iter().rev().find(|code| **code >= 200).copied();
        let method = row["checks"].split(" | ").find_map(|check| check.strip_prefix("method=")).unwrap_or_default();
        let silent = row["verdict"] == "drop" || row["kind"] == "response";
        let fits = match last {
            None => silent,
            Some(code) => !silent && allowed(&row["verdict"], method, code),
        };
        if !fits || !quiet {
            writeln!(failures, "{:40} {} {}: {codes:?}, quiet: {quiet}", row["file"], method, row["verdict"]).unwrap();
        }
    }
    assert!(failures.is_empty(), "message, due, answered:\n{failures}");
}
