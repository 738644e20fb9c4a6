//! What a registration is made of, and the pause after a failure.

use std::time::Duration;

use crate::random::Random;
use crate::sip::digest::Credentials;
use crate::sip::{NameAddr, Text};
use crate::uac::Destination;

/// What an account's registration needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The account's name and address of record; its URI is a `sip:` or `sips:` URI.
    pub identity: NameAddr,
    /// The user part of the Contact.
    pub contact_user: Text,
    /// Who to be to the registrar.
    pub credentials: Option<Credentials>,
    /// Where REGISTER goes.
    pub destination: Destination,
    /// What expiry is asked for, in seconds (setting `sip.register_interval`).
    pub interval: u32,
    /// The URN of this device (RFC 5627, RFC 5626).
    pub instance_id: Option<Text>,
}

/// A pause that doubles with each failure: from `w` to `2·w`, where `w` goes from 1 s to 30 s.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff(Duration);

impl Backoff {
    const LEAST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(30);

    pub(super) const fn new() -> Self {
        Self(Self::LEAST)
    }

    pub(super) fn next(&mut self, random: &mut Random) -> Duration {
        let pause = random.duration(self.0, self.0 * 2);
        self.0 = (self.0 * 2).min(Self::MOST);
        pause
    }
}
