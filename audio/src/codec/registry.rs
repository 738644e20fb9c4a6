//! The codecs that are built in, by encoding name.

use std::sync::Arc;

use sipsimple_core::media::Format;

use super::{Codec, G722, Gsm, Pcma, Pcmu};

/// The registry of codecs.
#[derive(Clone, Debug)]
pub struct Codecs {
    codecs: Vec<Arc<dyn Codec>>,
}

/// What a list of encoding names (setting `rtp.audio_codec_list`) comes to.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The codecs that are built in, in the order of the list, each once.
    pub codecs: Vec<Arc<dyn Codec>>,
    /// The names that were skipped. A warning: the call goes on with the others.
    pub unknown: Vec<UnknownCodec>,
}

/// An encoding name that no codec is registered for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no codec is built in for {name}")]
pub struct UnknownCodec {
    /// The name as it was given.
    pub name: String,
}

impl Default for Codecs {
    /// Those that are built in: opus with its feature, G722, PCMU, PCMA and GSM.
    fn default() -> Self {
        let mut codecs = Self { codecs: Vec::new() };
        #[cfg(feature = "opus")]
        codecs.register(Arc::new(super::Opus));
        codecs.register(Arc::new(G722::default()));
        codecs.register(Arc::new(Pcmu));
        codecs.register(Arc::new(Pcma));
        codecs.register(Arc::new(Gsm));
        codecs
    }
}

impl Codecs {
    /// Adds a codec. One that has the same encoding name, clock rate and channels is replaced.
    pub fn register(&mut self, codec: Arc<dyn Codec>) {
        self.codecs.retain(|known| !same(&**known, codec.encoding(), codec.clock_rate(), codec.channels()));
        self.codecs.push(codec);
    }

    /// The codec for a format of a session description: the same encoding name in any case, clock rate and channels.
    #[must_use]
    pub fn find(&self, format: &Format) -> Option<&Arc<dyn Codec>> {
        self.codecs.iter().find(|codec| same(&***codec, format.encoding.as_str(), format.clock_rate, format.channels))
    }

    /// The codecs of a list of encoding names. Names that nobody registered are told apart and never an error.
    pub fn select<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Selection {
        let mut selection = Selection::default();
        for name in names {
            let mut found = false;
            for codec in self.codecs.iter().filter(|codec| codec.encoding().eq_ignore_ascii_case(name)) {
                found = true;
                if !selection.codecs.iter().any(|known| Arc::ptr_eq(known, codec)) {
                    selection.codecs.push(Arc::clone(codec));
                }
            }
            if !found {
                selection.unknown.push(UnknownCodec { name: name.to_owned() });
            }
        }
        selection
    }

    /// The encoding names of all codecs, in the order of their registration.
    pub fn encodings(&self) -> impl Iterator<Item = &'static str> {
        self.codecs.iter().map(|codec| codec.encoding())
    }
}

fn same(codec: &dyn Codec, encoding: &str, clock_rate: u32, channels: u8) -> bool {
    codec.encoding().eq_ignore_ascii_case(encoding)
        && codec.clock_rate() == clock_rate
        && codec.channels() == channels.max(1)
}

#[cfg(test)]
mod tests {
    use sipsimple_core::sip::Text;

    use super::*;
    use crate::codec::{Decoder, Encoder};

    fn format(encoding: &'static str, clock_rate: u32, channels: u8) -> Format {
        Format {
            send_payload: 96,
            receive_payload: 97,
            encoding: Text::from_static(encoding),
            clock_rate,
            channels,
            remote_fmtp: None,
            local_fmtp: None,
        }
    }

    #[test]
    fn a_name_without_codec_is_skipped_and_told() {
        let selection = Codecs::default().select(["speex", "pcma", "iLBC", "PCMU", "PCMA"]);
        let names: Vec<_> = selection.codecs.iter().map(|codec| codec.encoding()).collect();
        assert_eq!(names, ["PCMA", "PCMU"]);
        let unknown: Vec<_> = selection.unknown.iter().map(ToString::to_string).collect();
        assert_eq!(unknown, ["no codec is built in for speex", "no codec is built in for iLBC"]);
    }

    #[test]
    fn a_format_is_found_by_name_rate_and_channels() {
        let codecs = Codecs::default();
        assert_eq!(codecs.find(&format("pcmu", 8_000, 1)).unwrap().encoding(), "PCMU");
        assert!(codecs.find(&format("PCMU", 8_000, 0)).is_some(), "no channels in the rtpmap means one");
        assert!(codecs.find(&format("PCMU", 16_000, 1)).is_none());
        assert!(codecs.find(&format("PCMU", 8_000, 2)).is_none());
        assert!(codecs.find(&format("G722", 8_000, 1)).is_some(), "although it samples at 16,000 Hz");
        assert!(codecs.find(&format("opus", 48_000, 1)).is_none());
    }

    /// Linear samples of 16 bits at 16 kHz (RFC 3551 section 4.5.11): stands for the codecs that come later.
    #[derive(Debug)]
    struct L16;

    impl Codec for L16 {
        fn encoding(&self) -> &'static str {
            "L16"
        }
        fn payload_type(&self) -> Option<u8> {
            None
        }
        fn clock_rate(&self) -> u32 {
            16_000
        }
        fn sample_rate(&self) -> u32 {
            16_000
        }
        fn frame_millis(&self) -> u32 {
            20
        }
        fn encoder(&self, _format: &Format) -> Box<dyn Encoder> {
            Box::new(Pcmu)
        }
        fn decoder(&self, _format: &Format) -> Box<dyn Decoder> {
            Box::new(Pcmu)
        }
    }

    #[test]
    fn a_registered_codec_is_found_and_replaces_its_like() {
        let mut codecs = Codecs::default();
        codecs.register(Arc::new(L16));
        codecs.register(Arc::new(L16));
        assert_eq!(codecs.encodings().filter(|name| *name == "L16").count(), 1);
        assert!(codecs.find(&format("l16", 16_000, 1)).is_some());
    }
}
