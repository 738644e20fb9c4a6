//! One protection space: a realm at a proxy or at the server, with the challenge that is in force there (RFC 3261 section 22.2).

use zeroize::Zeroizing;

use crate::random::Random;
use crate::sip::{Auth, Authorization, ProxyAuthorization, Request, Text};

use super::algorithm::Algorithm;
use super::credentials::Credentials;

/// Bytes of a nonce, opaque value or realm; a challenge with more is not understood.
const LONGEST: usize = 4096;

/// What is to be protected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) body: &'a [u8],
}

/// The quality of protection that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Qop {
    /// None is offered (RFC 2069): no count, no cnonce.
    Absent,
    Auth,
    AuthInt,
}

/// A protection space.
#[derive(Clone)]
pub(crate) struct Space {
    pub(super) proxy: bool,
    pub(super) realm: Text,
    pub(super) nonce: Text,
    opaque: Option<Text>,
    algorithm: Algorithm,
    /// As the challenge wrote it; none when it named none.
    algorithm_text: Option<Text>,
    qop: Qop,
    cnonce: Text,
    /// How often the nonce was used.
    count: u32,
    /// The nonce and cnonce that the key of a session is made of.
    session: (Text, Text),
    userhash: bool,
}

impl Space {
    /// The space that this challenge makes; `None` when it is not understood.
    pub(crate) fn new(challenge: &Auth, proxy: bool, random: &mut Random) -> Option<Self> {
        if !challenge.is_digest() {
            return None;
        }
        let short = |text: &Text| text.len() <= LONGEST;
        let realm = challenge.realm().filter(short)?.detached();
        let nonce = challenge.nonce().filter(short)?.detached();
        let opaque = challenge.opaque().map(|opaque| opaque.detached());
        if !opaque.as_ref().is_none_or(short) {
            return None;
        }
        let algorithm_text = challenge.algorithm().map(|name| name.detached());
        let algorithm = algorithm_text.as_deref().map_or(Some(Algorithm::MD5), Algorithm::named)?;
        let qop = match challenge.qop() {
            None => Qop::Absent,
            Some(_) if challenge.offers_qop("auth") => Qop::Auth,
            Some(_) if challenge.offers_qop("auth-int") => Qop::AuthInt,
            Some(_) => return None,
        };
        let cnonce = Text::from(random.token(26));
        let userhash = challenge.params.get("userhash").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let session = (nonce.clone(), cnonce.clone());
        Some(Self { proxy, realm, nonce, opaque, algorithm, algorithm_text, qop, cnonce, count: 0, session, userhash })
    }

    /// The server named the next nonce: it is counted from the start.
    pub(super) fn renew(&mut self, nonce: &Text, random: &mut Random) {
        if nonce.len() <= LONGEST && *nonce != self.nonce {
            self.nonce = nonce.detached();
            self.cnonce = Text::from(random.token(26));
            self.count = 0;
        }
    }

    /// Takes a cnonce that chance did not give.
    #[cfg(test)]
    pub(super) fn set_cnonce(&mut self, cnonce: &str) {
        self.cnonce = cnonce.into();
        self.session.1 = cnonce.into();
    }

    /// Whether this request carried credentials for the space that were made with this very nonce.
    pub(super) fn is_of(&self, request: &Request) -> bool {
        let same = |auth: &Auth| {
            auth.realm().is_some_and(|realm| realm == self.realm)
                && auth.nonce().is_some_and(|nonce| nonce == self.nonce)
        };
        if self.proxy {
            request.all::<ProxyAuthorization>().flatten().any(|auth| same(&auth))
        } else {
            request.all::<Authorization>().flatten().any(|auth| same(&auth))
        }
    }

    /// Whether the nonce can be used once more.
    pub(super) const fn is_usable(&self) -> bool {
        self.count < u32::MAX
    }

    /// The credentials for one more request.
    pub(crate) fn credentials(&mut self, who: &Credentials, subject: Subject<'_>) -> Auth {
        self.count = self.count.saturating_add(1);
        let count = format!("{:08x}", self.count);
        let hex = |parts: &[&[u8]]| self.algorithm.hex(parts);
        let (username, realm) = (who.username.as_str().as_bytes(), self.realm.as_str().as_bytes());
        let mut key = Zeroizing::new(hex(&[username, realm, who.password.expose().as_bytes()]));
        if self.algorithm.is_session() {
            let (nonce, cnonce) = &self.session;
            key = Zeroizing::new(hex(&[key.as_bytes(), nonce.as_bytes(), cnonce.as_bytes()]));
        }
        let (method, uri) = (subject.method.as_bytes(), subject.uri.as_bytes());
        let what = match self.qop {
            Qop::Absent | Qop::Auth => hex(&[method, uri]),
            Qop::AuthInt => hex(&[method, uri, hex(&[subject.body]).as_bytes()]),
        };
        let nonce = self.nonce.as_bytes();
        let protection = match self.qop {
            Qop::Absent => None,
            Qop::Auth => Some("auth"),
            Qop::AuthInt => Some("auth-int"),
        };
        let response = match protection {
            None => hex(&[key.as_bytes(), nonce, what.as_bytes()]),
            Some(qop) => {
                hex(&[key.as_bytes(), nonce, count.as_bytes(), self.cnonce.as_bytes(), qop.as_bytes(), what.as_bytes()])
            }
        };
        let mut auth = Auth::digest();
        let params = &mut auth.params;
        if self.userhash {
            params.push_quoted("username", &hex(&[username, realm]));
        } else {
            params.push_quoted("username", &who.username);
        }
        params.push_quoted("realm", &self.realm);
        params.push_quoted("nonce", &self.nonce);
        params.push_quoted("uri", subject.uri);
        params.push_quoted("response", &response);
        if let Some(algorithm) = &self.algorithm_text {
            params.push_token("algorithm", algorithm);
        }
        if let Some(opaque) = &self.opaque {
            params.push_quoted("opaque", opaque);
        }
        if protection.is_some() || self.algorithm.is_session() {
            params.push_quoted("cnonce", &self.cnonce);
        }
        if let Some(qop) = protection {
            params.push_token("qop", qop);
            params.push_token("nc", &count);
        }
        if self.userhash {
            params.push_token("userhash", "true");
        }
        auth
    }
}

impl std::fmt::Debug for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Space")
            .field("realm", &self.realm)
            .field("proxy", &self.proxy)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
