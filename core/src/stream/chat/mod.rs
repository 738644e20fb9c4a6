//! A chat (seed class ChatStream): messages over MSRP, wrapped in CPIM where both sides know it (RFC 4975, RFC 3862), who is writing
//! (RFC 3994), nicknames (RFC 7701), and notifications (RFC 5438).

mod composing;
mod event;
#[cfg(test)]
mod tests;
mod wrap;

use std::collections::VecDeque;

use bytes::Bytes;

pub use event::{ChatCommand, ChatEvent, ChatMessage, ChatSpec, Notified, ReceivedMessage};

use crate::config::Config;
use crate::msrp::{self, ByteRange, Content, FailureReport, SendError, accepts};
use crate::negotiation::Proposed;
use crate::outbox::Outbox;
use crate::payload::composing::{IsComposing, State};
use crate::payload::cpim::Address;
use crate::payload::imdn::{Disposition, Imdn};
use crate::sdp::{Direction, Media};
use crate::settings::kind::MessageNotifications;
use crate::sip::Text;
use crate::time::Instant;

use self::composing::Writing;
use super::msrp::{Base, Fate, MsrpProfile, MsrpStream, Offered};
use super::{
    Agreement, Command, Context, MediaStream, Output, Recognized, SessionInfo, StreamError, StreamEvent, StreamFactory,
    StreamSpec,
};

const CPIM: &str = "message/cpim";

/// A chat stream.
#[derive(Debug)]
pub struct ChatStream {
    base: Base,
    /// What is known of the peer, once it has started.
    remote: Option<Remote>,
    /// Messages that wait for the start.
    queue: VecDeque<Queued>,
    /// Whether the application was told that there is no room.
    full: bool,
    /// Nicknames that were asked for, oldest first.
    nicknames: VecDeque<Text>,
    /// Those of the other side who are writing.
    writing: Writing,
    /// Messages of which was told that they were shown, or could not be delivered: that is told once (RFC 5438 section 7.2.1).
    notified: VecDeque<Text>,
}

/// Messages of which that is known.
const NOTIFIED: usize = 256;

/// What is known of the peer.
#[derive(Debug)]
struct Remote {
    types: Vec<Text>,
    wrapped: Vec<Text>,
    cpim: bool,
    private: bool,
    nickname: bool,
    direction: Direction,
}

/// What waits for the start.
#[derive(Debug)]
enum Queued {
    Message(Box<ChatMessage>),
    Composing(IsComposing, Vec<Address>),
}

/// Makes chat streams.
#[derive(Clone, Copy, Debug)]
pub struct ChatFactory;

impl ChatStream {
    /// How chats present themselves.
    pub const PROFILE: MsrpProfile = MsrpProfile {
        media_type: "message",
        accept_types: &[CPIM, "text/*", IsComposing::CONTENT_TYPE],
        accept_wrapped_types: &["*"],
        use_msrp_session: true,
    };

    fn new(direction: Direction, offered: Option<Offered>) -> Self {
        let base = Base::new(Self::PROFILE, direction, offered);
        Self {
            base,
            remote: None,
            queue: VecDeque::new(),
            full: false,
            nicknames: VecDeque::new(),
            writing: Writing::default(),
            notified: VecDeque::new(),
        }
    }

    /// Whether messages are wrapped in CPIM: both sides know it (attribute `cpim_enabled`).
    #[must_use]
    pub fn cpim_enabled(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.cpim)
    }

    /// Whether messages may go to others than the peer (attribute `private_messages_allowed`).
    #[must_use]
    pub fn private_messages_allowed(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.private)
    }

    /// Whether the peer is a chat room with nicknames.
    #[must_use]
    pub fn nickname_allowed(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.nickname)
    }

    fn send_message(
        &mut self,
        cx: &mut Context<'_>,
        message: &ChatMessage,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        if !wrap::is_id(&message.id) {
            return Err(refused("the message has no name"));
        }
        let Some(remote) = &self.remote else {
            return self.wait(cx, Queued::Message(Box::new(message.clone())));
        };
        if !remote.direction.sends() {
            return Err(refused("the stream only receives"));
        }
        let peer = wrap::peer(cx);
        let others = message.recipients.iter().any(|recipient| recipient.uri != peer.uri);
        let (content_type, content) = if remote.cpim {
            if !accepts(&remote.wrapped, &message.content_type) {
                return Err(refused("the peer does not take this content type"));
            }
            if others && !remote.private {
                return Err(refused("the remote end does not support private messages"));
            }
            (Text::from_static(CPIM), wrap::wrap(cx, message))
        } else {
            if others || message.needs_cpim() {
                return Err(refused("the remote end does not support message/cpim"));
            }
            if !accepts(&remote.types, &message.content_type) {
                return Err(refused("the peer does not take this content type"));
            }
            (message.content_type.clone(), message.content.clone())
        };
        let message = self.base.message(message.id.clone(), content_type, Content::Bytes(content));
        self.hand_over(cx, message, out)
    }

    fn send_composing(
        &mut self,
        cx: &mut Context<'_>,
        said: &IsComposing,
        recipients: &[Address],
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        let Some(remote) = &self.remote else {
            return self.wait(cx, Queued::Composing(said.clone(), recipients.to_vec()));
        };
        if !remote.direction.sends() {
            return Err(refused("the stream only receives"));
        }
        if recipients.iter().any(|recipient| recipient.uri != wrap::peer(cx).uri) && !remote.private {
            return Err(refused("the remote end does not support private messages"));
        }
        // Of one who does not want to know nobody tells.
        let types = if remote.cpim { &remote.wrapped } else { &remote.types };
        if !accepts(types, IsComposing::CONTENT_TYPE) {
            return Ok(());
        }
        let mut message = ChatMessage::new(cx.random.token(16), IsComposing::CONTENT_TYPE, Bytes::from(said.write()));
        message.recipients = recipients.to_vec();
        self.send_aside(cx, &message, out)
    }

    /// Sends a message whose fate nobody is told.
    fn send_aside(
        &mut self,
        cx: &mut Context<'_>,
        message: &ChatMessage,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        let (content_type, content) = if self.cpim_enabled() {
            (Text::from_static(CPIM), wrap::wrap(cx, message))
        } else {
            (message.content_type.clone(), message.content.clone())
        };
        let message = msrp::Message {
            id: format!("{}{}", wrap::ASIDE, cx.random.token(16)).into(),
            content_type,
            content: Content::Bytes(content),
            success_report: false,
            failure_report: FailureReport::Partial,
        };
        self.hand_over(cx, message, out)
    }

    fn wait(&mut self, cx: &Context<'_>, queued: Queued) -> Result<(), StreamError> {
        if self.queue.len() >= cx.config.limits.msrp_waiting {
            self.full = true;
            return Err(StreamError::Full(cx.stream));
        }
        self.queue.push_back(queued);
        Ok(())
    }

    fn hand_over(
        &mut self,
        cx: &mut Context<'_>,
        message: msrp::Message,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        let mut events = Vec::new();
        let sent = self.base.send(cx, message, out, &mut events);
        self.tell(cx, events, out);
        sent.map_err(|error| match error {
            SendError::NoSession => StreamError::NotStarted(cx.stream),
            SendError::Full => StreamError::Full(cx.stream),
            SendError::Unwritable => refused("the message cannot be written"),
        })
    }

    fn understood(
        &mut self,
        cx: &mut Context<'_>,
        message: ReceivedMessage,
        out: &mut Outbox<Output>,
    ) -> Result<Vec<ChatEvent>, ()> {
        let limits = &cx.config.limits;
        let is =
            |known: &str| message.content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(known);
        if is(IsComposing::CONTENT_TYPE) {
            let said = IsComposing::parse(&message.content, limits).map_err(drop)?;
            self.writing.told(cx.now, &said, &message.sender, &message.recipients);
            return Ok(vec![ChatEvent::GotComposingIndication {
                state: said.state,
                refresh: said.refresh,
                last_active: said.last_active,
                content_type: said.content_type.map(Text::from),
                sender: message.sender,
                recipients: message.recipients,
            }]);
        }
        let notifications = if is(Imdn::CONTENT_TYPE) {
            vec![Imdn::parse(&message.content, limits).map_err(drop)?]
        } else {
            wrap::aggregated(&message, limits)
        };
        if !notifications.is_empty() {
            let told = |said: Imdn| {
                let (notified, sender) = (wrap::notified(&said)?, message.sender.clone());
                Some(ChatEvent::GotNotification { message_id: said.message_id.into(), notified, sender })
            };
            return notifications.into_iter().map(told).collect::<Option<_>>().ok_or(());
        }
        self.writing.wrote(&message.sender);
        self.acknowledge(cx, &message, out);
        Ok(vec![ChatEvent::GotMessage { message: Box::new(message) }])
    }

    /// What is told of a message at once, as far as its sender wants to know: that it was delivered; or that nothing is told, now and not when
    /// there would be something.
    fn acknowledge(&mut self, cx: &mut Context<'_>, message: &ReceivedMessage, out: &mut Outbox<Output>) {
        let delivered = [(Notified::Delivered, Disposition::Delivered)];
        let forbidden = [Notified::Delivered, Notified::NotDelivered, Notified::Displayed];
        let forbidden = forbidden.map(|what| (what, Disposition::Forbidden));
        let told: &[_] = match cx.session.settings.chat.notifications {
            MessageNotifications::Send => &delivered,
            // One notification is for both that tell of the delivery.
            MessageNotifications::Forbid if wrap::asks_for(message, Notified::Delivered) => {
                &[forbidden[0].clone(), forbidden[2].clone()]
            }
            MessageNotifications::Forbid => &forbidden,
            MessageNotifications::Ignore => &[],
        };
        for (what, said) in told {
            if let Some(notification) = wrap::notification(cx, message, *what, said.clone()) {
                // That it came is told whether or not the answer can be sent.
                let _ = self.send_aside(cx, &notification, out);
            }
        }
    }

    /// The application says what became of a message: its sender is told, once, if that is wanted and not forbidden.
    fn tell_fate(
        &mut self,
        cx: &mut Context<'_>,
        message: &ReceivedMessage,
        what: Notified,
        said: Disposition,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        let may = cx.session.settings.chat.notifications == MessageNotifications::Send;
        let wanted = wrap::notification(cx, message, what, said).filter(|_| may);
        let Some(notification) = wanted.filter(|_| !self.notified.contains(&message.id)) else { return Ok(()) };
        self.send_aside(cx, &notification, out)?;
        self.notified.push_back(message.id.clone());
        if self.notified.len() > NOTIFIED {
            self.notified.pop_front();
        }
        Ok(())
    }
}

fn tell(news: ChatEvent, out: &mut Outbox<Output>) {
    out.push(Output::Event(StreamEvent::Chat(news)));
}

/// A message was never sent.
fn undelivered(message_id: Text, reason: Text, out: &mut Outbox<Output>) {
    tell(ChatEvent::DidNotDeliverMessage { message_id, code: 0, reason, chunk: None }, out);
}

fn refused(reason: &'static str) -> StreamError {
    StreamError::Refused(Text::from_static(reason))
}

impl MsrpStream for ChatStream {
    const KIND: &'static str = "chat";

    fn base(&self) -> &Base {
        &self.base
    }

    fn base_mut(&mut self) -> &mut Base {
        &mut self.base
    }

    fn considers(&mut self, media: &Media<'_>) -> bool {
        media.attribute("file-selector").is_none()
    }

    fn agreed(&mut self, agreement: &Agreement<'_>, remote: Offered) {
        let has = |name: &str| remote.chatroom.as_ref().is_some_and(|may| may.iter().any(|word| word == name));
        let cpim = accepts(&remote.accept_types, CPIM);
        self.remote = Some(Remote {
            cpim,
            private: if remote.chatroom.is_some() { has("private-messages") } else { cpim },
            nickname: has("nickname"),
            direction: agreement.local_media().map_or(self.base.direction, |media| media.direction()),
            types: remote.accept_types,
            wrapped: remote.accept_wrapped_types,
        });
    }

    /// What waited is sent.
    fn go_on(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.remote.is_none() {
            return;
        }
        for queued in std::mem::take(&mut self.queue) {
            let (id, result) = match queued {
                Queued::Message(message) => {
                    let result = self.send_message(cx, &message, out);
                    (Some(message.id), result)
                }
                Queued::Composing(said, recipients) => (None, self.send_composing(cx, &said, &recipients, out)),
            };
            if let (Some(message_id), Err(error)) = (id, result) {
                undelivered(message_id, error.to_string().into(), out);
            }
        }
        if std::mem::take(&mut self.full) {
            tell(ChatEvent::Writable, out);
        }
    }

    /// A message came. One that cannot be read is reported to its sender with 400.
    fn message(
        &mut self,
        cx: &mut Context<'_>,
        wish: &msrp::Wish,
        content_type: &Text,
        content: Bytes,
        out: &mut Outbox<Output>,
    ) {
        let len = content.len() as u64;
        let range = ByteRange::first(len, Some(len));
        let news = match wrap::unwrap(cx, wish.id.clone(), content_type, content) {
            Ok(message) => self.understood(cx, message, out),
            Err(()) => Err(()),
        };
        let code = if news.is_ok() { 200 } else { 400 };
        self.base.report(cx, wish, range, code, out);
        for news in news.unwrap_or_default() {
            tell(news, out);
        }
    }

    fn sent(&mut self, _cx: &mut Context<'_>, id: Text, chunk: msrp::Chunk, out: &mut Outbox<Output>) {
        if !wrap::is_aside(&id) {
            tell(ChatEvent::DidSendMessage { message_id: id, message: chunk }, out);
        }
    }

    fn delivered(&mut self, Fate { id, code, reason, chunk }: Fate, out: &mut Outbox<Output>) {
        if !wrap::is_aside(&id) {
            tell(ChatEvent::DidDeliverMessage { message_id: id, code, reason, chunk }, out);
        }
    }

    fn not_delivered(&mut self, Fate { id, code, reason, chunk }: Fate, out: &mut Outbox<Output>) {
        if !wrap::is_aside(&id) {
            tell(ChatEvent::DidNotDeliverMessage { message_id: id, code, reason, chunk }, out);
        }
    }

    fn nickname_answered(&mut self, code: u16, reason: Text, out: &mut Outbox<Output>) {
        let nickname = self.nicknames.pop_front().unwrap_or_default();
        let news = if code == 200 {
            ChatEvent::DidSetNickname { nickname }
        } else {
            ChatEvent::DidNotSetNickname { nickname, code, reason }
        };
        tell(news, out);
    }

    fn writable(&mut self, out: &mut Outbox<Output>) {
        tell(ChatEvent::Writable, out);
    }

    fn wanted(&mut self, cx: &mut Context<'_>, command: &Command, out: &mut Outbox<Output>) -> Result<(), StreamError> {
        let Command::Chat(command) = command else { return Err(StreamError::Unsupported(cx.stream)) };
        match command {
            ChatCommand::SendMessage(message) => self.send_message(cx, message, out),
            ChatCommand::SendComposingIndication { state, refresh, last_active, recipients } => {
                let said = IsComposing {
                    state: *state,
                    refresh: *refresh,
                    last_active: *last_active,
                    content_type: Some("text".to_owned()),
                    ..IsComposing::default()
                };
                self.send_composing(cx, &said, recipients, out)
            }
            ChatCommand::SetNickname(nickname) => {
                if self.remote.is_some() && !self.nickname_allowed() {
                    return Err(refused("the peer does not know nicknames"));
                }
                let (stream, mut events) = (cx.stream, Vec::new());
                let asked = self
                    .base
                    .call(cx, out, &mut events, |endpoint, cx, out| endpoint.nickname(cx, stream, nickname, out));
                self.tell(cx, events, out);
                match asked {
                    Ok(()) => self.nicknames.push_back(nickname.clone()),
                    Err(SendError::Unwritable) => return Err(refused("the nickname cannot be written")),
                    Err(SendError::NoSession | SendError::Full) => return Err(StreamError::NotStarted(cx.stream)),
                }
                Ok(())
            }
            ChatCommand::Displayed { message } => {
                self.tell_fate(cx, message, Notified::Displayed, Disposition::Displayed, out)
            }
            ChatCommand::NotDelivered { message } if wrap::asks_for(message, Notified::Delivered) => Ok(()),
            ChatCommand::NotDelivered { message } => {
                self.tell_fate(cx, message, Notified::NotDelivered, Disposition::Failed, out)
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.writing.deadline()
    }

    fn late(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        for (sender, recipients) in self.writing.over(cx.now) {
            let (state, refresh, last_active, content_type) = (State::Idle, None, None, None);
            let news =
                ChatEvent::GotComposingIndication { state, refresh, last_active, content_type, sender, recipients };
            tell(news, out);
        }
    }

    fn leave(&mut self, _cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.writing = Writing::default();
        for nickname in std::mem::take(&mut self.nicknames) {
            let reason = Text::from_static("the stream was closed");
            let news = ChatEvent::DidNotSetNickname { nickname, code: 0, reason };
            tell(news, out);
        }
        for queued in std::mem::take(&mut self.queue) {
            if let Queued::Message(message) = queued {
                undelivered(message.id, Text::from_static("the stream was closed"), out);
            }
        }
    }
}

impl StreamFactory for ChatFactory {
    fn kind(&self) -> &'static str {
        "chat"
    }

    fn create(
        &self,
        _config: &Config,
        _session: &SessionInfo,
        spec: &StreamSpec,
    ) -> Result<Box<dyn MediaStream>, Text> {
        let StreamSpec::Chat(spec) = spec else { return Err("it is no chat".into()) };
        Ok(Box::new(ChatStream::new(spec.direction, None)))
    }

    fn recognize(&self, _config: &Config, session: &SessionInfo, offered: &Proposed<'_>) -> Recognized {
        let media = &offered.media;
        if !media.media_type().eq_ignore_ascii_case("message") || !Offered::is_msrp(media) {
            return Recognized::Unknown;
        }
        let read = match Offered::recognize(session, media) {
            Ok(read) => read,
            Err(reason) => return Recognized::Invalid(reason),
        };
        let own = ChatStream::PROFILE.accept_types;
        let common = own.iter().any(|own| own.contains('*') || accepts(&read.accept_types, own));
        if !common {
            return Recognized::Invalid("it takes none of our content types".into());
        }
        if read.direction == Direction::Inactive {
            return Recognized::Invalid("it neither sends nor receives".into());
        }
        Recognized::Stream(Box::new(ChatStream::new(read.direction.reversed(), Some(read))))
    }
}
