//! What the streams of a session are told, and what they say.

use crate::config::Context;
use crate::id::{ConnId, StreamId};
use crate::outbox::Outbox;
use crate::stream::{self, Command, Input, Line, SessionInfo, StreamError};

use super::{Output, Session};

impl Session {
    /// Something happened to what one of its streams has in the world.
    pub fn stream_input(&mut self, cx: &mut Context<'_>, stream: StreamId, input: Input, out: &mut Outbox<Output>) {
        self.with_line(cx, stream, out, |line, cx, out| line.input(cx, input, out));
        self.look_at_streams(cx, out);
    }

    /// The application wants something of one of its streams.
    ///
    /// # Errors
    /// When there is no such stream, or it refuses.
    pub fn stream_command(
        &mut self,
        cx: &mut Context<'_>,
        stream: StreamId,
        command: &Command,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        let done = self.with_line(cx, stream, out, |line, cx, out| line.command(cx, command, out));
        done.unwrap_or(Err(StreamError::Unknown(stream)))?;
        self.look_at_streams(cx, out);
        Ok(())
    }

    /// How many more bytes a connection of one of its streams may be fed now.
    #[must_use]
    pub fn read_budget(&self, stream: StreamId, conn: ConnId) -> usize {
        self.lines().find(|line| line.id() == stream).map_or(0, |line| line.read_budget(conn))
    }

    /// Works off the deadlines of the streams that have come.
    pub(super) fn streams_due(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        for line in self.streams.iter_mut().chain(&mut self.leaving) {
            call_line(&self.info, cx, line, out, Line::timeout);
        }
        self.look_at_streams(cx, out);
    }

    /// The streams have said something: those that failed are dealt with, and what waited for them goes on.
    pub(super) fn look_at_streams(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.leaving.retain(|line| !line.is_ended());
        if let Some(failure) = self.streams.iter_mut().find_map(Line::take_failure) {
            let words = format!("media stream failed: {}", failure.reason);
            if failure.for_now {
                self.fail_for_now(cx, &words, out);
            } else {
                self.fail(cx, &words, out);
            }
            return;
        }
        self.initialized(cx, out);
        self.progress(cx, out);
    }

    /// Calls one of the streams; `None` when there is no such stream.
    pub(super) fn with_line<T>(
        &mut self,
        cx: &mut Context<'_>,
        stream: StreamId,
        out: &mut Outbox<Output>,
        act: impl FnOnce(&mut Line, &mut stream::Context<'_>, &mut Outbox<stream::Output>) -> T,
    ) -> Option<T> {
        let line = self.streams.iter_mut().chain(&mut self.leaving).find(|line| line.id() == stream)?;
        Some(call_line(&self.info, cx, line, out, act))
    }
}

/// Calls a stream, and passes on what it asks and tells, under its name.
pub(super) fn call_line<T>(
    info: &SessionInfo,
    cx: &mut Context<'_>,
    line: &mut Line,
    out: &mut Outbox<Output>,
    act: impl FnOnce(&mut Line, &mut stream::Context<'_>, &mut Outbox<stream::Output>) -> T,
) -> T {
    let mut said = Outbox::new();
    let stream = line.id();
    let result = act(line, &mut stream::Context::new(cx, info, stream), &mut said);
    while let Some(output) = said.pop() {
        out.push(Output::Stream { stream, output });
    }
    result
}
