//! The options of MSRP, the same for every command that speaks it.

use clap::Args;
use sipsimple_core::agent::AccountSpec;
use sipsimple_core::settings::kind::{ConnectionModel, MsrpRelayAddress, MsrpTransport};

/// Options of MSRP.
#[derive(Clone, Debug, Args)]
#[group(id = "msrp_options")]
pub(crate) struct Options {
    /// What MSRP runs over: tls, for which --tls-cert is needed to be reached, or tcp
    #[arg(long, value_name = "TRANSPORT", default_value = "tcp")]
    msrp: MsrpTransport,
    /// The relay to be reached through, as in 192.0.2.1:2855;transport=tls
    #[arg(long, value_name = "RELAY")]
    relay: Option<MsrpRelayAddress>,
    /// Which side opens the connection: relay (the one that calls) or acm (RFC 6135)
    #[arg(long, value_name = "MODEL", default_value = "relay")]
    connection_model: ConnectionModel,
}

impl Options {
    /// Puts them into an account. A relay is used in both directions.
    pub(crate) fn apply(&self, spec: &mut AccountSpec) {
        spec.msrp.transport = self.msrp;
        spec.msrp.connection_model = self.connection_model;
        spec.msrp.relay.clone_from(&self.relay);
        spec.msrp.relay_for_outbound = self.relay.is_some();
    }
}
