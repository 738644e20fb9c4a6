//! The machines of the usages other than sessions, behind one face.
//!
//! A usage is added here by its variants of [`Machine`] and [`Happening`] and one arm in each method, and by its variant of
//! [`Owner`](super::owner::Owner).

use crate::config::Context;
use crate::message::{MessageEvent, OutgoingMessage};
use crate::notifier::{Notifier, NotifierEvent};
use crate::outbox::Outbox;
use crate::publication::{PublicationEvent, Publisher};
use crate::registration::{Registration, RegistrationEvent};
use crate::sip::{Response, Text};
use crate::subscription::{Subscriber, SubscriptionEvent};
use crate::time::Instant;
use crate::transaction::End;
use crate::uac::{Located, Output, Ticket};

/// The machine of a usage.
#[derive(Debug)]
pub(super) enum Machine {
    Registration(Box<Registration>),
    Subscriber(Box<Subscriber>),
    Notifier(Box<Notifier>),
    Publisher(Box<Publisher>),
    Message(Box<OutgoingMessage>),
}

/// What a usage tells.
#[derive(Debug)]
pub(super) enum Happening {
    Registration(RegistrationEvent),
    Subscription(SubscriptionEvent),
    Notifier(NotifierEvent),
    Publication(PublicationEvent),
    Message(MessageEvent),
}

/// What usages ask for and tell.
pub(super) type Queue = Outbox<Output<Happening>>;

impl Machine {
    pub(super) fn response(&mut self, cx: &mut Context<'_>, ticket: Ticket, response: &Response, out: &mut Queue) {
        match self {
            Self::Registration(machine) => {
                said(out, Happening::Registration, |out| machine.response(cx, ticket, response, out));
            }
            Self::Subscriber(machine) => {
                said(out, Happening::Subscription, |out| machine.response(cx, ticket, response, out));
            }
            Self::Notifier(machine) => {
                said(out, Happening::Notifier, |out| machine.response(cx, ticket, response, out));
            }
            Self::Publisher(machine) => {
                said(out, Happening::Publication, |out| machine.response(cx, ticket, response, out));
            }
            Self::Message(machine) => {
                said(out, Happening::Message, |out| machine.response(cx, ticket, response, out));
            }
        }
    }

    pub(super) fn client_ended(&mut self, cx: &mut Context<'_>, ticket: Ticket, end: &End, out: &mut Queue) {
        match self {
            Self::Registration(machine) => {
                said(out, Happening::Registration, |out| machine.client_ended(cx, ticket, end, out));
            }
            Self::Subscriber(machine) => {
                said(out, Happening::Subscription, |out| machine.client_ended(cx, ticket, end, out));
            }
            Self::Notifier(machine) => {
                said(out, Happening::Notifier, |out| machine.client_ended(cx, ticket, end, out));
            }
            Self::Publisher(machine) => {
                said(out, Happening::Publication, |out| machine.client_ended(cx, ticket, end, out));
            }
            Self::Message(machine) => {
                said(out, Happening::Message, |out| machine.client_ended(cx, ticket, end, out));
            }
        }
    }

    pub(super) fn located(&mut self, cx: &mut Context<'_>, places: Result<Vec<Located>, Text>, out: &mut Queue) {
        match self {
            Self::Registration(machine) => {
                said(out, Happening::Registration, |out| machine.located(cx, places, out));
            }
            Self::Subscriber(machine) => {
                said(out, Happening::Subscription, |out| machine.located(cx, places, out));
            }
            Self::Publisher(machine) => {
                said(out, Happening::Publication, |out| machine.located(cx, places, out));
            }
            Self::Message(machine) => {
                said(out, Happening::Message, |out| machine.located(cx, places, out));
            }
            // It only sends inside its dialog.
            Self::Notifier(_) => {}
        }
    }

    pub(super) fn timeout(&mut self, cx: &mut Context<'_>, out: &mut Queue) {
        match self {
            Self::Registration(machine) => said(out, Happening::Registration, |out| machine.timeout(cx, out)),
            Self::Subscriber(machine) => said(out, Happening::Subscription, |out| machine.timeout(cx, out)),
            Self::Notifier(machine) => said(out, Happening::Notifier, |out| machine.timeout(cx, out)),
            Self::Publisher(machine) => said(out, Happening::Publication, |out| machine.timeout(cx, out)),
            Self::Message(machine) => said(out, Happening::Message, |out| machine.timeout(cx, out)),
        }
    }

    /// The network has changed.
    pub(super) fn renew(&mut self, cx: &mut Context<'_>, out: &mut Queue) {
        match self {
            Self::Registration(machine) => said(out, Happening::Registration, |out| machine.renew(cx, out)),
            Self::Subscriber(machine) => said(out, Happening::Subscription, |out| machine.renew(cx, out)),
            Self::Publisher(machine) => said(out, Happening::Publication, |out| machine.renew(cx, out)),
            Self::Notifier(_) | Self::Message(_) => {}
        }
    }

    /// Ends it: soon it is done.
    pub(super) fn end(&mut self, cx: &mut Context<'_>, out: &mut Queue) {
        match self {
            Self::Registration(machine) => said(out, Happening::Registration, |out| machine.unregister(cx, out)),
            Self::Subscriber(machine) => said(out, Happening::Subscription, |out| machine.end(cx, out)),
            Self::Notifier(machine) => {
                // One that is over already says so when its last NOTIFY has its answer.
                let _ = said(out, Happening::Notifier, |out| machine.end(cx, "deactivated", None, None, out));
            }
            Self::Publisher(machine) => said(out, Happening::Publication, |out| machine.end(cx, out)),
            Self::Message(machine) => said(out, Happening::Message, |out| machine.end(cx, out)),
        }
    }

    /// Whether it goes over TCP or TLS only.
    pub(super) const fn is_reliable(&self) -> bool {
        match self {
            Self::Subscriber(machine) => machine.is_reliable(),
            Self::Registration(_) | Self::Notifier(_) | Self::Publisher(_) | Self::Message(_) => false,
        }
    }

    /// Whether a registrar knows where we are because of it.
    pub(super) fn is_registered(&self) -> bool {
        self.as_registration().is_some_and(Registration::is_registered)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Registration(machine) => machine.deadline(),
            Self::Subscriber(machine) => machine.deadline(),
            Self::Notifier(machine) => machine.deadline(),
            Self::Publisher(machine) => machine.deadline(),
            Self::Message(machine) => machine.deadline(),
        }
    }

    /// Whether it is over: it is forgotten then.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Registration(machine) => machine.is_done(),
            Self::Subscriber(machine) => machine.is_done(),
            Self::Notifier(machine) => machine.is_done(),
            Self::Publisher(machine) => machine.is_done(),
            Self::Message(machine) => machine.is_done(),
        }
    }

    /// Whether nothing is owed to anyone now.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::Registration(machine) => machine.is_idle(),
            Self::Subscriber(machine) => machine.is_idle(),
            Self::Notifier(machine) => machine.is_idle(),
            Self::Publisher(machine) => machine.is_idle(),
            Self::Message(machine) => machine.is_done(),
        }
    }

    pub(super) const fn as_notifier(&self) -> Option<&Notifier> {
        match self {
            Self::Notifier(machine) => Some(machine),
            Self::Subscriber(_) | Self::Registration(_) | Self::Publisher(_) | Self::Message(_) => None,
        }
    }

    pub(super) const fn as_registration(&self) -> Option<&Registration> {
        match self {
            Self::Registration(machine) => Some(machine),
            Self::Subscriber(_) | Self::Notifier(_) | Self::Publisher(_) | Self::Message(_) => None,
        }
    }
}

/// Calls a machine, and passes on what it says.
pub(super) fn said<E, T>(
    out: &mut Queue,
    happening: fn(E) -> Happening,
    call: impl FnOnce(&mut Outbox<Output<E>>) -> T,
) -> T {
    let mut own = Outbox::new();
    let result = call(&mut own);
    while let Some(output) = own.pop() {
        out.push(output.map(happening));
    }
    result
}
