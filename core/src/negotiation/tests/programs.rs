//! Two sides that add, remove, hold, resume and change streams at random, refuse each other at random, and get in each
//! other's way: they always come to rest with the same view of the session (OA-14), and no rule is broken on the way.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Message {
    Offer(Session),
    Answer(Session),
    /// A response that refuses the offer.
    Refusal(u16),
}

/// Something that happens: on which side, and numbers that say what and where.
#[derive(Clone, Copy, Debug)]
enum Step {
    Propose { side: usize, action: Action, slot: usize, taste: u8 },
    Deliver { side: usize, mood: u8 },
}

#[derive(Clone, Copy, Debug)]
enum Action {
    AddAudio,
    AddChat,
    Remove,
    Hold,
    Resume,
    Codecs,
    Move,
    Replace,
    Refresh,
}

struct Party {
    negotiator: Negotiator,
    inbox: VecDeque<Message>,
    /// Every description that it has given away.
    sent: Vec<Session>,
    /// What its numbers have meant in each slot since its stream began.
    meanings: BTreeMap<usize, BTreeMap<u8, String>>,
    agreed: Option<Agreed>,
    next_port: u16,
}

impl Party {
    fn new(address: &str, choice: Choice) -> Self {
        Self {
            negotiator: side(address).with_choice(choice),
            inbox: VecDeque::new(),
            sent: Vec::new(),
            meanings: BTreeMap::new(),
            agreed: None,
            next_port: 5004,
        }
    }

    fn port(&mut self) -> u16 {
        self.next_port += 2;
        self.next_port
    }

    fn audio(&mut self, taste: u8) -> Description {
        Description::audio(self.port(), codecs(taste))
    }

    /// Checks a description that is about to be given away against all that were given before.
    fn give(&mut self, session: &Session) {
        assert_eq!(Session::parse(session.as_bytes(), &Limits::default()).as_ref(), Ok(session));
        match self.sent.last() {
            None => assert_eq!(version(session), 1),
            Some(last) if last.same_but_origin(session) => assert_eq!(last, session),
            Some(last) => assert_eq!(version(session), version(last) + 1),
        }
        self.sent.push(session.clone());
        for (slot, media) in session.media().enumerate() {
            let before = self.negotiator.local().and_then(|local| local.media_at(slot));
            let goes_on = self.negotiator.live_slots().any(|live| live == slot)
                && before.is_some_and(|before| before.media_type() == media.media_type());
            let meanings = self.meanings.entry(slot).or_default();
            if !goes_on {
                meanings.clear();
            }
            if media.port() == 0 || !media.is_rtp() {
                continue;
            }
            for format in media.rtp_formats() {
                let codec = format!("{}/{}", format.encoding, format.clock_rate);
                let before = meanings.entry(format.payload).or_insert_with(|| codec.clone());
                assert_eq!(*before, codec, "{} in slot {slot} of {session:?}", format.payload);
            }
        }
    }

    /// Makes an offer, if none is outstanding.
    fn propose(&mut self, action: Action, slot: usize, taste: u8) -> Option<Message> {
        let live: Vec<usize> = self.negotiator.live_slots().collect();
        let chosen = live.get(slot % live.len().max(1)).copied();
        let current = chosen.and_then(|slot| {
            let media = self.negotiator.local()?.media_at(slot)?;
            Some(Description::from_media(&media).with_direction(self.negotiator.wanted_direction(slot)?))
        });
        let stream = match (action, chosen, current) {
            (Action::AddAudio, ..) => Some(LocalMedia::New(self.audio(taste))),
            (Action::AddChat, ..) => Some(LocalMedia::New(chat(self.port()))),
            (Action::Refresh, ..) | (_, None, _) | (_, _, None) => None,
            (Action::Remove, Some(slot), _) => Some(LocalMedia::Removed(slot)),
            (Action::Hold, Some(slot), Some(now)) => {
                let held = if now.direction.sends() { SendOnly } else { Inactive };
                Some(LocalMedia::At(slot, now.with_direction(held)))
            }
            (Action::Resume, Some(slot), Some(now)) => Some(LocalMedia::At(slot, now.with_direction(SendRecv))),
            (Action::Codecs, Some(slot), Some(now)) => match now.formats {
                Formats::Rtp(_) => {
                    Some(LocalMedia::At(slot, Description { formats: Formats::Rtp(codecs(taste)), ..now }))
                }
                Formats::Opaque(_) => None,
            },
            (Action::Move, Some(slot), Some(now)) => {
                Some(LocalMedia::At(slot, Description { port: self.port(), ..now }))
            }
            (Action::Replace, Some(slot), Some(now)) => {
                Some(LocalMedia::At(slot, if &*now.media == "audio" { chat(self.port()) } else { self.audio(taste) }))
            }
        };
        let stable = self.negotiator.state() == State::Stable;
        let lines = self.negotiator.local().map_or(0, Session::media_count);
        let offer = match self.negotiator.local_offer(stream.as_slice()) {
            Ok(offer) => offer,
            Err(error) => {
                assert_eq!((stable, error), (false, OfferError::Outstanding));
                return None;
            }
        };
        assert!(stable && offer.media_count() >= lines);
        self.give(&offer);
        Some(Message::Offer(offer))
    }

    /// Takes the next message; gives what is to be said to it.
    fn receive(&mut self, mood: u8) -> Option<Message> {
        match self.inbox.pop_front()? {
            Message::Offer(offer) => Some(self.answer(&offer, mood)),
            Message::Answer(answer) => {
                let agreed = self.negotiator.remote_answer(&answer).unwrap();
                assert!(agreed.unusable.is_empty(), "{:?} {answer:?}", self.negotiator.local());
                self.agreed = Some(agreed);
                None
            }
            Message::Refusal(code) => {
                assert!(matches!(code, 488 | 491));
                assert_eq!(self.negotiator.state(), State::LocalOffer);
                self.negotiator.roll_back();
                None
            }
        }
    }

    fn answer(&mut self, offer: &Session, mood: u8) -> Message {
        let proposal = match self.negotiator.remote_offer(offer) {
            Ok(proposal) => proposal,
            Err(refused) => {
                assert_eq!(refused, Refused::Glare);
                return Message::Refusal(refused.response());
            }
        };
        if mood.is_multiple_of(7) {
            self.negotiator.roll_back();
            return Message::Refusal(488);
        }
        let mut verdict = Vec::new();
        for (slot, proposed) in proposal.slots.iter().enumerate() {
            let taste = mood.wrapping_add(u8::try_from(slot).unwrap());
            match proposed.change {
                Change::Added | Change::Replaced if taste.is_multiple_of(5) => verdict.push(LocalAnswer::Reject(slot)),
                Change::Added | Change::Replaced => {
                    let wish =
                        if proposed.media.media_type() == "audio" { self.audio(taste) } else { chat(self.port()) };
                    verdict.push(LocalAnswer::Accept(slot, wish));
                }
                Change::Changed if taste.is_multiple_of(3) && proposed.media.media_type() == "audio" => {
                    let direction = self.negotiator.wanted_direction(slot).unwrap();
                    verdict.push(LocalAnswer::Accept(slot, self.audio(taste).with_direction(direction)));
                }
                Change::Unused | Change::Removed | Change::Changed | Change::Unchanged => {}
            }
        }
        let before = (self.negotiator.local().cloned(), self.negotiator.remote().cloned());
        let mut after = self.negotiator.clone();
        match after.local_answer(&verdict) {
            Ok((answer, agreed)) => {
                self.give(&answer);
                check_answer(offer, &answer);
                self.negotiator = after;
                self.agreed = Some(agreed);
                Message::Answer(answer)
            }
            Err(error) => {
                assert_eq!(error, AnswerError::NothingInCommon);
                self.negotiator.roll_back();
                assert_eq!((self.negotiator.local().cloned(), self.negotiator.remote().cloned()), before);
                Message::Refusal(488)
            }
        }
    }
}

/// Codecs in some order, with numbers that get in each other's way.
fn codecs(taste: u8) -> Vec<Codec> {
    let dynamic = 96 + taste % 3;
    let pool = [pcmu(), opus(dynamic), Codec::new("speex", 16000).with_payload(dynamic), pcma()];
    let start = usize::from(taste) % pool.len();
    let mut codecs: Vec<Codec> =
        pool.iter().cycle().skip(start).take(1 + usize::from(taste / 4) % 4).cloned().collect();
    if taste.is_multiple_of(2) {
        codecs.push(Codec::telephone_event(8000).with_payload(96 + taste / 2 % 4));
    }
    codecs
}

/// The rules of an answer (OA-3, OA-6, OA-7).
fn check_answer(offer: &Session, answer: &Session) {
    assert_eq!(offer.media_count(), answer.media_count());
    for (offered, answered) in offer.media().zip(answer.media()) {
        assert_eq!((offered.media_type(), offered.protocol()), (answered.media_type(), answered.protocol()));
        assert!(offered.port() != 0 || answered.port() == 0);
        if answered.port() == 0 {
            continue;
        }
        let (theirs, ours) = (offered.direction(), answered.direction());
        assert!(!ours.sends() || theirs.receives());
        assert!(!ours.receives() || theirs.sends());
        for format in answered.rtp_formats().iter().filter(|_| answered.is_rtp()) {
            assert!(Codec::from(format).find(&offered.rtp_formats()).is_some(), "{format:?} was not offered");
        }
    }
}

/// What both see when nothing is under way.
fn check_views(parties: &[Party; 2]) {
    let [alice, bob] = parties;
    assert_eq!((alice.negotiator.state(), bob.negotiator.state()), (State::Stable, State::Stable));
    assert_eq!(alice.negotiator.local(), bob.negotiator.remote());
    assert_eq!(bob.negotiator.local(), alice.negotiator.remote());
    let live = |party: &Party| party.negotiator.live_slots().collect::<Vec<_>>();
    assert_eq!(live(alice), live(bob));
    let (Some(ours), Some(theirs)) = (&alice.agreed, &bob.agreed) else { return };
    assert_eq!(ours.slots.len(), theirs.slots.len());
    for (slot, (ours, theirs)) in ours.slots.iter().zip(&theirs.slots).enumerate() {
        assert_eq!((ours.is_some(), theirs.is_some()), (live(alice).contains(&slot), live(bob).contains(&slot)));
        let (Some(ours), Some(theirs)) = (ours, theirs) else { continue };
        assert_eq!(ours.direction, theirs.direction.reversed());
        let numbers = |media: &AgreedMedia, swap: bool| {
            let one = |send, receive, rate| if swap { (receive, send, rate) } else { (send, receive, rate) };
            let formats = media.formats.iter().map(|f| one(f.send_payload, f.receive_payload, f.clock_rate));
            let events = media.telephone_event.map(|e| one(e.send_payload, e.receive_payload, e.clock_rate));
            (formats.collect::<Vec<_>>(), events)
        };
        assert_eq!(numbers(ours, false), numbers(theirs, true));
    }
}

fn run(steps: &[Step], choice: Choice) {
    let mut parties = [Party::new("192.0.2.1", choice), Party::new("192.0.2.2", choice)];
    let send = |parties: &mut [Party; 2], from: usize, message: Option<Message>| {
        parties[1 - from].inbox.extend(message);
        let resting = parties.iter().all(|party| party.inbox.is_empty() && party.negotiator.state() == State::Stable);
        if resting {
            check_views(parties);
        }
    };
    for step in steps {
        match *step {
            Step::Propose { side, action, slot, taste } => {
                let message = parties[side].propose(action, slot, taste);
                send(&mut parties, side, message);
            }
            Step::Deliver { side, mood } => {
                let message = parties[side].receive(mood);
                send(&mut parties, side, message);
            }
        }
    }
    while let Some(side) = parties.iter().position(|party| !party.inbox.is_empty()) {
        let message = parties[side].receive(1);
        send(&mut parties, side, message);
    }
    check_views(&parties);
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let action = prop::sample::select(vec![
        Action::AddAudio,
        Action::AddChat,
        Action::Remove,
        Action::Hold,
        Action::Resume,
        Action::Codecs,
        Action::Move,
        Action::Replace,
        Action::Refresh,
    ]);
    let propose = (0..2_usize, action, 0..4_usize, any::<u8>()).prop_map(|(side, action, slot, taste)| Step::Propose {
        side,
        action,
        slot,
        taste,
    });
    let deliver = (0..2_usize, any::<u8>()).prop_map(|(side, mood)| Step::Deliver { side, mood });
    proptest::collection::vec(prop_oneof![2 => propose, 3 => deliver], 0..60)
}

proptest! {
    #[test]
    fn two_sides_always_come_to_rest_with_the_same_view(steps in steps(), all in any::<bool>()) {
        run(&steps, if all { Choice::All } else { Choice::First });
    }
}

#[test]
fn a_glare_is_survived_and_settled() {
    let propose = |side, action| Step::Propose { side, action, slot: 0, taste: 2 };
    let deliver = |side| Step::Deliver { side, mood: 1 };
    // Both offer at once, both refuse, both give up; then one after the other.
    let mut steps = vec![propose(0, Action::AddAudio), propose(1, Action::AddAudio)];
    steps.extend([deliver(0), deliver(1), deliver(0), deliver(1)]);
    steps.extend([
        propose(0, Action::AddAudio),
        deliver(1),
        deliver(0),
        propose(1, Action::AddChat),
        deliver(0),
        deliver(1),
    ]);
    steps.extend([propose(0, Action::Hold), propose(1, Action::Hold), deliver(1), deliver(0), deliver(1), deliver(0)]);
    run(&steps, Choice::First);
}
