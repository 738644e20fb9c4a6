//! Cases that are generated: in an INVITE that is sound, one piece after the other is replaced by every anomaly that fits it. What becomes of
//! each group is a table; a change of it is to be looked at, group by group.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::anomaly::Kind::{
    self, Address, Control, Encoding, Escape, Format, LineEnd, MediaType, Number, Overflow, Separator, Uri, Version,
};
use crate::live::Live;

/// The INVITE, its pieces in braces.
const INVITE: &str = "{method}{space}{uri} {version}{first-end}\
    Via{via-colon} {via-version}/UDP {via-host}{via-port-colon}{via-port};branch={branch}\r\n\
    From{from-colon} {from-name} {from-left}{from-uri}{from-right};tag={from-tag}\r\n\
    To: {to-name} {to-left}{to-uri}{to-right}\r\n\
    Contact: {contact-name} {contact-left}{contact-uri}{contact-right}\r\n\
    Call-ID: {call-id}{call-id-at}{call-id-host}\r\n\
    CSeq: {cseq} {cseq-method}\r\n\
    Max-Forwards: {max-forwards}\r\nExpires: {expires}\r\n\
    {other-name}: {other-value}\r\n\
    Content-Type: {content-type}\r\nContent-Length: {content-length}{head-end}{body}";

const BODY: &str = "v{sdp-equals}{sdp-version}\r\n\
    o={sdp-user} {sdp-id} 1 {sdp-net} {sdp-family} {sdp-address}\r\n\
    s={sdp-name}\r\nc=IN IP4 {sdp-connection}\r\nt={sdp-start} {sdp-stop}\r\n\
    m={sdp-media} {sdp-port} {sdp-proto} {sdp-format}{sdp-end}\
    a=rtpmap{sdp-colon}{sdp-payload} {sdp-encoding}{sdp-slash}{sdp-rate}\r\n";

/// What stands in a piece that is sound.
fn sound(piece: &str, number: usize) -> String {
    match piece {
        "method" | "cseq-method" => "INVITE".into(),
        "uri" | "to-uri" => "sip:us@192.0.2.9".into(),
        "version" | "via-version" => "SIP/2.0".into(),
        "space" => " ".into(),
        "first-end" | "sdp-end" => "\r\n".into(),
        "head-end" => "\r\n\r\n".into(),
        "via-colon" | "from-colon" | "via-port-colon" | "sdp-colon" => ":".into(),
        "via-host" | "call-id-host" | "sdp-address" | "sdp-connection" => "192.0.2.4".into(),
        "via-port" => "5060".into(),
        "branch" => format!("z9hG4bK{number}"),
        "from-name" | "to-name" | "contact-name" => "\"Name\"".into(),
        "from-uri" | "contact-uri" => "sip:tester@192.0.2.4".into(),
        "from-left" | "to-left" | "contact-left" => "<".into(),
        "from-right" | "to-right" | "contact-right" => ">".into(),
        "from-tag" => format!("t{number}"),
        "call-id" => format!("c{number}"),
        "call-id-at" => "@".into(),
        "cseq" | "sdp-id" => "1".into(),
        "max-forwards" => "70".into(),
        "expires" => "60".into(),
        "other-name" => "Subject".into(),
        "other-value" => "value".into(),
        "content-type" => "application/sdp".into(),
        "sdp-equals" => "=".into(),
        "sdp-version" | "sdp-start" | "sdp-stop" | "sdp-format" | "sdp-payload" => "0".into(),
        "sdp-user" | "sdp-name" => "-".into(),
        "sdp-net" => "IN".into(),
        "sdp-family" => "IP4".into(),
        "sdp-media" => "audio".into(),
        "sdp-port" => "4002".into(),
        "sdp-proto" => "RTP/AVP".into(),
        "sdp-encoding" => "PCMU".into(),
        "sdp-slash" => "/".into(),
        "sdp-rate" => "8000".into(),
        other => panic!("no piece {other}"),
    }
}

/// The pieces of a template, with `text` for one of them.
fn filled(template: &str, piece: &str, text: &[u8], number: usize, more: &BTreeMap<&str, Vec<u8>>) -> Vec<u8> {
    let mut message = Vec::new();
    for (index, part) in template.split(['{', '}']).enumerate() {
        if index % 2 == 0 {
            message.extend_from_slice(part.as_bytes());
        } else if part == piece {
            message.extend_from_slice(text);
        } else if let Some(given) = more.get(part) {
            message.extend_from_slice(given);
        } else {
            message.extend_from_slice(sound(part, number).as_bytes());
        }
    }
    message
}

/// A piece, in a field of this name where it is a value of another field, and what may be wrong with it.
type Group = (&'static str, Option<&'static str>, &'static [Kind]);

const TEXT: &[Kind] = &[Overflow, Format, Escape, Encoding, Control];
const NUMBER: &[Kind] = &[Number, Overflow];

const GROUPS: &[Group] = &[
    ("method", None, TEXT),
    ("space", None, &[Separator]),
    ("uri", None, &[Uri, Format, Escape, Encoding]),
    ("version", None, &[Version, Overflow]),
    ("first-end", None, &[LineEnd]),
    ("via-colon", None, &[Separator]),
    ("via-version", None, &[Version, Overflow]),
    ("via-host", None, &[Address, Overflow, Encoding]),
    ("via-port-colon", None, &[Separator]),
    ("via-port", None, NUMBER),
    ("branch", None, TEXT),
    ("from-colon", None, &[Separator]),
    ("from-name", None, TEXT),
    ("from-left", None, &[Separator]),
    ("from-uri", None, &[Uri, Encoding]),
    ("from-right", None, &[Separator]),
    ("from-tag", None, TEXT),
    ("to-name", None, TEXT),
    ("to-left", None, &[Separator]),
    ("to-uri", None, &[Uri, Encoding]),
    ("to-right", None, &[Separator]),
    ("contact-name", None, TEXT),
    ("contact-left", None, &[Separator]),
    ("contact-uri", None, &[Uri, Encoding]),
    ("contact-right", None, &[Separator]),
    ("call-id", None, TEXT),
    ("call-id-at", None, &[Separator]),
    ("call-id-host", None, &[Address]),
    ("cseq", None, NUMBER),
    ("cseq-method", None, TEXT),
    ("max-forwards", None, NUMBER),
    ("expires", None, NUMBER),
    ("other-name", None, TEXT),
    ("other-value", None, TEXT),
    ("other-value", Some("Authorization"), &[Overflow, Separator, Encoding]),
    ("other-value", Some("Accept"), &[MediaType, Separator]),
    ("other-value", Some("Route"), &[Uri, Separator]),
    ("other-value", Some("Record-Route"), &[Uri, Separator]),
    ("other-value", Some("Replaces"), &[Overflow, Separator, Number]),
    ("other-value", Some("Require"), &[Overflow, Separator]),
    ("other-value", Some("Session-Expires"), NUMBER),
    ("other-value", Some("Min-SE"), NUMBER),
    ("other-value", Some("Date"), &[Number, Format]),
    ("other-value", Some("Referred-By"), &[Uri, Separator]),
    ("other-value", Some("Content-Disposition"), &[Overflow, Separator]),
    ("other-value", Some("Content-Encoding"), &[Overflow, Separator]),
    ("content-type", None, &[MediaType, Overflow]),
    ("content-length", None, NUMBER),
    ("head-end", None, &[LineEnd]),
    ("sdp-equals", None, &[Separator]),
    ("sdp-version", None, NUMBER),
    ("sdp-user", None, TEXT),
    ("sdp-id", None, NUMBER),
    ("sdp-net", None, TEXT),
    ("sdp-family", None, TEXT),
    ("sdp-address", None, &[Address, Encoding]),
    ("sdp-name", None, TEXT),
    ("sdp-connection", None, &[Address, Encoding]),
    ("sdp-start", None, NUMBER),
    ("sdp-stop", None, NUMBER),
    ("sdp-media", None, TEXT),
    ("sdp-port", None, NUMBER),
    ("sdp-proto", None, TEXT),
    ("sdp-format", None, NUMBER),
    ("sdp-end", None, &[LineEnd]),
    ("sdp-colon", None, &[Separator]),
    ("sdp-payload", None, NUMBER),
    ("sdp-encoding", None, TEXT),
    ("sdp-slash", None, &[Separator]),
    ("sdp-rate", None, NUMBER),
];

/// The most that a datagram over IPv4 holds.
const DATAGRAM: usize = 65_507;

/// The cases of a group.
fn cases((piece, field, kinds): Group, number: &mut usize) -> Vec<Bytes> {
    let mut cases = Vec::new();
    let texts: BTreeSet<Vec<u8>> = kinds.iter().flat_map(|kind| kind.texts()).collect();
    for text in texts {
        *number += 1;
        let mut more = BTreeMap::new();
        if let Some(field) = field {
            more.insert("other-name", field.as_bytes().to_vec());
        }
        let body = filled(BODY, piece, &text, *number, &more);
        more.insert("content-length", body.len().to_string().into_bytes());
        more.insert("body", body);
        let message = filled(INVITE, piece, &text, *number, &more);
        if message.len() <= DATAGRAM {
            cases.push(Bytes::from(message));
        }
    }
    cases
}

/// What became of a group, in words: how many cases, how many of them are read as a request that can be answered, and how many got which answer.
fn verdict(group: Group, live: &mut Live, number: &mut usize) -> String {
    let (mut count, mut read) = (0, 0);
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for message in cases(group, number) {
        count += 1;
        let (is_read, answer) = live.judge(&message);
        assert!(live.agent.is_quiescent(), "something is left behind of {}", message.escape_ascii());
        read += usize::from(is_read);
        *answers.entry(answer.map_or_else(|| "none".to_owned(), |code| code.to_string())).or_default() += 1;
    }
    let name = group.1.unwrap_or(group.0);
    let answers: Vec<String> = answers.iter().map(|(answer, count)| format!("{answer}×{count}")).collect();
    format!("{name}: {count} cases, {read} read, {}", answers.join(" "))
}

#[test]
fn every_anomaly_does_no_harm_and_is_answered_as_the_table_says() {
    let mut live = Live::new();
    let mut number = 0;
    let sound = filled(BODY, "", b"", 0, &BTreeMap::new());
    let length = sound.len().to_string().into_bytes();
    let sound = filled(INVITE, "", b"", 0, &BTreeMap::from([("content-length", length), ("body", sound)]));
    assert_eq!(live.take(sound.into()), BTreeSet::from([486]), "the sound one rings, and is refused");
    let table: Vec<String> = GROUPS.iter().map(|group| verdict(*group, &mut live, &mut number)).collect();
    let expected: Vec<&str> = include_str!("verdicts.txt").lines().collect();
    let changed: Vec<&String> = table.iter().filter(|row| !expected.contains(&row.as_str())).collect();
    assert!(changed.is_empty(), "not in the table:\n{changed:#?}\nthe whole is now\n{}", table.join("\n"));
    assert_eq!(expected.len(), table.len());
}
