//! Keys in session descriptions (RFC 4568): what `a=crypto` lines say, which of them is chosen, and the keys that one side has given out.
//!
//! ```text
//!  offer   a=crypto:1 SUITE inline:ours     ──►
//!          a=crypto:2 SUITE inline:ours
//!  answer                                   ◄──   a=crypto:2 SUITE inline:theirs      the same tag and suite
//! ```

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
    Crypto::of(theirs).find_map(|theirs| {
        let ours = Crypto::of(ours).find(|ours| ours.answers(&theirs))?;
        Some(Box::new(Keys { send: ours.key, receive: theirs.key }))
    })
}

/// The keys that this side of one stream has given out: as long as the other side's key stays, ours does.
#[derive(Debug, Default)]
pub struct Sdes {
    offered: Vec<Crypto>,
    /// What was answered, and to which line.
    answered: Option<(Crypto, Crypto)>,
}

impl Sdes {
    /// The lines of an offer with these suites, best first. An offer that follows another one, or an answer, repeats its keys.
    pub fn offer(&mut self, suites: &[Suite], random: &mut Random) -> Vec<Attribute> {
        if let Some((ours, _)) = &self.answered {
            return vec![ours.attribute()];
        }
        if self.offered.is_empty() {
            let line = |(suite, tag): (&Suite, u32)| Crypto { tag, key: MasterKey::generate(*suite, random) };
            self.offered = suites.iter().zip(1..).map(line).collect();
        }
        self.offered.iter().map(Crypto::attribute).collect()
    }

    /// The line of an answer to the section of an offer: the first of its lines with one of these suites. `None` when there is none.
    ///
    /// The key is the one that was given out before if the other side's is, too.
    pub fn answer(&mut self, offer: &Media<'_>, suites: &[Suite], random: &mut Random) -> Option<Attribute> {
        let theirs = Crypto::of(offer).find(|crypto| suites.contains(&crypto.key.suite()))?;
        let key = match &self.answered {
            Some((ours, before)) if before.key == theirs.key => ours.key.clone(),
            _ => MasterKey::generate(theirs.key.suite(), random),
        };
        let ours = Crypto { tag: theirs.tag, key };
        let attribute = ours.attribute();
        self.offered.clear();
        self.answered = Some((ours, theirs));
        Some(attribute)
    }

    /// An answer to our offer has come, perhaps one of several: what it chose goes on being ours.
    pub fn answered(&mut self, answer: &Media<'_>) {
        let chosen = Crypto::of(answer)
            .find_map(|theirs| Some((self.offered.iter().find(|ours| theirs.answers(ours))?.clone(), theirs)));
        if chosen.is_some() {
            self.answered = chosen;
        }
    }
}
