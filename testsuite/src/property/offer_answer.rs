//! OA: offers and answers (RFC 3264, RFC 6337).
//!
//! - OA-2: who may carry an offer, and who its answer (RFC 6337 table 1).
//! - OA-3: an answer has the lines of the offer (RFC 3264 section 6).
//! - OA-4: a new offer keeps the lines there are (RFC 3264 section 8).
//! - OA-5: `o=` (RFC 3264 sections 5 and 8).
//! - OA-6: directions (RFC 3264 section 6.1).
//! - OA-7: formats (RFC 3264 section 6.1).
//! - OA-8: an INVITE that begins a call and of which nothing can be used is not accepted with all ports 0 (RFC 3264 section 6, RFC 6337
//!   section 3).
//! - OA-10: keys (RFC 4568 sections 5.1.2 and 7.1.2). That the answer's protocol is the offer's, OA-3 asserts; that keys are not
//!   logged cannot be seen on the wire: the tests of the core do that.
//! - OA-11: `rtcp-mux`, `setup`, and ICE (RFC 5761 section 5.1.1, RFC 4145 section 4.1, RFC 8839 sections 4.4.1 and 5.4).

use std::collections::BTreeMap;

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{Client, Step};
use crate::sdp::{Media, Sdp};

use super::{Memory, Property, Seen, Violations};

/// The 2xx to an INVITE of a host: its Call-ID, CSeq number and To tag. Forks have one each.
type Accepted = (usize, String, u32, String);

/// Watches the descriptions that hosts send.
#[derive(Debug, Default)]
pub struct OfferAnswer {
    /// The last description that a host sent in a call, and when, under the tag of its own: a host may call itself.
    own: Memory<(usize, String, String), (Sdp, Instant)>,
    /// When each host has lost a connection last.
    lost: BTreeMap<usize, Instant>,
    /// The last description of a host that offer and answer have settled on: a refused offer changes nothing.
    settled: Memory<(usize, String, String), Sdp>,
    /// The payload types that a host uses in a call.
    maps: Memory<(usize, String, String), BTreeMap<String, String>>,
    /// The offers in 2xx, each with the answer in its ACK.
    offers: Memory<Accepted, (Sdp, Option<String>)>,
    /// The ICE credentials of both sides of a line, as they were last: those of the offer, and of the answer to it.
    ice: Memory<(usize, String, String, usize), [Credentials; 2]>,
}

/// The user fragment and the password of ICE.
type Credentials = [Option<String>; 2];

fn credentials(sdp: &Sdp, line: usize) -> Credentials {
    let own = |name| sdp.media.get(line).and_then(|media| media.value(name)).or_else(|| sdp.value(name));
    ["ice-ufrag", "ice-pwd"].map(|name| own(name).map(str::to_owned))
}

/// The tag, the suite and the parameters of each `a=crypto`.
fn keys(media: &Media) -> Vec<(&str, &str, &str)> {
    let values = media.attributes.iter().filter(|(name, _)| name == "crypto").map(|(_, value)| value.as_str());
    values
        .filter_map(|value| {
            let mut words = value.split(' ');
            Some((words.next()?, words.next()?, words.next()?))
        })
        .collect()
}

/// What is wrong with the keys in an answer to this line.
fn wrong_keys(asked: &Media, said: &Media) -> Option<&'static str> {
    if !matches!(said.protocol.as_str(), "RTP/SAVP" | "RTP/SAVPF") {
        return None;
    }
    let (offered, answered) = (keys(asked), keys(said));
    let [(tag, suite, key)] = answered[..] else { return Some("one key is due") };
    if !offered.iter().any(|(its, of, _)| (*its, *of) == (tag, suite)) {
        return Some("no key was offered under this tag");
    }
    offered.iter().any(|(_, _, its)| *its == key).then_some("it is the other side's own key")
}

/// What is wrong with the ways of media in an answer to this line.
fn wrong_way(asked: &Media, said: &Media) -> Option<&'static str> {
    if said.value("rtcp-mux").is_some() && asked.value("rtcp-mux").is_none() {
        return Some("rtcp-mux was not offered");
    }
    match (asked.value("setup"), said.value("setup")) {
        (Some("actpass"), Some("active" | "passive" | "holdconn") | None)
        | (Some("active"), Some("passive" | "holdconn") | None)
        | (Some("passive"), Some("active" | "holdconn") | None)
        | (Some("holdconn"), Some("holdconn") | None)
        | (None, _) => {}
        _ => return Some("setup does not fit the offer's"),
    }
    // Whose address is none of its candidates has met somebody on the way who knows no ICE.
    let candidates: Vec<&str> = (asked.attributes.iter())
        .filter(|(name, _)| name == "candidate")
        .filter_map(|(_, value)| value.split(' ').nth(4))
        .collect();
    let mismatch = !candidates.is_empty() && !candidates.contains(&asked.address.as_str());
    let ice = said.attributes.iter().any(|(name, _)| name == "candidate");
    (mismatch && ice).then_some("the addresses of the offer do not match, and the answer has candidates")
}

impl Property for OfferAnswer {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        match seen.step {
            Step::RequestSent { key, first: true } => match (key.method.as_str(), description(seen, broken)) {
                ("INVITE" | "UPDATE", Some(offer)) => self.offered(seen, sip.from_tag(), offer, broken),
                // It answers what a reliable response has offered, or offers something itself: which it is only the session knows.
                ("PRACK", Some(_)) => {}
                (_, Some(_)) => broken.seen("OA-2", seen, "a description has no place here"),
                (_, None) => {}
            },
            Step::ResponseSent { key: Some(key) } => {
                let Some(own) = description(seen, broken) else { return };
                let within = matches!(key.method.as_str(), "UPDATE" | "PRACK") && sip.code() >= 200;
                let accepts = (key.method == "INVITE" || within) && sip.code() < 300;
                broken.unless(accepts, "OA-2", seen, "a description has no place here");
                let Some(server) = seen.model.server(key).filter(|_| accepts) else { return };
                let came = server.got.first();
                let lost = self.lost.get(&sight.host).is_some_and(|lost| came.is_some_and(|came| lost >= came));
                let before = self.own.get(&(sight.host, sip.call_id().to_owned(), sip.to_tag().to_owned()));
                let old = before.is_some_and(|(before, _)| version(&own) < version(before));
                if server.answer.as_ref().is_some_and(|answer| !answer.again.is_empty()) || (lost && old) {
                    // It was judged when it was sent first, or went to a connection that was lost; another may have been sent since.
                    return;
                }
                match server.request.description().and_then(Sdp::read) {
                    Some(offer) => self.answered(seen, sip.to_tag(), &offer, own, broken),
                    None if within => broken.seen("OA-2", seen, "there is no offer that it could answer"),
                    None => {
                        broken.unless(sip.code() >= 200, "OA-2", seen, "an offer in an unreliable response");
                        self.offered(seen, sip.to_tag(), own, broken);
                    }
                }
            }
            Step::ResponseGot { key: Some(key), fresh } if (200..300).contains(&sip.code()) => {
                let Some(answer) = sip.description().and_then(Sdp::read) else { return };
                // What comes to a transaction that may have died with its connection settles nothing.
                let same_way = |client: &Client| sight.from == client.to && sight.to == client.from;
                let sure = |client: &&Client| sight.transport == Transport::Udp || same_way(client);
                let client = seen.model.client(key).filter(|client| !client.uncertain).filter(sure);
                match client.and_then(|client| client.request.description()).and_then(Sdp::read) {
                    Some(offer) if *fresh => self.settle(seen, sip.from_tag(), offer, &answer),
                    None if key.method == "INVITE" => {
                        let key = (sight.host, sip.call_id().to_owned(), sip.cseq().0, sip.to_tag().to_owned());
                        self.offers.entry(sight.at, key, || (answer, None));
                    }
                    _ => {}
                }
            }
            Step::AckGot { refused: None } if sip.description().is_some() => {
                let key = (sight.host, sip.call_id().to_owned(), sip.to_tag().to_owned());
                if let (Some((own, _)), Some(answer)) =
                    (self.own.get(&key).cloned(), sip.description().and_then(Sdp::read))
                {
                    self.settle(seen, sip.to_tag(), own, &answer);
                }
            }
            Step::AckSent { refused } => {
                let (Some(text), Some(own)) = (sip.description(), description(seen, broken)) else { return };
                let key = (sight.host, sip.call_id().to_owned(), sip.cseq().0, sip.to_tag().to_owned());
                match self.offers.get_mut(sight.at, &key).filter(|_| refused.is_none()) {
                    Some((_, Some(answer))) => {
                        broken.unless(answer == text, "OA-2", seen, "the offer was answered otherwise before");
                    }
                    Some((offer, answer)) => {
                        *answer = Some(text.to_owned());
                        let offer = offer.clone();
                        self.answered(seen, sip.from_tag(), &offer, own, broken);
                    }
                    None => broken.seen("OA-2", seen, "there is no offer that this ACK could answer"),
                }
            }
            _ => {}
        }
    }

    fn lost(&mut self, host: usize, at: Instant) {
        self.lost.insert(host, at);
    }
}

/// The number that each new description of a side raises.
fn version(sdp: &Sdp) -> u64 {
    sdp.origin.get(2).and_then(|version| version.parse().ok()).unwrap_or(0)
}

/// The description that a host sends.
fn description(seen: &Seen<'_>, broken: &mut Violations) -> Option<Sdp> {
    let text = seen.sight.sip.description()?;
    let sdp = Sdp::read(text);
    broken.unless(sdp.is_some(), "OA-9", seen, "it cannot be read");
    sdp
}

impl OfferAnswer {
    fn offered(&mut self, seen: &Seen<'_>, tag: &str, offer: Sdp, broken: &mut Violations) {
        let key = (seen.sight.host, seen.sight.sip.call_id().to_owned(), tag.to_owned());
        if let Some(before) = self.settled.get(&key) {
            let kept = before.media.len() <= offer.media.len();
            broken.unless(kept, "OA-4", seen, "lines are missing");
            let same = |(old, new): (&Media, &Media)| old.kind == new.kind || !old.is_used();
            broken.unless(before.media.iter().zip(&offer.media).all(same), "OA-4", seen, "a line is another");
        }
        self.sent(seen, tag, offer, broken);
    }

    fn answered(&mut self, seen: &Seen<'_>, tag: &str, offer: &Sdp, answer: Sdp, broken: &mut Violations) {
        broken.unless(offer.media.len() == answer.media.len(), "OA-3", seen, "the lines are not those of the offer");
        for (asked, said) in offer.media.iter().zip(&answer.media) {
            let same = asked.kind == said.kind && asked.protocol == said.protocol;
            broken.unless(same, "OA-3", seen, "a line is not of the same kind");
            broken.unless(asked.is_used() || !said.is_used(), "OA-3", seen, "a line without a port has one");
            if !said.is_used() {
                continue;
            }
            let allowed = (!said.sends() || asked.receives()) && (!said.receives() || asked.sends());
            broken.unless(allowed, "OA-6", seen, format!("{} is answered with {}", asked.direction, said.direction));
            let known = |format: &(String, String)| asked.formats.contains(format);
            broken.unless(said.formats.iter().all(known), "OA-7", seen, "a format was not offered under this number");
            broken.unless(!said.formats.is_empty(), "OA-7", seen, "there is no format");
            if let Some(why) = wrong_keys(asked, said) {
                broken.seen("OA-10", seen, why);
            }
            if let Some(why) = wrong_way(asked, said) {
                broken.seen("OA-11", seen, why);
            }
        }
        let uses = |sdp: &Sdp| sdp.media.iter().any(Media::is_used);
        // In an ACK there is no other way to say it, and BYE follows; later in a call a side may be about to remove all that there is.
        let begins = match seen.step {
            Step::ResponseSent { key: Some(key) } => {
                seen.model.server(key).is_some_and(|server| server.request.to_tag().is_empty())
            }
            _ => false,
        };
        let bound = begins && uses(offer);
        broken.unless(!bound || uses(&answer), "OA-8", seen, "nothing of the offer is used, and it is not refused");
        self.restarts(seen, tag, offer, &answer, broken);
        if matches!(seen.step, Step::AckSent { .. }) && !answer.media.iter().any(Media::is_used) {
            // A fork that is not wanted is refused by a description of its own.
            return;
        }
        self.settle(seen, tag, answer.clone(), offer);
        self.sent(seen, tag, answer, broken);
    }

    /// In an answer ICE begins anew where it does in the offer, and nowhere else.
    fn restarts(&mut self, seen: &Seen<'_>, tag: &str, offer: &Sdp, answer: &Sdp, broken: &mut Violations) {
        let both = offer.media.iter().zip(&answer.media).enumerate();
        for (line, _) in both.filter(|(_, (asked, said))| asked.is_used() && said.is_used()) {
            let now = [credentials(offer, line), credentials(answer, line)];
            let key = (seen.sight.host, seen.sight.sip.call_id().to_owned(), tag.to_owned(), line);
            if now.iter().any(|side| side.iter().any(Option::is_none)) {
                let unasked = now[0].iter().all(Option::is_none) && now[1].iter().any(Option::is_some);
                broken.unless(!unasked, "OA-11", seen, "ICE was not offered");
                continue;
            }
            if let Some(before) = self.ice.get(&key) {
                let anew = [0, 1].map(|side| before[side] != now[side]);
                broken.unless(anew[0] == anew[1], "OA-11", seen, format!("ICE begins anew in offer, answer: {anew:?}"));
            }
            self.ice.put(seen.sight.at, key, now);
        }
    }

    /// What one side refuses, neither uses.
    fn settle(&mut self, seen: &Seen<'_>, tag: &str, mut own: Sdp, other: &Sdp) {
        for (own, _) in own.media.iter_mut().zip(&other.media).filter(|(_, other)| !other.is_used()) {
            own.port = 0;
        }
        let key = (seen.sight.host, seen.sight.sip.call_id().to_owned(), tag.to_owned());
        self.settled.put(seen.sight.at, key, own);
    }

    /// What holds of each description after the first of a call.
    fn sent(&mut self, seen: &Seen<'_>, tag: &str, sdp: Sdp, broken: &mut Violations) {
        let key = (seen.sight.host, seen.sight.sip.call_id().to_owned(), tag.to_owned());
        let map = self.maps.entry(seen.sight.at, key.clone(), BTreeMap::new);
        for (number, encoding) in sdp.media.iter().flat_map(|media| &media.formats).filter(|(_, name)| !name.is_empty())
        {
            let known = map.entry(number.clone()).or_insert_with(|| encoding.clone());
            broken.unless(known == encoding, "OA-7", seen, format!("payload type {number} was {known}"));
        }
        let lost = self.lost.get(&seen.sight.host).copied();
        let (before, at) = self.own.entry(seen.sight.at, key, || (sdp.clone(), seen.sight.at));
        let constant = |sdp: &Sdp| [0, 1, 3, 4, 5].map(|word| sdp.origin.get(word).cloned());
        broken.unless(constant(before) == constant(&sdp), "OA-5", seen, "o= names another session");
        let step = u64::from(before.rest != sdp.rest);
        let due = version(before) + step;
        // What a connection did not take has a version all the same.
        let lost = version(&sdp) > due && lost.is_some_and(|lost| lost >= *at);
        broken.unless(version(&sdp) == due || lost, "OA-5", seen, format!("the version should be {due}"));
        (*before, *at) = (sdp, seen.sight.at);
    }
}
