//! Requests and responses that come on a connection (RFC 4975 sections 7.2 and 7.3).

use std::sync::Arc;

use bytes::Bytes;

use super::connection::Reading;
use super::endpoint::Out;
use super::kept::Piece;
use super::session::{Coming, State};
use super::{
    Assembly, ByteRange, Context, Continuation, Delivery, Endpoint, Event, FailureReport, Field, Frame, Head, LogEvent,
    LogLevel, Method, Output, Path, Progress, Start, Wish, Writer,
};
use crate::id::{ConnId, StreamId};
use crate::sip::Text;
use crate::transport::CloseHow;

impl Endpoint {
    /// Reads what came on a connection, as far as it can be read now.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, conn: ConnId, out: Out<'_>) {
        while let Some(connection) = self.connections.get_mut(&conn).filter(|c| !c.closing) {
            let Some(frame) = connection.framer.next(cx.limits) else { break };
            match frame {
                Ok(Frame::Head(head)) => match head.what() {
                    Start::Request(_) => self.begin(cx, conn, head, out),
                    Start::Response(code, comment) => {
                        let mut news = Vec::new();
                        if head.fault().is_none() {
                            let (transaction, sender) = (head.transaction(), &mut connection.sender);
                            sender.response(cx.now, transaction, *code, comment, Some(&head), &mut news);
                        }
                        self.told(cx, conn, news, Some(&head), out);
                    }
                },
                Ok(Frame::Body(data)) => self.body(cx, conn, data, out),
                Ok(Frame::End(flag)) => self.finish(cx, conn, flag, out),
                // There is no way to find the next frame.
                Err(fault) => {
                    out.push(Output::Log(conn, LogEvent::line(LogLevel::Error, fault.to_string())));
                    self.hang_up(conn, CloseHow::Flush, out);
                    let cause = crate::transport::CloseCause::Other("what came is not MSRP".into());
                    let sessions = self.connections.get(&conn).map(|c| c.sessions.clone()).unwrap_or_default();
                    self.end_all(cx, sessions, &super::End::Connection(cause), out);
                    return;
                }
            }
        }
        self.pump(cx, conn, out);
    }

    /// A request begins.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>, conn: ConnId, head: Head, out: Out<'_>) {
        let reading = match self.admit(cx, conn, &head, out) {
            Ok(reading) => reading,
            Err(code) => {
                self.respond(conn, &head, code);
                Reading::Nothing
            }
        };
        if let Reading::Kept(stream) = reading {
            self.keep(conn, stream, Piece::Head(head.clone()));
        }
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.reading = Some((head, reading));
        }
    }

    /// What is to become of a request.
    ///
    /// # Errors
    /// The code that it is refused with.
    fn admit(&mut self, cx: &mut Context<'_>, conn: ConnId, head: &Head, out: Out<'_>) -> Result<Reading, u16> {
        let Some(method) = head.method() else { return Ok(Reading::Nothing) };
        if head.fault().is_some() {
            return Err(400);
        }
        let (uri, name) = addressee(head).ok_or(400_u16)?;
        let found = self
            .names
            .get(&name)
            .copied()
            .filter(|stream| self.sessions.get(stream).is_some_and(|session| session.local == *uri.last()));
        let stream = found.ok_or(481_u16)?;
        let Some(session) = self.sessions.get(&stream) else { return Err(481) };
        match (session.conn, session.state) {
            (Some(bound), _) if bound != conn => return Err(506),
            (_, State::Prepared) => return Ok(Reading::Kept(stream)),
            // Through our relay comes who binds the session, once the peer is known; and who sends on the connection that we have
            // asked for knows that it is bound, before we are told.
            (Some(_), State::Starting(_)) if session.ends.is_some() && *method == Method::Send => {
                self.bound(cx, conn, stream, out);
            }
            (Some(_), _) => {}
            // Only a SEND binds a session.
            (None, _) if !session.passive || *method != Method::Send => return Err(481),
            (None, _) => {
                if self.distrust(conn, stream).is_some() {
                    return Err(403);
                }
                self.bound(cx, conn, stream, out);
            }
        }
        match method {
            // That the peer is still there is answered nevertheless.
            Method::Send if self.is_held(stream) && head.value(Field::KeepAlive).is_none() => Ok(Reading::Kept(stream)),
            Method::Send => self.admit_chunk(cx, stream, head),
            Method::Report => {
                self.reported(cx, conn, stream, head, out);
                Ok(Reading::Nothing)
            }
            Method::Auth | Method::Nickname | Method::Other(_) => Err(501),
        }
    }

    fn admit_chunk(&mut self, cx: &Context<'_>, stream: StreamId, head: &Head) -> Result<Reading, u16> {
        let session = self.sessions.get_mut(&stream).ok_or(481_u16)?;
        let id = head.message_id().map_err(|_| 400_u16)?;
        let range = head.byte_range().map_err(|_| 400_u16)?;
        let (success, failure) = (head.success_report(), head.failure_report());
        let (success, failure) = (success.map_err(|_| 400_u16)?, failure.map_err(|_| 400_u16)?);
        let from = Arc::new(head.from_path().map_err(|_| 400_u16)?.detached());
        let wish = Wish { id: id.detached(), from, success, failure };
        if !head.has_body() {
            // An end of a message that is given up has no body, nor may the last chunk.
            return Ok(if session.coming.contains_key(&id) {
                Reading::Chunk { stream, wish, next: range.start }
            } else if session.finished(&id).is_none() && matches!(session.delivery, Delivery::Pieces(_)) {
                Reading::Unknown(stream, wish.id)
            } else {
                Reading::Empty
            });
        }
        let content_type = head.value(Field::ContentType).ok_or(400_u16)?;
        if let Some(code) = session.finished(&id) {
            return if code == 200 { Ok(Reading::Empty) } else { Err(code) };
        }
        if !session.accepts(&content_type) {
            return Err(415);
        }
        if !session.coming.contains_key(&id) {
            let kept_too_much = session.kept() > cx.limits.msrp_message_bytes.saturating_mul(4);
            if session.coming.len() >= cx.limits.msrp_messages || kept_too_much {
                return Err(413);
            }
            let coming = Coming { assembly: Assembly::new(session.delivery), content_type: content_type.detached() };
            session.coming.insert(id.detached(), coming);
        }
        let coming = session.coming.get_mut(&id);
        let claimed = coming.map_or(Ok(()), |coming| coming.assembly.claim(range.total, cx.limits));
        if let Err(refused) = claimed {
            session.finish(&id, 413);
            return Err(refused.code());
        }
        Ok(Reading::Chunk { stream, wish, next: range.start })
    }

    /// A REPORT came. It is never answered.
    fn reported(&mut self, cx: &mut Context<'_>, conn: ConnId, stream: StreamId, head: &Head, out: Out<'_>) {
        let mut news = Vec::new();
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.sender.report(stream, head, cx.limits, &mut news);
        }
        self.told(cx, conn, news, None, out);
    }

    /// Bytes of the body of the request that is being read.
    pub(super) fn body(&mut self, cx: &Context<'_>, conn: ConnId, data: Bytes, out: Out<'_>) {
        if let Some(stream) = self.waits_with(conn) {
            self.keep(conn, stream, Piece::Body(data));
            return;
        }
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let Some((head, Reading::Chunk { stream, wish, next })) = &mut connection.reading else { return };
        let Some(session) = self.sessions.get_mut(stream) else { return };
        let Some(coming) = session.coming.get_mut(&wish.id) else {
            // It was refused meanwhile.
            let (head, code) = (head.clone(), session.finished(&wish.id).unwrap_or(413));
            connection.reading = Some((head.clone(), Reading::Nothing));
            self.respond(conn, &head, code);
            return;
        };
        let at = *next;
        match coming.assembly.piece(at, &data, cx.limits) {
            Ok(()) => {
                *next += data.len() as u64;
                if matches!(session.delivery, Delivery::Pieces(_)) {
                    let (wish, content_type) = (wish.clone(), coming.content_type.clone());
                    let total = coming.assembly.total();
                    let event = Event::Piece { wish, content_type, at: at - 1, total, data };
                    out.push(Output::Session(*stream, event));
                }
            }
            Err(refused) => {
                session.finish(&wish.id, 413);
                if matches!(session.delivery, Delivery::Pieces(_)) {
                    out.push(Output::Session(*stream, Event::Aborted { id: wish.id.clone() }));
                }
                let head = head.clone();
                connection.reading = Some((head.clone(), Reading::Nothing));
                self.respond(conn, &head, refused.code());
            }
        }
    }

    /// Whether what comes for a session is kept: it must wait, or what came before is not worked off.
    fn is_held(&self, stream: StreamId) -> bool {
        self.sessions.get(&stream).is_some_and(|session| session.held || !session.kept.is_empty())
    }

    /// The session that the request waits with that is being read on a connection, if it does from now on.
    fn waits_with(&mut self, conn: ConnId) -> Option<StreamId> {
        let (_, reading) = self.connections.get(&conn)?.reading.as_ref()?;
        let (stream, begun) = match reading {
            Reading::Kept(stream) => (*stream, false),
            Reading::Chunk { stream, .. } if self.is_held(*stream) => (*stream, true),
            Reading::Chunk { .. } | Reading::Nothing | Reading::Empty | Reading::Unknown(..) => return None,
        };
        if begun {
            let (head, reading) = self.connections.get_mut(&conn)?.reading.take()?;
            let kept = self.keep(conn, stream, Piece::Begun(head.clone(), reading));
            self.connections.get_mut(&conn)?.reading = kept.then_some((head, Reading::Kept(stream)));
        }
        Some(stream)
    }

    /// The request that is being read ends.
    pub(super) fn finish(&mut self, cx: &mut Context<'_>, conn: ConnId, flag: Continuation, out: Out<'_>) {
        if let Some(stream) = self.waits_with(conn)
            && self.keep(conn, stream, Piece::End(flag))
        {
            if let Some(connection) = self.connections.get_mut(&conn) {
                connection.reading = None;
            }
            return;
        }
        let reading = self.connections.get_mut(&conn).and_then(|connection| connection.reading.take());
        match reading {
            Some((head, Reading::Empty)) => self.respond(conn, &head, 200),
            Some((head, Reading::Unknown(stream, id))) => {
                self.respond(conn, &head, 200);
                if flag == Continuation::Abort
                    && let Some(session) = self.sessions.get_mut(&stream)
                {
                    session.finish(&id, 413);
                    out.push(Output::Session(stream, Event::Aborted { id }));
                }
            }
            Some((head, Reading::Chunk { stream, wish, next })) => {
                let code = self.chunk_ended(stream, wish, next, flag, out);
                self.respond(conn, &head, code);
            }
            Some((head, Reading::Kept(_))) => self.respond(conn, &head, 481),
            Some((_, Reading::Nothing)) | None => {}
        }
        self.pump(cx, conn, out);
    }

    fn chunk_ended(&mut self, stream: StreamId, wish: Wish, next: u64, flag: Continuation, out: Out<'_>) -> u16 {
        let Some(session) = self.sessions.get_mut(&stream) else { return 481 };
        let Some(coming) = session.coming.get_mut(&wish.id) else { return session.finished(&wish.id).unwrap_or(413) };
        let ended = coming.assembly.end(next, flag);
        let (bytes, total) = (coming.assembly.have().first_gap(1) - 1, coming.assembly.total());
        let content_type = coming.content_type.clone();
        let in_pieces = matches!(session.delivery, Delivery::Pieces(_));
        match ended {
            Ok(Progress::More) => {
                if in_pieces {
                    let event = Event::ChunkEnded { wish, bytes, total, whole: false };
                    out.push(Output::Session(stream, event));
                }
                200
            }
            Ok(Progress::Whole(content)) => {
                session.finish(&wish.id, 200);
                let event = if in_pieces {
                    Event::ChunkEnded { wish, bytes, total, whole: true }
                } else {
                    Event::Message { wish, content_type, content }
                };
                out.push(Output::Session(stream, event));
                200
            }
            Ok(Progress::Aborted) => {
                session.finish(&wish.id, 413);
                out.push(Output::Session(stream, Event::Aborted { id: wish.id }));
                200
            }
            Err(refused) => {
                session.finish(&wish.id, 413);
                out.push(Output::Session(stream, Event::Aborted { id: wish.id }));
                refused.code()
            }
        }
    }

    /// Answers a request, if it wants to be answered so (RFC 4975 section 7.2).
    fn respond(&mut self, conn: ConnId, head: &Head, code: u16) {
        let wanted = match (head.method(), head.failure_report().unwrap_or_default()) {
            (None | Some(Method::Report), _) | (_, FailureReport::No) => false,
            (_, FailureReport::Partial) => code != 200,
            (_, FailureReport::Yes) => true,
        };
        let (Ok(back), Ok(to)) = (head.from_path(), head.to_path()) else { return };
        // To the previous hop, or all the way back.
        let back = if head.method() == Some(&Method::Send) { Path::of(back.first().clone()) } else { back };
        let frame = Writer::response(head.transaction(), code, &back, &Path::of(to.first().clone()));
        if let (true, Ok(frame), Some(connection)) =
            (wanted, frame.finish(Continuation::Complete), self.connections.get_mut(&conn))
        {
            connection.sender.urgent(frame);
        }
    }
}

/// The path that a request takes, and the session at its end.
fn addressee(head: &Head) -> Option<(Path, Text)> {
    let path = head.to_path().ok()?;
    let name = path.last().session.clone()?;
    Some((path, name))
}

impl ByteRange {
    /// The first bytes of a message.
    #[must_use]
    pub const fn first(bytes: u64, total: Option<u64>) -> Self {
        Self { start: 1, end: Some(bytes), total }
    }
}
