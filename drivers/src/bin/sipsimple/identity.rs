//! Who a command speaks as, and where its requests go first: `--account`, `--password-file`, `--route`.

use std::path::PathBuf;

use clap::Args;
use sipsimple_core::agent::AccountSpec;
use sipsimple_core::id::AccountId;
use sipsimple_core::sip::Text;
use sipsimple_core::sip::digest::Credentials;
use sipsimple_core::transport::Route;
use sipsimple_drivers::local_address;

use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;
use crate::{account, call, tls, value};

/// Options of commands that send requests outside of calls.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Who we are, as in alice@example.com; sip:USER@ADDRESS if not said
    #[arg(long, value_name = "USER@DOMAIN")]
    pub(crate) account: Option<String>,
    /// The file whose first line is the password of the account
    #[arg(long, value_name = "FILE", requires = "account")]
    pub(crate) password_file: Option<PathBuf>,
    /// Where to send requests, udp|tcp|tls:ADDRESS:PORT; needed when nothing else holds an IP address
    #[arg(long, value_name = "SOCKET", value_parser = value::route)]
    pub(crate) route: Option<Route>,
    #[command(flatten)]
    tls: tls::Options,
}

/// A running application that speaks as somebody.
#[derive(Debug)]
pub(crate) struct Speaker {
    pub(crate) client: Client,
    pub(crate) account: AccountId,
    pub(crate) routes: Vec<Route>,
}

impl Options {
    /// Starts an application for requests to `to`, or where no other route is told to the account's domain.
    pub(crate) fn start(&self, to: &str, trace: Option<PathBuf>, out: Output) -> Result<Speaker, Failure> {
        let route = match self.route {
            Some(route) => route,
            None => call::route_of(to)?,
        };
        let local = local_address(route.socket_addr())
            .ok_or_else(|| Failure::new(format!("there is no network route to {}", route.address)))?;
        let listen = account::listen(local, Some(route));
        let mut client = Client::start(&listen, &self.tls, trace, out)?;
        client.bound(&listen)?;
        let uri = self.uri().unwrap_or_else(|| call::own_uri(local));
        let mut spec = AccountSpec::new(uri);
        spec.credentials = self.credentials()?;
        let account = client.application.add_account_spec(spec)?;
        Ok(Speaker { client, account, routes: vec![route] })
    }

    /// The URI of the account.
    pub(crate) fn uri(&self) -> Option<String> {
        let account = self.account.as_ref()?;
        Some(if account.contains(':') { account.clone() } else { format!("sip:{account}") })
    }

    /// The URI that a user alone stands for: one in the account's domain.
    pub(crate) fn complete(&self, uri: &str) -> String {
        if uri.contains(':') {
            return uri.to_owned();
        }
        let domain = self.account.as_deref().and_then(|account| account.rsplit_once('@')).map(|(_, domain)| domain);
        match domain.filter(|_| !uri.contains('@')) {
            Some(domain) => format!("sip:{uri}@{domain}"),
            None => format!("sip:{uri}"),
        }
    }

    fn credentials(&self) -> Result<Option<Credentials>, Failure> {
        let (Some(account), Some(file)) = (&self.account, &self.password_file) else { return Ok(None) };
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
        let password = text.lines().next().unwrap_or_default();
        let account = account.trim_start_matches("sips:").trim_start_matches("sip:");
        let user = account.split_once('@').map_or(account, |(user, _)| user);
        Ok(Some(Credentials::new(Text::from(user), password)))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        identity: Options,
    }

    #[test]
    fn a_user_alone_is_one_of_the_accounts_domain() {
        let options = |account: Option<&str>| {
            let words = ["test"].into_iter().chain(account.iter().flat_map(|account| ["--account", account]));
            Line::try_parse_from(words).unwrap().identity
        };
        assert_eq!(options(Some("alice@example.com")).complete("bob"), "sip:bob@example.com");
        assert_eq!(options(Some("alice@example.com")).complete("bob@example.org"), "sip:bob@example.org");
        assert_eq!(options(Some("alice@example.com")).complete("sips:bob@h"), "sips:bob@h");
        assert_eq!(options(None).complete("bob@192.0.2.1"), "sip:bob@192.0.2.1");
        assert_eq!(options(Some("alice@example.com")).uri().as_deref(), Some("sip:alice@example.com"));
    }
}
