//! How an account speaks MSRP.

use serde::{Deserialize, Serialize};

use crate::settings::AccountSettings;
use crate::settings::kind::{ConnectionModel, MessageNotifications, MsrpRelayAddress, MsrpTransport};

/// How streams over MSRP find their way (settings `msrp.*` and `nat_traversal.*` of the seeds' Account), and what chats tell of their user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MsrpAccount {
    /// What it runs over (setting `msrp.transport`).
    pub transport: MsrpTransport,
    /// Which side opens the connection (setting `msrp.connection_model`).
    pub connection_model: ConnectionModel,
    /// The relay (setting `nat_traversal.msrp_relay`).
    pub relay: Option<MsrpRelayAddress>,
    /// Whether sessions that come in use the relay (setting `nat_traversal.use_msrp_relay_for_inbound`).
    pub relay_for_inbound: bool,
    /// Whether sessions that go out use the relay (setting `nat_traversal.use_msrp_relay_for_outbound`).
    pub relay_for_outbound: bool,
    /// What senders of chat messages are told who want to know what became of them (setting `chat.notifications`).
    pub notifications: MessageNotifications,
}

impl Default for MsrpAccount {
    fn default() -> Self {
        Self {
            transport: MsrpTransport::Tls,
            connection_model: ConnectionModel::Relay,
            relay: None,
            relay_for_inbound: true,
            relay_for_outbound: false,
            notifications: MessageNotifications::Send,
        }
    }
}

impl MsrpAccount {
    /// What the settings of an account say.
    pub(super) fn of_settings(settings: &AccountSettings) -> Self {
        Self {
            transport: settings.msrp.transport,
            connection_model: settings.msrp.connection_model,
            relay: settings.nat_traversal.msrp_relay.clone(),
            relay_for_inbound: settings.nat_traversal.use_msrp_relay_for_inbound,
            relay_for_outbound: settings.nat_traversal.use_msrp_relay_for_outbound,
            notifications: settings.chat.notifications,
        }
    }

    /// Makes the settings of a session's account say this.
    pub(super) fn apply(&self, settings: &mut AccountSettings) {
        settings.msrp.transport = self.transport;
        settings.msrp.connection_model = self.connection_model;
        settings.nat_traversal.msrp_relay.clone_from(&self.relay);
        settings.nat_traversal.use_msrp_relay_for_inbound = self.relay_for_inbound;
        settings.nat_traversal.use_msrp_relay_for_outbound = self.relay_for_outbound;
        settings.chat.notifications = self.notifications;
    }
}
