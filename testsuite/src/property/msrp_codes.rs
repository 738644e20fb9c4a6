//! MSR-12: the codes with which a host answers requests (RFC 4975 sections 5.4, 7.2, 7.3 and 10).
//!
//! - a session that it has not described is unknown: 481
//! - one that goes over another of its connections is not to be had on this one: 506
//! - only SEND and REPORT are known here: 501
//! - a type that its description does not take: 415
//!
//! None of these is answered where there is no reason for it, but 481, which is also due to a session that is over. What does not read is
//! answered with 400, and what is refused for its size with 413, whatever else is wrong with it.

use std::collections::BTreeMap;

use sipsimple_core::id::ConnId;
use sipsimple_core::time::Instant;

use crate::msrp::{Frame, Start};
use crate::sdp::Sdp;
use crate::wire::{Fate, MsrpSight};

use super::{Memory, Property, Seen, Violations};

/// What a host may answer with as the end of a session.
const CODES: [u16; 9] = [200, 400, 403, 408, 413, 415, 481, 501, 506];

/// Watches the codes of every host.
#[derive(Debug, Default)]
pub struct MsrpCodes {
    /// The types that a session takes, by the URI at the end of its path.
    takes: BTreeMap<(usize, String), Vec<String>>,
    /// The connection that a session goes over.
    bound: BTreeMap<(usize, String), ConnId>,
    asked: Memory<(usize, ConnId, String), Frame>,
    /// Answers to requests that have not come whole.
    early: Memory<(usize, ConnId, String), u16>,
}

/// Whether one of these patterns is of this type.
fn takes(patterns: &[String], content_type: &str) -> bool {
    let own = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    patterns.iter().any(|pattern| {
        let pattern = pattern.to_ascii_lowercase();
        pattern == "*" || pattern == own || pattern.strip_suffix('*').is_some_and(|kind| own.starts_with(kind))
    })
}

impl MsrpCodes {
    /// Why a request may not be answered with this code.
    fn wrong(&self, host: usize, conn: ConnId, asked: &Frame, code: u16) -> Option<&'static str> {
        let session = (host, asked.last("To-Path"));
        let known = self.takes.get(&session);
        let elsewhere = self.bound.get(&session).is_some_and(|bound| *bound != conn);
        let method = asked.is("SEND") || asked.is("REPORT");
        let content_type = asked.field("Content-Type");
        let fits = content_type.is_none_or(|own| known.is_some_and(|patterns| takes(patterns, own)));
        match code {
            _ if !CODES.contains(&code) => Some("there is no such code"),
            400 | 413 | 481 | 403 | 408 => None,
            _ if known.is_none() => Some("the session is unknown"),
            506 => (!elsewhere).then_some("the session is not on another connection"),
            _ if elsewhere => Some("the session is on another connection"),
            501 => method.then_some("the method is known"),
            _ if !method => Some("the method is unknown"),
            415 => fits.then_some("the type is one that is taken"),
            _ => (!fits).then_some("the type is none that is taken"),
        }
    }

    fn judge(&mut self, sight: &MsrpSight<'_>, asked: &Frame, code: u16, broken: &mut Violations) {
        if let Some(why) = self.wrong(sight.host, sight.conn, asked, code) {
            broken.msrp("MSR-12", sight, format!("answered with {code}: {why}"));
        }
        if code == 200 && asked.is("SEND") {
            self.bound.entry((sight.host, asked.last("To-Path"))).or_insert(sight.conn);
        }
    }
}

impl Property for MsrpCodes {
    fn seen(&mut self, seen: &Seen<'_>, _broken: &mut Violations) {
        let host = seen.sight.host;
        if seen.sight.fate == Fate::Arrived {
            return;
        }
        let Some(sdp) = seen.sight.sip.description().and_then(Sdp::read) else { return };
        for media in sdp.media.iter().filter(|media| media.protocol.ends_with("MSRP")) {
            let own = media.value("path").and_then(|path| path.split(' ').next_back());
            if let (Some(own), Some(types)) = (own, media.value("accept-types")) {
                let types = types.split(' ').map(str::to_owned).collect();
                self.takes.insert((host, own.to_owned()), types);
            }
        }
    }

    fn frame(&mut self, sight: &MsrpSight<'_>, broken: &mut Violations) {
        let key = (sight.host, sight.conn, sight.frame.transaction.clone());
        match (&sight.frame.start, sight.fate) {
            (Start::Request(_), Fate::Arrived) => match self.early.get(&key).copied() {
                Some(code) => self.judge(sight, sight.frame, code, broken),
                None => self.asked.put(sight.at, key, sight.frame.clone()),
            },
            (Start::Response(code), Fate::Sent) => match self.asked.get(&key).cloned() {
                Some(asked) => self.judge(sight, &asked, *code, broken),
                None => self.early.put(sight.at, key, *code),
            },
            (Start::Request(_), Fate::Sent) | (Start::Response(_), Fate::Arrived) => {}
        }
    }

    fn closed(&mut self, host: usize, conn: ConnId, _at: Instant, _broken: &mut Violations) {
        self.bound.retain(|(of, _), bound| (*of, *bound) != (host, conn));
    }
}
