//! OA-14: both sides of a session see the same.

use std::collections::BTreeMap;

use sipsimple_core::agent::SessionMut;
use sipsimple_core::id::SessionId;
use sipsimple_core::media::Parameters;
use sipsimple_core::session::SessionState;
use sipsimple_core::stream::AudioStream;

use crate::world::World;

use super::reference::Reference;

/// One side's view of a stream.
#[derive(Debug)]
struct View {
    kind: String,
    holds: bool,
    is_held: bool,
    audio: Option<(Parameters, std::net::SocketAddr)>,
}

/// Compares the sides of all sessions that go on; tells those that have another side.
///
/// # Panics
/// When they do not see the same, or one side is not settled.
pub(super) fn compare(world: &mut World, reference: &Reference) -> Vec<(usize, SessionId)> {
    let mut calls: BTreeMap<String, Vec<(usize, SessionId)>> = BTreeMap::new();
    for (host, id, known) in reference.all().filter(|(_, _, known)| known.outcome.is_none()) {
        assert_eq!(known.state, SessionState::Connected, "SES-3: host {host}: {id} has not settled: {known:?}");
        let wrong = world.with(host, |agent, now| known.unsettled(&agent.session(now, id).expect("it goes on")));
        assert_eq!(wrong, None, "SES-3: host {host}: {id} has not settled: {known:?}");
        let call = known.call_id.clone().expect("it is established");
        calls.entry(call).or_default().push((host, id));
    }
    let mut compared = Vec::new();
    for (call, sides) in calls {
        let [one, other] = sides[..] else {
            let heard = reference.byes.contains(&(sides[0].0, call));
            assert!(!heard, "OA-14: {sides:?} goes on after its BYE");
            continue;
        };
        compared.extend([one, other]);
        let views = [one, other]
            .map(|(host, id)| world.with(host, |agent, now| views(&agent.session(now, id).expect("it goes on"))));
        let text = format!("OA-14: {one:?} sees {:?}\n{other:?} sees {:?}", views[0], views[1]);
        assert_eq!(views[0].len(), views[1].len(), "{text}");
        for (ours, theirs) in views[0].iter().zip(&views[1]) {
            assert_eq!(ours.kind, theirs.kind, "{text}");
            assert_eq!((ours.holds, ours.is_held), (theirs.is_held, theirs.holds), "{text}");
            if let (Some((sent, here)), Some((answered, there))) = (&ours.audio, &theirs.audio) {
                assert_eq!((sent.remote_rtp, answered.remote_rtp), (Some(*there), Some(*here)), "{text}");
                let fits = |from: &Parameters, to: &Parameters| from.direction.sends() == to.direction.receives();
                assert!(fits(sent, answered) && fits(answered, sent), "{text}");
            }
        }
    }
    compared
}

fn views(session: &SessionMut<'_>) -> Vec<View> {
    let view = |id| {
        let stream = session.stream(id)?;
        let any: &dyn std::any::Any = stream;
        let audio = any.downcast_ref::<AudioStream>();
        Some(View {
            kind: stream.kind().to_owned(),
            holds: stream.on_hold_by_local(),
            is_held: stream.on_hold_by_remote(),
            audio: audio.and_then(|audio| Some((audio.parameters()?.clone(), audio.local_rtp()?))),
        })
    };
    session.streams().into_iter().filter_map(view).collect()
}
