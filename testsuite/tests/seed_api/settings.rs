//! Settings: the flags of accounts, and the configuration objects of seed 000.

use sipsimple_core::agent::{Agent, Config, Intent};
use sipsimple_core::limits::Limits;
use sipsimple_core::outbox::Outbox;
use sipsimple_core::random::Seed;
use sipsimple_core::settings::{
    AccountSettings, Backend, BonjourAccountSettings, Change, ConfigurationManager, MsrpConfiguration, ObjectClass,
    RtpConfiguration, SipSimpleSettings,
};
use sipsimple_core::time::{Instant, Utc};

use super::table::Table;

const ALICE: &str = "alice@example.com";

pub(crate) fn scenarios(table: &mut Table) {
    let mut out = Outbox::new();
    let mut manager = ConfigurationManager::new(&Limits::default());
    manager.register::<SipSimpleSettings>();
    manager.register::<AccountSettings>();
    manager.register::<BonjourAccountSettings>();
    manager.start(Backend::Memory, &mut out);
    manager.open::<SipSimpleSettings>("", &mut out).unwrap();
    manager.open::<BonjourAccountSettings>("", &mut out).unwrap();
    manager.open::<AccountSettings>(ALICE, &mut out).unwrap();
    configuration_of_rtp(table, &mut manager);
    configuration_of_msrp(table, &mut manager);

    changes(table);
}

/// Changes of an account, and of the one for Bonjour, as the agent tells them.
fn changes(table: &mut Table) {
    let now = Instant::ZERO;
    let mut agent = Agent::new(Config::default(), Seed::from_u64(1), now, Utc::default()).unwrap();
    agent.intend(now, Intent::Start { settings: Backend::Memory, listen: false }).unwrap();
    agent.intend(now, Intent::CreateAccount { id: ALICE.into(), changes: Vec::new() }).unwrap();
    for (object, name) in [(AccountSettings::key(ALICE), "sip.register"), (BonjourAccountSettings::key(""), "enabled")]
    {
        let class = agent.settings().record(&object).unwrap().class();
        while agent.poll_event().is_some() {}
        agent.intend(now, Intent::ChangeSettings { object, changes: vec![Change::typed(name, "no")] }).unwrap();
        while let Some(event) = agent.poll_event() {
            table.heard_of(class, event.names(), &event);
        }
    }
}

fn configuration_of_rtp(table: &mut Table, manager: &mut ConfigurationManager) {
    let new = RtpConfiguration::default();
    table.is("000 RTPConfiguration.__init__", (new.use_srtp, new.use_ice, new.ice_stun_port), (false, false, 3478));
    manager.record_mut(&SipSimpleSettings::key("")).unwrap().set_text("rtp.local_address", "192.0.2.1").unwrap();
    let account = manager.record_mut(&AccountSettings::key(ALICE)).unwrap();
    account.set_text("rtp.srtp_encryption", "mandatory").unwrap();
    account.set_text("nat_traversal.use_ice", "yes").unwrap();
    account.set_text("nat_traversal.stun_server_list", "192.0.2.2:3479").unwrap();
    let rtp = RtpConfiguration::new(manager.get("").unwrap(), manager.get(ALICE).unwrap());
    table.is("000 RTPConfiguration.local_rtp_address", rtp.local_rtp_address, "192.0.2.1".parse().ok());
    table.is("000 RTPConfiguration.use_srtp", rtp.use_srtp, true);
    table.is("000 RTPConfiguration.srtp_forced", rtp.srtp_forced, true);
    table.is("000 RTPConfiguration.use_ice", rtp.use_ice, true);
    table.is("000 RTPConfiguration.ice_stun_address", rtp.ice_stun_address.clone(), "192.0.2.2".parse().ok());
    table.is("000 RTPConfiguration.ice_stun_port", rtp.ice_stun_port, 3479);
    let account: &AccountSettings = manager.get(ALICE).unwrap();
    assert_ne!(rtp, new);
    table.is("000 SessionManager.rtp_config", rtp.use_ice, account.nat_traversal.use_ice);
}

fn configuration_of_msrp(table: &mut Table, manager: &mut ConfigurationManager) {
    let new = MsrpConfiguration::default();
    let defaults = (new.local_use_tls, new.use_relay_incoming, new.use_relay_outgoing, new.relay_use_tls);
    table.is("000 MSRPConfiguration.__init__", defaults, (true, true, false, None));
    let settings = manager.record_mut(&SipSimpleSettings::key("")).unwrap();
    settings.set_text("msrp.local_ip", "192.0.2.1").unwrap();
    settings.set_text("msrp.local_port", "2855").unwrap();
    let account = manager.record_mut(&AccountSettings::key(ALICE)).unwrap();
    account.set_text("msrp.transport", "tcp").unwrap();
    account.set_text("nat_traversal.msrp_relay", "relay.example.com:2856;transport=tcp").unwrap();
    account.set_text("nat_traversal.use_msrp_relay_for_inbound", "no").unwrap();
    account.set_text("nat_traversal.use_msrp_relay_for_outbound", "yes").unwrap();
    let msrp = MsrpConfiguration::new(manager.get("").unwrap(), manager.get(ALICE).unwrap());
    table.is("000 MSRPConfiguration.local_ip", msrp.local_ip, "192.0.2.1".parse().ok());
    table.is("000 MSRPConfiguration.local_port", msrp.local_port, Some(2855));
    table.is("000 MSRPConfiguration.local_use_tls", msrp.local_use_tls, false);
    table.is("000 MSRPConfiguration.use_relay_incoming", msrp.use_relay_incoming, false);
    table.is("000 MSRPConfiguration.use_relay_outgoing", msrp.use_relay_outgoing, true);
    table.is("000 MSRPConfiguration.relay_host", msrp.relay_host.clone(), "relay.example.com".parse().ok());
    table.is("000 MSRPConfiguration.relay_port", msrp.relay_port, Some(2856));
    table.is("000 MSRPConfiguration.relay_use_tls", msrp.relay_use_tls, Some(false));
    let settings: &SipSimpleSettings = manager.get("").unwrap();
    assert_ne!(msrp, new);
    table.is("000 SessionManager.msrp_config", msrp.local_port, Some(settings.msrp.local_port));
}
