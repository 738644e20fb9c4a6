//! The account that a command speaks for, and its registration.

use std::path::{Path, PathBuf};

use clap::Args;
use sipsimple_core::agent::AccountSpec;
use sipsimple_core::cause::{By, Cause};
use sipsimple_core::registration::RegistrationEvent;
use sipsimple_core::sip::digest::{Credentials, Secret};
use sipsimple_core::sip::{SipUri, Text, Uri};
use sipsimple_core::transport::Route;

use crate::failure::Failure;
use crate::way::{Way, own_uri};
use crate::words;

/// Options of the commands that can speak for an account.
#[derive(Debug, Args)]
#[group(id = "account_options")]
pub(crate) struct Options {
    /// Speak for this account, as in alice@example.com; commands that call or are called register it first
    #[arg(long, value_name = "ID", value_parser = id)]
    pub(crate) account: Option<SipUri>,
    /// The file whose first line is the account's password
    #[arg(long, value_name = "FILE", requires = "account")]
    pub(crate) password_file: Option<PathBuf>,
    /// Do not register the account; message, subscribe and publish never do
    #[arg(long, requires = "account")]
    pub(crate) no_register: bool,
    #[command(flatten)]
    pub(crate) way: Way,
}

impl Options {
    /// The account's settings, when there is one.
    pub(crate) fn spec(&self) -> Result<Option<AccountSpec>, Failure> {
        let Some(account) = &self.account else { return Ok(None) };
        let mut spec = spec(account, self.password_file.as_deref(), &self.way)?;
        spec.register = !self.no_register;
        Ok(Some(spec))
    }

    /// The settings of one who speaks for no account, with these sockets.
    pub(crate) fn nobody(&self, listen: &[Route]) -> AccountSpec {
        AccountSpec { outbound_proxy: proxy(&self.way), ..AccountSpec::new(own_uri(listen)) }
    }

    /// The URI that is meant: a user alone is one in the account's domain.
    pub(crate) fn complete(&self, uri: &str) -> String {
        match &self.account {
            _ if uri.contains(':') => uri.to_owned(),
            Some(own) if !uri.contains('@') => {
                SipUri { user: Some(SipUri::escape_user(uri)), ..own.clone() }.to_string()
            }
            _ => format!("sip:{uri}"),
        }
    }
}

/// The settings of an account that does not register yet.
pub(crate) fn spec(account: &SipUri, password_file: Option<&Path>, way: &Way) -> Result<AccountSpec, Failure> {
    let mut spec = AccountSpec::new(account.to_string());
    if let Some(file) = password_file {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("cannot read the password in {}: {error}", file.display())))?;
        let text = zeroize::Zeroizing::new(text);
        let password = Secret::from(text.lines().next().unwrap_or_default());
        spec.credentials = Some(Credentials::new(account.user_unescaped().unwrap_or_default(), password));
    }
    spec.outbound_proxy = proxy(way);
    Ok(spec)
}

fn proxy(way: &Way) -> Option<Text> {
    way.route.map(|route| format!("{};transport={}", route.socket_addr(), route.transport).into())
}

/// Reads the name of an account, with or without `sip:` before it.
///
/// # Errors
/// When it has no user or is no address.
pub(crate) fn id(text: &str) -> Result<SipUri, String> {
    let full =
        if text.starts_with("sip:") || text.starts_with("sips:") { text.to_owned() } else { format!("sip:{text}") };
    match Uri::parse(&Text::from(full)) {
        Ok(Uri::Sip(uri)) if uri.user.is_some() && uri.params.is_empty() && uri.headers.is_empty() => Ok(uri),
        _ => Err(format!("'{text}' is not an account, as in alice@example.com")),
    }
}

/// The first registration of a command: refused credentials, or a certificate that is not trusted, end the program; later ones are tried again.
#[derive(Debug, Default)]
pub(crate) struct First {
    over: bool,
}

impl First {
    /// # Errors
    /// When this is the first registration, and another attempt would end the same way.
    pub(crate) fn judge(&mut self, account: &str, event: &RegistrationEvent) -> Result<(), Failure> {
        match event {
            RegistrationEvent::DidFail { cause, .. } if !self.over && matches!(cause.code, Some(401 | 407)) => {
                Err(Failure::new(format!(
                    "{account} cannot register: the registrar did not accept the user name and password"
                )))
            }
            RegistrationEvent::DidFail { error, cause, .. } if !self.over && is_distrust(cause) => {
                Err(not_registered(account, error, cause))
            }
            RegistrationEvent::DidSucceed { .. } => {
                self.over = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Whether it was given up because of a certificate: of the server, or of ours.
fn is_distrust(cause: &Cause) -> bool {
    cause.by == By::Network && cause.reason.as_ref().is_some_and(|reason| reason.contains("certificate"))
}

/// Why something that needs a registration did not get one.
pub(crate) fn not_registered(account: &str, error: &str, cause: &Cause) -> Failure {
    Failure::new(format!("{account} cannot register: {}", words::unregistered(error, cause)))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        account: Options,
    }

    fn options(words: &[&str]) -> Options {
        Line::try_parse_from(["test"].iter().chain(words)).unwrap().account
    }

    #[test]
    fn accounts_are_read_with_and_without_a_scheme() {
        for text in ["alice@example.com", "sip:alice@example.com", "sips:alice@[::1]:5071"] {
            assert!(id(text).is_ok(), "{text}");
        }
        for text in ["", "alice", "example.com", "tel:1", "alice@", "a@b;transport=tcp", "a@b?x=y", "a b@c"] {
            assert!(id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_is_the_first_line_of_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        std::fs::write(&file, "se cret\r\nnot this\n").unwrap();
        let file = file.to_str().unwrap();
        let more = ["--route", "tcp:[::1]:5070", "--password-file", file];
        let spec = options(&[&["--account", "alice@example.com"], &more[..]].concat()).spec().unwrap().unwrap();
        assert_eq!(spec.credentials.unwrap().password.expose(), "se cret");
        assert_eq!(spec.outbound_proxy.unwrap(), "[::1]:5070;transport=tcp");
        let missing = options(&["--account", "alice@example.com", "--password-file", "/nowhere/none"]).spec();
        assert!(missing.unwrap_err().to_string().contains("password"));
    }

    #[test]
    fn whom_a_request_is_for_is_completed_by_the_account() {
        let account = ["--account", "alice@example.com"];
        for (words, uri, full) in [
            (&account[..], "bob", "sip:bob@example.com"),
            (&account, "+1 555", "sip:+1%20555@example.com"),
            (&account, "bob@other.example", "sip:bob@other.example"),
            (&account, "sips:bob@other.example", "sips:bob@other.example"),
            (&[], "bob@192.0.2.1", "sip:bob@192.0.2.1"),
        ] {
            assert_eq!(options(words).complete(uri), full);
        }
    }

    #[test]
    fn only_the_first_registration_ends_the_program() {
        let failed = |reason: &str, code| RegistrationEvent::DidFail {
            error: "No more routes to try".into(),
            timeout: std::time::Duration::from_secs(1),
            cause: Cause { by: By::Network, code, reason: Some(reason.into()) },
        };
        let distrust = failed("TLS: the peer's certificate is not trusted: its issuer is not known", None);
        let mut first = First::default();
        first.judge("a@b", &failed("connection refused", None)).unwrap();
        let said = first.judge("a@b", &distrust).unwrap_err().to_string();
        assert!(said.starts_with("a@b cannot register") && said.contains("its issuer is not known"), "{said}");
        assert!(first.judge("a@b", &failed("Authentication failed", Some(401))).is_err());
        first.over = true;
        first.judge("a@b", &distrust).unwrap();
    }
}
