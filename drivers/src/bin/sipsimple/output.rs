//! Standard output: sentences for people, or lines of JSON for programs.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustyline::ExternalPrinter;
use serde_json::{Map, Value};
use sipsimple_core::time::Instant;
use sipsimple_drivers::Event;

use crate::json;

/// Where a command prints to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read the output.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints an event, for programs.
    pub(crate) fn event(self, event: &Event) {
        if self.json {
            print(&json::line(event));
        }
    }

    /// Prints an event of one of several agents, for programs.
    pub(crate) fn event_of(self, party: &str, event: &Event) {
        if self.json {
            print(&json::line_of(event, Some(party)));
        }
    }

    /// Prints an object, for programs.
    pub(crate) fn object(self, at: Instant, name: &str, data: Map<String, Value>) {
        if self.json {
            print(&json::object(at, name, data));
        }
    }

    /// Prints a line, for people.
    pub(crate) fn line(self, line: impl fmt::Display) {
        if !self.json {
            print(&line);
        }
    }

    /// Prints a line with the time before it, for people.
    pub(crate) fn at(self, time: Instant, line: impl fmt::Display) {
        let millis = time.as_millis();
        self.line(format_args!("{:6}.{:03}  {line}", millis / 1000, millis % 1000));
    }
}

/// Whether standard output was closed by its reader.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether nobody reads any more what is printed.
pub(crate) fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// What prints above the line that is being typed, where one is.
static PRINTER: Mutex<Option<Box<dyn ExternalPrinter + Send>>> = Mutex::new(None);

/// Prints by this from now on.
pub(crate) fn print_through(printer: Box<dyn ExternalPrinter + Send>) {
    *PRINTER.lock().unwrap_or_else(PoisonError::into_inner) = Some(printer);
}

/// Prints as before again: no line is edited any more.
pub(crate) fn print_plainly() {
    *PRINTER.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Prints a line.
fn print(line: &impl fmt::Display) {
    if let Some(printer) = &mut *PRINTER.lock().unwrap_or_else(PoisonError::into_inner) {
        // A terminal that is gone tells its reader so.
        let _ = printer.print(format!("{line}\n"));
        return;
    }
    if let Err(error) = writeln!(std::io::stdout(), "{line}")
        && error.kind() == ErrorKind::BrokenPipe
    {
        CLOSED.store(true, Ordering::Relaxed);
    }
}
