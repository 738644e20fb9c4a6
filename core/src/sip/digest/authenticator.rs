//! Credentials for requests, and which challenges are answered (RFC 3261 section 22.2 and 22.3, RFC 8760 section 2.4).

use crate::random::Random;
use crate::sip::{
    Auth, AuthenticationInfo, Authorization, BuildError, CSeq, HeaderName, Headers, ProxyAuthenticate,
    ProxyAuthorization, Request, Response, Text, WwwAuthenticate,
};

use super::credentials::Credentials;
use super::space::{Space, Subject};

/// Challenges of one response that are looked at.
const CHALLENGES: usize = 16;
/// Protection spaces that are remembered; the oldest is forgotten.
const SPACES: usize = 8;
/// How often one request is sent again because of challenges of spaces that had not challenged it: a proxy's and the server's.
const ROUNDS: u8 = 2;
/// How often besides because a nonce was stale.
const RENEWALS: u8 = 2;

/// Why a challenge is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There are no credentials.
    #[error("there are no credentials")]
    NoCredentials,
    /// No challenge is understood, or none is of the realm that the credentials are for.
    #[error("no challenge is understood")]
    NotUnderstood,
    /// The credentials were refused.
    #[error("the credentials were refused")]
    Refused,
    /// The request was challenged too often.
    #[error("it was challenged too often")]
    TooOften,
}

/// One request's history with challenges: a new one for each request, kept while it is sent again.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    answered: Vec<Answered>,
    /// Responses that brought a new space.
    rounds: u8,
    /// Responses that only replaced nonces.
    renewals: u8,
}

/// A protection space whose challenge was answered for this request.
#[derive(Clone, Debug)]
struct Answered {
    proxy: bool,
    realm: Text,
    /// Whether a stale nonce was replaced once.
    renewed: bool,
}

/// Somebody's credentials, and the challenges that are in force.
#[derive(Clone, Debug, Default)]
pub struct Authenticator {
    credentials: Option<Credentials>,
    spaces: Vec<Space>,
}

impl Authenticator {
    /// One that answers for these credentials; without any it answers nothing.
    #[must_use]
    pub const fn new(credentials: Option<Credentials>) -> Self {
        Self { credentials, spaces: Vec::new() }
    }

    /// Whether a challenge has been answered, so that requests carry credentials.
    #[must_use]
    pub const fn is_challenged(&self) -> bool {
        !self.spaces.is_empty()
    }

    /// The realm whose challenge was answered last.
    #[must_use]
    pub fn realm(&self) -> Option<&Text> {
        self.spaces.last().map(|space| &space.realm)
    }

    /// Takes the challenges of a 401 or 407 to this request.
    ///
    /// # Errors
    /// When the request must not be sent again.
    pub fn challenged(
        &mut self,
        attempt: &mut Attempt,
        request: &Request,
        response: &Response,
        random: &mut Random,
    ) -> Result<(), Refusal> {
        let credentials = self.credentials.as_ref().ok_or(Refusal::NoCredentials)?;
        let mut taken: Vec<Space> = Vec::new();
        let mut refused = false;
        for (proxy, challenge) in challenges(response) {
            let Some(realm) = challenge.realm() else { continue };
            if credentials.realm.as_ref().is_some_and(|wanted| *wanted != realm)
                || taken.iter().any(|space| space.proxy == proxy && space.realm == realm)
            {
                continue;
            }
            let Some(space) = Space::new(&challenge, proxy, random) else { continue };
            if !space.is_of(request) && attempt.admits(&space, challenge.is_stale()) {
                taken.push(space);
            } else {
                refused = true;
            }
        }
        if refused {
            return Err(Refusal::Refused);
        }
        if taken.is_empty() {
            return Err(Refusal::NotUnderstood);
        }
        attempt.count(&taken)?;
        for space in taken {
            attempt.note(&space);
            self.spaces.retain(|known| known.proxy != space.proxy || known.realm != space.realm);
            self.spaces.push(space);
        }
        let excess = self.spaces.len().saturating_sub(SPACES);
        self.spaces.drain(..excess);
        Ok(())
    }

    /// A request was accepted: the server may have named the nonce that it wants next (RFC 7616 section 3.5).
    pub fn accepted(&mut self, response: &Response, random: &mut Random) {
        let Ok(Some(AuthenticationInfo(info))) = response.get::<AuthenticationInfo>() else { return };
        let Some(nonce) = info.get("nextnonce").filter(|nonce| !nonce.is_empty()) else { return };
        let mut servers = self.spaces.iter_mut().filter(|space| !space.proxy);
        // It does not say of which realm it is.
        if let (Some(space), None) = (servers.next(), servers.next()) {
            space.renew(&nonce, random);
        }
    }

    /// The request with the credentials for all challenges in force, in place of those it had; under another CSeq number if one is given.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn authorize(&mut self, request: &Request, number: Option<u32>) -> Result<Request, BuildError> {
        let left_out: &[HeaderName] = match number {
            Some(_) => &[HeaderName::Authorization, HeaderName::ProxyAuthorization, HeaderName::CSeq],
            None => &[HeaderName::Authorization, HeaderName::ProxyAuthorization],
        };
        let mut builder = request.amend(left_out);
        let method = request.method();
        if let Some(number) = number {
            builder = builder.header(&CSeq { number, method: method.clone() });
        }
        let (uri, body) = (request.uri_text(), request.body());
        if let Some(credentials) = &self.credentials {
            self.spaces.retain(Space::is_usable);
            let subject = Subject { method: method.as_str(), uri: &uri, body: &body };
            for space in &mut self.spaces {
                let auth = space.credentials(credentials, subject);
                builder = if space.proxy {
                    builder.header(&ProxyAuthorization(auth))
                } else {
                    builder.header(&Authorization(auth))
                };
            }
        }
        builder.finish()
    }
}

impl Attempt {
    /// No challenge yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { answered: Vec::new(), rounds: 0, renewals: 0 }
    }

    /// Counts a response with these challenges.
    fn count(&mut self, spaces: &[Space]) -> Result<(), Refusal> {
        let known = |space: &Space| {
            self.answered.iter().any(|answered| answered.proxy == space.proxy && answered.realm == space.realm)
        };
        let (count, most) =
            if spaces.iter().all(known) { (&mut self.renewals, RENEWALS) } else { (&mut self.rounds, ROUNDS) };
        *count = count.saturating_add(1);
        if *count > most { Err(Refusal::TooOften) } else { Ok(()) }
    }

    /// Whether this challenge may be answered: it is the first of its space for this request, or only replaces a stale nonce.
    fn admits(&self, space: &Space, stale: bool) -> bool {
        match self.answered.iter().find(|answered| answered.proxy == space.proxy && answered.realm == space.realm) {
            None => true,
            Some(answered) => stale && !answered.renewed,
        }
    }

    fn note(&mut self, space: &Space) {
        let same = self.answered.iter_mut().find(|known| known.proxy == space.proxy && known.realm == space.realm);
        match same {
            Some(answered) => answered.renewed = true,
            None => self.answered.push(Answered { proxy: space.proxy, realm: space.realm.clone(), renewed: false }),
        }
    }
}

/// The challenges of a response in their order, and whether each is a proxy's: a forking proxy puts those of all branches into one (RFC 3261 section 22.3).
fn challenges(response: &Headers) -> impl Iterator<Item = (bool, Auth)> {
    let servers = response.all::<WwwAuthenticate>().flatten().map(|challenge| (false, challenge.0));
    let proxies = response.all::<ProxyAuthenticate>().flatten().map(|challenge| (true, challenge.0));
    servers.chain(proxies).take(CHALLENGES)
}
