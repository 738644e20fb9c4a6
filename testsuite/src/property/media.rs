//! What streams tell of their media.
//!
//! - ICE-1: ICE goes the way of its states, and a stream starts when it has ended; where consent is lost the stream fails (RFC 7675 section 5.1).
//! - SRT-1: the key that a stream sends under is nobody else's, is not the one that it receives under, and does not come back once it was given
//!   up, when its counters are forgotten (RFC 3711 section 9.1, RFC 4568 section 7.1.4).

use std::collections::BTreeMap;

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::id::StreamId;
use sipsimple_core::media::{Keys, Parameters};
use sipsimple_core::rtp::srtp::MasterKey;
use sipsimple_core::stream::{IceState, Rtp, StreamEvent};
use sipsimple_core::time::Instant;

use super::{Memory, Property, Violations};

/// Why ICE has failed, where the peer does not consent any more.
const LOST: &str = "the peer no longer consents to receive";

/// How far a stream is.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    ice: Option<IceState>,
    started: bool,
    /// Whether its peer does not consent any more.
    lost: bool,
}

/// Watches the news of media.
#[derive(Debug, Default)]
pub struct MediaNews {
    streams: BTreeMap<(usize, StreamId), Known>,
    /// The keys that were sent under, by whom, and whether that is over.
    keys: Memory<String, ((usize, StreamId), bool)>,
}

impl Property for MediaNews {
    fn told(&mut self, host: usize, at: Instant, event: &Event, broken: &mut Violations) {
        let EventKind::Stream { id, event, .. } = &event.kind else { return };
        let known = self.streams.entry((host, *id)).or_default();
        let mut wrong = |property, why: &str| broken.add(property, host, at, format!("{why}: {event:?}"));
        if known.lost && !matches!(event, StreamEvent::DidFail { .. } | StreamEvent::WillEnd | StreamEvent::DidEnd) {
            wrong("ICE-1", "the stream goes on without consent");
        }
        match event {
            StreamEvent::IceNegotiationStateDidChange { state } if !follows(known.ice.replace(*state), *state) => {
                wrong("ICE-1", "no such change of state");
            }
            StreamEvent::IceNegotiationDidSucceed { outcome }
                if known.ice != Some(IceState::Succeeded) || outcome.selected.is_empty() =>
            {
                wrong("ICE-1", "it has not succeeded");
            }
            StreamEvent::IceNegotiationDidFail { reason } => {
                if known.ice != Some(IceState::Failed) {
                    wrong("ICE-1", "it has not failed");
                }
                known.lost = reason.as_str() == LOST;
            }
            StreamEvent::DidStart { rtp } => {
                known.started = true;
                if matches!(known.ice, Some(IceState::Gathering | IceState::InProgress)) {
                    wrong("ICE-1", "it starts before ICE has ended");
                }
                if let Some(Rtp { parameters, .. }) = rtp {
                    self.keyed(host, *id, at, parameters, broken);
                }
            }
            StreamEvent::DidChangeParameters { parameters } => self.keyed(host, *id, at, parameters, broken),
            StreamEvent::DidFail { .. } | StreamEvent::DidEnd => drop(self.streams.remove(&(host, *id))),
            _ => {}
        }
    }
}

/// Whether ICE may go from one state to the next; in `InProgress` it begins anew.
fn follows(before: Option<IceState>, after: IceState) -> bool {
    use IceState::{Failed, Gathering, GatheringComplete, InProgress, Succeeded};
    match (before, after) {
        (None, Gathering) | (Some(Gathering), GatheringComplete) => true,
        (Some(GatheringComplete | InProgress | Succeeded | Failed), InProgress) => true,
        // The loss of consent comes after success.
        (Some(InProgress), Succeeded) | (Some(InProgress | Succeeded), Failed) => true,
        _ => false,
    }
}

impl MediaNews {
    /// These parameters hold for a stream from now on.
    fn keyed(&mut self, host: usize, id: StreamId, at: Instant, parameters: &Parameters, broken: &mut Violations) {
        let stream = (host, id);
        let sends = parameters.srtp.as_deref().map(|Keys { send, receive }| (name(send), name(receive)));
        let given_up = self.keys.range(String::new()).filter(|(key, (whose, over))| {
            *whose == stream && !over && sends.as_ref().is_none_or(|(send, _)| send != *key)
        });
        let given_up: Vec<String> = given_up.map(|(key, _)| key.clone()).collect();
        for key in given_up {
            self.keys.put(at, key, (stream, true));
        }
        let Some((send, receive)) = sends else { return };
        match self.keys.get(&send) {
            Some((whose, over)) if *whose != stream || *over => {
                let why = format!("the key of stream {id} is that of {whose:?}, given up: {over}");
                broken.add("SRT-1", host, at, why);
            }
            _ if send == receive => broken.add("SRT-1", host, at, "one key for both directions"),
            Some(_) => {}
            None => self.keys.put(at, send, (stream, false)),
        }
    }
}

fn name(key: &MasterKey) -> String {
    key.to_base64().to_string()
}
