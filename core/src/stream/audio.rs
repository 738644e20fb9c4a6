//! An audio stream (seed class AudioStream): RTP and its place in a session description.
//!
//! Hold is in its direction (RFC 3264 section 8.4, RFC 6337 section 5.3): a stream that this side holds asks for what it
//! would like otherwise, without receiving. So to take it off hold restores what was before.
//!
//! Comfort noise (RFC 3389) is offered only where silence is suppressed (setting `rtp.silence_suppression`), as the reference
//! never offers it; but whoever offers it gets it in the answer, and may be silent then.

use std::net::SocketAddr;

use crate::config::Config;
use crate::ice;
use crate::media::{self, Component};
use crate::negotiation::{Codec, Description, Proposed, Sdes, demands_srtp, has_srtp};
use crate::outbox::Outbox;
use crate::random::Random;
use crate::rtp::srtp::Suite;
use crate::sdp::{Attribute, Direction};
use crate::settings::kind::SrtpEncryption;
use crate::sip::Text;
use crate::transport::CloseCause;

use super::ice::Connectivity;
use super::{
    Agreement, AudioSpec, Command, Context, Input, MediaStream, Originator, Output, Recognized, Rtp, SessionInfo,
    StreamError, StreamEvent, StreamFactory, StreamSpec,
};

/// An audio stream.
#[derive(Debug)]
pub struct AudioStream {
    codecs: Vec<Codec>,
    /// Whether it is encrypted, as far as that is for the settings to say.
    encryption: SrtpEncryption,
    keys: Sdes,
    /// The profile of its media line.
    protocol: Text,
    /// What this side would like when it is not on hold.
    direction: Direction,
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
    parameters: Option<media::Parameters>,
    ice: Connectivity,
    /// Whether there is a media path, and whether it has started.
    prepared: bool,
    started: bool,
    held: Hold,
    /// What was told of that.
    told: Hold,
}

/// Who has put a stream on hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hold {
    local: bool,
    remote: bool,
}

/// Makes audio streams.
#[derive(Clone, Copy, Debug)]
pub struct AudioFactory;

/// The digits of RFC 4733 that a telephone has.
const DIGITS: &str = "0123456789*#ABCD";
/// The profile of RTP in the clear, or with keys that the peer may leave alone.
const RTP_AVP: Text = Text::from_static("RTP/AVP");
/// The profile of SRTP and nothing else (RFC 3711 section 8).
const RTP_SAVP: Text = Text::from_static("RTP/SAVP");
/// What is offered, best first; an offer of any suite that is known is answered.
const SUITES: [Suite; 2] = [Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32];
/// Why a line is refused that has no codec that is known.
const NO_CODEC: Text = Text::from_static("it has no codec in common with us");
/// Why a stream is not begun whose keys everybody could read.
const KEYS_IN_THE_CLEAR: Text = Text::from_static("SRTP is mandatory, but its keys would not be secret without TLS");
/// Why ICE is not begun anew.
const NO_ICE: Text = Text::from_static("the peer does not do ICE in this stream");

impl AudioStream {
    /// An audio stream.
    ///
    /// # Errors
    /// What is wrong with the specification, in words.
    pub fn new(spec: &AudioSpec, config: &Config, session: &SessionInfo) -> Result<Self, Text> {
        let codecs = codecs(&spec.codecs, config, session);
        if codecs.iter().all(Codec::is_companion) {
            return Err("none of its codecs is known".into());
        }
        Ok(Self {
            codecs,
            encryption: session.settings.rtp.srtp_encryption,
            keys: Sdes::default(),
            protocol: RTP_AVP,
            direction: spec.direction,
            rtp: None,
            rtcp: None,
            parameters: None,
            ice: Connectivity::default(),
            prepared: false,
            started: false,
            held: Hold::default(),
            told: Hold::default(),
        })
    }

    /// What was agreed on, once it was.
    #[must_use]
    pub const fn parameters(&self) -> Option<&media::Parameters> {
        self.parameters.as_ref()
    }

    /// The local RTP address, once it is known.
    #[must_use]
    pub const fn local_rtp(&self) -> Option<SocketAddr> {
        self.rtp
    }

    /// Whether its packets go where ICE found (AudioStream.ice_active).
    #[must_use]
    pub const fn ice_active(&self) -> bool {
        self.ice.is_active()
    }

    /// How our RTP address was found, while ICE is active (AudioStream.local_rtp_candidate_type).
    #[must_use]
    pub fn local_rtp_candidate_type(&self) -> Option<ice::Kind> {
        self.ice.pair().map(|(local, _)| local)
    }

    /// How the peer's was (AudioStream.remote_rtp_candidate_type).
    #[must_use]
    pub fn remote_rtp_candidate_type(&self) -> Option<ice::Kind> {
        self.ice.pair().map(|(_, remote)| remote)
    }

    /// The direction that this side would like.
    const fn wanted(&self) -> Direction {
        if self.held.local { Direction::new(self.direction.sends(), false) } else { self.direction }
    }

    /// The keys for its line, and the profile; `None` refuses the line that is offered.
    fn secure(
        &mut self,
        random: &mut Random,
        offered: Option<&Proposed<'_>>,
        at: SocketAddr,
    ) -> Option<Vec<Attribute>> {
        let Some(Proposed { media, .. }) = offered else {
            return Some(match self.encryption {
                SrtpEncryption::Disabled => Vec::new(),
                SrtpEncryption::Optional | SrtpEncryption::Mandatory => self.keys.offer(&SUITES, at, random),
            });
        };
        let line = match self.encryption {
            SrtpEncryption::Disabled => None,
            SrtpEncryption::Optional | SrtpEncryption::Mandatory => self.keys.answer(media, &Suite::ALL, at, random),
        };
        let open = self.encryption != SrtpEncryption::Mandatory && !demands_srtp(media);
        if line.is_none() && !open {
            return None;
        }
        if !media.protocol().eq_ignore_ascii_case(&self.protocol) {
            self.protocol = media.protocol().into();
        }
        Some(line.into_iter().collect())
    }

    fn media(&mut self, event: media::Event, out: &mut Outbox<Output>) {
        let news = match event {
            media::Event::Ready { candidates } => {
                let of = |component| candidates.iter().find(|c| c.component == component).map(|c| c.address);
                match of(Component::Rtp) {
                    Some(rtp) => {
                        self.rtp = Some(rtp);
                        self.rtcp = of(Component::Rtcp);
                        out.push(Output::Initialized);
                    }
                    None => out.push(Output::Failed { reason: "no RTP address".into(), for_now: false }),
                }
                return;
            }
            media::Event::Started => {
                self.started = true;
                let rtp = self.parameters.clone().zip(self.rtp);
                out.push(Output::Started(rtp.map(|(parameters, local)| Rtp { parameters, local })));
                if self.held.local {
                    out.push(Output::Media(media::Command::Hold(true)));
                }
                self.tell_hold(out);
                return;
            }
            media::Event::Failed(cause) => {
                let for_now = cause == CloseCause::AddressUnavailable;
                out.push(Output::Failed { reason: cause.to_string().into(), for_now });
                return;
            }
            media::Event::Ice(event) => {
                let lost = matches!(*event, ice::Event::Failed(ice::Failure::ConsentLost));
                self.ice.media(*event, out);
                if lost {
                    let reason = ice::Failure::ConsentLost.to_string().into();
                    out.push(Output::Failed { reason, for_now: false });
                }
                return;
            }
            media::Event::Dtmf { digit } => StreamEvent::GotDtmf { digit },
            media::Event::NoRtp { got_any } => StreamEvent::GotNoAudio { got_any },
            media::Event::Source(address) => StreamEvent::Source { address },
            media::Event::Stats(statistics) => StreamEvent::Statistics(statistics),
        };
        out.push(Output::Event(news));
    }

    /// Takes over what was agreed on; the parameters, if they are others now.
    fn agree(&mut self, cx: &Context<'_>, agreement: &Agreement<'_>) -> Option<media::Parameters> {
        let agreed = agreement.media;
        self.ice.agreed(agreed.ice.as_deref(), agreed.remote_rtp);
        if let Some((local, remote)) = agreement.local_media().zip(agreement.remote_media()) {
            self.keys.agreed(&local, &remote);
        }
        // While this side would not send anyway, the peer's direction does not say whether it holds.
        if self.wanted().sends() {
            self.held.remote = !agreed.remote_direction.receives();
        }
        let mut parameters = agreed.parameters(cx.config.rtp.symmetric, cx.config.rtp.timeout);
        if let Some(parameters) = &mut parameters {
            parameters.suppress_silence = cx.config.rtp.silence_suppression;
        }
        let parameters = parameters.filter(|parameters| self.parameters.as_ref() != Some(parameters))?;
        self.parameters = Some(parameters.clone());
        Some(parameters)
    }

    fn set_hold(&mut self, on_hold: bool, out: &mut Outbox<Output>) {
        self.held.local = on_hold;
        if self.started {
            out.push(Output::Media(media::Command::Hold(on_hold)));
            self.tell_hold(out);
        }
    }

    fn tell_hold(&mut self, out: &mut Outbox<Output>) {
        let told = std::mem::replace(&mut self.told, self.held);
        let sides =
            [(Originator::Local, told.local, self.held.local), (Originator::Remote, told.remote, self.held.remote)];
        for (originator, before, on_hold) in sides {
            if before != on_hold {
                out.push(Output::Event(StreamEvent::DidChangeHoldState { originator, on_hold }));
            }
        }
    }
}

impl MediaStream for AudioStream {
    fn kind(&self) -> &'static str {
        "audio"
    }

    fn hold_supported(&self) -> bool {
        true
    }

    fn on_hold_by_local(&self) -> bool {
        self.held.local
    }

    fn on_hold_by_remote(&self) -> bool {
        self.held.remote
    }

    fn initialize(&mut self, cx: &mut Context<'_>, proposer: Originator, out: &mut Outbox<Output>) {
        if !may_encrypt(cx.session) {
            if self.encryption == SrtpEncryption::Mandatory {
                out.push(Output::Failed { reason: KEYS_IN_THE_CLEAR, for_now: false });
                return;
            }
            self.encryption = SrtpEncryption::Disabled;
        }
        if self.encryption == SrtpEncryption::Mandatory {
            self.protocol = RTP_SAVP;
        }
        let ice = self.ice.setup(cx, proposer, out);
        let setup = media::Setup {
            local: cx.config.rtp.local_address.unwrap_or(cx.session.local),
            ports: cx.config.rtp.port_range,
            seed: cx.random.seed(),
            ssrc: cx.random.u32(),
            cname: cx.random.token(16).into(),
            ice,
        };
        self.prepared = true;
        out.push(Output::Media(media::Command::Prepare(setup)));
    }

    fn offered(&mut self, offered: &Proposed<'_>) -> Result<bool, Text> {
        offered.common(&self.codecs).ok_or(NO_CODEC)?;
        self.ice.offered(&offered.media);
        Ok(true)
    }

    fn local_media(&mut self, cx: &mut Context<'_>, offered: Option<&Proposed<'_>>) -> Description {
        let port = self.rtp.map_or(0, |rtp| rtp.port());
        let mut codecs = self.codecs.clone();
        let agreed = self.parameters.as_ref().is_some_and(|parameters| parameters.comfort_noise.is_some());
        if offered.is_none() && !agreed && !cx.config.rtp.silence_suppression {
            codecs.retain(|codec| !codec.is_comfort_noise());
        }
        let mut description = Description::audio(port, codecs).with_direction(self.wanted());
        description.address = self.rtp.map(|rtp| rtp.ip()).filter(|ip| *ip != cx.session.local);
        description.rtcp_port = self.rtcp.map(|rtcp| rtcp.port());
        description.ptime = Some(20);
        if let Some(offered) = offered {
            self.ice.answer(&offered.media, cx.random);
        }
        self.ice.describe(&mut description, cx.session.local, offered.is_none());
        let at = SocketAddr::new(description.address.unwrap_or(cx.session.local), description.port);
        match self.secure(cx.random, offered, at) {
            Some(keys) => description.attributes.splice(0..0, keys).for_each(drop),
            None => description.port = 0,
        }
        description.protocol = self.protocol.clone();
        description
    }

    fn start(&mut self, cx: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>) {
        if let Some(parameters) = self.agree(cx, agreement) {
            out.push(Output::Media(media::Command::Start(parameters)));
        }
    }

    fn validate_update(&self, offered: &Proposed<'_>) -> Result<(), Text> {
        acceptable(self.encryption, offered)?;
        match offered.common(&self.codecs) {
            Some(_) => Ok(()),
            None => Err(NO_CODEC),
        }
    }

    fn update(&mut self, cx: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>) {
        let before = self.parameters.clone();
        if let Some(parameters) = self.agree(cx, agreement) {
            out.push(Output::Media(media::Command::Update(parameters.clone())));
            // Who sends and who receives is told as hold.
            let as_before = before.map(|before| media::Parameters { direction: parameters.direction, ..before });
            if as_before.as_ref() != Some(&parameters) {
                out.push(Output::Event(StreamEvent::DidChangeParameters { parameters }));
            }
        }
        if self.started {
            self.tell_hold(out);
        }
    }

    fn hold(&mut self, _cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.set_hold(true, out);
    }

    fn unhold(&mut self, _cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.set_hold(false, out);
    }

    fn wants_offer(&self) -> bool {
        self.ice.wants_offer()
    }

    fn reset(&mut self, _cx: &mut Context<'_>) {
        self.keys.reset();
    }

    fn end(&mut self, _cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.prepared {
            out.push(Output::Media(media::Command::Stop));
        }
        out.push(Output::Ended);
    }

    fn input(&mut self, _cx: &mut Context<'_>, input: Input, out: &mut Outbox<Output>) {
        if let Input::Media(event) = input {
            self.media(event, out);
        }
    }

    fn command(
        &mut self,
        cx: &mut Context<'_>,
        command: &Command,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        match command {
            Command::SendDtmf { digit, duration } => {
                let (digit, duration) = (digit.to_ascii_uppercase(), *duration);
                if !DIGITS.contains(digit) {
                    return Err(StreamError::BadDigit(digit));
                }
                if !self.started {
                    return Err(StreamError::NotStarted(cx.stream));
                }
                out.push(Output::Media(media::Command::SendDtmf { digit, duration }));
                Ok(())
            }
            Command::RestartIce if !self.started => Err(StreamError::NotStarted(cx.stream)),
            Command::RestartIce if !self.ice.restart(cx.random) => Err(StreamError::Refused(NO_ICE)),
            Command::RestartIce => Ok(()),
            Command::Chat(_) | Command::FileTransfer(_) | Command::DesktopSharing(_) | Command::Custom { .. } => {
                Err(StreamError::Unsupported(cx.stream))
            }
        }
    }
}

impl StreamFactory for AudioFactory {
    fn kind(&self) -> &'static str {
        "audio"
    }

    fn create(&self, config: &Config, session: &SessionInfo, spec: &StreamSpec) -> Result<Box<dyn MediaStream>, Text> {
        match spec {
            StreamSpec::Audio(spec) => Ok(Box::new(AudioStream::new(spec, config, session)?)),
            StreamSpec::Chat(_)
            | StreamSpec::FileTransfer(_)
            | StreamSpec::DesktopSharing(_)
            | StreamSpec::Custom { .. } => Err("it is not audio".into()),
        }
    }

    fn recognize(&self, config: &Config, session: &SessionInfo, offered: &Proposed<'_>) -> Recognized {
        let media = &offered.media;
        if !media.media_type().eq_ignore_ascii_case("audio") {
            return Recognized::Unknown;
        }
        if ![RTP_AVP, RTP_SAVP].iter().any(|profile| media.protocol().eq_ignore_ascii_case(profile)) {
            return Recognized::Invalid("it is neither over RTP/AVP nor over RTP/SAVP".into());
        }
        let wanted = session.settings.rtp.srtp_encryption;
        let may = if may_encrypt(session) { wanted } else { SrtpEncryption::Disabled };
        if wanted == SrtpEncryption::Mandatory && may != wanted {
            return Recognized::Invalid(KEYS_IN_THE_CLEAR);
        }
        if let Err(reason) = acceptable(may, offered) {
            return Recognized::Invalid(reason);
        }
        match AudioStream::new(&AudioSpec::default(), config, session) {
            Ok(mut stream) if offered.common(&stream.codecs).is_some() => {
                stream.ice.offered(media);
                Recognized::Stream(Box::new(stream))
            }
            Ok(_) => Recognized::Invalid(NO_CODEC),
            Err(reason) => Recognized::Invalid(reason),
        }
    }
}

/// Whether keys may be given out: they are not readable on the way, or the settings say that this does not matter (behaviour 3.1).
const fn may_encrypt(session: &SessionInfo) -> bool {
    session.secure || session.settings.rtp.use_srtp_without_tls
}

/// Whether what the peer offers fits what the settings say of encryption.
fn acceptable(encryption: SrtpEncryption, offered: &Proposed<'_>) -> Result<(), Text> {
    match encryption {
        SrtpEncryption::Disabled if demands_srtp(&offered.media) => {
            Err("SRTP is remotely mandatory but it's not locally enabled".into())
        }
        SrtpEncryption::Mandatory if !has_srtp(&offered.media) => {
            Err("SRTP is locally mandatory but it's not remotely enabled".into())
        }
        SrtpEncryption::Disabled | SrtpEncryption::Optional | SrtpEncryption::Mandatory => Ok(()),
    }
}

/// The codecs of a stream: those named, or those of the account, or of the configuration, as far as they are known; the events of RFC 4733, and comfort noise (RFC 3389).
fn codecs(names: &[Text], config: &Config, session: &SessionInfo) -> Vec<Codec> {
    let of_account = session.settings.rtp.audio_codec_list.as_deref();
    let mut codecs: Vec<Codec> = match of_account {
        _ if !names.is_empty() => names.iter().filter_map(|name| codec(name)).collect(),
        Some(names) => names.iter().filter_map(|name| codec(name.as_str())).collect(),
        None => config.rtp.audio_codecs.iter().filter_map(|name| codec(name)).collect(),
    };
    // Events have the clock of the audio (RFC 4733 section 2.1); at 8000 Hz everybody knows them.
    let is_fast = codecs.iter().any(|codec| codec.clock_rate == 48_000);
    codecs.push(Codec::telephone_event(8000).with_payload(101).with_fmtp("0-15"));
    codecs.extend(is_fast.then(|| Codec::telephone_event(48_000).with_payload(102).with_fmtp("0-15")));
    // Opus, which is the only one that is faster, has a noise of its own.
    let is_plain = codecs.iter().any(|codec| codec.clock_rate == 8000 && !codec.is_companion());
    codecs.extend(is_plain.then(|| Codec::comfort_noise(8000)));
    codecs
}

/// The codec of this name; those of other names are passed over with a warning (design decision 9).
fn codec(name: &str) -> Option<Codec> {
    let known = ["opus", "G722", "PCMU", "PCMA", "GSM"].into_iter().find(|known| name.eq_ignore_ascii_case(known));
    let Some(known) = known else {
        tracing::warn!(name, "there is no such codec: it is left out");
        return None;
    };
    Some(match known {
        "opus" => Codec::new(known, 48_000).with_channels(2).with_payload(111).with_fmtp("useinbandfec=1"),
        _ => Codec::new(known, 8000),
    })
}
