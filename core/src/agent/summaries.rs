//! The summary of an account's messages (RFC 3842; behaviour 5.2): a subscription that the account keeps.

use crate::id::{AccountId, SubscriptionId};
use crate::package::{self, Forking};
use crate::payload::message_summary::MessageSummary;
use crate::sip::{Event, Item, MediaType, Text};
use crate::subscription::{Subscribe, SubscriptionEvent};
use crate::transport::Route;
use crate::uac::Destination;

use super::accounts::Phase;
use super::owner::Owner;
use super::subscriptions::{address, domain};
use super::{Agent, EventKind, Shutdown};

/// The package.
const PACKAGE: &str = "message-summary";

impl Agent {
    /// Subscribes an active account to its summary, with its present settings, or ends that.
    pub(super) fn summaries_as_wanted(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get(id) else { return };
        if let Some(subscription) = account.summaries {
            // When it is over the settings are looked at again.
            self.usage(Owner::Subscription(subscription), |machine, cx, out| machine.end(cx, out));
            return;
        }
        if !account.spec.message_summary || account.phase != Phase::Active || self.shutdown != Shutdown::No {
            return;
        }
        let elsewhere = account.message_account.clone().or_else(|| account.spec.voicemail_uri.clone());
        let to = elsewhere.and_then(|uri| address(&uri).ok()).unwrap_or_else(|| account.identity.clone());
        let destination = to.uri.as_sip().map(|uri| account.destination(&domain(uri)));
        let known = package::find(&self.config.packages, PACKAGE);
        let subscribe = Subscribe {
            from: account.identity.clone(),
            to,
            event: Event(Item::new(PACKAGE)),
            accept: vec![Text::from_static(MessageSummary::CONTENT_TYPE)],
            forking: known.map_or(Forking::Several, |package| package.forking),
            refer: None,
            eventlist: false,
            expires: account.spec.subscribe_interval,
            content: None,
            destination: destination.unwrap_or_else(|| Destination::Routes(Vec::<Route>::new())),
            routes: self.service_route(id),
            patience: Some(Self::SUPERVISED),
            contact_user: account.contact_user.clone(),
            gruu: self.public_gruu(id),
        };
        // What it says was written into messages before.
        let started = self.start_subscription(id, subscribe, true).ok();
        if let Some(account) = self.accounts.get_mut(id) {
            account.summaries = started;
        }
    }

    /// A NOTIFY of an account's subscription brought a summary.
    pub(super) fn summary_came(&mut self, id: SubscriptionId, account_id: AccountId, event: &SubscriptionEvent) {
        let SubscriptionEvent::GotNotify(notify) = event else { return };
        let Some(account) = self.accounts.get_mut(account_id).filter(|account| account.summaries == Some(id)) else {
            return;
        };
        let Some(content) = &notify.content else { return };
        if !MediaType::parse(&content.content_type).is_ok_and(|kind| kind.is(MessageSummary::CONTENT_TYPE)) {
            return;
        }
        let Ok(message_summary) = MessageSummary::parse(&content.body, &self.config.limits) else { return };
        if let Some(uri) = &message_summary.account {
            account.message_account = Some(Text::from(uri.as_str()));
        }
        self.tell(EventKind::MessageSummary { account: account_id, message_summary });
    }

    /// A subscription is over: if it was an account's, it may begin anew with other settings.
    pub(super) fn summaries_ended(&mut self, id: SubscriptionId, account_id: AccountId) {
        if let Some(account) = self.accounts.get_mut(account_id).filter(|account| account.summaries == Some(id)) {
            account.summaries = None;
            self.summaries_as_wanted(account_id);
        }
    }
}
