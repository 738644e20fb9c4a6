//! Digest credentials as a scripted server sees them (RFC 7616, RFC 8760).

use std::collections::BTreeMap;

use sipsimple_core::sip::digest::Algorithm;

use crate::sip::Sip;

/// The credentials of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The nonce.
    pub nonce: String,
    /// How often it was used.
    pub count: u32,
    fields: BTreeMap<String, String>,
}

impl Given {
    /// Those in this field of a request, by its name in small letters: `authorization` or `proxy-authorization`.
    #[must_use]
    pub fn of(request: &Sip, field: &str) -> Option<Self> {
        Self::read(request.header(field)?)
    }

    /// Those of this value of such a field.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let value = value.strip_prefix("Digest ")?;
        let fields: BTreeMap<String, String> = value
            .split(", ")
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
            .collect();
        let count = u32::from_str_radix(fields.get("nc")?, 16).ok()?;
        Some(Self { nonce: fields.get("nonce")?.clone(), count, fields })
    }

    /// Whether they prove this password in this realm, with quality `auth`.
    #[must_use]
    pub fn prove(&self, realm: &str, password: &str, algorithm: &str, request: &Sip) -> bool {
        self.prove_for(realm, password, algorithm, request.cseq().1)
    }

    /// Likewise, for a request with this method.
    #[must_use]
    pub fn prove_for(&self, realm: &str, password: &str, algorithm: &str, method: &str) -> bool {
        let field = |name: &str| self.fields.get(name).map_or("", String::as_str).as_bytes();
        let Some(algorithm) = Algorithm::named(algorithm) else { return false };
        let key = algorithm.hex(&[field("username"), realm.as_bytes(), password.as_bytes()]);
        let what = algorithm.hex(&[method.as_bytes(), field("uri")]);
        let parts = [key.as_bytes(), field("nonce"), field("nc"), field("cnonce"), field("qop"), what.as_bytes()];
        field("response") == algorithm.hex(&parts).as_bytes()
    }
}
