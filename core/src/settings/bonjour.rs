//! The settings of the account without a server (seed class `BonjourAccount`).

use super::account::{RtpAccount, TlsAccount};
use super::key::{Identity, ObjectClass};
use super::kind::{MsrpTransport, NotEmpty};
use super::settings;
use crate::transport::Transport;

/// Its id.
pub(super) const ID: &str = "bonjour@local";

impl ObjectClass for BonjourAccountSettings {
    const NAME: &'static str = "BonjourAccount";
    const GROUP: &'static str = "Accounts";
    const IDENTITY: Identity = Identity::Fixed(ID);
}

settings! {
    /// The settings of the account that finds its peers on the local network (seed class `BonjourAccount`).
    pub struct BonjourAccountSettings {
        /// Whether it is used.
        enabled: bool = true,
        /// The name that the neighbours see. The driver makes the user's full name its default.
        display_name: Option<NotEmpty> = None,
    }
    groups {
        /// MSRP.
        msrp: BonjourMsrp,
        /// RTP.
        rtp: RtpAccount,
        /// SIP.
        sip: BonjourSip,
        /// TLS.
        tls: TlsAccount,
    }
}

settings! {
    /// MSRP.
    pub struct BonjourMsrp {
        /// What it runs over.
        transport: MsrpTransport = MsrpTransport::Tcp,
    }
}

settings! {
    /// SIP.
    pub struct BonjourSip {
        /// What neighbours are called over first.
        transport: Transport = Transport::Tcp,
    }
}
