//! An audio stream (seed class AudioStream): RTP and its place in a session description.
//!
//! ```text
//!  Null ──initialize──► Initializing ──Ready──► Initialized ──start──► Starting ──Started──► Established
//!    │                      │                       │                     │                      │
//!    └──────────────────────┴───────── end, Failed ─┴─────────────────────┴──────────────────────┘──► Ended
//! ```

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::config::{Config, Context};
use crate::id::StreamId;
use crate::media::{self, Component};
use crate::negotiation::{AgreedMedia, Codec, Description, LocalAnswer, LocalMedia, Proposed};
use crate::outbox::Outbox;
use crate::sdp::Direction;
use crate::sip::Text;
use crate::transport::CloseCause;

use super::{AudioSpec, Output, StreamError, StreamEvent};

/// How far an audio stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Null,
    Initializing,
    Initialized,
    Starting,
    Established,
    Ended,
}

/// What the news of a media path mean for the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing.
    None,
    /// The stream is initialised: its local description is known.
    Initialized,
    /// The stream has started.
    Started,
    /// The stream failed, in these words.
    Failed(Text),
    /// The stream failed as there is no port for it now, in these words: later there may be.
    NoPort(Text),
}

/// An audio stream.
#[derive(Debug)]
pub struct AudioStream {
    id: StreamId,
    state: State,
    codecs: Vec<Codec>,
    direction: Direction,
    /// Its media line, counted from 0.
    slot: Option<usize>,
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
    parameters: Option<media::Parameters>,
}

/// The digits of RFC 4733 that a telephone has.
const DIGITS: &str = "0123456789*#ABCD";

impl AudioStream {
    /// Whether a stream can be offered as described.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn check(spec: &AudioSpec, config: &Config) -> Result<(), Text> {
        if codecs(&spec.codecs, config).iter().any(|codec| !codec.is_telephone_event()) {
            Ok(())
        } else {
            Err("none of its codecs is known".into())
        }
    }

    /// A stream for an outgoing session, or for a session whose INVITE had no offer.
    #[must_use]
    pub fn new(id: StreamId, spec: &AudioSpec, config: &Config) -> Self {
        Self {
            id,
            state: State::Null,
            codecs: codecs(&spec.codecs, config),
            direction: spec.direction,
            slot: None,
            rtp: None,
            rtcp: None,
            parameters: None,
        }
    }

    /// A stream for this media line of an offer (`new_from_sdp` of the seeds). `None` when the line is not audio over RTP/AVP with a codec that we know.
    pub fn from_offer(
        id: impl FnOnce() -> StreamId,
        slot: usize,
        offered: &Proposed<'_>,
        config: &Config,
    ) -> Option<Self> {
        let fits = offered.media.port() != 0
            && offered.media.media_type().eq_ignore_ascii_case("audio")
            && offered.media.protocol().eq_ignore_ascii_case("RTP/AVP")
            && offered.common(&codecs(&[], config)).is_some();
        fits.then(|| Self { slot: Some(slot), ..Self::new(id(), &AudioSpec::default(), config) })
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> StreamId {
        self.id
    }

    /// Its media line, counted from 0, once it has one.
    #[must_use]
    pub const fn slot(&self) -> Option<usize> {
        self.slot
    }

    pub(crate) const fn set_slot(&mut self, slot: usize) {
        self.slot = Some(slot);
    }

    /// Whether its sockets are bound.
    #[must_use]
    pub const fn is_initialized(&self) -> bool {
        matches!(self.state, State::Initialized | State::Starting | State::Established)
    }

    /// Whether media can flow.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        matches!(self.state, State::Established)
    }

    /// What was agreed on, once it was.
    #[must_use]
    pub const fn parameters(&self) -> Option<&media::Parameters> {
        self.parameters.as_ref()
    }

    /// Asks for sockets on this local address.
    pub(crate) fn initialize(&mut self, cx: &mut Context<'_>, local: IpAddr, out: &mut Outbox<Output>) {
        if self.state != State::Null {
            return;
        }
        self.state = State::Initializing;
        let setup = media::Setup {
            local,
            ports: cx.config.rtp.port_range,
            seed: cx.random.seed(),
            ssrc: cx.random.u32(),
            cname: cx.random.token(16).into(),
        };
        out.push(Output::Media(media::Command::Prepare(setup)));
    }

    /// News of its media path.
    pub(crate) fn media(&mut self, event: media::Event, out: &mut Outbox<Output>) -> Progress {
        let news = match event {
            media::Event::Ready { candidates } if self.state == State::Initializing => {
                let of = |component| candidates.iter().find(|c| c.component == component).map(|c| c.address);
                let Some(rtp) = of(Component::Rtp) else {
                    return Progress::Failed(self.fail("no RTP address".into(), out));
                };
                self.rtp = Some(rtp);
                self.rtcp = of(Component::Rtcp);
                self.state = State::Initialized;
                out.push(Output::Event(StreamEvent::DidInitialize));
                return Progress::Initialized;
            }
            media::Event::Started if self.state == State::Starting => {
                self.state = State::Established;
                if let (Some(parameters), Some(local)) = (self.parameters.clone(), self.rtp) {
                    let event = StreamEvent::DidStart { parameters, local };
                    out.push(Output::Event(event));
                }
                return Progress::Started;
            }
            media::Event::Failed(cause) if self.state != State::Ended => {
                let no_port = self.state == State::Initializing && cause == CloseCause::AddressUnavailable;
                let reason = self.fail(cause.to_string().into(), out);
                return if no_port { Progress::NoPort(reason) } else { Progress::Failed(reason) };
            }
            media::Event::Ready { .. } | media::Event::Started | media::Event::Failed(_) => return Progress::None,
            media::Event::Dtmf { digit } => StreamEvent::GotDtmf { digit },
            media::Event::NoRtp { got_any } => StreamEvent::GotNoAudio { got_any },
            media::Event::Source(address) => StreamEvent::Source { address },
            media::Event::Stats(statistics) => StreamEvent::Statistics(statistics),
        };
        if self.state != State::Ended {
            out.push(Output::Event(news));
        }
        Progress::None
    }

    fn fail(&mut self, reason: Text, out: &mut Outbox<Output>) -> Text {
        self.state = State::Ended;
        out.push(Output::Media(media::Command::Stop));
        out.push(Output::Event(StreamEvent::DidFail { reason: reason.clone() }));
        reason
    }

    /// Its media line in an offer.
    pub(crate) fn offer(&self) -> LocalMedia {
        match self.slot {
            Some(slot) => LocalMedia::At(slot, self.describe()),
            None => LocalMedia::New(self.describe()),
        }
    }

    /// Its media line in an answer.
    pub(crate) fn answer(&self, slot: usize) -> LocalAnswer {
        LocalAnswer::Accept(slot, self.describe())
    }

    fn describe(&self) -> Description {
        let port = self.rtp.map_or(0, |rtp| rtp.port());
        let mut description = Description::audio(port, self.codecs.clone()).with_direction(self.direction);
        description.rtcp_port = self.rtcp.map(|rtcp| rtcp.port());
        description.ptime = Some(20);
        description
    }

    /// Starts, or goes on, with what was agreed on now. False when it cannot start with that.
    pub(crate) fn go_on(&mut self, agreed: &AgreedMedia, config: &Config, out: &mut Outbox<Output>) -> bool {
        if self.state == State::Initialized {
            return self.start(agreed, config, out);
        }
        self.update(agreed, config, out);
        matches!(self.state, State::Starting | State::Established)
    }

    /// Starts, with what was agreed on. False when nothing was that could flow.
    fn start(&mut self, agreed: &AgreedMedia, config: &Config, out: &mut Outbox<Output>) -> bool {
        let Some(parameters) = agreed.parameters(config.rtp.symmetric, config.rtp.timeout) else { return false };
        self.state = State::Starting;
        self.parameters = Some(parameters.clone());
        out.push(Output::Media(media::Command::Start(parameters)));
        true
    }

    /// Goes on with what was agreed on now, if it is something else.
    fn update(&mut self, agreed: &AgreedMedia, config: &Config, out: &mut Outbox<Output>) {
        let Some(parameters) = agreed.parameters(config.rtp.symmetric, config.rtp.timeout) else { return };
        if !matches!(self.state, State::Starting | State::Established) || self.parameters.as_ref() == Some(&parameters)
        {
            return;
        }
        self.parameters = Some(parameters.clone());
        out.push(Output::Media(media::Command::Update(parameters.clone())));
        out.push(Output::Event(StreamEvent::DidChangeParameters { parameters }));
    }

    /// Queues a DTMF digit.
    ///
    /// # Errors
    /// When the stream has not started, or this is not a digit.
    pub(crate) fn send_dtmf(
        &self,
        digit: char,
        duration: Duration,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        let digit = digit.to_ascii_uppercase();
        if !DIGITS.contains(digit) {
            return Err(StreamError::BadDigit(digit));
        }
        if !self.is_started() {
            return Err(StreamError::NotStarted(self.id));
        }
        out.push(Output::Media(media::Command::SendDtmf { digit, duration }));
        Ok(())
    }

    /// Ends; a stream that never was initialised has nothing to end.
    pub(crate) fn end(&mut self, out: &mut Outbox<Output>) {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Null | State::Ended => {}
            State::Initializing | State::Initialized | State::Starting | State::Established => {
                out.push(Output::Event(StreamEvent::WillEnd));
                out.push(Output::Media(media::Command::Stop));
                out.push(Output::Event(StreamEvent::DidEnd));
            }
        }
    }
}

/// The codecs of a stream: those named, or those of the configuration, as far as they are known; and the events of RFC 4733.
fn codecs(names: &[Text], config: &Config) -> Vec<Codec> {
    let names = if names.is_empty() { &config.rtp.audio_codecs } else { names };
    let mut codecs: Vec<Codec> = names
        .iter()
        .filter_map(|name| {
            let known = ["PCMU", "PCMA"].into_iter().find(|known| name.eq_ignore_ascii_case(known))?;
            Some(Codec::new(known, 8000))
        })
        .collect();
    codecs.push(Codec::telephone_event(8000).with_payload(101).with_fmtp("0-15"));
    codecs
}
