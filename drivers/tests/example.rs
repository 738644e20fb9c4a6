//! The example, against somebody who answers.

#[expect(dead_code, reason = "its main reads the command line")]
#[path = "../examples/call.rs"]
mod call;

use std::time::Duration;

use sipsimple_drivers::agent::{EventKind as Agent, TransportEvent};
use sipsimple_drivers::session::SessionEvent;
use sipsimple_drivers::{Application, EventKind, Settings};

#[test]
fn it_places_a_call_waits_ends_it_and_stops() {
    let bob = Application::start(Settings::listening(["udp:127.0.0.1:0".parse().unwrap()])).unwrap();
    bob.add_account("sip:bob@127.0.0.1").unwrap();
    let mut calling = None;
    let mut told = Vec::new();
    while let Some(event) = bob.next_event() {
        told.extend(event.names());
        if let EventKind::Agent(Agent::Transport { event: TransportEvent::Listening { local, .. }, .. }) = event.kind {
            let to = format!("sip:bob@{local}");
            let call = move || call::call(&to, "udp:127.0.0.1:0", Duration::ZERO).map_err(|error| error.to_string());
            calling = Some(std::thread::spawn(call));
        } else if let Some((session, SessionEvent::NewIncoming { streams, .. })) = event.session() {
            bob.accept(session, streams).unwrap();
        } else if let Some((_, SessionEvent::DidEnd { .. } | SessionEvent::DidFail { .. })) = event.session() {
            break;
        }
    }
    assert_eq!(calling.unwrap().join().unwrap(), Ok(()));
    for name in ["SIPSessionNewIncoming", "SIPSessionDidStart", "SIPSessionDidEnd"] {
        assert!(told.contains(&name), "{name} in {told:?}");
    }
    bob.stop(Duration::from_secs(3));
}
