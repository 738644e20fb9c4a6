//! SRTP between two agents in the simulator: what their settings come to, and that keys are given and media is heard.

mod changes;

use std::time::Duration;

use sipsimple_core::agent::EventKind;
use sipsimple_core::media::Keys;
use sipsimple_core::rtp::srtp::Suite;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::settings::kind::SrtpEncryption::{self, Disabled, Mandatory, Optional};
use sipsimple_testsuite::call::{ALICE, BOB, Call, Party};

/// How Alice and Bob encrypt, and whether they give out keys without TLS.
fn between(encryption: [SrtpEncryption; 2], without_tls: bool) -> Call {
    let mut parties = Party::both();
    for (party, srtp_encryption) in parties.iter_mut().zip(encryption) {
        (party.account.srtp_encryption, party.account.use_srtp_without_tls) = (srtp_encryption, without_tls);
    }
    Call::between(parties)
}

fn keys(call: &Call, host: usize) -> Vec<Keys> {
    call.parameters(host).into_iter().filter_map(|parameters| parameters.srtp).map(|keys| *keys).collect()
}

fn failure(call: &Call, host: usize) -> Option<u16> {
    call.world.host(host).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Session { event: SessionEvent::DidFail { code, .. }, .. } => Some(*code),
        _ => None,
    })
}

#[test]
fn the_settings_of_both_sides_decide() {
    for (encryption, expected) in [
        ([Disabled, Disabled], Ok(false)),
        ([Disabled, Optional], Ok(false)),
        ([Disabled, Mandatory], Err(488)),
        ([Optional, Disabled], Ok(false)),
        ([Optional, Optional], Ok(true)),
        ([Optional, Mandatory], Ok(true)),
        ([Mandatory, Disabled], Err(488)),
        ([Mandatory, Optional], Ok(true)),
        ([Mandatory, Mandatory], Ok(true)),
    ] {
        let mut call = between(encryption, true);
        call.connect();
        call.world.run_for(Duration::from_secs(7));
        match expected {
            Ok(encrypted) => {
                let (ours, theirs) = (keys(&call, ALICE), keys(&call, BOB));
                assert_eq!(
                    (ours.len(), theirs.len()),
                    (usize::from(encrypted), usize::from(encrypted)),
                    "{encryption:?}"
                );
                for (ours, theirs) in ours.iter().zip(&theirs) {
                    assert_eq!((&ours.send, &ours.receive), (&theirs.receive, &theirs.send));
                    assert_eq!(ours.send.suite(), Suite::AesCm128HmacSha1_80);
                }
                call.hang_up();
                call.assert_heard(1.0..4.0);
            }
            Err(code) => {
                assert_eq!(failure(&call, ALICE), Some(code), "{encryption:?}");
                assert!(call.world.run_until_quiescent(Duration::from_secs(120)));
            }
        }
    }
}

#[test]
fn without_tls_keys_are_not_given_out() {
    let mut optional = between([Optional, Optional], false);
    optional.connect();
    optional.world.run_for(Duration::from_secs(7));
    assert_eq!((optional.parameters(ALICE).len(), keys(&optional, ALICE).len()), (1, 0));
    optional.hang_up();
    optional.assert_heard(1.0..4.0);
    let mut mandatory = between([Mandatory, Optional], false);
    mandatory.connect();
    mandatory.world.run_for(Duration::from_secs(7));
    assert!(failure(&mandatory, ALICE).is_some());
    assert!(!mandatory.world.host(BOB).names().contains(&"SIPSessionNewIncoming"), "no INVITE is sent");
}

/// Hold and its end are offers of the same keys: the counters go on, and what is said afterwards is heard.
#[test]
fn offers_that_keep_the_keys_keep_what_is_heard() {
    let mut call = between([Mandatory, Mandatory], true);
    call.connect();
    call.world.run_for(Duration::from_secs(3));
    call.hold(ALICE, Duration::from_secs(1));
    call.world.run_for(Duration::from_secs(3));
    for host in [ALICE, BOB] {
        assert_eq!(keys(&call, host).len(), 1, "nothing has changed but the direction");
    }
    call.hang_up();
    call.assert_heard(1.0..3.0);
}
