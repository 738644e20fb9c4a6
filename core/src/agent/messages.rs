//! Messages outside of sessions, both ways (RFC 3428). To one recipient they leave one after the other (section 8).

use std::collections::{BTreeMap, VecDeque};

use crate::cause::{By, Cause};
use crate::dialog::DialogId;
use crate::id::{AccountId, Counter, MessageId, SessionId};
use crate::invitation::Incoming;
use crate::message::{MessageEvent, OutgoingMessage, ReceivedMessage, SendMessage, Unreadable};
use crate::outbox::Outbox;
use crate::payload::cpim;
use crate::payload::mime::Entity;
use crate::sip::{HeaderName, NameAddr, Text, Uri};
use crate::transport::Route;
use crate::usage::{Content, check};

use super::intent::UsageError;
use super::machine::{Happening, Machine, Queue, said};
use super::owner::Owner;
use super::subscriptions::address;
use super::{Agent, EventKind, Shutdown};

/// The messages that we send.
#[derive(Debug, Default)]
pub(super) struct Messages {
    ids: Counter,
    /// Whom a message under way is for.
    under_way: BTreeMap<MessageId, Text>,
    /// Those that wait, by recipient.
    waiting: BTreeMap<Text, VecDeque<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    id: MessageId,
    account: AccountId,
    message: Box<OutgoingMessage>,
    out: Queue,
}

impl Messages {
    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl Agent {
    pub(super) fn send_message(
        &mut self,
        account: AccountId,
        to: &Text,
        content: Content,
        cpim: bool,
        routes: Vec<Route>,
    ) -> Result<MessageId, UsageError> {
        let content = if cpim { self.wrapped(account, to, content)? } else { content };
        let id = self.next_message();
        self.queue_message(id, account, to, content, routes)?;
        self.composed(account, &Text::from(address(to)?.uri.to_string()));
        Ok(id)
    }

    /// The message in one that says whom it is from and for, and when it was sent (RFC 3862).
    fn wrapped(&self, account: AccountId, to: &Text, content: Content) -> Result<Content, UsageError> {
        let party = |address: &NameAddr| cpim::Address {
            name: address.display_name.as_ref().map(ToString::to_string),
            uri: address.uri.to_string(),
        };
        // A type that cannot be written is refused as such, not hidden in a body.
        check(Some(&content)).map_err(|error| UsageError::Unwritable(error.to_string().into()))?;
        let message = cpim::Message {
            from: Some(party(&self.identity(account)?)),
            to: vec![party(&address(to)?)],
            date_time: Some(self.clock.utc(self.now)),
            content: Entity::new(&content.content_type, content.body),
            ..cpim::Message::default()
        };
        Ok(Content::new(cpim::Message::CONTENT_TYPE, message.write()))
    }

    pub(super) fn next_message(&mut self) -> MessageId {
        MessageId::from_u64(self.messages.ids.take())
    }

    /// Sends a message of this name, behind those to the same recipient.
    pub(super) fn queue_message(
        &mut self,
        id: MessageId,
        account: AccountId,
        to: &Text,
        content: Content,
        routes: Vec<Route>,
    ) -> Result<(), UsageError> {
        self.check_room()?;
        let to = address(to)?;
        let recipient: Text = to.uri.to_string().into();
        let ahead = self.messages.waiting.get(&recipient).map_or(0, VecDeque::len);
        if ahead >= self.config.limits.waiting_messages {
            return Err(UsageError::TooMany);
        }
        let message = SendMessage {
            from: self.identity(account)?,
            destination: self.destination(account, &to, routes),
            to,
            content,
            routes: self.service_route(account),
            patience: None,
            credentials: self.accounts.get(account).and_then(|account| account.spec.credentials.clone()),
        };
        let mut out = Outbox::new();
        let cx = &mut self.context();
        let message = said(&mut out, Happening::Message, |out| OutgoingMessage::send(cx, message, out));
        let message = message.map_err(|error| UsageError::Unwritable(error.to_string().into()))?;
        let busy = self.messages.under_way.values().any(|other| *other == recipient);
        let waiting = Waiting { id, account, message: Box::new(message), out };
        if busy {
            self.messages.waiting.entry(recipient).or_default().push_back(waiting);
        } else {
            self.start_message(recipient, waiting);
        }
        Ok(())
    }

    fn start_message(&mut self, recipient: Text, waiting: Waiting) {
        let Waiting { id, account, message, out } = waiting;
        self.messages.under_way.insert(id, recipient);
        self.add_usage(Owner::Message(id), account, Machine::Message(message), out);
    }

    /// The fate of a message is known: the next one to the same recipient leaves.
    pub(super) fn message_left(&mut self, id: MessageId) {
        let Some(recipient) = self.messages.under_way.remove(&id) else { return };
        let Some(queue) = self.messages.waiting.get_mut(&recipient) else { return };
        let next = queue.pop_front();
        if queue.is_empty() {
            self.messages.waiting.remove(&recipient);
        }
        if let Some(next) = next {
            self.start_message(recipient, next);
        }
    }

    /// Messages that wait, of one account or of all, are not sent any more.
    pub(super) fn drop_messages(&mut self, account: Option<AccountId>) {
        let mut dropped = Vec::new();
        for queue in self.messages.waiting.values_mut() {
            let (gone, kept) = std::mem::take(queue)
                .into_iter()
                .partition(|waiting| account.is_none_or(|account| waiting.account == account));
            *queue = kept;
            let gone: VecDeque<Waiting> = gone;
            dropped.extend(gone.into_iter().map(|waiting| (waiting.id, waiting.account)));
        }
        self.messages.waiting.retain(|_, queue| !queue.is_empty());
        for (id, account) in dropped {
            let event = MessageEvent::DidFail { cause: Cause::new(By::Local, "user request") };
            if self.status_answered(id, &event) {
                continue;
            }
            self.tell(EventKind::Message { id, account, event });
        }
    }

    /// A MESSAGE outside of any dialog.
    pub(super) fn messaged(&mut self, incoming: &Incoming) {
        let uri = incoming.request.uri().ok();
        let account = uri.as_ref().and_then(Uri::as_sip).and_then(|uri| self.accounts.find(uri));
        let Some(account) = account else {
            self.refuse(incoming, 404, &[]);
            return;
        };
        if self.shutdown != Shutdown::No {
            self.shed(incoming);
            return;
        }
        self.take_message(incoming, account, None);
    }

    /// A MESSAGE inside a dialog: it belongs to the session (RFC 3428 section 4).
    pub(super) fn messaged_inside(&mut self, incoming: &Incoming, dialog: &DialogId) {
        let session = self.owners.dialogs.get(dialog).and_then(|owner| owner.session());
        let taken = session.and_then(|id| {
            let in_order = self.call(id, |session, _, _| session.receive(dialog, &incoming.essentials.cseq));
            let account = self.calls.get(id).map(|call| call.session.account())?;
            in_order.flatten().map(|in_order| (id, account, in_order))
        });
        match taken {
            Some((session, account, true)) => self.take_message(incoming, account, Some(session)),
            Some((_, _, false)) => self.refuse(incoming, 500, &[]),
            None => self.refuse(incoming, 481, &[]),
        }
    }

    fn take_message(&mut self, incoming: &Incoming, account: AccountId, session: Option<SessionId>) {
        let utc = self.clock.utc(self.now);
        let limits = &self.config.limits;
        match ReceivedMessage::read(&incoming.request, &incoming.essentials, account, session, utc, limits) {
            Ok(message) => {
                self.refuse(incoming, 200, &[]);
                let (remote, said) = (incoming.essentials.from.uri.to_string().into(), message.composing);
                self.tell(EventKind::GotMessage(Box::new(message)));
                self.heard(account, remote, said);
            }
            Err(Unreadable::NoType) => {
                let warning = "399 sipsimple \"Content-Type is missing\"".to_owned();
                self.refuse(incoming, 400, &[(HeaderName::Warning, warning)]);
            }
            Err(Unreadable::Encoded) => {
                self.refuse(incoming, 415, &[(HeaderName::AcceptEncoding, "identity".to_owned())]);
            }
        }
    }
}
