//! The lines that somebody types, with editing, history and completion where standard input is a terminal; plain lines where it is not.

use std::borrow::Cow;
#[cfg(unix)]
use std::io::Write;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

#[cfg(unix)]
use nix::sys::termios::{self, SetArg, Termios};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};
use smol::channel::{Receiver, Sender};

use super::command::{completions, file_at};
use super::file_names::file_names;
use crate::failure::Failure;
use crate::output;

/// What stands before the line that is typed.
const PROMPT: &str = "> ";

/// The lines of a person or a script.
#[derive(Debug)]
pub(crate) struct Terminal {
    lines: Receiver<String>,
    /// The next line is read when the last one was taken: whatever it printed stands before the prompt, and no line is being edited when the program ends.
    go: Sender<()>,
    /// How the terminal was before a line was edited.
    #[cfg(unix)]
    before: Option<Termios>,
}

/// A line may be being edited when the program ends, by a thread that waits for keys: the terminal is left as it was.
#[cfg(unix)]
impl Drop for Terminal {
    fn drop(&mut self) {
        let Some(before) = &self.before else { return };
        output::print_plainly();
        let edits = termios::tcgetattr(std::io::stdin()).is_ok_and(|now| now.local_flags != before.local_flags);
        if edits && termios::tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, before).is_ok() {
            // No more brackets around what is pasted, and a new line after the one that was edited.
            let mut out = std::io::stdout();
            let _ = out.write_all(b"\x1b[?2004l\r\n").and_then(|()| out.flush());
        }
    }
}

impl Terminal {
    /// Begins to read. What was typed before is in the file of the history, if there is one.
    ///
    /// # Errors
    /// When the terminal cannot be used, or there is no thread.
    pub(crate) fn open(history: Option<PathBuf>) -> Result<Self, Failure> {
        let (sender, lines) = smol::channel::bounded(1);
        let (go, going) = smol::channel::unbounded();
        #[cfg(unix)]
        let mut before = None;
        let builder = std::thread::Builder::new().name("sipsimple-input".into());
        if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            #[cfg(unix)]
            {
                before = termios::tcgetattr(std::io::stdin()).ok();
            }
            let mut editor: Editor<Words, DefaultHistory> = Editor::new()?;
            editor.set_helper(Some(Words));
            if let Some(history) = &history {
                // The first time there is none.
                let _ = editor.load_history(history);
            }
            output::print_through(Box::new(editor.create_external_printer()?));
            builder.spawn(move || edit(editor, history, &sender, &going))?;
        } else {
            builder.spawn(move || read(&sender, &going))?;
        }
        Ok(Self {
            lines,
            go,
            #[cfg(unix)]
            before,
        })
    }

    /// The next line; `None` at the end.
    pub(crate) async fn line(&self) -> Option<String> {
        self.lines.recv().await.ok()
    }

    /// The last line was taken: the next may be read.
    pub(crate) fn go(&self) {
        let _ = self.go.try_send(());
    }
}

fn edit(
    mut editor: Editor<Words, DefaultHistory>,
    history: Option<PathBuf>,
    lines: &Sender<String>,
    go: &Receiver<()>,
) {
    while go.recv_blocking().is_ok() {
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            // Ctrl-C clears the line; Ctrl-D ends.
            Err(ReadlineError::Interrupted) => String::new(),
            Err(_) => return,
        };
        if !line.trim().is_empty() {
            let _ = editor.add_history_entry(&line);
            if let Some(history) = &history {
                let _ = editor.save_history(history);
            }
        }
        if lines.send_blocking(line).is_err() {
            return;
        }
    }
}

fn read(lines: &Sender<String>, go: &Receiver<()>) {
    let mut input = std::io::stdin().lock().lines();
    while go.recv_blocking().is_ok() {
        let Some(Ok(line)) = input.next() else { return };
        if lines.send_blocking(line).is_err() {
            return;
        }
    }
}

/// Completes commands, and the names of files.
#[derive(Debug)]
struct Words;

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, place: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let line = line.get(..place).unwrap_or_default();
        let Some(start) = file_at(line) else { return Ok((0, completions(line))) };
        Ok((start, file_names(line.get(start..).unwrap_or_default())))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        Cow::Borrowed(line)
    }
}

impl Validator for Words {}
impl Helper for Words {}
