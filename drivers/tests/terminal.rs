//! `sipsimple session` in a terminal: editing, completion, history, and a terminal that is left as it was.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal with `sipsimple session` in it.
struct Terminal {
    child: Child,
    keyboard: File,
    /// The side of the program.
    line: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn open(args: &[&str]) -> Self {
        let pty = openpty(None, None).unwrap();
        let (keyboard, line) = (File::from(pty.master), File::from(pty.slave));
        let side = || Stdio::from(line.try_clone().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_sipsimple"));
        command.args(["session", "--listen", "udp:127.0.0.1:0"]).args(args).env("TERM", "xterm");
        let child = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        let (sender, screen) = channel();
        let mut output = keyboard.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(len @ 1..) = output.read(&mut part) {
                if sender.send(part[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard, line, screen, shown: String::new() }
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is shown, after what was waited for before.
    #[track_caller]
    fn shows(&mut self, words: &str) {
        loop {
            if let Some(place) = self.shown.find(words) {
                self.shown.drain(..place + words.len());
                return;
            }
            match self.screen.recv_timeout(PATIENCE) {
                Ok(part) => self.shown.push_str(&String::from_utf8_lossy(&part)),
                Err(_) => panic!("it does not show '{words}' but {:?}", self.shown),
            }
        }
    }

    /// Whether the terminal edits lines itself, and shows what is typed.
    fn is_cooked(&self) -> bool {
        tcgetattr(&self.line).unwrap().local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO)
    }
}

#[test]
fn lines_are_edited_completed_and_brought_back() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().to_str().unwrap();
    let mut terminal = Terminal::open(&["--config", config]);
    terminal.shows("> ");
    assert!(!terminal.is_cooked());
    // A letter too many, taken back; and one that was left out.
    terminal.types("/sesx\x7fsins\x1b[D\x1b[Do\r");
    terminal.shows("there is no call");
    terminal.shows("> ");
    terminal.types("/trac\t\r");
    terminal.shows("every event is printed");
    terminal.shows("> ");
    // The line before the last.
    terminal.types("\x1b[A\x1b[A\r");
    terminal.shows("there is no call");
    terminal.shows("> ");
    terminal.types("/quit\r");
    assert!(terminal.child.wait().unwrap().success());
    assert!(terminal.is_cooked());
    assert!(std::fs::read_to_string(dir.path().join("history")).unwrap().contains("/sessions"));
    // It is remembered the next time.
    let mut terminal = Terminal::open(&["--config", config]);
    terminal.shows("> ");
    terminal.types("\x1b[A\x1b[A\r");
    terminal.shows("there is no call");
    // Before the line is edited the key would end a line of the system's.
    terminal.shows("> ");
    terminal.types("\x04");
    assert!(terminal.child.wait().unwrap().success());
}

#[test]
fn names_of_files_are_completed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("poems")).unwrap();
    std::fs::write(dir.path().join("poems/a poem.txt"), "Roses are red").unwrap();
    let mut terminal = Terminal::open(&[]);
    terminal.shows("> ");
    // The directory, and the file in it, which is the only one.
    terminal.types(&format!("/send {}/po\ta\t", dir.path().display()));
    terminal.shows("/poems/a poem.txt");
    terminal.types("\r");
    terminal.shows("there is no call");
    terminal.shows("> ");
    // Also behind somebody; what is sent is that file.
    terminal.types(&format!("/send sip:nobody@127.0.0.1:9 {}/poems/a\t\r", dir.path().display()));
    terminal.shows("calling sip:nobody@127.0.0.1:9");
    terminal.types("/quit\r");
    assert!(terminal.child.wait().unwrap().success());
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(terminal: &Terminal, signal: &str) {
    let pid = terminal.child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

#[test]
fn a_terminal_is_left_as_it_was_when_the_program_is_told_to_end_in_the_middle_of_a_line() {
    for signal in ["-TERM", "-HUP"] {
        let mut terminal = Terminal::open(&[]);
        assert!(terminal.is_cooked());
        terminal.shows("> ");
        terminal.types("/call somebo");
        terminal.shows("somebo");
        assert!(!terminal.is_cooked());
        kill(&terminal, signal);
        assert!(terminal.child.wait().unwrap().success(), "{signal}");
        assert!(terminal.is_cooked());
        terminal.shows("\x1b[?2004l");
    }
}

#[test]
fn an_interrupt_clears_the_line() {
    let mut terminal = Terminal::open(&[]);
    terminal.shows("> ");
    for interrupt in
        [|terminal: &mut Terminal| kill(terminal, "-INT"), |terminal: &mut Terminal| terminal.types("\x03")]
    {
        terminal.types("/call somebo");
        terminal.shows("somebo");
        interrupt(&mut terminal);
        terminal.shows("> ");
    }
    terminal.types("/quit\r");
    assert!(terminal.child.wait().unwrap().success());
    assert!(terminal.is_cooked());
}
