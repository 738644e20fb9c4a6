//! Who somebody is, and the secret that proves it.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::sip::Text;

/// A secret: it does not print, and is wiped from memory when it is dropped. A trace holds it, as it holds every key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret in plain text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.expose().to_owned()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Who somebody is to servers that ask for authentication (seed class Credentials).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The name.
    pub username: Text,
    /// The password.
    pub password: Secret,
    /// The only realm that is answered; without it every realm is that challenges a request of ours.
    pub realm: Option<Text>,
}

impl Credentials {
    /// These, for any realm.
    #[must_use]
    pub fn new(username: impl Into<Text>, password: impl Into<Secret>) -> Self {
        Self { username: username.into(), password: password.into(), realm: None }
    }
}
