//! Events in words, for people.

use std::time::Duration;

use sipsimple_audio::engine::AudioEvent;
use sipsimple_core::agent::EventKind as AgentEvent;
use sipsimple_core::cause::Cause;
use sipsimple_core::media::{Parameters, Statistics};
use sipsimple_core::payload::composing::State;
use sipsimple_core::registration::RegistrationEvent;
use sipsimple_core::session::{Originator, SessionEvent, StreamAction};
use sipsimple_core::stream::{Rtp, StreamEvent};
use sipsimple_drivers::{ApplicationEvent, EventKind};

/// What a session's news says to a person; `None` for what only programs want to know.
pub(crate) fn of_session(event: &SessionEvent) -> Option<String> {
    match event {
        SessionEvent::NewIncoming { remote_identity, .. } => {
            Some(format!("incoming call from {}", printable(remote_identity)))
        }
        SessionEvent::GotRingIndication => Some("ringing".into()),
        // 180 is told by the event before.
        SessionEvent::GotProvisionalResponse { code: 100 | 180, .. } => None,
        SessionEvent::GotProvisionalResponse { code, reason } => Some(format!("{code} {}", printable(reason))),
        SessionEvent::DidStart { .. } => Some("call established".into()),
        SessionEvent::DidFail { originator, code, reason, failure_reason, .. } => {
            Some(format!("call failed: {}", ending(*originator, *code, reason, failure_reason)))
        }
        SessionEvent::DidEnd { originator, end_reason, .. } => Some(match end_reason.as_str() {
            "" | "user request" => format!("call ended by {}", side(*originator)),
            reason => format!("call ended by {}: {}", side(*originator), printable(reason)),
        }),
        SessionEvent::DidChangeHoldState { originator, on_hold: true, .. } => {
            Some(format!("put on hold by {}", side(*originator)))
        }
        SessionEvent::DidChangeHoldState { originator, on_hold: false, .. } => {
            Some(format!("taken off hold by {}", side(*originator)))
        }
        SessionEvent::GotProposal { originator: Originator::Remote, streams, .. } => {
            Some(format!("the remote party wants to add {}", counted(streams.len())))
        }
        SessionEvent::GotRejectProposal { originator: Originator::Local, code, reason, .. } => {
            Some(format!("not added: {code} {}", printable(reason)))
        }
        SessionEvent::HadProposalFailure { failure_reason, .. } => {
            Some(format!("not added: {}", printable(failure_reason)))
        }
        SessionEvent::DidRenegotiateStreams { action: StreamAction::Add, streams, .. } => {
            Some(format!("added {}", counted(streams.len())))
        }
        SessionEvent::DidRenegotiateStreams { action: StreamAction::Remove, streams, .. } => {
            Some(format!("removed {}", counted(streams.len())))
        }
        SessionEvent::TransferNewIncoming { target, referred_by, .. } => Some(match referred_by {
            Some(by) => format!("asked to call {}, by {}", printable(target), printable(by)),
            None => format!("asked to call {}", printable(target)),
        }),
        SessionEvent::TransferDidStart => Some("transfer accepted".into()),
        SessionEvent::TransferGotProgress { code, reason } => Some(format!("transfer: {code} {}", printable(reason))),
        SessionEvent::TransferDidEnd => Some("transferred".into()),
        SessionEvent::TransferDidFail { code: 0, reason } => Some(format!("not transferred: {}", printable(reason))),
        SessionEvent::TransferDidFail { code, reason } => {
            Some(format!("not transferred: {code} {}", printable(reason)))
        }
        _ => None,
    }
}

/// What a stream's news says to a person; `None` for what only programs want to know.
pub(crate) fn of_stream(event: &StreamEvent) -> Option<String> {
    match event {
        StreamEvent::DidStart { rtp: Some(Rtp { parameters, local }) } => Some(audio(parameters, local)),
        StreamEvent::DidChangeParameters { parameters } => Some(format!("audio is now {}", codec(parameters))),
        StreamEvent::IceNegotiationDidSucceed { outcome } => {
            let pair = outcome.selected.first()?;
            let (ours, theirs) = (&pair.local, &pair.remote);
            let kinds = [ours.kind.name(), theirs.kind.name()].join("-");
            Some(format!(
                "ICE found a path in {} ms: {} to {} ({kinds})",
                outcome.duration.as_millis(),
                ours.address,
                theirs.address
            ))
        }
        StreamEvent::IceNegotiationDidFail { reason } => Some(format!("ICE failed: {}", printable(reason))),
        StreamEvent::DidFail { reason } => Some(format!("a stream failed: {}", printable(reason))),
        StreamEvent::GotDtmf { digit } => Some(format!("DTMF {digit}")),
        StreamEvent::GotNoAudio { got_any: true } => Some("no more audio comes in".into()),
        StreamEvent::GotNoAudio { got_any: false } => Some("no audio comes in".into()),
        _ => None,
    }
}

/// What the news of the audio says to a person; `None` for what only programs want to know.
pub(crate) fn of_audio(event: &AudioEvent) -> Option<String> {
    match event {
        AudioEvent::DidStartRecording { filename, .. } => Some(format!("recording to {}", filename.display())),
        AudioEvent::DidStopRecording { filename, reason: None, .. } => {
            Some(format!("recorded to {}", filename.display()))
        }
        _ => None,
    }
}

/// What the news of a registration says to a person; `None` for what only programs want to know.
pub(crate) fn of_registration(account: &str, event: &RegistrationEvent) -> Option<String> {
    match event {
        RegistrationEvent::DidSucceed { expires, registrar, .. } => {
            Some(format!("registered {account} at {registrar} for {expires} s"))
        }
        RegistrationEvent::DidFail { error, timeout, cause } => {
            let again = timeout.as_secs_f64();
            Some(format!("not registered: {}; tried again in {again:.1} s", unregistered(error, cause)))
        }
        RegistrationEvent::DidEnd => Some(format!("unregistered {account}")),
        RegistrationEvent::DidNotEnd { code, reason, .. } => {
            Some(format!("not unregistered: {code} {}", printable(reason)))
        }
        _ => None,
    }
}

/// What a message that came, or is being composed, says to a person; `None` for other news.
pub(crate) fn of_message(event: &EventKind) -> Option<String> {
    match event {
        EventKind::Agent(AgentEvent::Composing { remote, state: State::Active, .. }) => {
            Some(format!("{} is writing", printable(remote)))
        }
        EventKind::Agent(AgentEvent::Composing { remote, state: State::Idle, .. }) => {
            Some(format!("{} writes no more", printable(remote)))
        }
        EventKind::Agent(AgentEvent::GotMessage(message)) if message.composing.is_none() => {
            let body = match (&message.cpim, &message.content) {
                (Some(cpim), _) => &cpim.content.body,
                (None, Some(content)) => &content.body,
                (None, None) => return None,
            };
            Some(format!("{}: {}", printable(&message.from), printable(&String::from_utf8_lossy(body))))
        }
        _ => None,
    }
}

/// Why an account is not registered: the last cause too, where the words do not tell it.
pub(crate) fn unregistered(error: &str, cause: &Cause) -> String {
    match &cause.reason {
        Some(reason) if !error.contains(reason.as_str()) => format!("{} ({})", printable(error), printable(reason)),
        _ => printable(error),
    }
}

/// What this says of a file that was asked for and is not, or not wholly, written; `None` for other news.
pub(crate) fn unwritten(event: &EventKind) -> Option<String> {
    match event {
        EventKind::Audio(AudioEvent::DidStopRecording { filename, reason: Some(reason), .. }) => {
            Some(format!("cannot record to {}: {reason}", filename.display()))
        }
        EventKind::Application(ApplicationEvent::TraceFailed { error }) => {
            Some(format!("the trace ends early: {}", printable(error)))
        }
        EventKind::Application(ApplicationEvent::LogFailed { file, error }) => {
            Some(format!("cannot log to {}: {}", file.display(), printable(error)))
        }
        _ => None,
    }
}

/// Why a call failed, as in `486 Busy Here` or `user request`.
pub(crate) fn ending(originator: Originator, code: u16, reason: &str, failure_reason: &str) -> String {
    let (reason, words) = (printable(reason), printable(failure_reason));
    match code {
        0 if words.is_empty() => format!("ended by {}", side(originator)),
        0 => words,
        code if words.is_empty() || words == reason => format!("{code} {reason}"),
        code => format!("{code} {reason} ({words})"),
    }
}

/// The counters of a call that is over.
pub(crate) fn statistics(length: Duration, statistics: &Statistics) -> String {
    let Statistics { rx, tx, round_trip } = statistics;
    let mut words = format!(
        "{:.1} s; sent {} packets; received {}, lost {}, jitter {:.1} ms",
        length.as_secs_f64(),
        tx.packets,
        rx.packets,
        rx.lost,
        rx.jitter.as_secs_f64() * 1000.0
    );
    if let Some(time) = round_trip {
        words += &format!("; round trip {:.1} ms", time.as_secs_f64() * 1000.0);
    }
    words
}

fn audio(parameters: &Parameters, local: &std::net::SocketAddr) -> String {
    let codec = codec(parameters);
    match parameters.remote_rtp {
        Some(remote) => format!("audio {codec} between {local} and {remote}, {}", parameters.direction),
        None => format!("audio {codec} at {local}, {}", parameters.direction),
    }
}

fn codec(parameters: &Parameters) -> String {
    let encrypted = parameters.srtp.as_ref().map_or("", |_| " encrypted");
    parameters.formats.first().map_or_else(
        || "without a codec".into(),
        |format| format!("{}/{}{encrypted}", format.encoding, format.clock_rate),
    )
}

fn counted(streams: usize) -> String {
    if streams == 1 { "a stream".to_owned() } else { format!("{streams} streams") }
}

const fn side(originator: Originator) -> &'static str {
    match originator {
        Originator::Local => "us",
        Originator::Remote => "the remote party",
    }
}

/// Text of a peer that can do nothing to the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_say_the_code_or_the_reason() {
        for (code, reason, words, expected) in [
            (486, "Busy Here", "", "486 Busy Here"),
            (486, "Busy Here", "Busy Here", "486 Busy Here"),
            (408, "Request Timeout", "timeout", "408 Request Timeout (timeout)"),
            (0, "", "user request", "user request"),
            (0, "", "", "ended by the remote party"),
        ] {
            assert_eq!(ending(Originator::Remote, code, reason, words), expected);
        }
    }

    #[test]
    fn peers_cannot_write_to_the_terminal() {
        let event = SessionEvent::NewIncoming {
            account: sipsimple_core::id::AccountId::from_u64(0),
            remote_identity: "\"\u{1b}[2J\" <sip:a@b>".into(),
            streams: Vec::new(),
            without_offer: false,
            has_audio: true,
            has_chat: false,
            replaced: None,
        };
        assert_eq!(of_session(&event).unwrap(), "incoming call from \"\u{fffd}[2J\" <sip:a@b>");
    }
}
