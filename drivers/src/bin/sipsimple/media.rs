//! What a call's media is made of: codecs, whether it is encrypted, and how its path is found.

use std::net::SocketAddr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use sipsimple_audio::codec::Codecs;
use sipsimple_audio::rate::SampleRate;
use sipsimple_core::agent::AccountSpec;
use sipsimple_core::settings::kind::{SrtpEncryption, StunServer};
use sipsimple_core::sip::Text;
use sipsimple_core::turn::Server;
use sipsimple_drivers::Settings;

use crate::failure::Failure;
use crate::microphone;

/// Options of the commands that have calls.
#[derive(Debug, Args)]
#[group(id = "media_options")]
pub(crate) struct Options {
    /// Code with these, best first: opus, G722, PCMU, PCMA, GSM. Default: opus,G722,PCMU,PCMA
    #[arg(long = "codec", value_name = "NAMES", value_delimiter = ',', value_parser = codec)]
    codecs: Vec<Text>,
    /// Do not send silence where the peer knows comfort noise (RFC 3389): describe it
    #[arg(long)]
    suppress_silence: bool,
    /// Encrypt audio with SRTP (RFC 3711). Keys are given out over TLS only (RFC 4568)
    #[arg(long, value_name = "WHEN", value_parser = encryption(), default_value = "disabled")]
    srtp: SrtpEncryption,
    /// Give out SRTP keys over any transport, where others can read them
    #[arg(long)]
    srtp_without_tls: bool,
    /// Seek a path for audio by ICE (RFC 8445)
    #[arg(long)]
    ice: bool,
    /// Ask this STUN server for our public address, when ICE is used
    #[arg(long = "stun", value_name = "ADDR[:PORT]", value_parser = stun, requires = "ice")]
    stun: Vec<Text>,
    /// Borrow an address from this TURN server, when ICE is used
    #[arg(long = "turn", value_name = "USER:PASSWORD@ADDR[:PORT]", value_parser = turn, requires = "ice")]
    turn: Vec<Server>,
    #[command(flatten)]
    microphone: microphone::Options,
}

impl Options {
    /// Puts them into the settings of the application. It mixes at the highest rate that one of the codecs has, so that none of what it hears is lost.
    ///
    /// # Errors
    /// When something is asked for that is not built in.
    pub(crate) fn configure(&self, settings: &mut Settings) -> Result<(), Failure> {
        if self.microphone.is_beyond_us() {
            let words = "this program was built without the processing of sound: build it with --features processing";
            return Err(Failure::new(words));
        }
        self.microphone.configure(&mut settings.audio.processing);
        settings.config.rtp.silence_suppression = self.suppress_silence;
        let codecs = if self.codecs.is_empty() { &settings.config.rtp.audio_codecs } else { &self.codecs };
        let selection = Codecs::default().select(codecs.iter().map(Text::as_str));
        let highest = selection.codecs.iter().map(|codec| codec.sample_rate()).max();
        if let Some(rate) = highest.and_then(|rate| SampleRate::new(rate).ok()) {
            settings.audio.sample_rate = rate;
        }
        Ok(())
    }

    /// Puts them into the settings of an account.
    pub(crate) fn apply(&self, spec: &mut AccountSpec) {
        spec.audio_codecs.clone_from(&self.codecs);
        spec.srtp_encryption = self.srtp;
        spec.use_srtp_without_tls = self.srtp_without_tls;
        spec.use_ice = self.ice;
        spec.stun_servers.clone_from(&self.stun);
        spec.turn_servers.clone_from(&self.turn);
    }
}

/// Reads the name of a codec that is built in.
fn codec(name: &str) -> Result<Text, String> {
    let selection = Codecs::default().select([name]);
    match selection.codecs.first() {
        Some(codec) => Ok(Text::from_static(codec.encoding())),
        None => Err(format!("'{name}' is no codec that is built in")),
    }
}

/// Reads the address of a STUN or TURN server.
fn server(text: &str) -> Result<SocketAddr, String> {
    let server: Option<StunServer> = text.parse().ok();
    let address = server.and_then(|server| Some(SocketAddr::new(server.host.ip()?, server.port)));
    address.ok_or_else(|| format!("'{text}' is no address of a server"))
}

fn stun(text: &str) -> Result<Text, String> {
    server(text).map(|address| address.to_string().into())
}

fn turn(text: &str) -> Result<Server, String> {
    let parts = text.rsplit_once('@').and_then(|(who, at)| Some((who.split_once(':')?, at)));
    let ((username, password), at) = parts.ok_or("a TURN server is USER:PASSWORD@ADDR[:PORT]")?;
    Ok(Server { address: server(at)?, username: username.into(), password: password.into() })
}

fn encryption() -> impl TypedValueParser<Value = SrtpEncryption> {
    let words = SrtpEncryption::ALL.iter().map(|choice| choice.as_str());
    PossibleValuesParser::new(words).try_map(|word| word.parse())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        media: Options,
    }

    fn spec(line: &[&str]) -> AccountSpec {
        let mut spec = AccountSpec::default();
        Line::try_parse_from([&["sipsimple"], line].concat()).unwrap().media.apply(&mut spec);
        spec
    }

    #[test]
    fn options_reach_the_account() {
        let account = spec(&["--codec", "opus,g722", "--codec", "PCMA", "--srtp", "mandatory", "--srtp-without-tls"]);
        assert_eq!(account.audio_codecs, ["opus", "G722", "PCMA"]);
        assert_eq!((account.srtp_encryption, account.use_srtp_without_tls), (SrtpEncryption::Mandatory, true));
        assert_eq!(spec(&[]), AccountSpec::default());
        let line = ["--ice", "--stun", "192.0.2.1", "--stun", "192.0.2.2:5", "--turn", "alice:a:b@[2001:db8::1]:3479"];
        let account = spec(&line);
        assert!(account.use_ice);
        assert_eq!(account.stun_servers, ["192.0.2.1:3478", "192.0.2.2:5"]);
        let [server] = &account.turn_servers[..] else { panic!() };
        assert_eq!((server.address, server.username.as_str()), ("[2001:db8::1]:3479".parse().unwrap(), "alice"));
        assert_eq!(server.password.expose(), "a:b");
    }

    #[test]
    fn the_mixer_runs_as_fast_as_the_best_codec() {
        for (line, rate) in [
            (&["--codec", "PCMA,G722"][..], SampleRate::HZ_16000),
            (&["--codec", "opus,PCMU"], SampleRate::HZ_48000),
            (&[], SampleRate::HZ_48000),
        ] {
            let mut settings = Settings::default();
            Line::try_parse_from([&["sipsimple"], line].concat()).unwrap().media.configure(&mut settings).unwrap();
            assert_eq!((settings.audio.sample_rate, settings.config.rtp.silence_suppression), (rate, false));
        }
    }

    #[test]
    fn what_is_not_built_in_is_refused() {
        assert!(Line::try_parse_from(["sipsimple", "--codec", "speex"]).is_err());
        assert!(Line::try_parse_from(["sipsimple", "--srtp", "sometimes"]).is_err());
        for line in
            [&["--stun", "192.0.2.1"][..], &["--ice", "--stun", "host.example"], &["--ice", "--turn", "192.0.2.1"]]
        {
            assert!(Line::try_parse_from([&["sipsimple"], line].concat()).is_err(), "{line:?}");
        }
    }
}
