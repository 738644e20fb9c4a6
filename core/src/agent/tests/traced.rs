//! Messages and logs that are told, where settings say so.

use super::*;
use crate::settings::{Backend, Change, ObjectClass, SipSimpleSettings};

impl Script {
    /// The traced messages: whether each came, its first line, and where it came from and went.
    fn traced(&mut self) -> Vec<(bool, String, String)> {
        let events = std::mem::take(&mut self.events);
        let traced = events.into_iter().filter_map(|event| match &event {
            EventKind::SipTrace(trace) => {
                assert_eq!(event.names(), ["SIPEngineSIPTrace"]);
                let line = trace.data.lines().next().unwrap_or_default().to_owned();
                Some((trace.received, line, format!("{} {} {}", trace.transport, trace.source, trace.destination)))
            }
            _ => None,
        });
        traced.collect()
    }

    fn set_trace(&mut self, of: &str, value: &str) {
        let changes = vec![Change::typed(format!("logs.trace_{of}"), value)];
        self.intend(Intent::ChangeSettings { object: SipSimpleSettings::key(""), changes }).unwrap();
    }
}

#[test]
fn messages_are_told_while_the_setting_says_so() {
    let mut script = Script::new(OURS);
    script.intend(Intent::Start { settings: Backend::Memory, listen: false }).unwrap();
    let options = script.theirs("OPTIONS", 1, "", "", "");
    script.datagram(PEER, options);
    assert_eq!(script.traced(), []);
    script.set_trace("sip", "yes");
    let options = script.theirs("OPTIONS", 2, "", "Authorization: Digest response=\"hush\"\r\n", "");
    script.datagram(PEER, options);
    let secret = |event: &EventKind| matches!(event, EventKind::SipTrace(trace) if trace.data.contains("hush"));
    assert!(!script.events.iter().any(secret));
    let (there, here) = (PEER, "192.0.2.9:5060");
    let came = (true, "OPTIONS sip:us@192.0.2.9 SIP/2.0".to_owned(), format!("udp {there} {here}"));
    let sent = (false, "SIP/2.0 200 OK".to_owned(), format!("udp {here} {there}"));
    assert_eq!(script.traced(), [came, sent]);

    // Over connections, too, of which what keeps them alive is no message.
    let conn = script.accepted(0, "192.0.2.4:7000");
    script.stream(conn, ConnectionEvent::Data(Bytes::from_static(b"\r\n\r\n")));
    assert_eq!((script.keep_alives.len(), script.traced()), (1, vec![]));
    let options = script.theirs("OPTIONS", 3, "", "", "").replace("/UDP", "/TCP");
    script.stream(conn, ConnectionEvent::Data(options.into()));
    let ways: Vec<_> = script.traced().into_iter().map(|(received, _, way)| (received, way)).collect();
    let way = |source: &str, destination: &str| format!("tcp {source} {destination}");
    assert_eq!(ways, [(true, way("192.0.2.4:7000", here)), (false, way(here, "192.0.2.4:7000"))]);

    script.set_trace("sip", "no");
    let options = script.theirs("OPTIONS", 4, "", "", "");
    script.datagram(PEER, options);
    assert_eq!(script.traced(), []);
}

#[test]
fn frames_of_msrp_are_told_while_the_setting_says_so() {
    for (traces, value) in [(false, "no"), (true, "yes")] {
        let mut script = Script::new(OURS);
        script.intend(Intent::Start { settings: Backend::Memory, listen: false }).unwrap();
        script.set_trace("msrp", value);
        let (conn, peer) = script.chats(relay::over_tcp(), None, None);
        script.stream(conn, ConnectionEvent::Open { local: address("192.0.2.9:40000"), peer, tls: None });
        assert_eq!(script.msrp.len(), 1);
        let told = script.events.iter().filter(|event| event.names() == ["MSRPTransportTrace"]);
        assert_eq!(
            told.map(|event| format!("{event:?}").contains(" AUTH")).collect::<Vec<_>>(),
            vec![true; traces.into()]
        );
    }
}

#[test]
fn as_much_is_logged_as_the_setting_says() {
    for (level, told) in [("0", false), ("1", false), ("2", true), ("5", true)] {
        let mut script = Script::new(OURS);
        script.intend(Intent::Start { settings: Backend::Memory, listen: false }).unwrap();
        let changes = vec![Change::typed("logs.level", level)];
        script.intend(Intent::ChangeSettings { object: SipSimpleSettings::key(""), changes }).unwrap();
        let (conn, peer) = script.chats(relay::over_tcp(), None, None);
        script.stream(conn, ConnectionEvent::Open { local: address("192.0.2.9:40000"), peer, tls: None });
        // A warning.
        script.stream(conn, ConnectionEvent::Closed(CloseCause::Reset));
        assert_eq!(script.events.iter().any(|event| event.names() == ["MSRPLibraryLog"]), told, "{level}");
    }
}
