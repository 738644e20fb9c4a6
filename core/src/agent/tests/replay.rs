//! What is in a trace is enough to do the same again.

use super::*;
use crate::trace;

impl Script {
    fn trace(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.agent.poll_trace()).collect()
    }
}

#[test]
fn a_long_trace_replays() {
    let mut config = Config::default();
    (config.limits.effects, config.limits.events) = (16, 16);
    let mut script = Script::with(OURS, config);
    for number in 0..40 {
        let options = script.theirs("OPTIONS", 1, "", "", "");
        script.datagram(PEER, options);
        let invite = script.theirs("INVITE", 1, "", "Contact: <sip:them@192.0.2.4>\r\n", OFFER);
        script.datagram(PEER, invite.replace("Call-ID: c", &format!("Call-ID: c{number}")));
    }
    assert_eq!(script.agent.stats().shed, 0);
    let replayed = trace::replay(script.trace()).unwrap();
    assert!(replayed.effects > 40 && replayed.events > 40);
}

#[test]
fn a_trace_replays_whether_the_driver_kept_up_or_not() {
    let mut config = Config::default();
    config.limits.effects = 16;
    let mut script = Script::with(OURS, config);
    for round in 0..40 {
        let options = script.theirs("OPTIONS", 1, "", "", "");
        let (socket, now) = (script.udp, script.now);
        let data = Bytes::from(options);
        script
            .agent
            .handle(now, Input::Datagram { socket, from: address(PEER), to: None, interface: None, ttl: None, data });
        if round == 30 {
            script.drain();
        }
    }
    assert_eq!(script.agent.stats().shed, 15);
    trace::replay(script.trace()).unwrap();
}
