//! What an account keeps subscribed to and published by itself, as its settings say (behaviour 5.2, 5.3 and 7.6).
//!
//! | setting | subscription | publication |
//! |---|---|---|
//! | `message_summary.enabled` | `message-summary`, of its voice mail (RFC 3842) | |
//! | `presence.enabled` | `presence.winfo`, of itself (RFC 3857); with `presence.use_rls` also `presence`, of its list of contacts, whose URI is `USER+presence@DOMAIN` (RFC 4662) | `presence` |
//! | `dialog_event.enabled` | `dialog.winfo`, of itself; with `presence.use_rls` also `dialog`, of `USER+dialog@DOMAIN` | `dialog` |
//! | `xcap.enabled`, `xcap.xcap_diff` | `xcap-diff`, of its documents (RFC 5875) | |
//!
//! Each is kept for as long as the account is active. Their news come as those of any subscription or publication, under the names of the
//! reference beside their own.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, PublicationId, SubscriptionId};
use crate::package;
use crate::payload::resource_lists::{Entry, Item, List, ResourceLists};
use crate::publication::PublicationEvent;
use crate::sip::{Event, Item as EventItem, NameAddr, SipUri, Text, Uri};
use crate::subscription::{EventState, Subscribe, SubscriptionEvent};
use crate::transport::Route;
use crate::uac::{Destination, Patience};
use crate::usage::{Content, Unsupported, check};

use super::accounts::{Account, Phase};
use super::intent::{AccountSpec, UsageError};
use super::owner::Owner;
use super::subscriptions::{address, domain};
use super::{Agent, EventKind, Shutdown};

/// What an account stays subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supervised {
    /// The summary of its messages.
    MessageSummary,
    /// The presence of its contacts.
    Presence,
    /// Who watches its presence.
    PresenceWatchers,
    /// The dialogs of its contacts.
    Dialogs,
    /// Who watches its dialogs.
    DialogWatchers,
    /// Changes of its documents.
    XcapDiff,
}

/// What an account keeps published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Published {
    /// Its presence.
    Presence,
    /// Its dialogs.
    Dialog,
}

/// The documents that an account may have, below the root of its server (behaviour 7.1), with its URI for `{}`.
const DOCUMENTS: [&str; 7] = [
    "org.openxcap.dialog-rules/users/{}/index",
    "pidf-manipulation/users/{}/index",
    "org.openmobilealliance.pres-rules/users/{}/index",
    "pres-rules/users/{}/index",
    "resource-lists/users/{}/index",
    "rls-services/users/{}/index",
    "org.openmobilealliance.pres-content/users/{}/oma_status-icon/index",
];

impl Supervised {
    const ALL: [Self; 6] = [
        Self::MessageSummary,
        Self::Presence,
        Self::PresenceWatchers,
        Self::Dialogs,
        Self::DialogWatchers,
        Self::XcapDiff,
    ];

    const fn package(self) -> &'static str {
        match self {
            Self::MessageSummary => "message-summary",
            Self::Presence => "presence",
            Self::PresenceWatchers => "presence.winfo",
            Self::Dialogs => "dialog",
            Self::DialogWatchers => "dialog.winfo",
            Self::XcapDiff => "xcap-diff",
        }
    }

    const fn is_wanted(self, spec: &AccountSpec) -> bool {
        match self {
            Self::MessageSummary => spec.message_summary,
            Self::Presence => spec.presence && spec.use_rls,
            Self::PresenceWatchers => spec.presence,
            Self::Dialogs => spec.dialog_event && spec.use_rls,
            Self::DialogWatchers => spec.dialog_event,
            Self::XcapDiff => spec.xcap_diff,
        }
    }

    /// Whether a list of resources is subscribed to.
    const fn is_list(self) -> bool {
        matches!(self, Self::Presence | Self::Dialogs)
    }

    /// Whose state it is.
    fn target(self, account: &Account) -> NameAddr {
        let own = || account.identity.clone();
        let list = |suffix: &str| {
            let uri = account.uri()?;
            let user = format!("{}+{suffix}", uri.user.as_deref()?);
            Some(NameAddr::new(Uri::Sip(SipUri { user: Some(user.into()), ..uri.clone() })))
        };
        match self {
            Self::MessageSummary => {
                let elsewhere = account.message_account.as_ref().or(account.spec.voicemail_uri.as_ref());
                elsewhere.and_then(|uri| address(uri).ok()).unwrap_or_else(own)
            }
            Self::Presence => list("presence").unwrap_or_else(own),
            Self::Dialogs => list("dialog").unwrap_or_else(own),
            Self::PresenceWatchers | Self::DialogWatchers | Self::XcapDiff => own(),
        }
    }

    /// What the SUBSCRIBE carries: the documents whose changes are to be told (RFC 5875 section 4.3).
    fn content(self, account: &Account) -> Option<Content> {
        if self != Self::XcapDiff {
            return None;
        }
        let uri = format!("sip:{}", account.name());
        let entry = |path: &str| Item::Entry(Entry { uri: path.replace("{}", &uri), ..Entry::default() });
        let list = List { items: DOCUMENTS.into_iter().map(entry).collect(), ..List::default() };
        let lists = ResourceLists { lists: vec![list], ..ResourceLists::default() };
        Some(Content::new(ResourceLists::CONTENT_TYPE, lists.write()))
    }
}

impl Published {
    const ALL: [Self; 2] = [Self::Presence, Self::Dialog];

    /// The package.
    pub(super) const fn package(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Dialog => "dialog",
        }
    }

    const fn is_wanted(self, spec: &AccountSpec) -> bool {
        match self {
            Self::Presence => spec.presence,
            Self::Dialog => spec.dialog_event,
        }
    }
}

/// What an account has under way of these.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) subscriptions: std::collections::BTreeMap<Supervised, SubscriptionId>,
    pub(super) publications: std::collections::BTreeMap<Published, PublicationId>,
    /// What is to be published.
    states: std::collections::BTreeMap<Published, Content>,
}

impl Kept {
    /// As what this subscription is kept.
    pub(super) fn supervised(&self, id: SubscriptionId) -> Option<Supervised> {
        self.subscriptions.iter().find(|(_, kept)| **kept == id).map(|(kind, _)| *kind)
    }

    /// As what this publication is kept.
    pub(super) fn published(&self, id: PublicationId) -> Option<Published> {
        self.publications.iter().find(|(_, kept)| **kept == id).map(|(kind, _)| *kind)
    }
}

impl Agent {
    /// A budget of 30 s, and 1 to 5 s for each place (behaviour 5.2).
    const PATIENCE: Patience =
        Patience { total: Duration::from_secs(30), least: Duration::from_secs(1), most: Duration::from_secs(5) };

    /// Brings what an account keeps into line with its present settings. What is under way ends first, and begins again when it is over.
    pub(super) fn supervise(&mut self, id: AccountId) {
        for kind in Supervised::ALL {
            self.subscribed_as_wanted(id, kind);
        }
        for kind in Published::ALL {
            self.published_as_wanted(id, kind);
        }
    }

    fn is_active(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(id).filter(|account| account.phase == Phase::Active && self.shutdown == Shutdown::No)
    }

    fn subscribed_as_wanted(&mut self, id: AccountId, kind: Supervised) {
        if let Some(subscription) = self.accounts.get(id).and_then(|account| account.kept.subscriptions.get(&kind)) {
            let owner = Owner::Subscription(*subscription);
            // When it is over the settings are looked at again.
            self.usage(owner, |machine, cx, out| machine.end(cx, out));
            return;
        }
        let Some(account) = self.is_active(id).filter(|account| kind.is_wanted(&account.spec)) else { return };
        let to = kind.target(account);
        let destination = to.uri.as_sip().map(|uri| account.destination(&domain(uri)));
        let event = Event(EventItem::new(kind.package()));
        let interval = account.spec.subscribe_interval;
        let subscribe = Subscribe {
            from: account.identity.clone(),
            to,
            accept: self.accepted(&event, kind.is_list()),
            forking: package::forking(&self.config.packages, &event.value),
            event,
            refer: None,
            eventlist: kind.is_list(),
            expires: if kind == Supervised::XcapDiff { interval.max(60) } else { interval },
            content: kind.content(account),
            destination: destination.unwrap_or_else(|| Destination::Routes(Vec::<Route>::new())),
            routes: self.service_route(id),
            patience: Some(Self::PATIENCE),
            unsupported: if kind == Supervised::XcapDiff { Unsupported::Minutes } else { Unsupported::Hour },
            contact_user: account.contact_user.clone(),
            gruu: self.public_gruu(id),
            outbound: self.is_outbound(id),
            // What is told of a whole list is long (behaviour 5.3).
            reliable: kind.is_list(),
        };
        // What it says was written into messages before.
        let _ = self.start_subscription(id, subscribe, true, Some(kind));
    }

    /// What an account is to keep published from now on; nothing, when there is no content.
    ///
    /// # Errors
    /// When there is no such account, or the content cannot be written.
    pub(super) fn set_state(
        &mut self,
        id: AccountId,
        kind: Published,
        content: Option<Content>,
    ) -> Result<(), UsageError> {
        check(content.as_ref()).map_err(|error| UsageError::Unwritable(error.to_string().into()))?;
        let account = self.accounts.get_mut(id).ok_or(UsageError::UnknownAccount(id))?;
        let before = account.kept.publications.get(&kind).copied();
        match &content {
            Some(content) => account.kept.states.insert(kind, content.clone()),
            None => account.kept.states.remove(&kind),
        };
        match (before, content) {
            // One that is just ending is published again when it is over.
            (Some(publication), Some(content)) => drop(self.change_publication(publication, content)),
            (Some(_), None) | (None, _) => self.published_as_wanted(id, kind),
        }
        Ok(())
    }

    fn published_as_wanted(&mut self, id: AccountId, kind: Published) {
        if let Some(publication) = self.accounts.get(id).and_then(|account| account.kept.publications.get(&kind)) {
            let owner = Owner::Publication(*publication);
            self.usage(owner, |machine, cx, out| machine.end(cx, out));
            return;
        }
        let Some(account) = self.is_active(id).filter(|account| kind.is_wanted(&account.spec)) else { return };
        let Some(content) = account.kept.states.get(&kind).cloned() else { return };
        // Its content was written before.
        let _ = self.publish_state(id, kind, content);
    }

    /// News of a subscription that an account keeps: what it tells besides.
    pub(super) fn supervised_news(&mut self, id: AccountId, kind: Option<Supervised>, event: &SubscriptionEvent) {
        let SubscriptionEvent::GotNotify(notify) = event else { return };
        let Some(EventState::MessageSummary(summary)) = notify.state.as_deref() else { return };
        if kind != Some(Supervised::MessageSummary) {
            return;
        }
        let message_summary = summary.clone();
        if let Some(uri) = &message_summary.account
            && let Some(account) = self.accounts.get_mut(id)
        {
            account.message_account = Some(Text::from(uri.as_str()));
        }
        self.tell(EventKind::MessageSummary { account: id, message_summary });
    }

    /// A subscription is over: if an account kept it, it may begin anew with other settings.
    pub(super) fn subscription_ended(&mut self, id: SubscriptionId, account_id: AccountId) {
        let Some(account) = self.accounts.get_mut(account_id) else { return };
        let Some(kind) = account.kept.supervised(id) else { return };
        account.kept.subscriptions.remove(&kind);
        self.subscribed_as_wanted(account_id, kind);
    }

    /// The same of a publication.
    pub(super) fn publication_ended(&mut self, id: PublicationId, account_id: AccountId) {
        let Some(account) = self.accounts.get_mut(account_id) else { return };
        let Some(kind) = account.kept.published(id) else { return };
        account.kept.publications.remove(&kind);
        self.published_as_wanted(account_id, kind);
    }
}

/// The names of the news of a subscription under one prefix of the reference.
macro_rules! subscription_names {
    ($event:expr, $prefix:literal) => {
        match $event {
            SubscriptionEvent::DidStart => {
                &["SIPSubscriptionDidStart", "SCSubscriptionDidSucceed", concat!($prefix, "SubscriptionDidStart")]
            }
            SubscriptionEvent::GotNotify(_) => {
                &["SIPSubscriptionGotNotify", "SCSubscriptionGotNotify", concat!($prefix, "SubscriptionGotNotify")]
            }
            SubscriptionEvent::DidFail { .. } => {
                &["SIPSubscriptionDidFail", "SCSubscriptionDidFail", concat!($prefix, "SubscriptionDidFail")]
            }
            SubscriptionEvent::DidEnd { .. } => {
                &["SIPSubscriptionDidEnd", "SCSubscriptionDidEnd", concat!($prefix, "SubscriptionDidEnd")]
            }
            event => event.names(),
        }
    };
}

/// The names of the news of a publication under one prefix of the reference.
macro_rules! publication_names {
    ($event:expr, $prefix:literal) => {
        match $event {
            PublicationEvent::DidSucceed { .. } => {
                &["SIPPublicationDidSucceed", "SCPublicationDidSucceed", concat!($prefix, "PublicationDidSucceed")]
            }
            PublicationEvent::DidFail { .. } => {
                &["SIPPublicationDidFail", "SCPublicationDidFail", concat!($prefix, "PublicationDidFail")]
            }
            PublicationEvent::DidEnd => {
                &["SIPPublicationDidEnd", "SCPublicationDidEnd", concat!($prefix, "PublicationDidEnd")]
            }
            PublicationEvent::DidNotEnd { .. } => {
                &["SIPPublicationDidNotEnd", concat!($prefix, "PublicationDidNotEnd")]
            }
            event => event.names(),
        }
    };
}

impl Supervised {
    /// The names of news of such a subscription: its own, and those that the reference gives the news of an account's.
    #[must_use]
    pub const fn names(self, event: &SubscriptionEvent) -> &'static [&'static str] {
        match self {
            Self::MessageSummary => event.names(),
            Self::Presence => subscription_names!(event, "Presence"),
            Self::PresenceWatchers => subscription_names!(event, "PresenceWinfo"),
            Self::Dialogs => subscription_names!(event, "Dialog"),
            Self::DialogWatchers => subscription_names!(event, "DialogWinfo"),
            Self::XcapDiff => subscription_names!(event, "XCAP"),
        }
    }
}

impl Published {
    /// The names of news of such a publication: its own, and those that the reference gives the news of an account's.
    #[must_use]
    pub const fn names(self, event: &PublicationEvent) -> &'static [&'static str] {
        match self {
            Self::Presence => publication_names!(event, "Presence"),
            Self::Dialog => publication_names!(event, "Dialog"),
        }
    }
}
