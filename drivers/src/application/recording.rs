//! Where recordings of calls go that are given no name (setting `audio.directory`).

use std::io;
use std::path::PathBuf;

use sipsimple_core::settings::SipSimpleSettings;
use sipsimple_core::time::Utc;

use super::{Application, ApplicationError};
use crate::clock::Clock;

/// The longest part of a name that somebody else has chosen.
const LONGEST: usize = 64;

/// Why there is no file to record to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingFileError {
    /// The application has stopped.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// The directory cannot be made.
    #[error("cannot make {directory}: {error}")]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// The words of the operating system.
        error: io::Error,
    },
}

impl Application {
    /// A file for a recording of a call with somebody, in the directory of recordings, which is made if it is not there. Its name says when, and with whom.
    ///
    /// # Errors
    /// When the directory cannot be made, or the application has stopped.
    pub fn recording_file(&self, with: &str) -> Result<PathBuf, RecordingFileError> {
        let set = self.with_agent(|agent, _| {
            let settings = agent.settings().get::<SipSimpleSettings>("");
            settings.map(|settings| PathBuf::from(settings.audio.directory.as_str())).unwrap_or_default()
        })?;
        let directory = self.directory.as_ref().map_or_else(|| set.clone(), |own| own.join(&set));
        std::fs::create_dir_all(&directory)
            .map_err(|error| RecordingFileError::Directory { directory: directory.clone(), error })?;
        let name = name(Clock::utc(), with);
        let mut file = directory.join(format!("{name}.wav"));
        for count in 2.. {
            if !file.exists() {
                break;
            }
            file = directory.join(format!("{name}-{count}.wav"));
        }
        Ok(file)
    }
}

/// As in `2026-11-28T10-54-06 bob@example.com`. Others choose their names: nothing of them leads out of the directory.
fn name(utc: Utc, with: &str) -> String {
    let date = utc.to_string();
    let date = date.split('.').next().unwrap_or(&date).replace(':', "-");
    let address = with.rsplit_once("sip:").or_else(|| with.rsplit_once("sips:")).map_or(with, |(_, address)| address);
    let address = address.split(['>', ';', '?']).next().unwrap_or_default();
    let harmless = |letter: char| if letter.is_ascii_alphanumeric() || "@.-+".contains(letter) { letter } else { '_' };
    let address: String = address.chars().take(LONGEST).map(harmless).collect();
    format!("{date} {address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_when_and_with_whom_and_lead_nowhere_else() {
        let utc = Utc { unix_millis: 1_291_803_480_123 };
        for (with, expected) in [
            ("\"Bob\" <sip:bob@example.com;transport=tcp>", "2010-12-08T10-18-00 bob@example.com"),
            ("sips:bob@[2001:db8::1]:5061", "2010-12-08T10-18-00 bob@_2001_db8__1__5061"),
            ("<sip:../../etc/passwd@x>", "2010-12-08T10-18-00 .._.._etc_passwd@x"),
            ("", "2010-12-08T10-18-00 "),
        ] {
            assert_eq!(name(utc, with), expected);
        }
        assert_eq!(name(utc, &"a".repeat(500)).len(), 20 + LONGEST);
    }

    #[test]
    fn recordings_go_where_the_settings_say() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = super::super::Settings::stored_in(directory.path());
        settings.config.listen = vec![super::super::listen("udp:127.0.0.1:0".parse().unwrap())];
        let application = Application::start(settings).unwrap();
        let first = application.recording_file("sip:bob@example.com").unwrap();
        assert_eq!(first.parent().unwrap(), directory.path().join("history"));
        std::fs::write(&first, "").unwrap();
        assert_ne!(application.recording_file("sip:bob@example.com").unwrap(), first);
    }
}
