//! The exchanges of RFC 4317.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;
use crate::media::TelephoneEvent;

/// What was agreed on in the words of `vectors/sdp/rfc4317.txt`.
fn summary(agreed: &Agreed) -> Vec<String> {
    let line = |media: &Option<AgreedMedia>| {
        let Some(media) = media else { return "-".to_owned() };
        let place = match (&media.remote_name, media.remote_rtp) {
            (Some((name, port)), _) => format!("{name}:{port}"),
            (None, Some(address)) => address.to_string(),
            (None, None) => "nowhere".to_owned(),
        };
        let mut line = format!("{} {place}", media.direction);
        for format in &media.formats {
            let (sent, received) = (format.send_payload, format.receive_payload);
            write!(line, " {sent}/{received} {}/{}", format.encoding, format.clock_rate).unwrap();
        }
        if let Some(TelephoneEvent { send_payload, receive_payload, clock_rate }) = media.telephone_event {
            write!(line, " {send_payload}/{receive_payload} telephone-event/{clock_rate}").unwrap();
        }
        line
    };
    agreed.slots.iter().map(line).collect()
}

/// What a side of RFC 4317 would have to say to come to a description.
fn wishes(session: &Session) -> Vec<Description> {
    session.media().map(|media| Description::from_media(&media)).collect()
}

struct Rfc4317 {
    alice: Negotiator,
    bob: Negotiator,
    /// The version that the RFC's side had last.
    versions: BTreeMap<String, u64>,
}

impl Rfc4317 {
    /// One exchange of the RFC: who offers is in its `o=` line. Both machines go through it, each with the RFC's description of the other.
    fn exchange(&mut self, title: &str, offer: &Session, answer: &Session, expected: &[&str]) {
        let alice_offers = offer.origin().unwrap().username == "alice";
        let (offerer, answerer) =
            if alice_offers { (&mut self.alice, &mut self.bob) } else { (&mut self.bob, &mut self.alice) };

        let before: Vec<usize> = offerer.live_slots().collect();
        let streams: Vec<LocalMedia> = wishes(offer)
            .into_iter()
            .enumerate()
            .map(|(slot, wish)| match before.contains(&slot) {
                _ if offerer.local().is_none_or(|local| slot >= local.media_count()) => LocalMedia::New(wish),
                true if wish.port == 0 => LocalMedia::Removed(slot),
                true => LocalMedia::At(slot, wish),
                false => LocalMedia::Removed(slot),
            })
            .collect();
        let before = offerer.local().map(version);
        let made = offerer.local_offer(&streams).unwrap();
        assert_eq!(media_lines(&made), media_lines(offer), "{title}: the offer");
        assert_eq!(before.map_or(1, |before| before + 1), version(&made), "{title}: the offer's version");
        let agreed = offerer.remote_answer(answer).unwrap();
        assert_eq!(summary(&agreed), expected, "{title}: as the offerer sees it");

        answerer.remote_offer(offer).unwrap();
        let verdict: Vec<LocalAnswer> =
            wishes(answer).into_iter().enumerate().map(|(slot, wish)| LocalAnswer::Accept(slot, wish)).collect();
        let before = answerer.local().map(version);
        let (made, theirs) = answerer.local_answer(&verdict).unwrap();
        let directions = |session: &Session| session.media().map(|media| media.direction()).collect::<Vec<_>>();
        match title {
            // The RFC's answerer takes a number of its own; ours keeps the offer's (RFC 3264 section 6.1).
            "2.3" => assert_eq!(media_lines(&made), ["audio 49172 RTP/AVP 97", "video 51374 RTP/AVP 31"]),
            // The RFC's answer is not one that RFC 3264 allows.
            "3.2" if before.is_some() => {
                assert_eq!(media_lines(&made), ["audio 49170 RTP/AVP 97", "audio 49172 RTP/AVP 98"]);
                assert_eq!(directions(&made), [RecvOnly, SendOnly]);
            }
            _ => {
                assert_eq!(media_lines(&made), media_lines(answer), "{title}: the answer");
                let live = |session: &Session| {
                    session.media().filter(|media| media.port() != 0).map(|media| media.direction()).collect::<Vec<_>>()
                };
                assert_eq!(live(&made), live(answer), "{title}: the answer's directions");
                let username = answer.origin().unwrap().username.to_owned();
                let raised = self.versions.get(&username).is_some_and(|last| *last != version(answer));
                let expected = before.map_or(1, |before| before + u64::from(raised));
                assert_eq!(version(&made), expected, "{title}: the answer's version");
            }
        }
        // Both see the same streams, and the same codecs from the other end.
        assert_eq!(theirs.slots.len(), agreed.slots.len());
        for (ours, theirs) in agreed.slots.iter().zip(&theirs.slots) {
            assert_eq!(ours.is_some(), theirs.is_some(), "{title}: the same streams");
            let (Some(ours), Some(theirs)) = (ours, theirs) else { continue };
            let names = |media: &AgreedMedia| {
                media.formats.iter().map(|format| (format.encoding.to_string(), format.clock_rate)).collect::<Vec<_>>()
            };
            assert_eq!(names(ours), names(theirs), "{title}: the same codecs");
        }
        for session in [offer, answer] {
            self.versions.insert(session.origin().unwrap().username.to_owned(), version(session));
        }
    }
}

#[test]
fn the_exchanges_of_rfc_4317_end_as_it_says() {
    let mut blocks = include_str!("../../../../vectors/sdp/rfc4317.txt").split("== ").skip(1).map(|block| {
        let (title, body) = block.split_once('\n').unwrap();
        let (section, kind) = title.split_once(' ').unwrap();
        (section, kind, body)
    });
    let (mut count, mut current, mut sides) = (0, "", None);
    while let Some((section, kind, offer)) = blocks.next() {
        assert!(kind.starts_with("offer"), "{section} {kind}");
        if section != current {
            let new = |address| side(address).with_choice(Choice::All);
            sides = Some(Rfc4317 { alice: new("192.0.2.1"), bob: new("192.0.2.2"), versions: BTreeMap::new() });
            current = section;
        }
        let (_, _, answer) = blocks.next().unwrap();
        let (_, _, agreed) = blocks.next().unwrap();
        let expected: Vec<&str> = agreed.lines().collect();
        sides.as_mut().unwrap().exchange(section, &parse(offer), &parse(answer), &expected);
        count += 1;
    }
    assert_eq!(count, 27);
}
