//! Keys in session descriptions (RFC 4568): what `a=crypto` lines say, which of them is chosen, and the keys that one side has given out.
//!
//! ```text
//!  offer   a=crypto:1 SUITE inline:ours     ──►
//!          a=crypto:2 SUITE inline:ours
//!  answer                                   ◄──   a=crypto:2 SUITE inline:theirs      the same tag and suite
//! ```

use std::net::SocketAddr;

use crate::media::Keys;
use crate::random::Random;
use crate::rtp::srtp::{MasterKey, Mki, Suite};
use crate::sdp::{Attribute, Media};

/// The lines of one media section that are looked at.
const MAX_LINES: usize = 32;

/// One `a=crypto` line that can be used: a suite that is known, one key, no parameter that changes what is done with packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crypto {
    /// What an answer chooses it by.
    pub tag: u32,
    /// The key of the side that wrote the line, for the packets that it sends.
    pub key: MasterKey,
}

impl Crypto {
    /// Reads what follows `crypto:`; `None` when it does not read, or cannot be used.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let mut fields = value.split(' ').filter(|field| !field.is_empty());
        let tag = fields.next().filter(|tag| tag.len() <= 9 && tag.bytes().all(|byte| byte.is_ascii_digit()))?;
        let suite = Suite::from_name(fields.next()?)?;
        let (method, info) = fields.next()?.split_once(':')?;
        // Several keys, of which each packet names its own, are not understood.
        if !method.eq_ignore_ascii_case("inline") || info.contains(';') {
            return None;
        }
        // The hint for the window is one; what begins with a minus may be overlooked (RFC 4568 section 6.3.7).
        if !fields.all(|parameter| parameter.starts_with("WSH=") || parameter.starts_with('-')) {
            return None;
        }
        let mut parts = info.split('|');
        let mut key = MasterKey::from_base64(suite, parts.next()?).ok()?;
        for part in parts {
            // The lifetime binds who sends with the key.
            if let Some((value, len)) = part.split_once(':') {
                let mki = Mki { value: value.parse().ok()?, len: len.parse().ok()? };
                key = key.with_mki(mki);
                key.mki()?;
            }
        }
        Some(Self { tag: tag.parse().ok()?, key })
    }

    /// The attribute.
    #[must_use]
    pub fn attribute(&self) -> Attribute {
        let (suite, key) = (self.key.suite().name(), self.key.to_base64());
        let value = match self.key.mki() {
            None => format!("{} {suite} inline:{}", self.tag, *key),
            Some(Mki { value, len }) => format!("{} {suite} inline:{}|{value}:{len}", self.tag, *key),
        };
        Attribute::new("crypto", value)
    }

    /// The lines of a section that can be used, best first.
    fn of<'a>(media: &Media<'a>) -> impl Iterator<Item = Self> + use<'a> {
        media
            .attributes()
            .filter(|(name, _)| *name == "crypto")
            .take(MAX_LINES)
            .filter_map(|(_, value)| Self::read(value?))
    }

    fn answers(&self, offered: &Self) -> bool {
        self.tag == offered.tag && self.key.suite() == offered.key.suite()
    }
}

/// Whether a section asks for SRTP, or allows it: its profile is a secure one, or it has a key (behaviour of the reference).
#[must_use]
pub fn has_srtp(media: &Media<'_>) -> bool {
    demands_srtp(media) || media.attribute("crypto").is_some()
}

/// Whether the profile of a section is a secure one: `RTP/SAVP`, `RTP/SAVPF`.
#[must_use]
pub fn demands_srtp(media: &Media<'_>) -> bool {
    media.protocol().split('/').any(|part| part.eq_ignore_ascii_case("SAVP") || part.eq_ignore_ascii_case("SAVPF"))
}

/// The keys of the first line of both sections that belong together.
pub(super) fn agreed(ours: &Media<'_>, theirs: &Media<'_>) -> Option<Box<Keys>> {
    chosen(ours, theirs).map(|(ours, theirs)| Box::new(Keys { send: ours.key, receive: theirs.key }))
}

/// The first line of theirs, with the one of ours that belongs to it.
fn chosen(ours: &Media<'_>, theirs: &Media<'_>) -> Option<(Crypto, Crypto)> {
    Crypto::of(theirs).find_map(|theirs| {
        let ours = Crypto::of(ours).find(|ours| ours.answers(&theirs))?;
        Some((ours, theirs))
    })
}

/// A line of ours, the peer's that belongs to it, and where we were then.
#[derive(Debug)]
struct Given {
    ours: Crypto,
    theirs: Crypto,
    at: SocketAddr,
}

/// The keys that this side of one stream has given out: our key stays as long as the peer's does, and our address; who is elsewhere need not
/// know how far the counters under a key are, so that another begins (RFC 4568 section 7.1.4). What was not agreed on changes nothing.
#[derive(Debug, Default)]
pub struct Sdes {
    /// The lines of our last offer, and where we were then, until something is agreed on.
    offered: Option<(Vec<Crypto>, SocketAddr)>,
    /// Our last answer, until something is agreed on.
    answered: Option<Given>,
    agreed: Option<Given>,
}

impl Sdes {
    /// The lines of an offer with these suites, best first, of a stream at this place. An offer that follows another one, or an agreement, repeats its keys.
    pub fn offer(&mut self, suites: &[Suite], at: SocketAddr, random: &mut Random) -> Vec<Attribute> {
        if let Some(agreed) = self.agreed.as_ref().filter(|agreed| agreed.at == at) {
            return vec![agreed.ours.attribute()];
        }
        let lines = match self.offered.take() {
            Some((lines, before)) if before == at => lines,
            _ => {
                let line = |(suite, tag): (&Suite, u32)| Crypto { tag, key: MasterKey::generate(*suite, random) };
                suites.iter().zip(1..).map(line).collect()
            }
        };
        let attributes = lines.iter().map(Crypto::attribute).collect();
        self.offered = Some((lines, at));
        attributes
    }

    /// The line of an answer to the section of an offer: the first of its lines with one of these suites. `None` when there is none.
    pub fn answer(
        &mut self,
        offer: &Media<'_>,
        suites: &[Suite],
        at: SocketAddr,
        random: &mut Random,
    ) -> Option<Attribute> {
        let theirs = Crypto::of(offer).find(|crypto| suites.contains(&crypto.key.suite()))?;
        let stays = |given: &&Given| given.theirs.key == theirs.key && given.at == at;
        let given = self.answered.as_ref().filter(stays).or_else(|| self.agreed.as_ref().filter(stays));
        let key = match given {
            Some(given) => given.ours.key.clone(),
            None => MasterKey::generate(theirs.key.suite(), random),
        };
        let ours = Crypto { tag: theirs.tag, key };
        let attribute = ours.attribute();
        self.answered = Some(Given { ours, theirs, at });
        Some(attribute)
    }

    /// Both sections were agreed on, perhaps as one of several: what they chose goes on. Keys that they leave out are never used again.
    pub fn agreed(&mut self, ours: &Media<'_>, theirs: &Media<'_>) {
        let at = ours.connection().and_then(|connection| connection.ip()).map(|ip| SocketAddr::new(ip, ours.port()));
        let given = |((ours, theirs), at)| Given { ours, theirs, at };
        self.agreed = chosen(ours, theirs).zip(at).map(given);
        (self.offered, self.answered) = (None, None);
    }

    /// Forgets what was given out: the peer may be another from now on.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
