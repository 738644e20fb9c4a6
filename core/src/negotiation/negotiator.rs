//! The offer/answer machine (RFC 3264): states, slots, versions.

use std::net::IpAddr;

use crate::sdp::{BuildError, Builder, Direction, Origin as OriginLine, Session, address_type, push_number};
use crate::sip::Text;

use super::agreed::{Agreed, Answer};
use super::codec::Numbers;
use super::error::{AnswerError, OfferError, Refused};
use super::lines;
use super::local::{Description, LocalAnswer, LocalMedia};
use super::proposal::{Proposal, Proposed};

/// Who makes the descriptions of this side: the `o=` line but for its version (RFC 8866 section 5.2). It stays the same for the whole session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The user's name without spaces; `-` for none.
    pub username: Text,
    /// A number that no other session of this user and host has; the top bit is not used (RFC 3264 section 5).
    pub session_id: u64,
    /// The address of this host, which is also the session's `c=`.
    pub address: IpAddr,
}

/// Where the exchange of offers and answers stands.
///
/// ```text
///                local_offer                    remote_offer
///  LocalOffer ◄────────────── Stable ──────────────► RemoteOffer
///      │                      ▲    ▲                      │
///      │  remote_answer,      │    │  local_answer,       │
///      └──────────────────────┘    └──────────────────────┘
///         roll_back                   refuse, roll_back
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No offer is outstanding.
    Stable,
    /// An offer of this side waits for the peer's answer.
    LocalOffer,
    /// An offer of the peer waits for this side's answer.
    RemoteOffer,
}

/// How many of the codecs in common an answer lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The first of this side's codecs that is offered, so that both sides send that one.
    #[default]
    First,
    /// All of this side's codecs that are offered, in this side's order.
    All,
}

/// One side of the exchange of offers and answers of one dialog.
///
/// It makes this side's descriptions and judges the peer's. A media line keeps its slot for ever: a removed stream leaves a
/// line with port 0, which a later stream may take. An offer that comes to nothing changes nothing.
///
/// ```
/// use sipsimple_core::negotiation::{Codec, Description, LocalAnswer, LocalMedia, Negotiator, Origin, State};
///
/// let side = |host: &str| {
///     let origin = Origin { username: "-".into(), session_id: 1, address: host.parse().unwrap() };
///     Negotiator::new(origin, "-".into())
/// };
/// let audio = |port| Description::audio(port, vec![Codec::new("PCMA", 8000), Codec::new("PCMU", 8000)]);
/// let (mut alice, mut bob) = (side("192.0.2.1"), side("192.0.2.2"));
///
/// let offer = alice.local_offer(&[LocalMedia::New(audio(5004))]).unwrap();
/// bob.remote_offer(&offer).unwrap();
/// let (answer, agreed) = bob.local_answer(&[LocalAnswer::Accept(0, audio(6000))]).unwrap();
/// assert_eq!(agreed.slots[0].as_ref().unwrap().remote_rtp, Some("192.0.2.1:5004".parse().unwrap()));
/// let agreed = alice.remote_answer(&answer).unwrap();
/// assert_eq!(agreed.slots[0].as_ref().unwrap().formats[0].encoding, "PCMA");
/// assert_eq!((alice.state(), bob.state()), (State::Stable, State::Stable));
/// ```
#[derive(Clone, Debug)]
pub struct Negotiator {
    origin: Origin,
    name: Text,
    choice: Choice,
    /// The version of `sent`.
    version: u64,
    /// The description that the peer was given last, in an offer or an answer, whatever came of it.
    sent: Option<Session>,
    /// The slots of the active descriptions.
    slots: Vec<Slot>,
    active: Option<Active>,
    outstanding: Outstanding,
}

#[derive(Clone, Debug)]
struct Active {
    local: Session,
    remote: Session,
}

#[derive(Clone, Debug)]
enum Outstanding {
    None,
    Local { offer: Session, slots: Vec<Slot> },
    Remote { offer: Session },
}

/// One media line, as far as its descriptions do not say it.
#[derive(Clone, Debug)]
struct Slot {
    /// Whether a stream uses it: both ports are not 0.
    live: bool,
    /// The direction that this side would like, whatever was agreed on (RFC 6337 section 5.3).
    wanted: Direction,
    numbers: Numbers,
}

impl Slot {
    const fn unused() -> Self {
        Self { live: false, wanted: Direction::SendRecv, numbers: Numbers::new() }
    }
}

/// What an offer or an answer of this side does with a slot.
#[derive(Clone, Copy)]
enum Plan<'a> {
    /// Nothing was said about it.
    Unsaid,
    Use(&'a Description),
    Close,
}

impl Negotiator {
    /// A session that has no description yet. `name` is the subject (`s=`), `-` for none.
    #[must_use]
    pub const fn new(origin: Origin, name: Text) -> Self {
        Self {
            origin,
            name,
            choice: Choice::First,
            version: 0,
            sent: None,
            slots: Vec::new(),
            active: None,
            outstanding: Outstanding::None,
        }
    }

    /// The same, with another rule for the codecs of answers.
    #[must_use]
    pub const fn with_choice(mut self, choice: Choice) -> Self {
        self.choice = choice;
        self
    }

    /// Where the exchange stands.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.outstanding {
            Outstanding::None => State::Stable,
            Outstanding::Local { .. } => State::LocalOffer,
            Outstanding::Remote { .. } => State::RemoteOffer,
        }
    }

    /// This side's description of the last exchange that came to an end.
    #[must_use]
    pub fn local(&self) -> Option<&Session> {
        self.active.as_ref().map(|active| &active.local)
    }

    /// The peer's description of the last exchange that came to an end.
    #[must_use]
    pub fn remote(&self) -> Option<&Session> {
        self.active.as_ref().map(|active| &active.remote)
    }

    /// The offer that waits for its answer, of either side.
    #[must_use]
    pub const fn offer(&self) -> Option<&Session> {
        match &self.outstanding {
            Outstanding::None => None,
            Outstanding::Local { offer, .. } | Outstanding::Remote { offer } => Some(offer),
        }
    }

    /// The slots that a stream uses.
    pub fn live_slots(&self) -> impl Iterator<Item = usize> {
        self.slots.iter().enumerate().filter(|(_, slot)| slot.live).map(|(slot, _)| slot)
    }

    /// The slots that new streams take, in this order, unless an offer names them otherwise: those not in use, and then those after the last.
    pub fn free_slots(&self) -> impl Iterator<Item = usize> {
        let unused = self.slots.iter().enumerate().filter(|(_, slot)| !slot.live).map(|(slot, _)| slot);
        unused.chain(self.slots.len()..)
    }

    /// The direction that this side would like for this slot: what it said last, and not what the peer left of it (RFC 6337 section 5.3).
    #[must_use]
    pub fn wanted_direction(&self, slot: usize) -> Option<Direction> {
        self.slots.get(slot).filter(|slot| slot.live).map(|slot| slot.wanted)
    }

    /// Makes an offer. Streams that it does not mention are offered again with what this side's last description says of
    /// them, in the direction that this side would like: an empty list refreshes the session. To offer codecs again that the
    /// last exchange has left out, mention the stream. An offer that says the same as the last description has its version.
    ///
    /// # Errors
    /// Fails, and changes nothing, while an offer is outstanding, for a slot that is not there or is named twice, for a line
    /// without formats, and for texts that cannot stand in a description.
    pub fn local_offer(&mut self, streams: &[LocalMedia]) -> Result<Session, OfferError> {
        if self.state() != State::Stable {
            return Err(OfferError::Outstanding);
        }
        let plans = self.plan_offer(streams)?;
        let mut slots = self.slots.clone();
        slots.resize_with(plans.len(), Slot::unused);
        let mut builder = self.begin();
        builder.time(0, 0);
        for (index, (plan, slot)) in plans.iter().zip(&mut slots).enumerate() {
            let before = self.local().and_then(|local| local.media_at(index));
            let theirs = self.remote().and_then(|remote| remote.media_at(index));
            let repeated;
            let wish = match (plan, before) {
                (Plan::Use(wish), _) => *wish,
                (Plan::Unsaid, Some(before)) if slot.live => {
                    repeated = Description::from_media(&before).with_direction(slot.wanted);
                    &repeated
                }
                (Plan::Unsaid | Plan::Close, Some(before)) => {
                    lines::close(&mut builder, &before);
                    *slot = Slot::unused();
                    continue;
                }
                (Plan::Unsaid | Plan::Close, None) => return Err(OfferError::UnknownSlot(index)),
            };
            if !slot.live || before.is_none_or(|before| !before.media_type().eq_ignore_ascii_case(&wish.media)) {
                *slot = Slot::unused();
            }
            let peer = theirs.filter(|_| slot.live).map(|theirs| theirs.rtp_formats()).unwrap_or_default();
            if !lines::offer(&mut builder, wish, &mut slot.numbers, &peer) {
                return Err(OfferError::NoFormats(index));
            }
            slot.live = wish.port != 0;
            slot.wanted = wish.direction;
        }
        let offer = self.provide(builder)?;
        self.outstanding = Outstanding::Local { offer: offer.clone(), slots };
        Ok(offer)
    }

    /// Says for each slot what becomes of it.
    fn plan_offer<'a>(&self, streams: &'a [LocalMedia]) -> Result<Vec<Plan<'a>>, OfferError> {
        let mut plans = vec![Plan::Unsaid; self.slots.len()];
        for stream in streams {
            let (index, plan) = match stream {
                LocalMedia::At(index, wish) => (*index, Plan::Use(wish)),
                LocalMedia::Removed(index) => (*index, Plan::Close),
                LocalMedia::New(_) => continue,
            };
            match plans.get_mut(index) {
                Some(unsaid @ Plan::Unsaid) => *unsaid = plan,
                Some(Plan::Use(_) | Plan::Close) => return Err(OfferError::RepeatedSlot(index)),
                None => return Err(OfferError::UnknownSlot(index)),
            }
        }
        for stream in streams {
            let LocalMedia::New(wish) = stream else { continue };
            let mut free =
                plans.iter_mut().zip(&self.slots).filter(|(plan, slot)| !slot.live && matches!(plan, Plan::Unsaid));
            match free.next() {
                Some((plan, _)) => *plan = Plan::Use(wish),
                None => plans.push(Plan::Use(wish)),
            }
        }
        Ok(plans)
    }

    /// Takes an offer of the peer, and says what it proposes.
    ///
    /// # Errors
    /// Fails, and changes nothing, while an offer is outstanding, when media lines of the session are missing, and when an RTP stream has no address.
    pub fn remote_offer<'a>(&mut self, offer: &'a Session) -> Result<Proposal<'a>, Refused> {
        match self.state() {
            State::Stable => {}
            State::LocalOffer => return Err(Refused::Glare),
            State::RemoteOffer => return Err(Refused::Unanswered),
        }
        let (before, lines) = (self.slots.len(), offer.media_count());
        if lines < before {
            return Err(Refused::LinesMissing { before, lines });
        }
        check_connections(offer)?;
        let proposal = self.read(offer);
        self.outstanding = Outstanding::Remote { offer: offer.clone() };
        Ok(proposal)
    }

    /// What the peer's offer that waits for this side's answer proposes.
    #[must_use]
    pub fn proposal(&self) -> Option<Proposal<'_>> {
        match &self.outstanding {
            Outstanding::Remote { offer } => Some(self.read(offer)),
            Outstanding::None | Outstanding::Local { .. } => None,
        }
    }

    fn read<'a>(&self, offer: &'a Session) -> Proposal<'a> {
        let slots = offer.media().enumerate().map(|(index, media)| {
            let before = self.slots.get(index).map(|slot| slot.live).zip(self.remote());
            Proposed::new(media, before, index)
        });
        Proposal { slots: slots.collect() }
    }

    /// Answers the peer's offer. Streams in use that are not mentioned go on as they are, as far as the offer lets them; new ones that are not mentioned are refused.
    ///
    /// A codec keeps the number of the offer. A stream without a codec in common is refused by port 0, and so is one that is offered with port 0.
    ///
    /// # Errors
    /// Fails, and changes nothing, when there is no offer, for a slot that is not there or is named twice, for texts that
    /// cannot stand in a description, and when the offer has streams and not one is accepted.
    pub fn local_answer(&mut self, verdict: &[LocalAnswer]) -> Result<(Session, Agreed), AnswerError> {
        let Outstanding::Remote { offer } = &self.outstanding else {
            return Err(AnswerError::NoOffer);
        };
        let offer = offer.clone();
        let plans = plan_answer(verdict, offer.media_count())?;
        let mut slots = self.slots.clone();
        slots.resize_with(plans.len(), Slot::unused);
        let mut builder = self.begin();
        lines::times(&mut builder, &offer);
        for (index, ((plan, slot), theirs)) in plans.iter().zip(&mut slots).zip(offer.media()).enumerate() {
            let ours = self
                .local()
                .and_then(|local| local.media_at(index))
                .filter(|ours| slot.live && ours.media_type().eq_ignore_ascii_case(theirs.media_type()));
            if ours.is_none() {
                *slot = Slot::unused();
            }
            let repeated;
            let wish = match (plan, ours) {
                (Plan::Use(wish), _) => Some(*wish),
                (Plan::Unsaid, Some(ours)) => {
                    repeated = Description::from_media(&ours).with_direction(slot.wanted);
                    Some(&repeated)
                }
                (Plan::Unsaid, None) | (Plan::Close, _) => None,
            };
            let accepted = wish.filter(|wish| wish.port != 0 && theirs.port() != 0);
            match accepted {
                Some(wish) if lines::answer(&mut builder, wish, &theirs, &mut slot.numbers, self.choice) => {
                    slot.live = true;
                    slot.wanted = wish.direction;
                }
                Some(_) | None => {
                    lines::close(&mut builder, &theirs);
                    *slot = Slot::unused();
                }
            }
        }
        // To close every line on purpose is an answer, too.
        let wanted = plans.iter().zip(offer.media());
        let wanted = wanted.filter(|(plan, theirs)| !matches!(plan, Plan::Close) && theirs.port() != 0).count();
        if wanted > 0 && !slots.iter().any(|slot| slot.live) {
            return Err(AnswerError::NothingInCommon);
        }
        let answer = self.provide(builder)?;
        Ok((answer.clone(), self.settle(answer, offer, slots, Answer::Ours)))
    }

    /// Answers the peer's offer with port 0 in every line. This is for an offer that cannot be answered with 488, because it came in a 2xx: the ACK carries this, and a BYE follows (RFC 6337 section 5.2.4).
    ///
    /// # Errors
    /// Fails when there is no offer.
    pub fn refuse(&mut self) -> Result<Session, AnswerError> {
        let Outstanding::Remote { offer } = &self.outstanding else {
            return Err(AnswerError::NoOffer);
        };
        let offer = offer.clone();
        let mut builder = self.begin();
        lines::times(&mut builder, &offer);
        for theirs in offer.media() {
            lines::close(&mut builder, &theirs);
        }
        let answer = self.provide(builder)?;
        let slots = offer.media().map(|_| Slot::unused()).collect();
        self.settle(answer.clone(), offer, slots, Answer::Ours);
        Ok(answer)
    }

    /// Takes the peer's answer to this side's offer.
    ///
    /// # Errors
    /// Fails, and changes nothing, when there is no offer of this side, and when the answer's media lines are not as many, of the same types, and in the same order as the offer's.
    pub fn remote_answer(&mut self, answer: &Session) -> Result<Agreed, Refused> {
        let Outstanding::Local { offer, .. } = &self.outstanding else {
            return Err(Refused::NoOffer);
        };
        check_answer(offer, answer)?;
        let Outstanding::Local { offer, slots } = std::mem::replace(&mut self.outstanding, Outstanding::None) else {
            return Err(Refused::NoOffer);
        };
        Ok(self.settle(offer, answer.clone(), slots, Answer::Theirs))
    }

    /// What the peer's answer would amount to, without taking it: for a description in a provisional response that is not
    /// reliable. The answer itself comes later, and equals it or takes its place.
    ///
    /// # Errors
    /// Fails as [`remote_answer`](Self::remote_answer) does.
    pub fn remote_preview(&self, answer: &Session) -> Result<Agreed, Refused> {
        let Outstanding::Local { offer, .. } = &self.outstanding else {
            return Err(Refused::NoOffer);
        };
        check_answer(offer, answer)?;
        Ok(Agreed::new(offer, answer, Answer::Theirs))
    }

    /// Forgets the outstanding offer of either side, because it was refused or withdrawn: everything is as it was before it. Only the meaning of payload type numbers and the version stay used.
    pub fn roll_back(&mut self) {
        if let Outstanding::Local { slots, .. } = std::mem::replace(&mut self.outstanding, Outstanding::None) {
            let live = self.slots.iter_mut().zip(slots).filter(|(slot, offered)| slot.live && offered.live);
            live.for_each(|(slot, offered)| slot.numbers.merge(offered.numbers));
        }
    }

    /// Starts a description with the version after the last one.
    fn begin(&self) -> Builder {
        let mut numbers = String::with_capacity(40);
        push_number(&mut numbers, self.origin.session_id & (u64::MAX >> 1));
        let middle = numbers.len();
        push_number(&mut numbers, self.version.saturating_add(1));
        let (session_id, version) = numbers.split_at_checked(middle).unwrap_or_default();
        let address = self.origin.address.to_string();
        let mut builder = Session::builder(&OriginLine {
            username: &self.origin.username,
            session_id,
            version,
            network_type: "IN",
            address_type: address_type(self.origin.address),
            address: &address,
        });
        builder.name(&self.name).connection(self.origin.address);
        builder
    }

    /// Finishes a description that is now given to the peer: the last one again when they say the same, so that the version rises only with a change.
    fn provide(&mut self, builder: Builder) -> Result<Session, BuildError> {
        let session = builder.finish()?;
        if let Some(sent) = self.sent.as_ref().filter(|sent| sent.same_but_origin(&session)) {
            return Ok(sent.clone());
        }
        self.version = self.version.saturating_add(1);
        self.sent = Some(session.clone());
        Ok(session)
    }

    /// Makes two descriptions the active ones.
    fn settle(&mut self, local: Session, remote: Session, mut slots: Vec<Slot>, answer: Answer) -> Agreed {
        let agreed = Agreed::new(&local, &remote, answer);
        for (slot, theirs) in slots.iter_mut().zip(remote.media()) {
            if theirs.port() == 0 {
                *slot = Slot::unused();
            }
        }
        self.slots = slots;
        self.active = Some(Active { local, remote });
        self.outstanding = Outstanding::None;
        agreed
    }
}

/// Says for each slot of an offer what becomes of it.
fn plan_answer(verdict: &[LocalAnswer], lines: usize) -> Result<Vec<Plan<'_>>, AnswerError> {
    let mut plans = vec![Plan::Unsaid; lines];
    for answer in verdict {
        let (index, plan) = match answer {
            LocalAnswer::Accept(index, wish) => (*index, Plan::Use(wish)),
            LocalAnswer::Reject(index) => (*index, Plan::Close),
        };
        match plans.get_mut(index) {
            Some(unsaid @ Plan::Unsaid) => *unsaid = plan,
            Some(Plan::Use(_) | Plan::Close) => return Err(AnswerError::RepeatedSlot(index)),
            None => return Err(AnswerError::UnknownSlot(index)),
        }
    }
    Ok(plans)
}

/// Refuses a description in which an RTP stream has no address.
fn check_connections(session: &Session) -> Result<(), Refused> {
    let lacking = session.media().position(|media| media.port() != 0 && media.is_rtp() && media.connection().is_none());
    lacking.map_or(Ok(()), |slot| Err(Refused::NoConnection(slot)))
}

/// Refuses an answer whose media lines are not those of the offer (RFC 3264 section 6).
fn check_answer(offer: &Session, answer: &Session) -> Result<(), Refused> {
    let (offered, lines) = (offer.media_count(), answer.media_count());
    if offered != lines {
        return Err(Refused::LineCount { offered, lines });
    }
    for (slot, (ours, theirs)) in offer.media().zip(answer.media()).enumerate() {
        if !ours.media_type().eq_ignore_ascii_case(theirs.media_type()) {
            return Err(Refused::MediaType(slot));
        }
        if theirs.port() != 0 && !ours.protocol().eq_ignore_ascii_case(theirs.protocol()) {
            return Err(Refused::Protocol(slot));
        }
    }
    check_connections(answer)
}
