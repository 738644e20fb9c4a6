//! The commands of `sipsimple session`.

use std::path::PathBuf;

use crate::action::Action;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Call somebody.
    Call(String),
    /// Chat with somebody, or in the current call.
    Chat(Option<String>),
    /// Send a file to somebody, or in the current call.
    Send(Option<String>, PathBuf),
    /// Say this in the chat of the current call.
    Say(String),
    /// Something with the current call.
    Act(Action),
    /// Connect the other side of the current call with that of another, of this number.
    Join(u64),
    Next,
    Previous,
    Sessions,
    Trace,
    Help,
    Quit,
    /// Nothing.
    Empty,
}

/// Each command, with what follows it and what it does.
pub(crate) const COMMANDS: [(&str, &str, &str); 20] = [
    ("call", "URI", "call somebody"),
    ("audio", "URI", "the same"),
    ("chat", "[URI]", "chat with somebody, or in the call; what does not begin with / is said"),
    ("send", "[URI] FILE", "send a file to somebody, or in the call"),
    ("accept", "", "accept the call, or what is proposed in it"),
    ("reject", "[CODE]", "reject it; 603 if not said otherwise"),
    ("hold", "", "put the call on hold"),
    ("unhold", "", "take it off hold"),
    ("dtmf", "KEYS", "press keys: 0-9, *, #, A-D"),
    ("restart-ice", "", "seek another way for the audio"),
    ("record", "[FILE]", "record the call, or stop to"),
    ("add", "[audio]", "propose one more stream"),
    ("remove", "", "remove the last stream"),
    ("transfer", "URI|NUMBER", "let the other side call somebody, or talk to whom another call is with"),
    ("end", "", "hang up"),
    ("next", "", "go to the next call"),
    ("prev", "", "go to the call before"),
    ("sessions", "", "list the calls"),
    ("trace", "", "print every event as it comes, or stop to"),
    ("quit", "", "hang up all calls, and end"),
];

impl Command {
    /// Reads a line.
    ///
    /// # Errors
    /// When it is no command, in words.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(Self::Empty);
        }
        let Some(text) = line.strip_prefix('/') else {
            return Ok(Self::Say(line.to_owned()));
        };
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let alone = |command| match rest {
            "" => Ok(command),
            _ => Err(format!("/{word} takes nothing, and '{rest}' was given")),
        };
        match word {
            "call" | "audio" if rest.is_empty() => Err(format!("/{word} needs somebody to call")),
            "call" | "audio" => Ok(Self::Call(rest.to_owned())),
            "chat" => Ok(Self::Chat(Some(rest.to_owned()).filter(|to| !to.is_empty()))),
            "send" => match rest.split_once(char::is_whitespace) {
                _ if rest.is_empty() => Err("/send needs a file".to_owned()),
                Some((to, file)) if is_address(to) => Ok(Self::Send(Some(to.to_owned()), file.trim().into())),
                _ => Ok(Self::Send(None, rest.into())),
            },
            "transfer" if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) => {
                rest.parse().map(Self::Join).map_err(|_| format!("there is no call {rest}"))
            }
            "next" => alone(Self::Next),
            "prev" => alone(Self::Previous),
            "sessions" => alone(Self::Sessions),
            "trace" => alone(Self::Trace),
            "help" => alone(Self::Help),
            "quit" => alone(Self::Quit),
            _ if COMMANDS.iter().any(|(name, ..)| *name == word) => Action::parse(text).map(Self::Act),
            _ => Err(format!("there is no /{word}; see /help")),
        }
    }
}

/// Whether this is somebody, rather than a file.
fn is_address(word: &str) -> bool {
    word.starts_with("sip:") || word.starts_with("sips:") || word.contains('@')
}

/// Where the name of a file begins in this part of a line, if one is what comes next.
pub(crate) fn file_at(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("/send")?;
    let file = rest.trim_start();
    if file.len() == rest.len() {
        return None;
    }
    let file = match file.split_once(char::is_whitespace) {
        Some((to, file)) if is_address(to) => file.trim_start(),
        None if is_address(file) => return None,
        Some(_) | None => file,
    };
    Some(line.len() - file.len())
}

/// The commands that begin like this word, for completion.
pub(crate) fn completions(word: &str) -> Vec<String> {
    let names = COMMANDS.iter().map(|(name, ..)| *name).chain(["help"]);
    names.map(|name| format!("/{name}")).filter(|name| name.starts_with(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_read() {
        for (name, takes, _) in COMMANDS {
            let takes = takes.strip_prefix("[URI] ").unwrap_or(takes);
            let takes = if takes.starts_with('[') { "" } else { takes };
            let takes = takes.replace("KEYS", "1").replace("URI|NUMBER", "2");
            let line = format!("/{name} {takes}");
            let command = Command::parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_ne!(command, Command::Empty, "{line}");
        }
        assert_eq!(Command::parse(" "), Ok(Command::Empty));
        assert_eq!(Command::parse("/audio bob"), Ok(Command::Call("bob".into())));
        assert_eq!(Command::parse("/transfer 2"), Ok(Command::Join(2)));
        assert_eq!(Command::parse("/transfer sip:2@a"), Ok(Command::Act(Action::Transfer("sip:2@a".into()))));
        assert_eq!(Command::parse("/chat"), Ok(Command::Chat(None)));
        assert_eq!(Command::parse("/chat bob"), Ok(Command::Chat(Some("bob".into()))));
        assert_eq!(Command::parse("/send a b.txt"), Ok(Command::Send(None, "a b.txt".into())));
        assert_eq!(Command::parse("/send sip:b@a  x y"), Ok(Command::Send(Some("sip:b@a".into()), "x y".into())));
        assert_eq!(Command::parse("hello, you"), Ok(Command::Say("hello, you".into())));
        assert_eq!(Command::parse("/reject 486"), Ok(Command::Act(Action::Reject(486))));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, said) in [
            ("/send", "/send needs a file"),
            ("/call", "/call needs somebody"),
            ("/dance", "there is no /dance"),
            ("/dtmf x", "'x' is not a key"),
            ("/transfer", "'transfer' needs"),
            ("/quit now", "/quit takes nothing, and 'now' was given"),
        ] {
            let error = Command::parse(line).unwrap_err();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn the_name_of_a_file_is_found() {
        for (line, name) in [
            ("/send", None),
            ("/sender x", None),
            ("/chat a", None),
            ("/send ", Some("")),
            ("/send  a b", Some("a b")),
            ("/send sip:b", None),
            ("/send sip:b@a ", Some("")),
            ("/send b@a x/y z", Some("x/y z")),
        ] {
            assert_eq!(file_at(line).map(|place| &line[place..]), name, "{line}");
        }
    }

    #[test]
    fn commands_are_completed() {
        assert_eq!(completions("/a"), ["/audio", "/accept", "/add"]);
        assert_eq!(completions("/he"), ["/help"]);
        assert!(completions("x").is_empty() && completions("/").len() == COMMANDS.len() + 1);
    }
}
