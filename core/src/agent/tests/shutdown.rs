//! The end: everything ends, once, and nothing comes after it.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn is_over(script: &Script) -> bool {
    script.events.last() == Some(&EventKind::ShutDown)
}

#[test]
fn nothing_follows_the_end() {
    let mut script = Script::new("0.0.0.0");
    script.connect("udp:192.0.2.4:5060");
    assert_eq!(script.asked.len(), 1);
    script.intend(Intent::ShutDown).unwrap();
    assert!(is_over(&script));
    assert_eq!(script.abandoned, [script.asked[0].0]);
    assert_eq!(script.agent.poll_timeout(), None);
    assert!(script.agent.is_quiescent());
    assert!(
        script
            .intend(Intent::Listen(Listen {
                transport: Transport::Udp,
                address: OURS.parse().unwrap(),
                port: Port::Random
            }))
            .is_err()
    );
}

#[test]
fn peers_who_keep_asking_do_not_keep_it_from_ending() {
    let mut script = Script::new(OURS);
    let (_, _) = script.established("sip:them@192.0.2.4");
    script.intend(Intent::ShutDown).unwrap();
    let (_, bye) = script.request().unwrap();
    script.respond(&bye, 200, "", "");
    for _ in 0..100 {
        let options = script.theirs("OPTIONS", 1, "", "", "");
        script.datagram(PEER, options);
        script.pass(SECOND);
    }
    assert!(is_over(&script));
    assert_eq!(script.agent.poll_timeout(), None);
    assert!(script.agent.is_quiescent());
}

#[test]
fn a_call_whose_way_is_not_known_yet_is_refused() {
    let mut script = Script::new("0.0.0.0");
    let invite = script.theirs("INVITE", 1, "", "Contact: <sip:them@192.0.2.4>\r\n", OFFER);
    script.datagram(PEER, invite);
    assert_eq!(script.asked.len(), 1);
    script.intend(Intent::ShutDown).unwrap();
    assert_eq!(script.codes(), [480]);
    script.answer_asks();
    script.pass(100 * SECOND);
    assert!(is_over(&script), "{:?}", script.events);
    assert!(!script.names().contains(&"SIPSessionNewIncoming"));
}

#[test]
fn no_socket_is_bound_while_it_ends() {
    let mut script = Script::new(OURS);
    script.called("sip:them@192.0.2.4");
    script.intend(Intent::ShutDown).unwrap();
    assert_eq!(script.codes(), [480]);
    let listen = Listen { transport: Transport::Udp, address: OURS.parse().unwrap(), port: Port::Random };
    assert_eq!(script.intend(Intent::Listen(listen)), Err(ListenError::ShuttingDown.into()));
}

/// The transaction of an INVITE lives on for what the peer repeats (RFC 6026 section 7.2): nobody has to stay for that.
#[test]
fn a_call_is_over_when_its_bye_is_answered() {
    // Ours.
    let mut script = Script::new(OURS);
    let session = script.connect("udp:192.0.2.4:5060");
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 200, "sip:them@192.0.2.4", OFFER);
    script.intend(Intent::End { session }).unwrap();
    let bye = std::iter::from_fn(|| script.request()).map(|(_, request)| request).last().unwrap();
    assert_eq!((bye.method().to_string().as_str(), script.agent.has_calls()), ("BYE", true));
    script.respond(&bye, 200, "", "");
    assert!(!script.agent.has_calls() && !script.agent.is_quiescent());
    // It is acknowledged once more, all the same.
    script.respond(&invite, 200, "sip:them@192.0.2.4", OFFER);
    assert_eq!(script.request().unwrap().1.method().to_string(), "ACK");

    // The peer's, which ends before its ACK comes: until then it has no BYE.
    let mut script = Script::new(OURS);
    let session = script.called("sip:them@192.0.2.4");
    script.accept(session);
    let (_, response) = script.answers().pop().unwrap();
    script.intend(Intent::End { session }).unwrap();
    script.pass(2 * SECOND);
    assert!(script.agent.has_calls());
    script.answers();
    let tag = format!(";tag={}", response.to().unwrap().tag().unwrap());
    let ack = script.theirs("ACK", 1, &tag, "", "");
    script.datagram(PEER, ack);
    let (_, bye) = script.request().unwrap();
    script.respond(&bye, 200, "", "");
    assert!(!script.agent.has_calls());

    // One that was cancelled, once its INVITE has its answer.
    let mut script = Script::new(OURS);
    let session = script.connect("udp:192.0.2.4:5060");
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 180, "", "");
    script.intend(Intent::End { session }).unwrap();
    let (_, cancel) = script.request().unwrap();
    script.respond(&cancel, 200, "", "");
    assert!(script.agent.has_calls());
    script.respond(&invite, 487, "", "");
    assert!(!script.agent.has_calls());
}
