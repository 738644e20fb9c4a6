//! OA-12, OA-13, MSR-15, MSR-17: the media lines of MSRP, and what was agreed on with them.
//!
//! - OA-12: a line of MSRP has the format `*`, a path that ends with its own URI, and the types that it takes (RFC 4975 section 8).
//! - OA-13: a file transfer keeps its name, if the peer does not give it another, and sends its file once under one session (RFC 5547 section 8).
//! - MSR-15: a relay is asked without credentials first, with them when it wants some, and again before its word expires (RFC 4976 section 5).
//! - MSR-17: nicknames are asked for where they may be (RFC 7701 section 8).

use std::collections::BTreeSet;
use std::time::Duration;

use sipsimple_core::id::ConnId;
use sipsimple_core::time::Instant;

use crate::model::Step;
use crate::msrp::Start;
use crate::sdp::{Media, Sdp};
use crate::wire::{Fate, MsrpSight};

use super::{Memory, Owed, Property, Seen, Violations};

/// The shortest session identifier that nobody guesses, in characters that tell 6 bits each: 80 bits.
const IDENTIFIER: usize = 14;

/// Watches the lines of MSRP, and what follows from them.
#[derive(Debug, Default)]
pub struct MsrpLines {
    /// The name of the file transfer at the end of this path.
    transfers: Memory<(usize, String), String>,
    /// The message that carries the file of this path, under this name.
    files: Memory<(usize, String, String), String>,
    /// Paths whose owners give nicknames.
    rooms: BTreeSet<(usize, String)>,
    /// What the last AUTH on a connection was answered with.
    relays: Memory<(usize, ConnId), u16>,
    refresh: Owed<(usize, ConnId)>,
}

fn own(media: &Media) -> Option<&str> {
    media.value("path")?.split(' ').next_back()
}

/// What is wrong with a line of MSRP.
fn wrong(media: &Media) -> Option<&'static str> {
    let Some(uri) = own(media) else { return Some("it has no path") };
    let formats: Vec<&str> = media.formats.iter().map(|(format, _)| format.as_str()).collect();
    let secure = media.protocol == "TCP/TLS/MSRP";
    let rest = uri.strip_prefix(if secure { "msrps://" } else { "msrp://" });
    let Some((place, identifier)) = rest.and_then(|rest| rest.split_once('/')) else {
        return Some("its URI is of another transport");
    };
    let port: Option<u16> = place.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    if formats != ["*"] {
        Some("its format is no star")
    } else if port != Some(media.port) {
        Some("its port is another than that of its own URI")
    } else if media.value("accept-types").is_none_or(str::is_empty) {
        Some("it takes no types")
    } else if !identifier.ends_with(";tcp") || identifier.len() < IDENTIFIER + ";tcp".len() {
        Some("its session could be guessed")
    } else {
        None
    }
}

impl Property for MsrpLines {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (host, at) = (seen.sight.host, seen.sight.at);
        let Some(sdp) = seen.sight.sip.description().and_then(Sdp::read) else { return };
        let asked = match seen.step {
            Step::ResponseSent { key: Some(key) } => seen.model.server(key).and_then(|it| it.request.description()),
            _ => None,
        };
        let asked = asked.and_then(Sdp::read);
        let lines = sdp.media.iter().enumerate();
        for (line, media) in lines.filter(|(_, media)| media.protocol.ends_with("MSRP") && media.is_used()) {
            if seen.sight.fate == Fate::Arrived {
                let nicknames =
                    media.value("chatroom").is_some_and(|may| may.split(' ').any(|word| word == "nickname"));
                if let Some(uri) = own(media).filter(|_| nicknames) {
                    self.rooms.insert((host, uri.to_owned()));
                }
                continue;
            }
            if let Some(why) = wrong(media) {
                broken.seen("OA-12", seen, why);
            }
            if let (Some(uri), Some(_)) = (own(media), media.value("file-selector")) {
                let name = media.value("file-transfer-id").unwrap_or_default().to_owned();
                let wanted = asked.as_ref().and_then(|asked| asked.media.get(line)?.value("file-transfer-id"));
                let key = (host, uri.to_owned());
                if wanted == Some(&name) && self.transfers.get(&key).is_some_and(|known| *known != name) {
                    // The peer begins another transfer in its place.
                    self.transfers.put(at, key.clone(), name.clone());
                }
                let known = self.transfers.entry(at, key, || name.clone());
                broken.unless(*known == name && !name.is_empty(), "OA-13", seen, "the transfer has another name");
            }
        }
    }

    fn frame(&mut self, sight: &MsrpSight<'_>, broken: &mut Violations) {
        let MsrpSight { at, host, conn, frame, .. } = *sight;
        match (&frame.start, sight.fate) {
            (Start::Request(method), Fate::Sent) if method == "SEND" && !frame.is_empty() => {
                let path = frame.last("From-Path");
                if let Some(name) = self.transfers.get(&(host, path.clone())).cloned() {
                    let id = self.files.entry(at, (host, path, name), || frame.message());
                    if *id != frame.message() {
                        broken.msrp("OA-13", sight, "the file is sent twice");
                    }
                }
            }
            (Start::Request(method), Fate::Sent)
                if method == "NICKNAME" && !self.rooms.contains(&(host, frame.last("To-Path"))) =>
            {
                broken.msrp("MSR-17", sight, "nobody gives nicknames there");
            }
            (Start::Request(method), Fate::Sent) if method == "AUTH" => {
                self.refresh.settle(&(host, conn));
                let has = frame.field("Authorization").is_some();
                match self.relays.get(&(host, conn)) {
                    None if has => broken.msrp("MSR-15", sight, "there was no challenge"),
                    Some(401) if !has => broken.msrp("MSR-15", sight, "the challenge is not answered"),
                    _ => {}
                }
            }
            (Start::Response(code), Fate::Arrived) => {
                let of_relay = frame.field("Use-Path").is_some() || frame.field("WWW-Authenticate").is_some();
                if of_relay {
                    self.relays.put(at, (host, conn), *code);
                }
                let expires = frame.field("Expires").and_then(|value| value.parse().ok());
                if let Some(seconds) = expires.filter(|_| of_relay) {
                    self.refresh.owe((host, conn), at + Duration::from_secs(seconds));
                }
            }
            _ => {}
        }
    }

    fn closed(&mut self, host: usize, conn: ConnId, _at: Instant, _broken: &mut Violations) {
        self.refresh.settle(&(host, conn));
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((at, (host, conn))) = self.refresh.missed(now) {
            broken.add("MSR-15", host, at, format!("the path of the relay on {conn} expires"));
        }
    }
}
