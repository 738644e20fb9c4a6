//! How far a file transfer is: a bar on a terminal, lines elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sipsimple_core::time::Instant;

use crate::output::Output;

/// Parts of the whole after each of which a line is printed.
const LINES: u64 = 10;

/// How far a transfer is.
#[derive(Debug)]
pub(crate) struct Progress {
    out: Output,
    bar: ProgressBar,
    size: u64,
    began: Instant,
    at_first: u64,
    /// How many tenths were told.
    told: u64,
}

impl Progress {
    /// Of so many bytes, of which so many are there already.
    pub(crate) fn new(out: Output, began: Instant, size: u64, at_first: u64) -> Self {
        let shows = std::io::stderr().is_terminal() && !out.is_json();
        let target = if shows { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(size), target);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")
        {
            bar.set_style(style);
        }
        bar.set_position(at_first);
        Self { out, bar, size, began, at_first, told: 0 }
    }

    /// So many bytes are there: the bar says so, and nothing where there is none.
    pub(crate) fn show(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    /// So many bytes are there.
    pub(crate) fn set(&mut self, at: Instant, bytes: u64) {
        self.show(bytes);
        let tenths = (bytes * LINES).checked_div(self.size).unwrap_or(LINES);
        if !self.bar.is_hidden() || tenths <= self.told {
            return;
        }
        self.told = tenths;
        let passed = at.saturating_since(self.began).as_secs_f64().max(0.001);
        let moved = bytes.saturating_sub(self.at_first);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = moved as f64 / passed;
        #[expect(clippy::cast_precision_loss, reason = "a time for people")]
        let left = self.size.saturating_sub(bytes) as f64 / rate.max(1.0);
        self.out
            .at(at, format_args!("{bytes} of {} bytes, {:.1} MB/s, {left:.0} s left", self.size, rate / 1_000_000.0));
    }

    /// Nothing more comes.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
