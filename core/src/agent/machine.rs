//! The machines of the usages other than sessions, behind one face.
//!
//! A usage is added here by its variants of [`Machine`] and [`Happening`] and one arm in each method, and by its variant of
//! [`Owner`](super::owner::Owner).

use crate::config::Context;
use crate::outbox::Outbox;
use crate::registration::{Registration, RegistrationEvent};
use crate::sip::{Response, Text};
use crate::time::Instant;
use crate::transaction::End;
use crate::uac::{Located, Output, Ticket};

/// The machine of a usage.
#[derive(Debug)]
pub(super) enum Machine {
    Registration(Box<Registration>),
}

/// What a usage tells.
#[derive(Debug)]
pub(super) enum Happening {
    Registration(RegistrationEvent),
}

/// What usages ask for and tell.
pub(super) type Queue = Outbox<Output<Happening>>;

impl Machine {
    pub(super) fn response(&mut self, cx: &mut Context<'_>, ticket: Ticket, response: &Response, out: &mut Queue) {
        match self {
            Self::Registration(machine) => {
                said(out, Happening::Registration, |out| machine.response(cx, ticket, response, out));
            }
        }
    }

    pub(super) fn client_ended(&mut self, cx: &mut Context<'_>, ticket: Ticket, end: &End, out: &mut Queue) {
        match self {
            Self::Registration(machine) => {
                said(out, Happening::Registration, |out| machine.client_ended(cx, ticket, end, out));
            }
        }
    }

    pub(super) fn located(&mut self, cx: &mut Context<'_>, places: Result<Vec<Located>, Text>, out: &mut Queue) {
        match self {
            Self::Registration(machine) => {
                said(out, Happening::Registration, |out| machine.located(cx, places, out));
            }
        }
    }

    pub(super) fn timeout(&mut self, cx: &mut Context<'_>, out: &mut Queue) {
        match self {
            Self::Registration(machine) => said(out, Happening::Registration, |out| machine.timeout(cx, out)),
        }
    }

    /// The network has changed.
    pub(super) fn renew(&mut self, cx: &Context<'_>, out: &mut Queue) {
        match self {
            Self::Registration(machine) => said(out, Happening::Registration, |out| machine.renew(cx, out)),
        }
    }

    /// Ends it: soon it is done.
    pub(super) fn end(&mut self, cx: &Context<'_>, out: &mut Queue) {
        match self {
            Self::Registration(machine) => said(out, Happening::Registration, |out| machine.unregister(cx, out)),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Registration(machine) => machine.deadline(),
        }
    }

    /// Whether it is over: it is forgotten then.
    pub(super) const fn is_done(&self) -> bool {
        match self {
            Self::Registration(machine) => machine.is_done(),
        }
    }

    /// Whether nothing is owed to anyone now.
    pub(super) const fn is_idle(&self) -> bool {
        match self {
            Self::Registration(machine) => machine.is_idle(),
        }
    }

    pub(super) const fn as_registration(&self) -> Option<&Registration> {
        match self {
            Self::Registration(machine) => Some(machine),
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
