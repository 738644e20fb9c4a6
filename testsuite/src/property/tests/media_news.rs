//! Who watches what streams tell of their media: each rule, kept and broken.

use std::time::Duration;

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::ice::{Candidate, Outcome, Selected};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::media::{Keys, Parameters};
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::rtp::srtp::{MasterKey, Suite};
use sipsimple_core::sdp::Direction;
use sipsimple_core::stream::IceState::{self, Failed, Gathering, GatheringComplete, InProgress, Succeeded};
use sipsimple_core::stream::{Rtp, StreamEvent};
use sipsimple_core::time::{Instant, Utc};

use super::super::MediaNews;
use super::Stage;

impl Stage {
    /// A stream of a host tells this.
    fn says(mut self, host: usize, stream: u64, event: StreamEvent) -> Self {
        let (id, session) = (StreamId::from_u64(stream), SessionId::from_u64(0));
        let kind = EventKind::Stream { id, session, kind: "audio".into(), event };
        self.watch.told(host, Instant::from_millis(self.at), &Event { timestamp: Utc::default(), kind });
        self
    }

    /// The first stream of the host goes through these states of ICE.
    fn ice(self, states: &[IceState]) -> Self {
        states
            .iter()
            .fold(self, |stage, state| stage.says(0, 0, StreamEvent::IceNegotiationStateDidChange { state: *state }))
    }

    fn fails(self, reason: &'static str) -> Self {
        self.says(0, 0, StreamEvent::IceNegotiationDidFail { reason: reason.into() })
    }

    fn starts(self, host: usize, stream: u64, keys: Option<[u64; 2]>) -> Self {
        let rtp = Rtp { parameters: parameters(keys), local: "10.0.0.1:50000".parse().unwrap() };
        self.says(host, stream, StreamEvent::DidStart { rtp: Some(rtp) })
    }

    fn goes_on(self, host: usize, stream: u64, keys: Option<[u64; 2]>) -> Self {
        self.says(host, stream, StreamEvent::DidChangeParameters { parameters: parameters(keys) })
    }
}

const LOST: &str = "the peer no longer consents to receive";
const TIMED_OUT: &str = "no connectivity check was successful in time";
const ALL: [IceState; 5] = [Gathering, GatheringComplete, InProgress, Succeeded, Failed];

fn stage() -> Stage {
    Stage::new(MediaNews::default())
}

/// What is sent under the first key and received under the second; each number is another.
fn parameters(keys: Option<[u64; 2]>) -> Parameters {
    let key = |number| MasterKey::generate(Suite::AesCm128HmacSha1_80, &mut Random::new(&Seed::from_u64(number)));
    Parameters {
        remote_rtp: None,
        remote_rtcp: None,
        direction: Direction::SendRecv,
        formats: Vec::new(),
        telephone_event: None,
        comfort_noise: None,
        suppress_silence: false,
        ptime: 20,
        symmetric: false,
        timeout: None,
        srtp: keys.map(|[send, receive]| Box::new(Keys { send: key(send), receive: key(receive) })),
        ice: None,
    }
}

fn found(selected: bool) -> StreamEvent {
    let candidate = || Candidate::read("1 1 UDP 2130706431 10.0.0.1 50000 typ host").unwrap();
    let pair = Selected { base: candidate().address, local: candidate(), remote: candidate() };
    StreamEvent::IceNegotiationDidSucceed {
        outcome: Box::new(Outcome {
            selected: if selected { vec![pair] } else { Vec::new() },
            duration: Duration::ZERO,
            local_candidates: Vec::new(),
            remote_candidates: Vec::new(),
            checks: Vec::new(),
        }),
    }
}

#[test]
fn ice_goes_the_way_of_its_states() {
    // How each state is reached, and what may follow it.
    let ways: [(&[IceState], &[IceState]); 6] = [
        (&[], &[Gathering]),
        (&[Gathering], &[GatheringComplete]),
        (&[Gathering, GatheringComplete], &[InProgress]),
        (&[Gathering, GatheringComplete, InProgress], &[InProgress, Succeeded, Failed]),
        (&[Gathering, GatheringComplete, InProgress, Succeeded], &[InProgress, Failed]),
        (&[Gathering, GatheringComplete, InProgress, Failed], &[InProgress]),
    ];
    for (way, legal) in ways {
        for state in ALL {
            let expected: &[&str] = if legal.contains(&state) { &[] } else { &["ICE-1"] };
            stage().ice(way).ice(&[state]).breaks(expected);
        }
    }
    // Each stream of each host has its own.
    let gathers = StreamEvent::IceNegotiationStateDidChange { state: Gathering };
    stage().ice(&[Gathering]).says(0, 1, gathers.clone()).says(1, 0, gathers.clone()).breaks(&[]);
    stage().ice(&[Gathering]).says(0, 0, StreamEvent::DidEnd).says(0, 0, gathers).breaks(&[]);
}

#[test]
fn success_and_failure_are_told_in_their_states() {
    let way = [Gathering, GatheringComplete, InProgress];
    stage().ice(&way).ice(&[Succeeded]).says(0, 0, found(true)).breaks(&[]);
    stage().ice(&way).ice(&[Succeeded]).says(0, 0, found(false)).breaks(&["ICE-1"]);
    stage().ice(&way).says(0, 0, found(true)).breaks(&["ICE-1"]);
    stage().ice(&way).ice(&[Failed]).says(0, 0, found(true)).breaks(&["ICE-1"]);
    stage().ice(&way).ice(&[Failed]).fails(TIMED_OUT).breaks(&[]);
    stage().ice(&way).fails(TIMED_OUT).breaks(&["ICE-1"]);
    stage().ice(&way).ice(&[Succeeded]).fails(TIMED_OUT).breaks(&["ICE-1"]);
}

#[test]
fn a_stream_starts_when_ice_has_ended() {
    let way = [Gathering, GatheringComplete, InProgress];
    stage().starts(0, 0, None).breaks(&[]);
    stage().ice(&way[..2]).starts(0, 0, None).breaks(&[]);
    for end in [Succeeded, Failed] {
        stage().ice(&way).ice(&[end]).starts(0, 0, None).ice(&[InProgress]).breaks(&[]);
    }
    stage().ice(&way[..1]).starts(0, 0, None).breaks(&["ICE-1"]);
    stage().ice(&way).starts(0, 0, None).breaks(&["ICE-1"]);
}

#[test]
fn without_consent_a_stream_ends() {
    let lost = |reason| {
        let way = [Gathering, GatheringComplete, InProgress, Succeeded];
        stage().ice(&way).starts(0, 0, None).ice(&[Failed]).fails(reason)
    };
    for end in [StreamEvent::DidFail { reason: LOST.into() }, StreamEvent::DidEnd] {
        lost(LOST).says(0, 0, end).breaks(&[]);
    }
    lost(LOST).says(0, 0, StreamEvent::WillEnd).says(0, 0, StreamEvent::DidEnd).breaks(&[]);
    for news in [StreamEvent::GotDtmf { digit: '1' }, StreamEvent::GotNoAudio { got_any: true }, found(true)] {
        lost(LOST).says(0, 0, news).breaks(&["ICE-1"]);
    }
    lost(LOST).ice(&[InProgress]).breaks(&["ICE-1"]);
    lost(TIMED_OUT).ice(&[InProgress]).says(0, 0, StreamEvent::GotDtmf { digit: '1' }).breaks(&[]);
}

#[test]
fn a_key_is_one_stream_s_and_one_direction_s() {
    // Both ends of a stream have the same two, the other way round.
    stage().starts(0, 0, Some([1, 2])).starts(1, 0, Some([2, 1])).breaks(&[]);
    stage().starts(0, 0, Some([1, 2])).goes_on(0, 0, Some([1, 2])).breaks(&[]);
    stage().starts(0, 0, Some([1, 2])).starts(0, 1, Some([3, 4])).breaks(&[]);
    stage().starts(0, 0, Some([1, 1])).breaks(&["SRT-1"]);
    stage().starts(0, 0, Some([1, 2])).starts(0, 1, Some([1, 3])).breaks(&["SRT-1"]);
    stage().starts(0, 0, Some([1, 2])).starts(1, 0, Some([1, 3])).breaks(&["SRT-1"]);
    stage().starts(0, 0, Some([1, 2])).goes_on(0, 0, Some([3, 3])).breaks(&["SRT-1"]);
    let ended = stage().starts(0, 0, Some([1, 2])).says(0, 0, StreamEvent::DidEnd);
    ended.starts(0, 1, Some([1, 3])).breaks(&["SRT-1"]);
}

#[test]
fn a_key_that_was_given_up_does_not_come_back() {
    stage().starts(0, 0, Some([1, 2])).goes_on(0, 0, Some([3, 2])).goes_on(0, 0, Some([5, 2])).breaks(&[]);
    stage().starts(0, 0, Some([1, 2])).goes_on(0, 0, Some([3, 2])).goes_on(0, 0, Some([1, 2])).breaks(&["SRT-1"]);
    stage().starts(0, 0, Some([1, 2])).goes_on(0, 0, None).goes_on(0, 0, Some([3, 2])).breaks(&[]);
    stage().starts(0, 0, Some([1, 2])).goes_on(0, 0, None).goes_on(0, 0, Some([1, 2])).breaks(&["SRT-1"]);
}
