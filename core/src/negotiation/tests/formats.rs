//! Codecs, their numbers, events, and where packets go.

use super::*;
use crate::media::{ComfortNoise, Format, TelephoneEvent};

/// Answers an offer of these media sections with this line; gives the answer's first media section and what was agreed on.
fn answer_to(sections: &str, wish: Description, choice: Choice) -> Result<(Session, Agreed), AnswerError> {
    let mut alice = side("192.0.2.1").with_choice(choice);
    alice.remote_offer(&peer(sections)).unwrap();
    alice.local_answer(&[LocalAnswer::Accept(0, wish)])
}

fn payloads(session: &Session) -> Vec<u8> {
    session.media_at(0).unwrap().rtp_formats().iter().map(|format| format.payload).collect()
}

#[test]
fn an_offer_prints_in_a_settled_order() {
    let mut wish =
        Description::audio(50012, vec![opus(113).with_fmtp("useinbandfec=1"), Codec::new("G722", 8000), pcmu()]);
    let Formats::Rtp(codecs) = &mut wish.formats else { panic!() };
    codecs.push(Codec::telephone_event(8000).with_payload(101));
    (wish.rtcp_port, wish.ptime, wish.maxptime) = (Some(50013), Some(20), Some(60));
    wish.attributes = vec![Attribute::new("crypto", "1 AES_CM_128_HMAC_SHA1_80 inline:x"), Attribute::flag("rtcp-mux")];
    let mut moved = chat(2855);
    (moved.address, moved.title) = (Some("2001:db8::7".parse().unwrap()), Some("Chat".into()));
    let offer =
        side("192.0.2.1").local_offer(&[LocalMedia::New(wish.clone()), LocalMedia::New(moved.clone())]).unwrap();
    let body = "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                m=audio 50012 RTP/AVP 113 9 0 101\r\na=rtcp:50013\r\na=rtpmap:113 opus/48000/2\r\na=fmtp:113 useinbandfec=1\r\n\
                a=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n\
                a=ptime:20\r\na=maxptime:60\r\na=sendrecv\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\na=rtcp-mux\r\n\
                m=message 2855 TCP/MSRP *\r\ni=Chat\r\nc=IN IP6 2001:db8::7\r\na=path:msrp://192.0.2.1:2855/a;tcp\r\n\
                a=accept-types:text/plain\r\n";
    assert_eq!(offer.to_string(), body);

    // What was written reads back as what was meant, but for the numbers that were found.
    let Formats::Rtp(codecs) = &mut wish.formats else { panic!() };
    for (codec, payload) in codecs.iter_mut().zip([113, 9, 0, 101]) {
        codec.payload = Some(payload);
    }
    assert_eq!(Description::from_media(&offer.media_at(0).unwrap()), wish);
    assert_eq!(Description::from_media(&offer.media_at(1).unwrap()), moved);
}

#[test]
fn the_first_of_our_codecs_that_is_offered_is_chosen_under_the_offers_number() {
    let offer = "m=audio 7000 RTP/AVP 0 8 113 101\na=rtpmap:113 OPUS/48000/2\na=fmtp:113 stereo=1\na=rtpmap:101 telephone-event/8000\n";
    let wish = || {
        let codecs =
            vec![Codec::new("speex", 8000), opus(96).with_fmtp("useinbandfec=1"), pcma(), Codec::telephone_event(8000)];
        Description::audio(5004, codecs)
    };
    let (answer, agreed) = answer_to(offer, wish(), Choice::First).unwrap();
    assert_eq!(media_lines(&answer), ["audio 5004 RTP/AVP 113 101"]);
    let media = agreed.slot(0).unwrap();
    let format = Format {
        send_payload: 113,
        receive_payload: 113,
        encoding: "opus".into(),
        clock_rate: 48000,
        channels: 2,
        remote_fmtp: Some("stereo=1".into()),
        local_fmtp: Some("useinbandfec=1".into()),
    };
    assert_eq!(media.formats, [format]);
    assert_eq!(
        media.telephone_event,
        Some(TelephoneEvent { send_payload: 101, receive_payload: 101, clock_rate: 8000 })
    );
    let (answer, _) = answer_to(offer, wish(), Choice::All).unwrap();
    assert_eq!(media_lines(&answer), ["audio 5004 RTP/AVP 113 8 101"]);
}

#[test]
fn numbers_are_kept_per_side() {
    let mut alice = side("192.0.2.1");
    alice.local_offer(&[LocalMedia::New(Description::audio(5004, vec![opus(96), pcmu()]))]).unwrap();
    // The answer numbers opus otherwise, lists what was not offered, and says 96 for something else.
    let answer = "m=audio 7000 RTP/AVP 98 96 0 9\na=rtpmap:98 opus/48000/2\na=rtpmap:96 iLBC/8000\n";
    let agreed = alice.remote_answer(&peer(answer)).unwrap();
    let numbers: Vec<_> =
        agreed.slot(0).unwrap().formats.iter().map(|f| (f.send_payload, f.receive_payload, &*f.encoding)).collect();
    assert_eq!(numbers, [(98, 96, "opus"), (0, 0, "PCMU")]);
    assert!(agreed.unusable.is_empty());
}

#[test]
fn a_number_never_changes_its_meaning_within_a_stream() {
    let mut alice = side("192.0.2.1");
    let all = |port| {
        Description::audio(
            port,
            vec![opus(96), Codec::new("speex", 16000).with_payload(97), Codec::telephone_event(8000)],
        )
    };
    // The peer was first: 96 is telephone-event and 97 opus in this stream from now on.
    let offer = "m=audio 7000 RTP/AVP 97 96\na=rtpmap:97 opus/48000/2\na=rtpmap:96 telephone-event/8000\n";
    alice.remote_offer(&peer(offer)).unwrap();
    let (answer, _) = alice.local_answer(&[LocalAnswer::Accept(0, all(5004))]).unwrap();
    assert_eq!(payloads(&answer), [97, 96]);
    // Our own offer keeps to that, and speex gets a number that neither side uses.
    let offer = alice.local_offer(&[LocalMedia::At(0, all(5004))]).unwrap();
    assert_eq!(payloads(&offer), [97, 98, 96]);
    // Although it was refused, 98 stays speex.
    alice.roll_back();
    let changed = "m=audio 7000 RTP/AVP 98 97\na=rtpmap:98 opus/48000/2\na=rtpmap:97 speex/16000\n";
    alice.remote_offer(&peer(changed)).unwrap();
    let wish = Description::audio(5004, vec![Codec::new("speex", 16000), opus(96)]);
    let (answer, agreed) = alice.local_answer(&[LocalAnswer::Accept(0, wish)]).unwrap();
    assert_eq!(payloads(&answer), [98], "the peer broke the rule, this side does not");
    let format = &agreed.slot(0).unwrap().formats[0];
    assert_eq!((format.send_payload, format.receive_payload), (97, 98));
    // A stream that ends takes its numbers along.
    alice.local_offer(&[LocalMedia::Removed(0)]).unwrap();
    alice.remote_answer(&peer("m=audio 0 RTP/AVP 0\n")).unwrap();
    let offer = alice.local_offer(&[LocalMedia::New(all(5004))]).unwrap();
    assert_eq!(payloads(&offer), [96, 97, 98]);
}

#[test]
fn codecs_are_matched_by_name_and_rate_and_not_by_number() {
    for (offer, wish, expected) in [
        ("m=audio 1 RTP/AVP 0 8\n", vec![pcma(), pcmu()], Some(vec![8])),
        ("m=audio 1 RTP/AVP 96\na=rtpmap:96 pcma/8000\n", vec![pcma()], Some(vec![96])),
        ("m=audio 1 RTP/AVP 96\na=rtpmap:96 L16/8000\n", vec![Codec::new("L16", 16000)], None),
        ("m=audio 1 RTP/AVP 9\na=rtpmap:9 G722/16000\n", vec![Codec::new("G722", 8000)], Some(vec![9])),
        ("m=audio 1 RTP/AVP 96\n", vec![opus(96)], None),
        ("m=audio 1 RTP/AVP 999 -1 x\n", vec![pcmu()], None),
        (
            "m=audio 1 RTP/AVP 101\na=rtpmap:101 telephone-event/8000\n",
            vec![pcmu(), Codec::telephone_event(8000)],
            None,
        ),
        (
            "m=audio 1 RTP/AVP 101\na=rtpmap:101 telephone-event/8000\n",
            vec![Codec::telephone_event(8000)],
            Some(vec![101]),
        ),
        ("m=audio 1 UDP/TLS/RTP/SAVPF 8\n", vec![pcma()], Some(vec![8])),
        ("m=audio 1 udptl 8\n", vec![pcma()], None),
    ] {
        let answer = answer_to(offer, Description::audio(5004, wish), Choice::First);
        match expected {
            Some(expected) => assert_eq!(payloads(&answer.unwrap().0), expected, "{offer}"),
            None => assert_eq!(answer, Err(AnswerError::NothingInCommon), "{offer}"),
        }
    }
}

#[test]
fn events_are_chosen_by_the_codecs_clock_rate() {
    let events = "a=rtpmap:100 telephone-event/48000\na=rtpmap:101 telephone-event/8000\n";
    let ours =
        |codec| Description::audio(5004, vec![codec, Codec::telephone_event(8000), Codec::telephone_event(48000)]);
    let with = |formats: &str| format!("m=audio 1 RTP/AVP {formats}\na=rtpmap:96 opus/48000/2\n{events}");
    for (formats, codec, expected) in [
        ("0 96 100 101", pcmu(), Some((101, 8000))),
        ("0 96 100 101", opus(96), Some((100, 48000))),
        // The usual habit of peers: opus with events at 8000 only.
        ("96 101", opus(96), Some((101, 8000))),
        ("96", opus(96), None),
    ] {
        let (answer, agreed) = answer_to(&with(formats), ours(codec), Choice::First).unwrap();
        let event = agreed.slot(0).unwrap().telephone_event;
        assert_eq!(event.map(|event| (event.send_payload, event.clock_rate)), expected, "{formats}");
        let listed = payloads(&answer).into_iter().filter(|payload| *payload >= 100).collect::<Vec<_>>();
        assert_eq!(listed, expected.map(|(payload, _)| payload).into_iter().collect::<Vec<_>>());
    }
    // As the offerer: the answer's events at the rate of the answer's first codec.
    let mut alice = side("192.0.2.1");
    let codecs = vec![
        opus(96),
        pcmu(),
        Codec::telephone_event(48000).with_payload(100),
        Codec::telephone_event(8000).with_payload(101),
    ];
    alice.local_offer(&[LocalMedia::New(Description::audio(5004, codecs))]).unwrap();
    let answer =
        peer("m=audio 1 RTP/AVP 0 120 121\na=rtpmap:120 telephone-event/48000\na=rtpmap:121 telephone-event/8000\n");
    let agreed = alice.remote_answer(&answer).unwrap();
    let event = TelephoneEvent { send_payload: 121, receive_payload: 101, clock_rate: 8000 };
    assert_eq!(agreed.slot(0).unwrap().telephone_event, Some(event));
}

#[test]
fn comfort_noise_goes_along_with_a_codec_of_its_clock_rate() {
    let wish = || {
        let noise = [Codec::comfort_noise(8000), Codec::comfort_noise(16_000)];
        Description::audio(5004, [opus(96), pcmu()].into_iter().chain(noise).collect())
    };
    // Static or not, and only with a codec that it belongs to.
    let answered = |line: &str| {
        let (answer, agreed) = answer_to(line, wish(), Choice::First).unwrap();
        (media_lines(&answer).join("; "), agreed.slot(0).unwrap().comfort_noise)
    };
    let noise = |payload| ComfortNoise { send_payload: payload, receive_payload: payload, clock_rate: 8000 };
    let (lines, agreed) = answered("m=audio 7000 RTP/AVP 0 13\n");
    assert_eq!((lines, agreed), ("audio 5004 RTP/AVP 0 13".to_owned(), Some(noise(13))));
    let (lines, agreed) = answered("m=audio 7000 RTP/AVP 0 105 106\na=rtpmap:105 cn/16000\na=rtpmap:106 cn/8000\n");
    assert_eq!((lines, agreed), ("audio 5004 RTP/AVP 0 106".to_owned(), Some(noise(106))));
    let (lines, agreed) = answered("m=audio 7000 RTP/AVP 96 0 13\na=rtpmap:96 opus/48000/2\n");
    assert_eq!((lines, agreed), ("audio 5004 RTP/AVP 96".to_owned(), None));
    assert_eq!(answer_to("m=audio 7000 RTP/AVP 13\n", wish(), Choice::First), Err(AnswerError::NothingInCommon));

    // An offer, and an answer without it.
    let mut alice = side("192.0.2.1");
    let offer = alice.local_offer(&[LocalMedia::New(wish())]).unwrap();
    assert_eq!(media_lines(&offer), ["audio 5004 RTP/AVP 96 0 13 97"]);
    let agreed = alice.remote_answer(&peer("m=audio 7000 RTP/AVP 0\n")).unwrap();
    assert_eq!(agreed.slot(0).unwrap().comfort_noise, None);
}

#[test]
fn an_accepted_line_without_a_known_format_is_unusable() {
    let mut alice = side("192.0.2.1");
    alice.local_offer(&[LocalMedia::New(audio(5004)), LocalMedia::New(chat(2855))]).unwrap();
    let agreed = alice.remote_answer(&peer("m=audio 1 RTP/AVP 8\nm=message 2 TCP/MSRP *\n")).unwrap();
    assert_eq!((agreed.slots[0].clone(), agreed.unusable.clone()), (None, vec![0]));
    // It is in use until a new offer removes it.
    assert_eq!(alice.live_slots().collect::<Vec<_>>(), [0, 1]);
    let offer = alice.local_offer(&[LocalMedia::Removed(0)]).unwrap();
    assert_eq!(media_lines(&offer), ["audio 0 RTP/AVP 0", "message 2855 TCP/MSRP *"]);
}

#[test]
fn unknown_media_and_protocols_are_refused_by_port_0() {
    let mut alice = side("192.0.2.1");
    let offer = peer("m=audio 1 RTP/AVP 8 0\nm=smell 2 X/Y rose\nm=audio 3 RTP/SAVP 0\nm=image 4 udptl t38\n");
    let proposal = alice.remote_offer(&offer).unwrap();
    assert_eq!((proposal.slots[1].media.media_type(), proposal.slots[1].common(&[pcmu()])), ("smell", None));
    let (answer, agreed) =
        alice.local_answer(&[LocalAnswer::Accept(0, audio(5004)), LocalAnswer::Accept(3, audio(5006))]).unwrap();
    assert_eq!(
        media_lines(&answer),
        ["audio 5004 RTP/AVP 0", "smell 0 X/Y rose", "audio 0 RTP/SAVP 0", "image 0 udptl t38"]
    );
    assert!(agreed.unusable.is_empty());
}

#[test]
fn other_protocols_pass_through() {
    let (mut alice, mut bob) = pair();
    let file = |port: u16, direction| {
        let mut wish = chat(port).with_direction(direction);
        wish.title = Some("A picture".into());
        wish.attributes.push(Attribute::new("file-selector", "name:\"a b.jpg\" size:4092"));
        wish
    };
    let offer = offer_of(&mut alice, &[LocalMedia::New(file(2855, SendOnly))]);
    let proposal = bob.remote_offer(&offer).unwrap();
    assert_eq!((proposal.slots[0].media.protocol(), proposal.slots[0].media.port()), ("TCP/MSRP", 2855));
    let proposed = bob.offer().unwrap().media_at(0).unwrap();
    assert_eq!(proposed.attribute("file-selector"), Some(Some("name:\"a b.jpg\" size:4092")));
    let (answer, agreed) = bob.local_answer(&[LocalAnswer::Accept(0, file(2856, SendRecv))]).unwrap();
    assert_eq!(answer.media_at(0).unwrap().direction(), RecvOnly);
    let media = agreed.slot(0).unwrap();
    assert!(media.formats.is_empty() && media.parameters(true, None).is_none());
    assert_eq!((media.direction, media.remote_rtp), (RecvOnly, Some("192.0.2.1:2855".parse().unwrap())));
    assert_eq!(alice.remote_answer(&answer).unwrap().slot(0).unwrap().direction, SendOnly);
    assert_eq!(offer_of(&mut alice, &[]), offer, "a refresh says the same");
}

#[test]
fn packets_go_where_the_peer_says() {
    let place = |section: &str| {
        let wish = Description { attributes: vec![Attribute::flag("rtcp-mux")], ..audio(5004) };
        let (_, agreed) = answer_to(section, wish, Choice::First).unwrap();
        let media = agreed.slot(0).unwrap();
        let text = |address: Option<std::net::SocketAddr>| {
            address.map_or_else(|| "-".to_owned(), |address| address.to_string())
        };
        (text(media.remote_rtp), text(media.remote_rtcp), media.remote_name.clone())
    };
    let plain = |rtp: &str, rtcp: &str| (rtp.to_owned(), rtcp.to_owned(), None);
    for (attributes, rtp, rtcp) in [
        ("", "198.51.100.9:7000", "198.51.100.9:7001"),
        ("a=rtcp:53020\n", "198.51.100.9:7000", "198.51.100.9:53020"),
        ("a=rtcp:53020 IN IP4 198.51.100.8\n", "198.51.100.9:7000", "198.51.100.8:53020"),
        ("a=rtcp:0\n", "198.51.100.9:7000", "198.51.100.9:7001"),
        ("a=rtcp:53020 IN IP4 0.0.0.0\n", "198.51.100.9:7000", "-"),
        ("c=IN IP6 2001:db8::9\n", "[2001:db8::9]:7000", "[2001:db8::9]:7001"),
        ("a=rtcp-mux\na=rtcp:53020\n", "198.51.100.9:7000", "198.51.100.9:7000"),
    ] {
        assert_eq!(place(&format!("m=audio 7000 RTP/AVP 0\n{attributes}")), plain(rtp, rtcp), "{attributes}");
    }
    assert_eq!(place("m=audio 65535 RTP/AVP 0\n"), plain("198.51.100.9:65535", "-"));
    let (rtp, rtcp, name) = place("m=audio 7000 RTP/AVP 0\nc=IN IP4 host.example.com\n");
    assert_eq!((&*rtp, &*rtcp, name), ("-", "-", Some(("host.example.com".into(), 7000))));
}

#[test]
fn packet_times_are_the_receivers_wish_within_reason() {
    for (attributes, expected) in [
        ("", 30),
        ("a=ptime:40\n", 40),
        ("a=ptime:0\n", 30),
        ("a=ptime:10000\n", 30),
        ("a=ptime:x\n", 30),
        ("a=ptime:60\na=maxptime:20\n", 20),
        ("a=maxptime:4294967296\n", 30),
    ] {
        let wish = Description { ptime: Some(30), ..audio(5004) };
        let (_, agreed) = answer_to(&format!("m=audio 1 RTP/AVP 0\n{attributes}"), wish, Choice::First).unwrap();
        assert_eq!(agreed.slot(0).unwrap().ptime, expected, "{attributes}");
    }
    let (_, agreed) = answer_to("m=audio 1 RTP/AVP 0\n", audio(5004), Choice::First).unwrap();
    let parameters = agreed.slot(0).unwrap().parameters(true, None).unwrap();
    assert_eq!((parameters.ptime, parameters.symmetric, parameters.formats.len()), (20, true, 1));
    assert_eq!((parameters.direction, parameters.remote_rtp), (SendRecv, Some("198.51.100.9:1".parse().unwrap())));
}
