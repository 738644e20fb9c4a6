//! What a media line says of a stream over MSRP (RFC 4975 section 8, RFC 6135, RFC 8122).

use crate::msrp::Path;
use crate::sdp::{Direction, Media};
use crate::settings::kind::MsrpTransport;
use crate::sip::Text;
use crate::transport::Fingerprint;

use super::super::SessionInfo;

/// Which side opens the connection (RFC 4145 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This one.
    Active,
    /// The other one.
    Passive,
    /// Either.
    ActPass,
}

impl Role {
    /// The role of the one whose media line this is.
    pub(super) fn of(media: &Media<'_>) -> Self {
        match media.inherited_attribute("setup").flatten() {
            Some("passive") => Self::Passive,
            Some("actpass") => Self::ActPass,
            Some(_) | None => Self::Active,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
        }
    }

    /// What answers this.
    pub(super) const fn answered(self) -> Self {
        match self {
            Self::Active | Self::ActPass => Self::Passive,
            Self::Passive => Self::Active,
        }
    }
}

/// What a peer's media line says of a stream over MSRP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The path that leads to the peer.
    pub path: Path,
    /// The types that it takes.
    pub accept_types: Vec<Text>,
    /// The types that it takes within `message/cpim`.
    pub accept_wrapped_types: Vec<Text>,
    /// Which side opens the connection; the peer where it does not say.
    pub role: Role,
    /// The fingerprints of its certificates.
    pub fingerprints: Vec<Fingerprint>,
    /// What a chat room lets its participants do (RFC 7701 section 8): `nickname`, `private-messages`. None when it is no chat room.
    pub chatroom: Option<Vec<Text>>,
    /// The longest message that it takes, in bytes (RFC 4975 section 8.6); none for any.
    pub max_size: Option<u64>,
    /// Its direction.
    pub direction: Direction,
}

impl Offered {
    /// Whether this is a line of MSRP.
    pub(in crate::stream) fn is_msrp(media: &Media<'_>) -> bool {
        ["TCP/MSRP", "TCP/TLS/MSRP"].iter().any(|known| media.protocol().eq_ignore_ascii_case(known))
    }

    /// Whether its protocol is the one for TLS.
    fn is_secure(media: &Media<'_>) -> bool {
        media.protocol().eq_ignore_ascii_case("TCP/TLS/MSRP")
    }

    /// Reads a line that is offered to an account.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(in crate::stream) fn recognize(session: &SessionInfo, media: &Media<'_>) -> Result<Self, Text> {
        if Self::is_secure(media) != (session.settings.msrp.transport == MsrpTransport::Tls) {
            return Err("its transport is another than the account's".into());
        }
        Self::read(media)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(in crate::stream) fn read(media: &Media<'_>) -> Result<Self, Text> {
        let value = |name: &str| media.attribute(name).flatten();
        let path = value("path").ok_or("the attribute path is missing")?;
        let path = Path::parse(&Text::from(path)).map_err(|fault| Text::from(format!("path: {fault}")))?;
        let types = |name: &str| -> Vec<Text> {
            value(name).unwrap_or_default().split_ascii_whitespace().map(Text::from).collect()
        };
        let accept_types = types("accept-types");
        if accept_types.is_empty() {
            return Err("the attribute accept-types is missing".into());
        }
        let role = Role::of(media);
        let said: Vec<&str> =
            media.attributes().filter(|(name, _)| *name == "fingerprint").filter_map(|(_, v)| v).collect();
        let said = if said.is_empty() {
            media.inherited_attribute("fingerprint").flatten().into_iter().collect()
        } else {
            said
        };
        let fingerprints: Vec<Fingerprint> = said.iter().copied().filter_map(fingerprint).collect();
        if fingerprints.is_empty() && !said.is_empty() && Self::is_secure(media) {
            // Nobody could be told from an impostor.
            return Err("no fingerprint of the peer's certificate is understood".into());
        }
        let chatroom = media.attribute("chatroom");
        let chatroom =
            chatroom.map(|value| value.unwrap_or_default().split_ascii_whitespace().map(Text::from).collect());
        Ok(Self {
            path,
            accept_types,
            accept_wrapped_types: types("accept-wrapped-types"),
            role,
            fingerprints,
            chatroom,
            max_size: value("max-size").and_then(|size| size.parse().ok()),
            direction: media.direction(),
        })
    }
}

/// The value of the attribute `fingerprint` (RFC 8122 section 5), if its hash is SHA-256.
fn fingerprint(value: &str) -> Option<Fingerprint> {
    let (hash, digits) = value.split_once(' ')?;
    if !hash.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut bytes = [0; 32];
    let mut pairs = digits.trim().split(':');
    for byte in &mut bytes {
        let pair =
            pairs.next().filter(|pair| pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(Fingerprint(bytes))
}
