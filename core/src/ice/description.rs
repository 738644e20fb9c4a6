//! What a side tells of itself, and its form in SDP (RFC 8445 section 5.3, RFC 8839 section 5).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::candidate::is_ice_word;
use super::{Candidate, Kind};
use crate::random::Random;
use crate::sdp::{Attribute, Media};
use crate::sip::Text;
use crate::sip::digest::Secret;

/// Candidates of a peer that are looked at: the first ones of its description.
const MAX_CANDIDATES: usize = 32;

/// What a side tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The name by which checks to this side call it.
    pub ufrag: Text,
    /// The password that vouches for them.
    pub password: Secret,
    /// Whether this side only answers checks (RFC 8445 section 2.5).
    pub lite: bool,
    /// Its candidates.
    pub candidates: Vec<Candidate>,
}

/// The name by which checks to a side call it, and the password that vouches for them. Others than before mean a restart (RFC 8839 section 4.4.1.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The name.
    pub ufrag: Text,
    /// The password.
    pub password: Secret,
}

impl Credentials {
    /// Fresh ones: 24 and 128 bits of chance, and more (RFC 8445 section 5.3).
    pub fn new(random: &mut Random) -> Self {
        Self { ufrag: random.token(8).into(), password: random.token(26).into() }
    }

    /// Reads those of a media section; they may stand at the session's level.
    #[must_use]
    pub fn read(media: &Media<'_>) -> Option<Self> {
        let word = |name, least| {
            let value = media.inherited_attribute(name).flatten();
            value.filter(|value| is_ice_word(value, least, 256))
        };
        Some(Self { ufrag: word("ice-ufrag", 4)?.into(), password: word("ice-pwd", 22)?.into() })
    }
}

/// What both sides told of themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Who we said we are.
    pub ours: Credentials,
    /// What the peer said.
    pub theirs: Description,
}

impl Exchange {
    /// Whether either side has begun anew since.
    #[must_use]
    pub fn is_restart_of(&self, before: &Self) -> bool {
        self.ours != before.ours || self.theirs.credentials() != before.theirs.credentials()
    }
}

/// What a media section says about ICE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Support {
    /// Nothing, or nothing that can be read: the peer does not do ICE.
    None,
    /// The default destination is none of the candidates: something on the way has changed it, and ICE is not done (RFC 8839 section 4.2.5).
    Mismatch,
    /// It can be done.
    Full(Description),
}

impl Description {
    /// A description of one who does more than answer checks.
    #[must_use]
    pub fn new(Credentials { ufrag, password }: Credentials, candidates: Vec<Candidate>) -> Self {
        Self { ufrag, password, lite: false, candidates }
    }

    /// Who it says the side is.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials { ufrag: self.ufrag.clone(), password: self.password.clone() }
    }

    /// Its attributes for a media section.
    #[must_use]
    pub fn attributes(&self) -> Vec<Attribute> {
        let mut attributes =
            vec![Attribute::new("ice-ufrag", self.ufrag.clone()), Attribute::new("ice-pwd", self.password.expose())];
        attributes.push(Attribute::new("ice-options", "ice2"));
        attributes.extend(self.candidates.iter().map(|candidate| Attribute::new("candidate", candidate.to_string())));
        attributes
    }

    /// The addresses of the chosen candidates, which the controlling side tells when it is done (`a=remote-candidates`).
    #[must_use]
    pub fn remote_candidates(chosen: impl IntoIterator<Item = (u8, SocketAddr)>) -> Attribute {
        let words = chosen.into_iter().map(|(component, at)| format!("{component} {} {}", at.ip(), at.port()));
        Attribute::new("remote-candidates", words.collect::<Vec<_>>().join(" "))
    }

    /// Reads a media section. `a=ice-lite` stands at the session's level; lines that do not read are passed over, and of
    /// the candidates the first 32 count.
    #[must_use]
    pub fn read(media: &Media<'_>, default: Option<SocketAddr>) -> Support {
        let Some(credentials) = Credentials::read(media) else { return Support::None };
        let lines = media.attributes().filter(|(name, _)| *name == "candidate");
        let candidates: Vec<_> = lines.filter_map(|(_, value)| Candidate::read(value?)).take(MAX_CANDIDATES).collect();
        if candidates.is_empty() || media.attribute("ice-mismatch").is_some() {
            return Support::None;
        }
        if default.is_some_and(|default| !candidates.iter().any(|candidate| candidate.address == default)) {
            return Support::Mismatch;
        }
        let lite = media.session().attribute("ice-lite").is_some();
        Support::Full(Self { lite, ..Self::new(credentials, candidates) })
    }

    /// The address that those who do not do ICE are to send to (RFC 8445 section 5.1.4): the one most likely to work, so a relayed one first.
    #[must_use]
    pub fn default_address(&self, component: u8) -> Option<SocketAddr> {
        let rank = |candidate: &&Candidate| match candidate.kind {
            Kind::Relayed => 0,
            Kind::ServerReflexive => 1,
            Kind::PeerReflexive => 2,
            Kind::Host => 3,
        };
        let of_component = self.candidates.iter().filter(|candidate| candidate.component == component);
        of_component.min_by_key(rank).map(|candidate| candidate.address)
    }
}
