//! The `sipsimple` program as a process: one that runs, and one that waits to be called.

#![allow(dead_code, reason = "not every test needs everything")]

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

/// Codecs that a busy machine has time for.
pub(crate) const PLAIN: &str = "PCMU,PCMA";

/// The program, with nobody at its keyboard.
pub(crate) fn sipsimple() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sipsimple"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program until it ends.
pub(crate) fn run(args: &[&str]) -> Output {
    sipsimple().args(args).output().unwrap()
}

/// A process that listens. It is killed when a test fails.
pub(crate) struct Waiting {
    child: Child,
    input: Option<ChildStdin>,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
    /// Where it listens.
    pub(crate) address: String,
    /// What a caller writes.
    pub(crate) uri: String,
}

/// How a process ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// What it has printed since it listened, as far as nobody has read it.
    pub(crate) printed: String,
    /// What it has printed to standard error.
    pub(crate) error: String,
}

impl Waiting {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::of(sipsimple().args(args))
    }

    /// The same, with somebody who types.
    pub(crate) fn typing(args: &[&str]) -> Self {
        Self::of(sipsimple().args(args).stdin(Stdio::piped()))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("listening"), "{line}");
        let (transport, address) = (words.next().unwrap(), words.next().unwrap().to_owned());
        let uri = format!("sip:bob@{address};transport={transport}");
        Self { input: child.stdin.take(), child, lines, address, uri }
    }

    /// `sipsimple answer` at this socket.
    pub(crate) fn answering(socket: &str, args: &[&str]) -> Self {
        Self::start(&[&["answer", "--listen", socket], args].concat())
    }

    pub(crate) fn types(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits until it says this; the line.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) -> String {
        let mut said = Vec::new();
        for line in self.lines.by_ref().map(Result::unwrap) {
            if line.contains(words) {
                return line;
            }
            said.push(line);
        }
        panic!("it does not say '{words}' but {said:#?}")
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for its end. Nobody types any more.
    pub(crate) fn end(mut self) -> Ended {
        self.input = None;
        let lines: Vec<String> = self.lines.by_ref().map(Result::unwrap).collect();
        let mut error = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        Ended { code: self.child.wait().unwrap().code(), printed: lines.join("\n"), error }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
