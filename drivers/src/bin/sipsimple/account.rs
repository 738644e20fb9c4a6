//! The account that a command speaks for, and its registration.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use sipsimple_core::agent::AccountSpec;
use sipsimple_core::cause::Cause;
use sipsimple_core::registration::RegistrationEvent;
use sipsimple_core::sip::digest::{Credentials, Secret};
use sipsimple_core::sip::{SipUri, Text, Uri};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_drivers::local_address;

use crate::failure::Failure;
use crate::words;

/// Options of the commands that can speak for an account.
#[derive(Debug, Args)]
#[group(id = "account_options")]
pub(crate) struct Options {
    /// Speak for this account, as in alice@example.com, and register it
    #[arg(long, value_name = "ID", value_parser = id)]
    pub(crate) account: Option<SipUri>,
    /// The file whose first line is the account's password
    #[arg(long, value_name = "FILE", requires = "account")]
    pub(crate) password_file: Option<PathBuf>,
    /// Do not register the account
    #[arg(long, requires = "account")]
    pub(crate) no_register: bool,
}

impl Options {
    /// The account's settings, when there is one; `route` leads to its proxy.
    pub(crate) fn spec(&self, route: Option<Route>) -> Result<Option<AccountSpec>, Failure> {
        let Some(account) = &self.account else { return Ok(None) };
        let mut spec = spec(account, self.password_file.as_ref(), route)?;
        spec.register = !self.no_register;
        Ok(Some(spec))
    }
}

/// The settings of an account that does not register yet.
pub(crate) fn spec(
    account: &SipUri,
    password_file: Option<&PathBuf>,
    route: Option<Route>,
) -> Result<AccountSpec, Failure> {
    let mut spec = AccountSpec::new(account.to_string());
    if let Some(file) = password_file {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("cannot read the password in {}: {error}", file.display())))?;
        let text = zeroize::Zeroizing::new(text);
        let password = Secret::from(text.lines().next().unwrap_or_default());
        spec.credentials = Some(Credentials::new(account.user_unescaped().unwrap_or_default(), password));
    }
    spec.outbound_proxy = route.map(|route| format!("{};transport={}", route.socket_addr(), route.transport).into());
    Ok(spec)
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

/// The address to speak from: the one toward the proxy, or the account's host; any, when that is a name.
pub(crate) fn local(account: &SipUri, route: Option<Route>) -> Result<IpAddr, Failure> {
    let toward = route.map(|route| route.address).or_else(|| account.host.ip());
    let Some(toward) = toward else { return Ok(IpAddr::from([0, 0, 0, 0])) };
    local_address(SocketAddr::new(toward, 5060))
        .ok_or_else(|| Failure::new(format!("there is no network route to {toward}")))
}

/// The sockets to speak from: on any port, and for TLS only where that is spoken.
pub(crate) fn listen(local: IpAddr, toward: Option<Route>) -> Vec<Route> {
    let speaks_tls = toward.is_some_and(|route| route.transport == Transport::Tls);
    [Transport::Udp, Transport::Tcp, Transport::Tls]
        .into_iter()
        .filter(|transport| *transport != Transport::Tls || speaks_tls)
        .map(|transport| Route::new(transport, SocketAddr::new(local, 0)))
        .collect()
}

/// The first registration of a command: refused credentials end the program, later ones are tried again.
#[derive(Debug, Default)]
pub(crate) struct First {
    over: bool,
}

impl First {
    /// # Errors
    /// When this is the refusal of the first registration's credentials.
    pub(crate) fn judge(&mut self, account: &str, event: &RegistrationEvent) -> Result<(), Failure> {
        match event {
            RegistrationEvent::DidFail { cause, .. } if !self.over && matches!(cause.code, Some(401 | 407)) => {
                Err(Failure::new(format!(
                    "{account} cannot register: the registrar did not accept the user name and password"
                )))
            }
            RegistrationEvent::DidSucceed { .. } => {
                self.over = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Why something that needs a registration did not get one.
pub(crate) fn not_registered(account: &str, error: &str, cause: &Cause) -> Failure {
    Failure::new(format!("{account} cannot register: {}", words::unregistered(error, cause)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let account = id("alice@example.com").unwrap();
        let route = "tcp:[::1]:5070".parse().ok();
        let spec = spec(&account, Some(&file), route).unwrap();
        assert_eq!(spec.credentials.unwrap().password.expose(), "se cret");
        assert_eq!(spec.outbound_proxy.unwrap(), "[::1]:5070;transport=tcp");
        let missing = super::spec(&account, Some(&directory.path().join("none")), None).unwrap_err();
        assert!(missing.to_string().contains("password"));
    }
}
