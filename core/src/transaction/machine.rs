//! One of the four machines, where the table does not care which.

use super::{Action, InviteClient, InviteServer, Kind, NonInviteClient, NonInviteServer, State, Timer};
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::transport::CloseCause;

/// Any of the four machines.
#[derive(Debug)]
pub(super) enum Machine {
    InviteClient(InviteClient),
    NonInviteClient(NonInviteClient),
    InviteServer(InviteServer),
    NonInviteServer(NonInviteServer),
}

impl Machine {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::InviteClient(_) => Kind::InviteClient,
            Self::NonInviteClient(_) => Kind::NonInviteClient,
            Self::InviteServer(_) => Kind::InviteServer,
            Self::NonInviteServer(_) => Kind::NonInviteServer,
        }
    }

    pub(super) const fn state(&self) -> State {
        match self {
            Self::InviteClient(machine) => machine.state(),
            Self::NonInviteClient(machine) => machine.state(),
            Self::InviteServer(machine) => machine.state(),
            Self::NonInviteServer(machine) => machine.state(),
        }
    }

    pub(super) fn deadline(&self) -> Option<(Instant, Timer)> {
        match self {
            Self::InviteClient(machine) => machine.deadline(),
            Self::NonInviteClient(machine) => machine.deadline(),
            Self::InviteServer(machine) => machine.deadline(),
            Self::NonInviteServer(machine) => machine.deadline(),
        }
    }

    pub(super) fn timeout(&mut self, now: Instant, out: &mut Outbox<Action>) {
        match self {
            Self::InviteClient(machine) => machine.timeout(now, out),
            Self::NonInviteClient(machine) => machine.timeout(now, out),
            Self::InviteServer(machine) => machine.timeout(now, out),
            Self::NonInviteServer(machine) => machine.timeout(now, out),
        }
    }

    pub(super) fn transport_failed(&mut self, cause: CloseCause, out: &mut Outbox<Action>) {
        match self {
            Self::InviteClient(machine) => machine.transport_failed(cause, out),
            Self::NonInviteClient(machine) => machine.transport_failed(cause, out),
            Self::InviteServer(machine) => machine.transport_failed(cause, out),
            Self::NonInviteServer(machine) => machine.transport_failed(cause, out),
        }
    }
}
