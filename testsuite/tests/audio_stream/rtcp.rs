//! Where RTCP goes (RFC 3605): to the port that the peer's `a=rtcp` names, in an offer or in an answer, at the beginning or later.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::stream::{Command, StreamEvent};
use sipsimple_testsuite::call::{ALICE, BOB, Call, Party};
use sipsimple_testsuite::change::{Change, Changes, ChangingFactory};

const SECOND: Duration = Duration::from_secs(1);
/// Not where it is without that attribute.
const ELSEWHERE: u16 = 61_007;

/// Two whose lines say this; `host`'s RTCP is where its line says it is.
fn call(host: usize, at_once: bool) -> Call {
    let mut call = Call::between(Party::both());
    let changes = Changes::default();
    let factory = Arc::new(ChangingFactory(changes.clone()));
    call.world.with(host, |agent, _| agent.register_stream(factory));
    let change = Change { rtcp_port: Some(ELSEWHERE), ..Change::default() };
    if at_once {
        changes.set(change.clone());
    }
    call.connect();
    // The stream has started, and it is too early for RTCP.
    call.world.run_for(SECOND + SECOND / 2);
    let stream = call.stream(host);
    let rtp = call.parameters(1 - host)[0].remote_rtp.unwrap().port();
    call.world.host_mut(host).media.move_to(stream, [rtp, ELSEWHERE]);
    if !at_once {
        changes.set(Change { offer: true, ..change });
        let wake = Command::Custom { name: "wake".into(), data: Bytes::new() };
        call.with(host, |mut session| session.command(stream, wake)).unwrap();
    }
    call
}

#[test]
fn reports_reach_the_port_that_the_line_names() {
    for host in [ALICE, BOB] {
        for at_once in [true, false] {
            let mut call = call(host, at_once);
            call.world.run_for(SECOND * 20);
            let there = call.parameters(1 - host).pop().unwrap().remote_rtcp;
            assert_eq!(there.map(|rtcp| rtcp.port()), Some(ELSEWHERE), "{host} {at_once}");
            call.hang_up();
            call.world.finish();
            for side in [ALICE, BOB] {
                let statistics = call.news(side, |_, event| match event {
                    StreamEvent::Statistics(statistics) => Some(statistics.clone()),
                    _ => None,
                });
                let last = statistics.last().expect("statistics are told");
                // It takes reports both ways to know that.
                assert_eq!(last.round_trip.map(|time| time.as_millis()), Some(20), "{host} {at_once}: {side}");
                assert!(last.rx.packets > 800, "{host} {at_once}: {side}: {last:?}");
            }
            call.assert_heard(0.5..10.0);
        }
    }
}
