//! Which ring tone sounds (seed class RingtoneConfiguration). Playing it is the application's business: a
//! [`WavePlayer`](crate::wave::WavePlayer) with `loop_count(0)` in the engine of the ring tones, or for the caller's own in that of the calls, as
//! `Application` of the drivers has it.

use std::path::{Path, PathBuf};

use sipsimple_core::sip::SipUri;

/// The ring tones, each a WAV file; none rings silently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RingtoneConfiguration {
    /// For sessions that come in from others than those that are registered.
    pub default_inbound_ringtone: Option<PathBuf>,
    /// For sessions that go out, when the remote party rings.
    pub outbound_ringtone: Option<PathBuf>,
    by_uri: Vec<(SipUri, PathBuf)>,
}

impl RingtoneConfiguration {
    /// Registers a ring tone for sessions from this URI (RFC 3261 section 19.1.4), in place of one that was.
    pub fn add_ringtone_for_sipuri(&mut self, uri: SipUri, ringtone: impl Into<PathBuf>) {
        self.remove_sipuri(&uri);
        self.by_uri.push((uri, ringtone.into()));
    }

    /// Takes back the ring tone of this URI; whether there was one.
    pub fn remove_sipuri(&mut self, uri: &SipUri) -> bool {
        let before = self.by_uri.len();
        self.by_uri.retain(|(known, _)| !known.equivalent(uri));
        self.by_uri.len() != before
    }

    /// All ring tones.
    pub fn ringtones(&self) -> impl Iterator<Item = &Path> {
        let own = self.by_uri.iter().map(|(_, ringtone)| ringtone);
        let others = self.default_inbound_ringtone.iter().chain(&self.outbound_ringtone);
        others.chain(own).map(PathBuf::as_path)
    }

    /// What sounds when a session comes in from this URI.
    #[must_use]
    pub fn get_ringtone_for_sipuri(&self, uri: &SipUri) -> Option<&Path> {
        let own = self.by_uri.iter().find(|(known, _)| known.equivalent(uri)).map(|(_, ringtone)| ringtone);
        own.or(self.default_inbound_ringtone.as_ref()).map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use sipsimple_core::sip::Uri;

    use super::*;

    fn uri(text: &str) -> SipUri {
        match Uri::parse(&text.into()) {
            Ok(Uri::Sip(uri)) => uri,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_caller_has_his_own_ringtone_or_the_default() {
        let mut ringtones = RingtoneConfiguration::default();
        let alice = uri("sip:alice@example.com");
        assert_eq!(ringtones.get_ringtone_for_sipuri(&alice), None);
        ringtones.default_inbound_ringtone = Some("default.wav".into());
        ringtones.add_ringtone_for_sipuri(uri("sip:alice@EXAMPLE.com"), "first.wav");
        ringtones.add_ringtone_for_sipuri(alice.clone(), "alice.wav");
        assert_eq!(ringtones.get_ringtone_for_sipuri(&alice), Some(Path::new("alice.wav")));
        assert_eq!(ringtones.ringtones().collect::<Vec<_>>(), [Path::new("default.wav"), Path::new("alice.wav")]);
        assert_eq!(ringtones.get_ringtone_for_sipuri(&uri("sip:bob@example.com")), Some(Path::new("default.wav")));
        assert!(ringtones.remove_sipuri(&uri("sip:alice@Example.Com")) && !ringtones.remove_sipuri(&alice));
        assert_eq!(ringtones.get_ringtone_for_sipuri(&alice), Some(Path::new("default.wav")));
    }
}
