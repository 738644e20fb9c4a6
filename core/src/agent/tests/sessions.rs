//! Messages that cross, and what the application is told of it.

use super::*;
use crate::session::Originator;

const THEM: &str = "sip:them@192.0.2.4";
const CONTACT: &str = "Contact: <sip:them@192.0.2.4>\r\n";

impl Script {
    fn session_events(&self) -> Vec<SessionEvent> {
        let events = self.events.iter().filter_map(|event| match event {
            EventKind::Session { event, .. } => Some(event.clone()),
            _ => None,
        });
        events.collect()
    }

    fn count(&self, name: &str) -> usize {
        self.names().iter().filter(|found| **found == name).count()
    }

    /// An INVITE that was accepted but not acknowledged; the To parameters of requests inside its dialog.
    fn accepted_call(&mut self) -> String {
        let session = self.called(THEM);
        self.accept(session);
        let (_, response) = self.answers().pop().unwrap();
        format!(";tag={}", response.to().unwrap().tag().unwrap())
    }
}

#[test]
fn a_2xx_that_crosses_the_cancel_is_told_as_a_cancelled_call() {
    let mut script = Script::new(OURS);
    let session = script.connect("udp:192.0.2.4:5060");
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 180, THEM, "");
    script.intend(Intent::End { session }).unwrap();
    script.respond(&invite, 200, THEM, OFFER);
    let mut sent: Vec<_> = std::iter::from_fn(|| script.request()).map(|(_, request)| request).collect();
    assert_eq!(sent.iter().map(|sent| sent.method().as_str()).collect::<Vec<_>>(), ["CANCEL", "ACK", "BYE"]);
    script.respond(&sent.pop().unwrap(), 200, "", "");
    let last = script.session_events().pop();
    assert!(matches!(last, Some(SessionEvent::DidFail { code: 487, .. })), "{last:?}");
    script.pass(Duration::from_secs(60));
    assert_eq!((script.count("SIPSessionDidFail"), script.count("SIPSessionDidEnd")), (1, 0));
    assert!(script.agent.is_quiescent());
}

#[test]
fn what_a_to_must_not_hold_is_not_sent() {
    let mut script = Script::new(OURS);
    let connect = Intent::Connect {
        account: AccountId::from_u64(0),
        to: "Them <sip:them@example.com;method=BYE?Subject=hello>".into(),
        routes: vec!["udp:192.0.2.4:5060".parse::<Route>().unwrap()],
        streams: vec![StreamSpec::Audio(AudioSpec::default())],
        late_offer: false,
    };
    script.intend(connect).unwrap();
    let (_, invite) = script.request().unwrap();
    assert_eq!(invite.uri().unwrap().to_string(), "sip:them@example.com");
    assert_eq!(invite.to().unwrap().uri.to_string(), "sip:them@example.com");
}

#[test]
fn a_bye_that_crosses_ours_is_the_peers_transaction() {
    let mut script = Script::new(OURS);
    let (session, tag) = script.established(THEM);
    script.intend(Intent::End { session }).unwrap();
    let bye = script.theirs("BYE", 2, &tag, "", "");
    script.datagram(PEER, bye);
    let reported = script.session_events().into_iter().rev().find_map(|event| match event {
        SessionEvent::DidProcessTransaction { originator, method, code, .. } => Some((originator, method, code)),
        _ => None,
    });
    assert_eq!(reported, Some((Originator::Remote, "BYE".into(), 200)));
    assert_eq!(script.count("SIPSessionDidEnd"), 1);
}

#[test]
fn an_offerless_reinvite_may_come_before_the_first_ack() {
    for reordered in [false, true] {
        let mut script = Script::new(OURS);
        let tag = script.accepted_call();
        let reinvite = script.theirs("INVITE", 2, &tag, CONTACT, "");
        script.datagram(PEER, reinvite);
        assert_eq!(script.codes(), [200]);
        let first = script.theirs("ACK", 1, &tag, "", "");
        let second = script.theirs("ACK", 2, &tag, "", OFFER);
        for ack in if reordered { [second, first] } else { [first, second] } {
            script.datagram(PEER, ack);
        }
        assert_eq!(script.count("SIPSessionDidStart"), 1, "{reordered}: {:?}", script.names());
        assert_eq!(script.count("MediaStreamDidEnd"), 0, "{reordered}");
        let again = script.theirs("INVITE", 3, &tag, CONTACT, OFFER);
        script.datagram(PEER, again);
        assert_eq!(script.codes(), [200], "{reordered}");
    }
}

#[test]
fn an_offerless_reinvite_may_come_before_the_streams_have_started() {
    let mut script = Script::new(OURS);
    script.delays = true;
    script.connect("udp:192.0.2.4:5060");
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 200, THEM, OFFER);
    let (_, ack) = script.request().unwrap();
    let inside = |script: &mut Script, method: &str, cseq, body: &str| {
        let request = script.theirs(method, cseq, "", CONTACT, body);
        let call_id = ack.call_id().unwrap();
        let to = format!("To: <sip:us@192.0.2.9>;tag={}", ack.from().unwrap().tag().unwrap());
        let request = request.replace("Call-ID: c", &format!("Call-ID: {call_id}"));
        script.datagram(PEER, request.replace("To: <sip:us@192.0.2.9>", &to));
    };
    inside(&mut script, "INVITE", 1, "");
    assert_eq!(script.codes(), [200]);
    inside(&mut script, "ACK", 1, OFFER);
    for stream in std::mem::take(&mut script.starting) {
        script.handle(Input::Media { stream, event: media::Event::Started });
    }
    assert_eq!(script.count("SIPSessionDidStart"), 1);
    inside(&mut script, "INVITE", 2, OFFER);
    assert_eq!(script.codes(), [200]);
}

#[test]
fn early_media_of_one_fork_takes_nothing_from_the_fork_that_answers() {
    let mut script = Script::new(OURS);
    let audio = || StreamSpec::Audio(AudioSpec::default());
    let connect = Intent::Connect {
        account: AccountId::from_u64(0),
        to: "sip:them@example.com".into(),
        routes: vec!["udp:192.0.2.4:5060".parse::<Route>().unwrap()],
        streams: vec![audio(), audio()],
        late_offer: false,
    };
    script.intend(connect).unwrap();
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 183, THEM, &format!("{OFFER}m=audio 0 RTP/AVP 0\r\n"));
    assert_eq!(script.count("MediaStreamDidStart"), 1);
    script.respond(&invite, 200, THEM, &format!("{OFFER}m=audio 4010 RTP/AVP 0\r\n"));
    assert_eq!((script.count("MediaStreamDidEnd"), script.count("MediaStreamDidStart")), (0, 2));
    let last = script.session_events().pop();
    assert!(matches!(&last, Some(SessionEvent::DidStart { streams }) if streams.len() == 2), "{last:?}");
}

#[test]
fn a_stream_that_only_the_early_media_had_ends_with_the_answer() {
    let mut script = Script::new(OURS);
    script.connect("udp:192.0.2.4:5060");
    let (_, invite) = script.request().unwrap();
    script.respond(&invite, 183, THEM, OFFER);
    script.respond(&invite, 200, THEM, &OFFER.replace("audio 4002", "audio 0"));
    assert_eq!((script.count("MediaStreamDidStart"), script.count("MediaStreamDidEnd")), (1, 1));
    assert_eq!(script.count("SIPSessionWillEnd"), 1);
}
