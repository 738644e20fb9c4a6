//! What sessions tell, in short words, for tests and ladders. Of streams it is said only how many there are.

use sipsimple_core::session::{Originator, SessionEvent, StreamAction};

const fn side(originator: Originator) -> &'static str {
    match originator {
        Originator::Local => "local",
        Originator::Remote => "remote",
    }
}

/// The words.
#[must_use]
pub fn of(event: &SessionEvent) -> Option<String> {
    Some(match event {
        SessionEvent::ChangedState { state, .. } => format!("-> {state}"),
        SessionEvent::NewIncoming { streams, .. } => format!("incoming {}", streams.len()),
        SessionEvent::NewOutgoing { streams, .. } => format!("outgoing {}", streams.len()),
        SessionEvent::GotRingIndication => "rings".to_owned(),
        SessionEvent::GotProvisionalResponse { code, .. } => format!("provisional {code}"),
        SessionEvent::WillStart => "will start".to_owned(),
        SessionEvent::DidStart { streams } => format!("started {}", streams.len()),
        SessionEvent::DidChangeHoldState { originator, on_hold, partial } => {
            let partial = if *partial { " partial" } else { "" };
            format!("hold {} {on_hold}{partial}", side(*originator))
        }
        SessionEvent::GotProposal { originator, streams, .. } => {
            format!("proposal {} {}", side(*originator), streams.len())
        }
        SessionEvent::GotAcceptProposal { originator, streams, proposed_streams } => {
            format!("accepted {} {}/{}", side(*originator), streams.len(), proposed_streams.len())
        }
        SessionEvent::GotRejectProposal { originator, code, streams, .. } => {
            format!("rejected {} {code} {}", side(*originator), streams.len())
        }
        SessionEvent::HadProposalFailure { originator, failure_reason, .. } => {
            format!("failure {} {failure_reason}", side(*originator))
        }
        SessionEvent::DidRenegotiateStreams { originator, action, streams } => {
            let action = if *action == StreamAction::Add { "add" } else { "remove" };
            format!("renegotiated {} {action} {}", side(*originator), streams.len())
        }
        SessionEvent::DidProcessTransaction { originator, method, code, .. } => {
            format!("{method} {} {code}", side(*originator))
        }
        SessionEvent::WillEnd { originator } => format!("will end {}", side(*originator)),
        SessionEvent::DidEnd { originator, end_reason, .. } => format!("ended {} {end_reason}", side(*originator)),
        SessionEvent::DidFail { code, .. } => format!("failed {code}"),
        SessionEvent::TransferNewIncoming { target, attended, .. } => {
            format!("transfer asked for, to {target}{}", if *attended { " attended" } else { "" })
        }
        SessionEvent::TransferNewOutgoing { target } => format!("transfer to {target}"),
        SessionEvent::TransferDidStart => "transfer started".to_owned(),
        SessionEvent::TransferGotProgress { code, .. } => format!("transfer progress {code}"),
        SessionEvent::TransferDidEnd => "transfer ended".to_owned(),
        SessionEvent::TransferDidFail { code, .. } => format!("transfer failed {code}"),
        _ => return None,
    })
}
