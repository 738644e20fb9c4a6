//! The options of TLS, the same for every command that speaks it.

use std::path::PathBuf;

use clap::Args;
use sipsimple_core::sip::Text;
use sipsimple_core::transport::{Route, TlsConfig, TlsPolicy, Transport};
use sipsimple_drivers::Settings;

use crate::failure::Failure;

/// The name of the one identity that the program has.
const IDENTITY: Text = Text::from_static("program");

/// Options of TLS.
#[derive(Clone, Debug, Args)]
#[group(id = "tls")]
pub(crate) struct Options {
    /// TLS: trust the authorities in FILE (PEM) instead of those that the system trusts
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// TLS: show the certificate in FILE (PEM, with its key); needed to listen
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// TLS: take any certificate of a server, whoever issued it and whatever name it has
    #[arg(long)]
    tls_insecure: bool,
}

impl Options {
    /// Puts them into the settings.
    pub(crate) fn apply(&self, settings: &mut Settings) {
        let mut config = TlsConfig::default();
        if self.tls_insecure {
            config.servers = TlsPolicy::None;
        }
        if let Some(certificate) = &self.tls_cert {
            settings.tls.identities.insert(IDENTITY, certificate.clone());
            config.identity = Some(IDENTITY);
        }
        settings.tls.ca_list.clone_from(&self.tls_ca);
        settings.config.tls = Some(config);
    }

    /// Refuses to listen for connections that would all fail.
    ///
    /// # Errors
    /// When a certificate is needed, and none was given.
    pub(crate) fn check(&self, listen: &[Route]) -> Result<(), Failure> {
        let wants_one = listen.iter().any(|route| route.transport == Transport::Tls);
        if wants_one && self.tls_cert.is_none() {
            return Err(Failure::new("to listen for TLS a certificate is needed: --tls-cert FILE"));
        }
        Ok(())
    }
}
