//! A running application that sends requests outside of calls, and as whom.

use std::path::PathBuf;

use sipsimple_core::id::AccountId;

use crate::account::Options;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;
use crate::way;

/// A running application that speaks as somebody.
#[derive(Debug)]
pub(crate) struct Speaker {
    pub(crate) client: Client,
    pub(crate) account: AccountId,
}

impl Speaker {
    /// Starts an application for requests to `to`.
    pub(crate) fn start(options: &Options, to: &str, trace: Option<PathBuf>, out: Output) -> Result<Self, Failure> {
        let to = way::target(to)?;
        let spec = options.spec()?;
        let uris: Vec<_> = options.account.iter().chain([&to]).collect();
        let (settings, listen) = options.way.settings(&uris)?;
        let mut client = Client::start(settings, trace, out)?;
        client.bound(&listen)?;
        let mut spec = spec.unwrap_or_else(|| options.nobody(&listen));
        spec.register = false;
        let account = client.application.add_account_spec(spec)?;
        Ok(Self { client, account })
    }
}
