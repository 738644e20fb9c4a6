//! The accounts, and whose a request is (behaviour of AccountManager.find_account in the reference).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::id::{AccountId, Counter};
use crate::random::Random;
use crate::registration::Settings;
use crate::settings::kind::StunServer;
use crate::sip::{Host, NameAddr, SipUri, Text, Uri};
use crate::stream::SessionInfo;
use crate::uac::Destination;

use super::intent::{AccountError, AccountSpec};
use super::supervised::Kept;

/// One account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) spec: AccountSpec,
    /// Its name and URI, for From headers.
    pub(super) identity: NameAddr,
    /// The user part of its Contact URIs.
    pub(super) contact_user: Text,
    /// Where its requests go first, whatever they are for.
    pub(super) proxy: Option<SipUri>,
    pub(super) phase: Phase,
    /// The STUN servers of its domain, once those were asked for.
    pub(super) stun: Option<DomainStun>,
    /// What it keeps subscribed to and published.
    pub(super) kept: Kept,
    /// Where its messages are, as the server told (RFC 3842 section 3.5).
    pub(super) message_account: Option<Text>,
}

/// The STUN servers that DNS knows of a domain.
#[derive(Debug)]
pub(super) struct DomainStun {
    pub(super) domain: Host,
    /// None before it is answered.
    pub(super) servers: Vec<SocketAddr>,
}

/// What an account is doing (behaviour 5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It does nothing, and takes no requests.
    Inactive,
    Active,
    /// Its usages end; then it is inactive.
    Deactivating,
    /// Its usages end; then it is removed.
    Leaving,
}

impl Account {
    /// Gives a session what streams are to know of the account.
    pub(super) fn tell(&self, info: &mut SessionInfo) {
        self.spec.tell(info);
        let nat = &mut info.settings.nat_traversal;
        if nat.stun_server_list.is_none()
            && let Some(stun) = self.stun.as_ref().filter(|stun| !stun.servers.is_empty())
        {
            let servers =
                stun.servers.iter().map(|server| StunServer { host: server.ip().into(), port: server.port() });
            nat.stun_server_list = Some(servers.collect());
        }
    }

    fn new(spec: AccountSpec, contact_user: Text) -> Result<Self, AccountError> {
        let uri = Uri::parse(&spec.uri).ok().filter(|uri| uri.as_sip().is_some());
        let uri = uri.ok_or_else(|| AccountError::BadUri(spec.uri.clone()))?;
        if let Some(name) = spec.display_name.as_ref().filter(|name| name.chars().any(char::is_control)) {
            return Err(AccountError::BadDisplayName(name.clone()));
        }
        let proxy = match &spec.outbound_proxy {
            None => None,
            Some(text) => Some(proxy(text).ok_or_else(|| AccountError::BadProxy(text.clone()))?),
        };
        let identity = NameAddr { display_name: spec.display_name.clone(), ..NameAddr::new(uri) };
        Ok(Self {
            spec,
            identity,
            contact_user,
            proxy,
            phase: Phase::Inactive,
            kept: Kept::default(),
            stun: None,
            message_account: None,
        })
    }

    fn user(&self) -> Option<&Text> {
        self.uri().and_then(|uri| uri.user.as_ref())
    }

    /// Its URI (attribute `uri` of the seeds' Account).
    pub(super) const fn uri(&self) -> Option<&SipUri> {
        self.identity.uri.as_sip()
    }

    /// Its name as in `alice@example.com` (attribute `id` of the seeds' Account).
    pub(super) fn name(&self) -> Text {
        match self.uri() {
            Some(SipUri { user: Some(user), host, .. }) => format!("{user}@{host}").into(),
            Some(SipUri { user: None, host, .. }) => host.to_string().into(),
            None => self.spec.uri.clone(),
        }
    }

    /// Where a request for `target` goes first: to the outbound proxy, or to the target itself.
    pub(super) fn destination(&self, target: &SipUri) -> Destination {
        let at_home = self.uri().is_some_and(|own| own.host == target.host);
        let proxy = self.proxy.as_ref().filter(|_| self.spec.always_use_my_proxy || at_home);
        Destination::Uri(proxy.unwrap_or(target).clone())
    }

    /// What its registration needs to know.
    pub(super) fn registration(&self, instance_id: Option<Text>) -> Settings {
        let mut domain = self.uri().cloned().unwrap_or_else(|| SipUri::new(None, LOCALHOST, None));
        domain.user = None;
        Settings {
            identity: self.identity.clone(),
            contact_user: self.contact_user.clone(),
            credentials: self.spec.credentials.clone(),
            destination: self.destination(&domain),
            interval: self.spec.register_interval.max(1),
            instance_id,
        }
    }
}

/// Where an account without a host is registered, of which there is none.
const LOCALHOST: Host = Host::V4(std::net::Ipv4Addr::LOCALHOST);

/// The accounts.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    ids: Counter,
    accounts: BTreeMap<AccountId, Account>,
    pub(super) default: Option<AccountId>,
}

impl Accounts {
    pub(super) fn add(&mut self, spec: AccountSpec, random: &mut Random) -> Result<AccountId, AccountError> {
        let account = Account::new(spec, random.token(8).into())?;
        let id = AccountId::from_u64(self.ids.take());
        self.accounts.insert(id, account);
        Ok(id)
    }

    /// Gives an account other settings.
    pub(super) fn change(&mut self, id: AccountId, spec: AccountSpec) -> Result<(), AccountError> {
        let account = self.accounts.get_mut(&id).filter(|account| account.phase != Phase::Leaving);
        let account = account.ok_or(AccountError::Unknown(id))?;
        let changed = Account::new(spec, account.contact_user.clone())?;
        let (phase, kept, stun) = (account.phase, std::mem::take(&mut account.kept), account.stun.take());
        *account = Account { phase, kept, stun, ..changed };
        Ok(())
    }

    pub(super) fn remove(&mut self, id: AccountId) {
        self.accounts.remove(&id);
    }

    /// An account that is not about to be removed.
    pub(super) fn get(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id).filter(|account| account.phase != Phase::Leaving)
    }

    pub(super) fn get_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.accounts.get_mut(&id)
    }

    pub(super) fn phase_mut(&mut self, id: AccountId) -> Option<&mut Phase> {
        self.accounts.get_mut(&id).map(|account| &mut account.phase)
    }

    /// Those that are not about to be removed.
    pub(super) fn iter(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.accounts.iter().filter(|(_, account)| account.phase != Phase::Leaving).map(|(id, account)| (*id, account))
    }

    /// Whether none does anything, nor is about to be removed.
    pub(super) fn are_inactive(&self) -> bool {
        self.accounts.values().all(|account| account.phase == Phase::Inactive)
    }

    /// The first that is active, apart from this one.
    pub(super) fn first_active_but(&self, but: AccountId) -> Option<AccountId> {
        self.iter().find(|(id, account)| *id != but && account.phase == Phase::Active).map(|(id, _)| id)
    }

    /// The active account that a request to this URI is for: first the one whose Contact has that user, then the one of that user and host, then the
    /// one of that user, whatever the domain, then one that takes any user.
    pub(super) fn find(&self, uri: &SipUri) -> Option<AccountId> {
        let by = |fits: &dyn Fn(&Account) -> bool| {
            self.iter().find(|(_, account)| account.phase == Phase::Active && fits(account)).map(|(id, _)| id)
        };
        let user = uri.user.as_ref();
        let same_host = |account: &Account| account.uri().is_some_and(|own| own.host == uri.host);
        by(&|account| user == Some(&account.contact_user))
            .or_else(|| by(&|account| user.is_some() && user == account.user() && same_host(account)))
            .or_else(|| by(&|account| user.is_some() && user == account.user()))
            .or_else(|| by(&|account| account.spec.any_user))
    }
}

/// The URI of an outbound proxy, which is written as `host[:port][;transport=udp|tcp|tls]`.
fn proxy(text: &Text) -> Option<SipUri> {
    let uri = Uri::parse(&format!("sip:{text}").into()).ok()?;
    let uri = uri.as_sip().filter(|uri| uri.user.is_none() && uri.headers.is_empty())?;
    let known = |name: &str| name.parse::<crate::transport::Transport>().is_ok();
    uri.transport().is_none_or(known).then(|| uri.clone())
}
