//! Who is composing a message to whom (RFC 3994), outside of sessions and inside the dialogs of some.
//!
//! The application says that its user composes, as often as it likes; status messages leave when the state changes, and again while it lasts. What
//! the others say is told when it changes: by a status message, by the message itself, or because it was not repeated in time.

use std::collections::BTreeMap;

use crate::id::{AccountId, MessageId};
use crate::message::{Composer, MessageEvent, Watched};
use crate::payload::composing::{IsComposing, State};
use crate::sip::Text;
use crate::time::{Instant, earliest};
use crate::transport::Route;
use crate::usage::Content;

use super::intent::UsageError;
use super::subscriptions::address;
use super::{Agent, EventKind, Shutdown};

/// The seconds after which "active" is said again.
const REFRESH: u32 = 60;

/// An account, and the URI of somebody else.
type Pair = (AccountId, Text);

/// Who composes.
#[derive(Debug, Default)]
pub(super) struct Compositions {
    ours: BTreeMap<Pair, Ours>,
    theirs: BTreeMap<Pair, Watched>,
    /// The status messages under way, which the application did not send.
    status: BTreeMap<MessageId, Pair>,
    next: Option<Instant>,
}

/// One whom our user composes messages to.
#[derive(Debug)]
struct Ours {
    composer: Composer,
    to: Text,
    routes: Vec<Route>,
}

impl Compositions {
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// Whether nobody is to be told that our user composes no more.
    pub(super) fn are_idle(&self) -> bool {
        self.ours.values().all(|ours| ours.composer.state() == State::Idle)
    }

    fn changed(&mut self) {
        let ours = self.ours.values().map(|ours| ours.composer.deadline());
        self.next = ours.chain(self.theirs.values().map(Watched::deadline)).fold(None, earliest);
    }

    /// Forgets what an account, or all, had to do with it.
    pub(super) fn forget(&mut self, account: Option<AccountId>) {
        let other = |(own, _): &Pair| account.is_some_and(|account| account != *own);
        self.ours.retain(|pair, _| other(pair));
        self.theirs.retain(|pair, _| other(pair));
        self.changed();
    }
}

impl Agent {
    /// The user composes a message: a key was pressed.
    pub(super) fn composing(&mut self, account: AccountId, to: &Text, routes: Vec<Route>) -> Result<(), UsageError> {
        if self.shutdown != Shutdown::No {
            return Err(UsageError::ShuttingDown);
        }
        self.identity(account)?;
        let pair = (account, Text::from(address(to)?.uri.to_string()));
        let known = &mut self.compositions.ours;
        if !known.contains_key(&pair) && known.len() >= self.config.limits.conversations {
            // What is known of one who is not written to now is little: whether they understand status messages.
            let idle =
                known.iter().find(|(_, ours)| ours.composer.state() == State::Idle).map(|(pair, _)| pair.clone());
            known.remove(&idle.ok_or(UsageError::TooMany)?);
        }
        let new = || Ours { composer: Composer::new(REFRESH), to: to.clone(), routes: Vec::new() };
        let ours = known.entry(pair.clone()).or_insert_with(new);
        (ours.to, ours.routes) = (to.clone(), routes);
        let status = ours.composer.composing(self.now);
        self.compositions.changed();
        self.tell_status(pair, status);
        Ok(())
    }

    /// A message to somebody leaves: nothing is composed any more, and nobody need be told.
    pub(super) fn composed(&mut self, account: AccountId, recipient: &Text) {
        if let Some(ours) = self.compositions.ours.get_mut(&(account, recipient.clone())) {
            ours.composer.sent();
            self.compositions.changed();
        }
    }

    fn tell_status(&mut self, pair: Pair, status: Option<IsComposing>) {
        let (Some(status), Some(ours)) = (status, self.compositions.ours.get(&pair)) else { return };
        let (to, routes) = (ours.to.clone(), ours.routes.clone());
        let content = Content::new(IsComposing::CONTENT_TYPE, status.write());
        let id = self.next_message();
        self.compositions.status.insert(id, pair.clone());
        if self.queue_message(id, pair.0, &to, content, routes).is_err() {
            self.compositions.status.remove(&id);
        }
    }

    /// The fate of a message is known. True for a status message, of which nobody is told.
    pub(super) fn status_answered(&mut self, id: MessageId, event: &MessageEvent) -> bool {
        let Some(pair) = self.compositions.status.remove(&id) else { return false };
        if let MessageEvent::DidFail { cause } = event
            && cause.code == Some(415)
            && let Some(ours) = self.compositions.ours.get_mut(&pair)
        {
            ours.composer.refused();
            self.compositions.changed();
        }
        true
    }

    /// Somebody sent a message: a status message, or one that was composed.
    pub(super) fn heard(&mut self, account: AccountId, remote: Text, said: Option<(State, Option<u32>)>) {
        let pair = (account, remote);
        let known = &mut self.compositions.theirs;
        if !known.contains_key(&pair) && (said.is_none() || known.len() >= self.config.limits.conversations) {
            return;
        }
        let watched = known.entry(pair.clone()).or_default();
        let changed = match said {
            Some((state, refresh)) => watched.told(self.now, &IsComposing { state, refresh, ..IsComposing::default() }),
            None => watched.message(),
        };
        self.watched_changed(pair, changed);
    }

    fn watched_changed(&mut self, pair: Pair, changed: bool) {
        let state = self.compositions.theirs.get(&pair).map_or(State::Idle, Watched::state);
        if state == State::Idle {
            self.compositions.theirs.remove(&pair);
        }
        self.compositions.changed();
        if changed {
            let (account, remote) = pair;
            self.tell(EventKind::Composing { account, remote, state });
        }
    }

    /// Works off the deadlines that have come.
    pub(super) fn compositions_due(&mut self) {
        let now = self.now;
        if self.compositions.next.is_none_or(|next| next > now) {
            return;
        }
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        let due = |(pair, ours): (&Pair, &Ours)| is_due(ours.composer.deadline()).then(|| pair.clone());
        let pairs: Vec<Pair> = self.compositions.ours.iter().filter_map(due).collect();
        for pair in pairs {
            let status = self.compositions.ours.get_mut(&pair).and_then(|ours| ours.composer.timeout(now));
            self.tell_status(pair, status);
        }
        let due = |(pair, watched): (&Pair, &Watched)| is_due(watched.deadline()).then(|| pair.clone());
        let pairs: Vec<Pair> = self.compositions.theirs.iter().filter_map(due).collect();
        for pair in pairs {
            let changed = self.compositions.theirs.get_mut(&pair).is_some_and(|watched| watched.timeout(now));
            self.watched_changed(pair, changed);
        }
        self.compositions.changed();
    }
}
