//! A ladder diagram: parties side by side, time downwards, an arrow for each message.
//!
//! ```text
//!                alice                          bob
//!    0.001         │───────── INVITE (sdp) ──────►│  udp  1 INVITE
//!    0.002         │◄──────── 100 Trying ─────────│  udp  1 INVITE
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use sipsimple_core::time::Instant;

/// One SIP message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Arrow {
    /// When it was sent, or came.
    pub(crate) at: Instant,
    /// Who sent it.
    pub(crate) from: String,
    /// Who it is for.
    pub(crate) to: String,
    /// `udp`, `tcp` or `tls`.
    pub(crate) transport: &'static str,
    /// The message.
    pub(crate) message: Vec<u8>,
}

/// The narrowest distance of two parties, in columns.
const DISTANCE: usize = 30;

/// Columns of the time.
const TIME: usize = 10;

/// Where the first party stands.
const MARGIN: usize = 16;

/// Parties that stand side by side. With more of them, each arrow names its ends instead.
const SIDE_BY_SIDE: usize = 5;

/// Draws the arrows, oldest first. Parties stand in the order in which they appear.
pub(crate) fn draw(arrows: &[Arrow]) -> String {
    let mut parties: Vec<&str> = Vec::new();
    for name in arrows.iter().flat_map(|arrow| [&arrow.from, &arrow.to]) {
        if parties.len() <= SIDE_BY_SIDE && !parties.contains(&name.as_str()) {
            parties.push(name);
        }
    }
    let longest = parties.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let distance = DISTANCE.max(longest + 4);
    let side_by_side = parties.len() <= SIDE_BY_SIDE;
    let mut out = if side_by_side { heading(&parties, distance) } else { String::new() };
    let abouts: Vec<About> = arrows.iter().map(|arrow| About::of(&arrow.message)).collect();
    let mut calls = BTreeMap::new();
    for about in &abouts {
        let next = calls.len() + 1;
        calls.entry(&about.call_id).or_insert(next);
    }
    let mut seen = BTreeSet::new();
    for (arrow, about) in arrows.iter().zip(&abouts) {
        let again = !seen.insert((&arrow.from, &arrow.to, &arrow.message));
        let millis = arrow.at.as_millis();
        let _ = write!(out, "{:>1$}", format!("{}.{:03}", millis / 1000, millis % 1000), TIME);
        let place = |name: &str| parties.iter().position(|party| *party == name).unwrap_or(0);
        let drawing = if side_by_side {
            row(&about.label, place(&arrow.from), place(&arrow.to), parties.len(), distance)
        } else {
            format!("{} → {}: {}", arrow.from, arrow.to, about.label)
        };
        let _ = write!(out, "{:1$}{drawing}  {2}  {3}", "", MARGIN - TIME, arrow.transport, about.cseq);
        if let Some(call) = calls.get(&about.call_id).filter(|_| calls.len() > 1) {
            let _ = write!(out, "  call {call}");
        }
        out.push_str(if again { "  (again)\n" } else { "\n" });
    }
    out
}

/// The names of the parties, each in the middle above its line.
fn heading(parties: &[&str], distance: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for (number, name) in parties.iter().enumerate() {
        let len = name.chars().count();
        let start = (MARGIN + number * distance).saturating_sub(len / 2).max(column);
        let _ = write!(out, "{:1$}{name}", "", start - column);
        column = start + len;
    }
    out.push('\n');
    out
}

/// The lines of all parties, with an arrow from one to another over those between them.
fn row(label: &str, from: usize, to: usize, parties: usize, distance: usize) -> String {
    let mut row = vec![' '; parties.saturating_sub(1) * distance + 1];
    for line in row.iter_mut().step_by(distance) {
        *line = '│';
    }
    if from == to {
        row.truncate(from * distance + 1);
        return row.into_iter().collect::<String>() + "⟲ " + label;
    }
    let shaft = shaft(label, from < to, from.abs_diff(to) * distance - 1);
    for (cell, letter) in row.iter_mut().skip(from.min(to) * distance + 1).zip(shaft.chars()) {
        *cell = letter;
    }
    row.into_iter().collect()
}

/// `─── label ──►`, `span` columns wide.
fn shaft(label: &str, rightward: bool, span: usize) -> String {
    let label: String = label.chars().take(span.saturating_sub(7)).collect();
    let dashes = span.saturating_sub(label.chars().count() + 3);
    let (before, after) = ("─".repeat(dashes / 2), "─".repeat(dashes - dashes / 2));
    if rightward { format!("{before} {label} {after}►") } else { format!("◄{before} {label} {after}") }
}

/// What the diagram says of a message.
#[derive(Debug, PartialEq, Eq)]
struct About {
    /// The method, or the status code and its phrase.
    label: String,
    cseq: String,
    call_id: String,
}

impl About {
    fn of(message: &[u8]) -> Self {
        let text = String::from_utf8_lossy(message);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let mut label = match first.strip_prefix("SIP/2.0 ") {
            Some(status) => printable(status),
            None => printable(first.split(' ').next().unwrap_or_default()),
        };
        let (mut cseq, mut call_id, mut sdp) = (String::new(), String::new(), false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            match name.trim_end().to_ascii_lowercase().as_str() {
                "cseq" => cseq = printable(value.trim()),
                "call-id" | "i" => call_id = value.trim().to_owned(),
                "content-type" | "c" => sdp = value.trim().eq_ignore_ascii_case("application/sdp"),
                _ => {}
            }
        }
        if sdp && !body.is_empty() {
            label.push_str(" (sdp)");
        }
        Self { label, cseq, call_id }
    }
}

fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrow(ms: u64, from: &str, to: &str, message: &str) -> Arrow {
        let message = message.replace('\n', "\r\n").into_bytes();
        Arrow { at: Instant::from_millis(ms), from: from.into(), to: to.into(), transport: "udp", message }
    }

    const INVITE: &str = "INVITE sip:b SIP/2.0\nCSeq: 1 INVITE\nCall-ID: x\nContent-Type: application/sdp\n\nv=0\n";

    #[test]
    fn arrows_point_at_who_gets_the_message() {
        let ringing = "SIP/2.0 180 Ringing\ncseq : 1 INVITE\ni: x\n\n";
        let other = "BYE sip:c SIP/2.0\nCSeq: 2 BYE\nCall-ID: y\n\n";
        let drawn = draw(&[
            arrow(1, "alice", "bob", INVITE),
            arrow(501, "alice", "bob", INVITE),
            arrow(1502, "bob", "alice", ringing),
            arrow(12_000, "alice", "carol", other),
            arrow(12_001, "carol", "carol", other),
        ]);
        let expected = "
              alice                          bob                          carol
     0.001      │─────── INVITE (sdp) ───────►│                             │  udp  1 INVITE  call 1
     0.501      │─────── INVITE (sdp) ───────►│                             │  udp  1 INVITE  call 1  (again)
     1.502      │◄─────── 180 Ringing ────────│                             │  udp  1 INVITE  call 1
    12.000      │────────────────────────── BYE ───────────────────────────►│  udp  2 BYE  call 2
    12.001      │                             │                             │⟲ BYE  udp  2 BYE  call 2
";
        assert_eq!(format!("\n{drawn}"), expected);
    }

    #[test]
    fn many_parties_are_named_at_each_arrow() {
        let arrows: Vec<Arrow> = (0..9).map(|n| arrow(n, &format!("10.0.0.{n}"), "agent", INVITE)).collect();
        let drawn = draw(&arrows);
        assert_eq!(drawn.lines().count(), 9);
        assert!(drawn.contains("10.0.0.8 → agent: INVITE (sdp)  udp  1 INVITE"), "{drawn}");
    }

    #[test]
    fn what_is_no_message_is_drawn_too() {
        for message in ["", "\u{1b}[2J", "SIP/2.0 ", "a\nb\n:\n\n"] {
            let drawn = draw(&[arrow(0, "a", "b", message)]);
            assert_eq!(drawn.lines().count(), 2, "{drawn}");
            assert!(!drawn.contains('\u{1b}'));
        }
        assert_eq!(draw(&[]), "\n");
    }
}
