//! Publications (RFC 3903): intents.

use crate::id::{AccountId, PublicationId};
use crate::outbox::Outbox;
use crate::publication::{PublicationError, Publish, Publisher};
use crate::sip::Text;
use crate::transport::Route;
use crate::usage::Content;

use super::Agent;
use super::intent::{Outcome, UsageError};
use super::machine::{Happening, Machine, said};
use super::owner::Owner;
use super::subscriptions::event;
use super::supervised::Published;

/// A publication that the application wants.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) event: Text,
    pub(super) content: Content,
    pub(super) expires: Option<u32>,
    pub(super) persistent: bool,
    pub(super) routes: Vec<Route>,
}

impl Agent {
    pub(super) fn publish(&mut self, account: AccountId, wish: Wish) -> Result<PublicationId, UsageError> {
        self.start_publication(account, wish, None)
    }

    /// Publishes what an account keeps published by itself.
    pub(super) fn publish_state(
        &mut self,
        account: AccountId,
        kind: Published,
        content: Content,
    ) -> Result<PublicationId, UsageError> {
        let event = Text::from_static(kind.package());
        let wish = Wish { event, content, expires: None, persistent: true, routes: Vec::new() };
        self.start_publication(account, wish, Some(kind))
    }

    fn start_publication(
        &mut self,
        account: AccountId,
        wish: Wish,
        published: Option<Published>,
    ) -> Result<PublicationId, UsageError> {
        self.check_room()?;
        let from = self.identity(account)?;
        let expires = self.accounts.get(account).map_or(0, |account| account.spec.publish_interval);
        let publish = Publish {
            destination: self.destination(account, &from, wish.routes),
            from,
            event: event(&wish.event)?,
            expires: wish.expires.unwrap_or(expires),
            content: wish.content,
            routes: self.service_route(account),
            patience: None,
        };
        let client = self.client(account);
        let mut out = Outbox::new();
        let cx = &mut self.context();
        let publisher =
            said(&mut out, Happening::Publication, |out| Publisher::begin(cx, publish, client, wish.persistent, out));
        let publisher = publisher.map_err(|error| UsageError::Unwritable(error.to_string().into()))?;
        let id = PublicationId::from_u64(self.publication_ids.take());
        if let (Some(kind), Some(account)) = (published, self.accounts.get_mut(account)) {
            account.kept.publications.insert(kind, id);
        }
        self.add_usage(Owner::Publication(id), account, Machine::Publisher(Box::new(publisher)), out);
        Ok(id)
    }

    pub(super) fn change_publication(&mut self, id: PublicationId, content: Content) -> Result<Outcome, UsageError> {
        let result = self.usage(Owner::Publication(id), |machine, cx, out| {
            let Machine::Publisher(publisher) = machine else { return Err(PublicationError::Ended) };
            said(out, Happening::Publication, |out| publisher.change(cx, content, out))
        });
        match result {
            Some(Ok(())) => Ok(Outcome::Done),
            None | Some(Err(PublicationError::Ended)) => Err(UsageError::Unknown),
            Some(Err(PublicationError::Build(error))) => Err(UsageError::Unwritable(error.to_string().into())),
        }
    }

    pub(super) fn end_publication(&mut self, id: PublicationId) -> Result<Outcome, UsageError> {
        self.usage(Owner::Publication(id), |machine, cx, out| machine.end(cx, out))
            .map(|()| Outcome::Done)
            .ok_or(UsageError::Unknown)
    }
}
