//! What is done with a call, in words: those of `--do`, and of the commands of `sipsimple session`.

use std::path::PathBuf;

use crate::value::{self, Keys};

/// What is done with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Hear nothing of the other side, and say nothing.
    Hold,
    Unhold,
    /// Press keys.
    Dtmf(Keys),
    /// Seek another way for its audio.
    RestartIce,
    /// Record into this file or one with a name of its own; the recording ends when it is said again.
    Record(Option<PathBuf>),
    /// Propose one more audio stream.
    Add,
    /// Remove the last stream.
    Remove,
    /// Accept the call, or what is proposed in it.
    Accept,
    /// Reject the call, or what is proposed in it.
    Reject(u16),
    /// Let the other side call somebody else, or talk to whom we talk to in another call.
    Transfer(String),
    End,
}

/// The words, as they are explained.
pub(crate) const WORDS: &str =
    "hold, unhold, dtmf KEYS, restart-ice, record [FILE], add, remove, accept, reject [CODE], transfer URI, end";

impl Action {
    /// Reads an action.
    ///
    /// # Errors
    /// When it is none, or what it needs is missing.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let alone = |action| match rest {
            "" => Ok(action),
            _ => Err(format!("'{word}' takes nothing, and '{rest}' was given")),
        };
        let needed = |what| match rest {
            "" => Err(format!("'{word}' needs {what}")),
            rest => Ok(rest),
        };
        match word {
            "hold" => alone(Self::Hold),
            "unhold" => alone(Self::Unhold),
            "dtmf" => needed("keys").and_then(value::keys).map(Self::Dtmf),
            "restart-ice" => alone(Self::RestartIce),
            "record" => Ok(Self::Record(Some(rest).filter(|file| !file.is_empty()).map(PathBuf::from))),
            "add" | "remove" if !matches!(rest, "" | "audio") => {
                Err(format!("'{word}' takes audio, and nothing else so far"))
            }
            "add" => Ok(Self::Add),
            "remove" => Ok(Self::Remove),
            "accept" => alone(Self::Accept),
            "reject" => match rest {
                "" => Ok(Self::Reject(DECLINE)),
                code => code
                    .parse()
                    .ok()
                    .filter(|code| (300..=699).contains(code))
                    .map(Self::Reject)
                    .ok_or_else(|| format!("'{code}' is not a status code, 300 to 699")),
            },
            "transfer" => needed("somebody to call").map(|target| Self::Transfer(target.to_owned())),
            "end" => alone(Self::End),
            _ => Err(format!("'{word}' is none of {WORDS}")),
        }
    }
}

/// The status code of who does not want to talk.
const DECLINE: u16 = 603;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_read() {
        for (text, action) in [
            ("hold", Action::Hold),
            (" unhold ", Action::Unhold),
            ("dtmf 12#a", Action::Dtmf(Keys(vec!['1', '2', '#', 'A']))),
            ("restart-ice", Action::RestartIce),
            ("record", Action::Record(None)),
            ("record a b.wav", Action::Record(Some("a b.wav".into()))),
            ("add audio", Action::Add),
            ("remove", Action::Remove),
            ("accept", Action::Accept),
            ("reject", Action::Reject(603)),
            ("reject 486", Action::Reject(486)),
            ("transfer sip:carol@192.0.2.1", Action::Transfer("sip:carol@192.0.2.1".into())),
            ("end", Action::End),
        ] {
            assert_eq!(Action::parse(text), Ok(action), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("", "'' is none of hold, unhold"),
            ("sing", "'sing' is none of"),
            ("hold on", "'hold' takes nothing"),
            ("dtmf", "'dtmf' needs keys"),
            ("dtmf 1x", "'x' is not a key"),
            ("add chat", "takes audio, and nothing else"),
            ("reject 200", "'200' is not a status code"),
            ("transfer", "'transfer' needs somebody"),
        ] {
            let error = Action::parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
