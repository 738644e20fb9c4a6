//! The users of a program leave what they do to its steps; but where a file lies that is proposed they say at once.

use std::cell::RefCell;
use std::rc::Rc;

use sipsimple_core::agent::{Agent, Event, EventKind, Intent};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{Command, FileTransferCommand, FileTransferStream};
use sipsimple_core::time::Instant;

use crate::application::{Alarms, Application};

use super::reference::Reference;
use super::traffic;

/// A user.
#[derive(Debug)]
pub(super) struct User {
    host: usize,
    reference: Rc<RefCell<Reference>>,
}

impl User {
    pub(super) const fn new(host: usize, reference: Rc<RefCell<Reference>>) -> Self {
        Self { host, reference }
    }

    fn store(&self, now: Instant, session: SessionId, streams: &[StreamId], agent: &mut Agent) {
        for stream in streams {
            let Some(handle) = agent.session(now, session) else { return };
            let any: Option<&dyn std::any::Any> = handle.stream(*stream).map(|stream| stream as _);
            let Some(transfer) = any.and_then(|any| any.downcast_ref::<FileTransferStream>()) else { continue };
            let (sends, selector) = (transfer.sends(), transfer.selector().clone());
            self.reference.borrow_mut().traffic.transfers(self.host, *stream, sends, &selector);
            let file = if sends {
                traffic::name(usize::try_from(selector.size.unwrap_or_default()).unwrap_or(0))
            } else if stream.as_u64() % 2 == 0 {
                traffic::place(*stream)
            } else {
                // It is given to the user piece by piece.
                continue;
            };
            let command = Command::FileTransfer(FileTransferCommand::SetFile(file.as_str().into()));
            agent.intend(now, Intent::Stream { stream: *stream, command }).expect("it has not started");
        }
    }
}

impl Application for User {
    fn event(&mut self, now: Instant, event: &Event, agent: &mut Agent, _: &mut Alarms) {
        if let EventKind::Session { id, event } = &event.kind
            && let SessionEvent::NewIncoming { streams, .. }
            | SessionEvent::NewOutgoing { streams, .. }
            | SessionEvent::GotProposal { streams, .. } = event
        {
            self.store(now, *id, streams, agent);
        }
    }
}
