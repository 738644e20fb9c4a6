//! What a registration is made of, and the pause after a failure.

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
