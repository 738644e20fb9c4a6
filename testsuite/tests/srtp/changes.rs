//! Lines that change in the middle of a call (RFC 3264 section 8, RFC 4568 section 7.1.4): other keys, another suite, other codecs, another port, of
//! either side; on good and on bad networks, where packets under the old key come late.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::agent::EventKind;
use sipsimple_core::media::{Keys, Parameters};
use sipsimple_core::negotiation::Codec;
use sipsimple_core::rtp::srtp::Suite;
use sipsimple_core::settings::kind::SrtpEncryption::{self, Disabled, Mandatory, Optional};
use sipsimple_core::stream::{Command, StreamEvent};
use sipsimple_testsuite::call::{ALICE, BOB, Call};
use sipsimple_testsuite::change::{Change, Changes, ChangingFactory};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::media::LEVEL;

use super::{between, keys};

/// Where the changing side is after it has moved.
const ELSEWHERE: u16 = 61_000;
const SECOND: Duration = Duration::from_secs(1);

/// A call between two whose lines change as the test says.
struct Changing {
    talk: Call,
    changes: [Changes; 2],
}

impl Changing {
    fn new(encryption: [SrtpEncryption; 2]) -> Self {
        let mut talk = between(encryption, true);
        let changes = [Changes::default(), Changes::default()];
        for host in [ALICE, BOB] {
            let factory = ChangingFactory(changes[host].clone());
            talk.world.with(host, |agent, _| agent.register_stream(Arc::new(factory)));
        }
        talk.connect();
        talk.world.run_for(SECOND * 3);
        Self { talk, changes }
    }

    /// This side's line is like this from now on, and it says so by an offer.
    fn offer(&mut self, host: usize, change: Change) {
        let stream = self.talk.stream(host);
        if let Some(port) = change.port {
            self.talk.world.host_mut(host).media.move_to(stream, [port, port + 1]);
        }
        self.changes[host].set(Change { offer: true, ..change });
        let wake = Command::Custom { name: "wake".into(), data: Bytes::new() };
        self.talk.with(host, |mut session| session.command(stream, wake)).unwrap();
    }

    /// What each side has been told to go on with last.
    fn last(&self) -> [Parameters; 2] {
        [ALICE, BOB].map(|host| self.talk.parameters(host).pop().unwrap())
    }

    /// Both have the same keys, each the other's.
    fn keys(&self) -> Option<Keys> {
        let [alice, bob] = self.last().map(|parameters| parameters.srtp);
        assert_eq!(
            alice.as_ref().map(|keys| (&keys.send, &keys.receive)),
            bob.as_ref().map(|keys| (&keys.receive, &keys.send))
        );
        alice.map(|keys| *keys)
    }

    /// The call ends; never was anything heard but the tone, which is there at the end.
    fn over(mut self, what: &str) {
        self.talk.world.heal();
        self.talk.world.run_for(SECOND * 3);
        self.talk.hang_up();
        for host in [ALICE, BOB] {
            // What is decoded under a wrong key is as loud as can be.
            let loudest = self.talk.heard(host).iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            assert!(loudest < 13_000, "{what}: {host} heard something else, {loudest}");
            let tone = self.talk.tone(host, 0.5..1.5);
            assert!((tone.level - LEVEL).abs() < 1.0 && tone.ratio > 15.0, "{what}: {host}: {tone:?}");
        }
    }
}

fn bad() -> Faults {
    Faults { loss: 30_000, duplicate: 50_000, reorder: 200_000, jitter: Duration::from_millis(15), ..Faults::none() }
}

fn pcma() -> Vec<Codec> {
    vec![Codec::new("PCMA", 8000)]
}

#[test]
fn either_side_changes_its_line_and_only_what_is_said_is_heard() {
    let fresh = Some(Suite::AesCm128HmacSha1_80);
    let changes = [
        ("keys", Change { keys: fresh, ..Change::default() }),
        ("a suite", Change { keys: Some(Suite::AeadAes256Gcm), ..Change::default() }),
        ("a codec", Change { codecs: Some(pcma()), ..Change::default() }),
        ("a port", Change { keys: fresh, port: Some(ELSEWHERE), ..Change::default() }),
        (
            "all",
            Change {
                keys: Some(Suite::AesCm128HmacSha1_32),
                codecs: Some(pcma()),
                port: Some(ELSEWHERE),
                ..Change::default()
            },
        ),
    ];
    for (name, change) in &changes {
        for host in [ALICE, BOB] {
            for faults in [Faults::none(), bad()] {
                let what = format!("{name} of {host}, {} lost", faults.loss);
                let mut call = Changing::new([Mandatory, Mandatory]);
                let before = call.keys().unwrap();
                call.talk.world.set_faults(faults);
                call.offer(host, change.clone());
                call.talk.world.run_for(SECOND * 3);
                let after = call.keys().unwrap();
                match change.keys {
                    Some(suite) => {
                        let all = [&before.send, &before.receive, &after.send, &after.receive];
                        assert!((0..4).all(|one| (0..one).all(|other| all[one] != all[other])), "{what}");
                        assert_eq!(after.send.suite(), suite, "{what}");
                    }
                    None => assert_eq!(before, after, "{what}"),
                }
                for (number, last) in call.last().into_iter().enumerate() {
                    if change.codecs.is_some() {
                        assert_eq!(last.formats[0].encoding.as_str(), "PCMA", "{what}");
                    }
                    if let Some(port) = change.port.filter(|_| number != host) {
                        assert_eq!(last.remote_rtp.unwrap().port(), port, "{what}");
                        assert_eq!(last.remote_rtcp.unwrap().port(), port + 1, "{what}");
                    }
                    let told = call.talk.world.host(number).names();
                    assert!(told.contains(&"AudioStreamDidChangeRTPParameters"), "{what}");
                }
                // What stays the same from now on keeps its keys, whoever offers.
                call.changes[host].set(Change { keys: None, ..change.clone() });
                call.over(&what);
            }
        }
    }
}

/// The answer to an offer that changes nothing may bring another key, and so may each offer after it.
#[test]
fn an_answer_may_change_the_key_and_each_offer_again() {
    for holder in [ALICE, BOB] {
        let mut call = Changing::new([Mandatory, Optional]);
        let before = call.keys().unwrap();
        let change = Change { keys: Some(Suite::AesCm128HmacSha1_80), ..Change::default() };
        call.changes[1 - holder].set(change);
        call.talk.world.set_faults(bad());
        call.talk.hold(holder, SECOND);
        call.talk.hold(holder, SECOND);
        call.talk.world.heal();
        call.talk.world.run_for(SECOND * 3);
        let after = call.keys().unwrap();
        let [kept, changed] =
            [(&before.send, &after.send), (&before.receive, &after.receive)].map(|(before, after)| before == after);
        assert_eq!([kept, changed], [holder == ALICE, holder == BOB], "only who answers changes");
        call.changes[1 - holder].set(Change::default());
        call.over(&format!("held by {holder}"));
    }
}

#[test]
fn an_offer_that_is_refused_keeps_the_keys() {
    let unknown = || Some(vec![Codec::new("L16", 44_100)]);
    for host in [ALICE, BOB] {
        for suite in [Suite::AesCm128HmacSha1_80, Suite::AeadAes128Gcm] {
            let mut call = Changing::new([Mandatory, Mandatory]);
            let before = call.last();
            call.offer(host, Change { keys: Some(suite), codecs: unknown(), ..Change::default() });
            call.talk.world.run_for(SECOND * 2);
            assert_eq!(call.last(), before);
            let refused = call.talk.world.host(host).events.iter().any(|(_, event)| match &event.kind {
                EventKind::Session { event, .. } => format!("{event:?}").contains("488"),
                _ => false,
            });
            assert!(refused, "{host}");
            call.changes[host].set(Change::default());
            call.talk.hold(1 - host, SECOND);
            assert_eq!(call.keys().as_ref(), before[ALICE].srtp.as_deref(), "and later offers have them");
            call.over(&format!("refused to {host}"));
        }
    }
}

/// Without encryption a codec and a port change alike, and who sent from the old port is not heard from there.
#[test]
fn lines_without_keys_change_too() {
    for host in [ALICE, BOB] {
        let mut call = Changing::new([Disabled, Disabled]);
        call.talk.world.set_faults(bad());
        call.offer(host, Change { codecs: Some(pcma()), port: Some(ELSEWHERE), ..Change::default() });
        call.talk.world.run_for(SECOND * 3);
        assert_eq!(call.keys(), None);
        assert_eq!(keys(&call.talk, ALICE).len(), 0);
        let sources = call.talk.world.host(1 - host).events.iter().filter_map(|(_, event)| match &event.kind {
            EventKind::Stream { event: StreamEvent::Source { address }, .. } => Some(address.port()),
            _ => None,
        });
        assert_eq!(sources.last(), Some(ELSEWHERE));
        call.over(&format!("moved: {host}"));
    }
}
