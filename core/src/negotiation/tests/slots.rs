//! States, slots, versions and directions.

use super::*;

#[test]
fn at_most_one_offer_is_outstanding() {
    let (mut alice, mut bob) = pair();
    let offer = offer_of(&mut alice, &[LocalMedia::New(audio(5004))]);
    assert_eq!(alice.state(), State::LocalOffer);
    assert_eq!(alice.local_offer(&[]), Err(OfferError::Outstanding));
    assert_eq!(alice.remote_offer(&offer).unwrap_err(), Refused::Glare);
    assert_eq!(alice.local_answer(&[]), Err(AnswerError::NoOffer));
    assert_eq!(alice.refuse(), Err(AnswerError::NoOffer));
    assert_eq!(bob.remote_answer(&offer), Err(Refused::NoOffer));
    assert_eq!(bob.remote_preview(&offer), Err(Refused::NoOffer));
    bob.remote_offer(&offer).unwrap();
    assert_eq!(bob.state(), State::RemoteOffer);
    assert_eq!(bob.offer(), Some(&offer));
    assert_eq!(bob.remote_offer(&offer).unwrap_err(), Refused::Unanswered);
    assert_eq!(bob.local_offer(&[]), Err(OfferError::Outstanding));
    assert_eq!((Refused::Glare.response(), Refused::Unanswered.response()), (491, 500));
    bob.roll_back();
    assert_eq!((bob.state(), bob.local(), bob.offer()), (State::Stable, None, None));
    assert_eq!(Refused::LineCount { offered: 1, lines: 2 }.response(), 488);
}

#[test]
fn an_offer_that_comes_to_nothing_changes_nothing() {
    let (mut alice, mut bob) = pair();
    exchange(&mut alice, &mut bob, &[LocalMedia::New(audio(5004))], &[LocalAnswer::Accept(0, audio(6004))]);
    let (local, remote) = (alice.local().cloned(), alice.remote().cloned());
    let held = audio(5004).with_direction(SendOnly);
    let offer = offer_of(&mut alice, &[LocalMedia::At(0, held), LocalMedia::New(chat(2855))]);
    bob.remote_offer(&offer).unwrap();
    alice.roll_back();
    bob.roll_back();
    assert_eq!((alice.local().cloned(), alice.remote().cloned()), (local, remote));
    assert_eq!(alice.wanted_direction(0), Some(SendRecv));
    assert_eq!(alice.live_slots().collect::<Vec<_>>(), [0]);
    // What was agreed on is offered again, under a version of its own because the peer has seen another one since.
    let again = offer_of(&mut alice, &[]);
    assert!(again.same_but_origin(alice.local().unwrap()));
    assert_eq!(version(&again), 3);
    assert_eq!(bob.remote_offer(&again).unwrap().slots[0].change, Change::Unchanged);
}

#[test]
fn the_version_rises_by_one_and_only_with_a_change() {
    let (mut alice, mut bob) = pair();
    let first = offer_of(&mut alice, &[LocalMedia::New(audio(5004))]);
    // The request was challenged: the same offer goes out again.
    alice.roll_back();
    assert_eq!(offer_of(&mut alice, &[LocalMedia::New(audio(5004))]), first);
    assert_eq!(version(&first), 1);
    bob.remote_offer(&first).unwrap();
    let (answer, _) = bob.local_answer(&[LocalAnswer::Accept(0, audio(6004))]).unwrap();
    alice.remote_answer(&answer).unwrap();

    let refresh = offer_of(&mut alice, &[]);
    assert_eq!(refresh, first);
    bob.remote_offer(&refresh).unwrap();
    assert_eq!(bob.local_answer(&[]).unwrap().0, answer);
    alice.remote_answer(&answer).unwrap();

    let moved = offer_of(&mut alice, &[LocalMedia::At(0, audio(5006))]);
    assert_eq!(version(&moved), 2);
    bob.remote_offer(&moved).unwrap();
    assert_eq!(bob.local_answer(&[]).unwrap().0, answer, "nothing changed on this side");
    alice.remote_answer(&answer).unwrap();
    let origin = |session: &Session| {
        session.origin().map(|o| (o.username.to_owned(), o.session_id.to_owned(), o.address.to_owned()))
    };
    assert_eq!(origin(&moved), origin(&first));
}

#[test]
fn the_session_id_fits_63_bits() {
    let origin = Origin { username: "-".into(), session_id: u64::MAX, address: "2001:db8::1".parse().unwrap() };
    let offer = Negotiator::new(origin, "Subject".into()).local_offer(&[LocalMedia::New(audio(5004))]).unwrap();
    let body = offer.to_string();
    assert!(body.starts_with(
        "v=0\r\no=- 9223372036854775807 1 IN IP6 2001:db8::1\r\ns=Subject\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n"
    ));
}

#[test]
fn slots_are_kept_for_ever_and_used_again() {
    let (mut alice, mut bob) = pair();
    let both = [LocalMedia::New(audio(5004)), LocalMedia::New(chat(2855))];
    let accept = [LocalAnswer::Accept(0, audio(6004)), LocalAnswer::Accept(1, chat(2856))];
    exchange(&mut alice, &mut bob, &both, &accept);

    let (agreed, _) = exchange(&mut alice, &mut bob, &[LocalMedia::Removed(0)], &[]);
    assert_eq!(media_lines(alice.local().unwrap()), ["audio 0 RTP/AVP 0", "message 2855 TCP/MSRP *"]);
    assert_eq!(media_lines(bob.local().unwrap()), ["audio 0 RTP/AVP 0", "message 2856 TCP/MSRP *"]);
    assert!(agreed.slot(0).is_none() && agreed.slot(1).is_some());
    assert_eq!((alice.wanted_direction(0), alice.wanted_direction(1)), (None, Some(SendRecv)));

    // The line of the removed stream stays, also when the other side offers.
    exchange(&mut bob, &mut alice, &[], &[]);
    assert_eq!(media_lines(alice.local().unwrap()), ["audio 0 RTP/AVP 0", "message 2855 TCP/MSRP *"]);

    // A new stream of any type takes it, a further one comes at the end.
    assert_eq!(bob.free_slots().take(3).collect::<Vec<_>>(), [0, 2, 3]);
    let offer = offer_of(&mut bob, &[LocalMedia::New(chat(2900)), LocalMedia::New(audio(6010))]);
    assert_eq!(media_lines(&offer), ["message 2900 TCP/MSRP *", "message 2856 TCP/MSRP *", "audio 6010 RTP/AVP 0"]);
    let proposal = alice.remote_offer(&offer).unwrap();
    let changes: Vec<Change> = proposal.slots.iter().map(|slot| slot.change).collect();
    assert_eq!(changes, [Change::Added, Change::Unchanged, Change::Added]);
    assert_eq!(proposal.slots_with(Change::Added).collect::<Vec<_>>(), [0, 2]);
    // New streams that nobody accepts are refused, the old one goes on.
    let (answer, agreed) = alice.local_answer(&[LocalAnswer::Accept(2, audio(5010))]).unwrap();
    assert_eq!(media_lines(&answer), ["message 0 TCP/MSRP *", "message 2855 TCP/MSRP *", "audio 5010 RTP/AVP 0"]);
    assert_eq!(
        bob.remote_answer(&answer).unwrap().slots.iter().map(Option::is_some).collect::<Vec<_>>(),
        [false, true, true]
    );
    assert!(agreed.unusable.is_empty());
    assert_eq!(alice.live_slots().collect::<Vec<_>>(), [1, 2]);

    // Lines must not get lost.
    let fewer = peer("m=message 1 TCP/MSRP *\n");
    assert_eq!(alice.remote_offer(&fewer).unwrap_err(), Refused::LinesMissing { before: 3, lines: 1 });
    assert_eq!(alice.state(), State::Stable);
}

#[test]
fn a_slot_is_named_once_and_must_be_there() {
    let (mut alice, mut bob) = pair();
    exchange(&mut alice, &mut bob, &[LocalMedia::New(audio(5004))], &[LocalAnswer::Accept(0, audio(6004))]);
    let twice = [LocalMedia::Removed(0), LocalMedia::At(0, audio(5004))];
    assert_eq!(alice.local_offer(&twice), Err(OfferError::RepeatedSlot(0)));
    assert_eq!(alice.local_offer(&[LocalMedia::Removed(1)]), Err(OfferError::UnknownSlot(1)));
    let empty = Description::audio(1, Vec::new());
    assert_eq!(alice.local_offer(&[LocalMedia::New(empty)]), Err(OfferError::NoFormats(1)));
    let opaque = Description::opaque("audio", "RTP/AVP", 1, Vec::new());
    assert_eq!(alice.local_offer(&[LocalMedia::At(0, opaque)]), Err(OfferError::NoFormats(0)));
    let mut evil = chat(2855);
    evil.attributes.push(Attribute::new("x", "1\r\na=y"));
    assert!(matches!(alice.local_offer(&[LocalMedia::New(evil.clone())]), Err(OfferError::Build(_))));
    assert_eq!(alice.state(), State::Stable);

    let offer = offer_of(&mut bob, &[LocalMedia::New(chat(1))]);
    alice.remote_offer(&offer).unwrap();
    let twice = [LocalAnswer::Reject(0), LocalAnswer::Reject(0)];
    assert_eq!(alice.local_answer(&twice), Err(AnswerError::RepeatedSlot(0)));
    assert_eq!(alice.local_answer(&[LocalAnswer::Reject(2)]), Err(AnswerError::UnknownSlot(2)));
    assert!(matches!(alice.local_answer(&[LocalAnswer::Accept(1, evil)]), Err(AnswerError::Build(_))));
    assert_eq!(alice.state(), State::RemoteOffer);
    let (answer, _) = alice.local_answer(&[]).unwrap();
    assert_eq!(version(&answer), 2, "what failed has used no version");
}

#[test]
fn a_stream_may_change_its_media_type() {
    let (mut alice, mut bob) = pair();
    exchange(&mut alice, &mut bob, &[LocalMedia::New(audio(5004))], &[LocalAnswer::Accept(0, audio(6004))]);
    let offer = offer_of(&mut alice, &[LocalMedia::At(0, chat(2855))]);
    let proposal = bob.remote_offer(&offer).unwrap();
    assert_eq!(proposal.slots[0].change, Change::Replaced);
    assert_eq!((proposal.slots[0].media.media_type(), proposal.slots[0].media.protocol()), ("message", "TCP/MSRP"));
    // The old stream does not go on in its place, so without a word the new one is refused.
    assert_eq!(bob.local_answer(&[]), Err(AnswerError::NothingInCommon));
    let (answer, _) = bob.local_answer(&[LocalAnswer::Accept(0, chat(2856))]).unwrap();
    assert!(alice.remote_answer(&answer).unwrap().slot(0).is_some());
}

#[test]
fn another_media_type_begins_with_fresh_numbers() {
    let mut alice = side("192.0.2.1");
    let wish = |media, codec| Description::new(media, "RTP/AVP", 5004, Formats::Rtp(vec![codec]));
    alice.remote_offer(&peer("m=audio 1 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n")).unwrap();
    alice.local_answer(&[LocalAnswer::Accept(0, wish("audio", opus(96)))]).unwrap();
    alice.remote_offer(&peer("m=video 1 RTP/AVP 96\na=rtpmap:96 H264/90000\n")).unwrap();
    let (answer, _) = alice.local_answer(&[LocalAnswer::Accept(0, wish("video", Codec::new("H264", 90000)))]).unwrap();
    assert_eq!(media_lines(&answer), ["video 5004 RTP/AVP 96"]);
    let offer = alice.local_offer(&[LocalMedia::At(0, wish("audio", opus(96)))]).unwrap();
    assert_eq!(media_lines(&offer), ["audio 5004 RTP/AVP 96"]);
}

#[test]
fn nothing_in_common_leaves_the_old_state() {
    let (mut alice, mut bob) = pair();
    exchange(&mut alice, &mut bob, &[LocalMedia::New(audio(5004))], &[LocalAnswer::Accept(0, audio(6004))]);
    let (local, remote) = (bob.local().cloned(), bob.remote().cloned());
    let offer = offer_of(&mut alice, &[LocalMedia::At(0, Description::audio(5004, vec![pcma()]))]);
    let proposal = bob.remote_offer(&offer).unwrap();
    assert_eq!(proposal.slots[0].change, Change::Changed);
    assert_eq!(proposal.slots[0].common(&[pcmu()]), None);
    assert_eq!(proposal.slots[0].common(&[opus(96), pcma()]), Some(&pcma()));
    assert_eq!(bob.local_answer(&[LocalAnswer::Accept(0, audio(6004))]), Err(AnswerError::NothingInCommon));
    bob.roll_back();
    alice.roll_back();
    assert_eq!((bob.local().cloned(), bob.remote().cloned()), (local, remote));
    exchange(&mut alice, &mut bob, &[], &[]);
}

#[test]
fn an_offer_in_a_2xx_is_refused_line_by_line() {
    let mut alice = side("192.0.2.1");
    let offer =
        peer("m=audio 5004 RTP/AVP 8\nm=foo 1 X/Y \x01 z\nm=bar 9 X/Y \x01\n").to_string().replace("t=0 0", "t=1 2");
    alice.remote_offer(&parse(&offer)).unwrap();
    let answer = alice.refuse().unwrap();
    assert_eq!(media_lines(&answer), ["audio 0 RTP/AVP 8", "foo 0 X/Y z", "bar 0 X/Y 0"]);
    assert_eq!(answer.times().map(|time| (time.start, time.stop)).collect::<Vec<_>>(), [(1, 2)]);
    assert_eq!((alice.state(), alice.live_slots().count()), (State::Stable, 0));
}

#[test]
fn offers_without_streams_are_answered_without_streams() {
    let (mut alice, mut bob) = pair();
    let (agreed, _) = exchange(&mut alice, &mut bob, &[], &[]);
    assert!(agreed.is_empty());
    let (agreed, _) =
        exchange(&mut alice, &mut bob, &[LocalMedia::New(audio(5004))], &[LocalAnswer::Accept(0, audio(6004))]);
    assert!(!agreed.is_empty());
    // The last stream may be removed, and the session goes on.
    exchange(&mut alice, &mut bob, &[LocalMedia::Removed(0)], &[]);
    assert!(bob.live_slots().next().is_none());
}

#[test]
fn answers_with_other_lines_than_the_offer_are_refused() {
    let mut alice = side("192.0.2.1");
    let offer = [LocalMedia::New(audio(5004)), LocalMedia::New(chat(2855))];
    let offered = offer_of(&mut alice, &offer);
    let (a, m) = ("m=audio 9 RTP/AVP 0\n", "m=message 9 TCP/MSRP *\n");
    for (sections, refused) in [
        (String::new(), Refused::LineCount { offered: 2, lines: 0 }),
        (a.to_owned(), Refused::LineCount { offered: 2, lines: 1 }),
        (format!("{a}{m}{m}"), Refused::LineCount { offered: 2, lines: 3 }),
        (format!("{m}{a}"), Refused::MediaType(0)),
        (format!("{a}{a}"), Refused::MediaType(1)),
        (format!("{}{m}", a.replace("AVP", "SAVP")), Refused::Protocol(0)),
    ] {
        assert_eq!(alice.remote_preview(&peer(&sections)), Err(refused.clone()));
        assert_eq!(alice.remote_answer(&peer(&sections)), Err(refused));
        assert_eq!((alice.state(), alice.offer()), (State::LocalOffer, Some(&offered)));
    }
    let nowhere = parse(&peer(&format!("{a}{m}")).to_string().replace("c=IN IP4 198.51.100.9\r\n", ""));
    assert_eq!(alice.remote_answer(&nowhere), Err(Refused::NoConnection(0)));
    assert_eq!(side("192.0.2.1").remote_offer(&nowhere).unwrap_err(), Refused::NoConnection(0));
    // A refused line may say anything.
    let agreed = alice.remote_answer(&peer(&format!("m=AUDIO 0 x *\n{m}"))).unwrap();
    assert!(agreed.slot(0).is_none() && agreed.slot(1).is_some());
    assert_eq!(alice.live_slots().collect::<Vec<_>>(), [1]);
    assert!(media_lines(&offer_of(&mut alice, &[])).first().unwrap().starts_with("audio 0 "));
}

#[test]
fn a_line_that_was_offered_with_port_0_stays_unused_whatever_the_answer() {
    let (mut alice, mut bob) = pair();
    let both = [LocalMedia::New(audio(5004)), LocalMedia::New(chat(2855))];
    exchange(&mut alice, &mut bob, &both, &[LocalAnswer::Accept(0, audio(6004)), LocalAnswer::Accept(1, chat(1))]);
    alice.local_offer(&[LocalMedia::Removed(0)]).unwrap();
    let agreed = alice.remote_answer(&peer("m=audio 9 RTP/AVP 0\nm=message 9 TCP/MSRP *\n")).unwrap();
    assert!(agreed.slot(0).is_none() && agreed.unusable.is_empty());
    assert_eq!(alice.live_slots().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_preview_changes_nothing() {
    let mut alice = side("192.0.2.1");
    let offer = offer_of(&mut alice, &[LocalMedia::New(Description::audio(5004, vec![pcmu(), pcma()]))]);
    let (early, late) = (peer("m=audio 7000 RTP/AVP 8\n"), peer("m=audio 7002 RTP/AVP 0\n"));
    let preview = alice.remote_preview(&early).unwrap();
    assert_eq!(preview.slot(0).unwrap().formats[0].encoding, "PCMA");
    assert_eq!((alice.state(), alice.offer(), alice.remote()), (State::LocalOffer, Some(&offer), None));
    assert_eq!(alice.clone().remote_answer(&early).unwrap(), preview);
    assert_eq!(alice.remote_answer(&late).unwrap().slot(0).unwrap().remote_rtp.unwrap().port(), 7002);
}

#[test]
fn directions_keep_to_the_lattice_and_complement_each_other() {
    for offered in DIRECTIONS {
        for wanted in DIRECTIONS {
            let (mut alice, mut bob) = pair();
            let (ours, theirs) = exchange(
                &mut alice,
                &mut bob,
                &[LocalMedia::New(audio(5004).with_direction(offered))],
                &[LocalAnswer::Accept(0, audio(6004).with_direction(wanted))],
            );
            let said = bob.local().unwrap().media_at(0).unwrap().direction();
            let (ours, theirs) = (ours.slot(0).unwrap(), theirs.slot(0).unwrap());
            assert_eq!(said, wanted.answer_to(offered), "{wanted} to {offered}");
            assert_eq!(theirs.direction, said);
            assert_eq!(ours.direction, said.reversed());
            assert_eq!((ours.remote_direction, theirs.remote_direction), (said, offered));
            assert_eq!(bob.wanted_direction(0), Some(wanted));
        }
    }
}

/// The direction of a stream that is put on hold (RFC 3264 section 8.4).
fn held(direction: Direction) -> Direction {
    if direction.sends() { SendOnly } else { Inactive }
}

#[test]
fn hold_and_resume_restore_what_was() {
    for alices in DIRECTIONS {
        for bobs in DIRECTIONS {
            for alice_holds in [true, false] {
                let (mut alice, mut bob) = pair();
                let (offer, accept) = (audio(5004).with_direction(alices), audio(6004).with_direction(bobs));
                exchange(
                    &mut alice,
                    &mut bob,
                    &[LocalMedia::New(offer.clone())],
                    &[LocalAnswer::Accept(0, accept.clone())],
                );
                // What both sides offer from now on is what they would like, not what was left of it.
                let (before, _) = exchange(&mut alice, &mut bob, &[], &[]);
                let (holder, held_one, wish) =
                    if alice_holds { (&mut alice, &mut bob, offer) } else { (&mut bob, &mut alice, accept) };
                let hold = wish.clone().with_direction(held(wish.direction));
                let (on_hold, _) = exchange(holder, held_one, &[LocalMedia::At(0, hold)], &[]);
                assert!(!on_hold.slot(0).unwrap().direction.receives());
                // A refresh by either side does not end the hold.
                let (refreshed, _) = exchange(holder, held_one, &[], &[]);
                assert!(!refreshed.slot(0).unwrap().direction.receives());
                let (_, refreshed) = exchange(held_one, holder, &[], &[]);
                assert!(!refreshed.slot(0).unwrap().direction.receives());
                exchange(holder, held_one, &[LocalMedia::At(0, wish)], &[]);
                let (after, _) = exchange(&mut alice, &mut bob, &[], &[]);
                assert_eq!(after.slot(0).unwrap().direction, before.slot(0).unwrap().direction, "{alices} {bobs}");
            }
        }
    }
}

#[test]
fn both_sides_hold_and_resume_as_rfc_6337_section_5_3_says() {
    let (mut one, mut two) = pair();
    let (on, off) = (audio(5004).with_direction(SendOnly), audio(5004));
    let said = |side: &Negotiator| side.local().unwrap().media_at(0).unwrap().direction();
    exchange(&mut one, &mut two, &[LocalMedia::New(off.clone())], &[LocalAnswer::Accept(0, off.clone())]);
    exchange(&mut one, &mut two, &[LocalMedia::At(0, on.clone())], &[]);
    assert_eq!((said(&one), said(&two)), (SendOnly, RecvOnly));
    exchange(&mut two, &mut one, &[LocalMedia::At(0, on)], &[]);
    assert_eq!((said(&one), said(&two)), (Inactive, SendOnly));
    exchange(&mut one, &mut two, &[LocalMedia::At(0, off.clone())], &[]);
    assert_eq!((said(&one), said(&two)), (SendRecv, SendOnly));
    exchange(&mut two, &mut one, &[LocalMedia::At(0, off)], &[]);
    assert_eq!((said(&one), said(&two)), (SendRecv, SendRecv));
}

#[test]
fn an_address_of_zeros_is_a_hold() {
    for (zeros, offered) in ["0.0.0.0", "::"].iter().flat_map(|zeros| DIRECTIONS.map(|direction| (zeros, direction))) {
        let mut alice = side("192.0.2.1");
        let kind = if zeros.contains(':') { "IP6" } else { "IP4" };
        let offer = |c: &str| peer(&format!("m=audio 7000 RTP/AVP 0\nc=IN {c}\na={offered}\n"));
        let on_hold = offer(&format!("{kind} {zeros}"));
        let proposal = alice.remote_offer(&on_hold).unwrap();
        assert_eq!(proposal.slots[0].direction, Direction::new(offered.sends(), false));
        let (answer, agreed) = alice.local_answer(&[LocalAnswer::Accept(0, audio(5004))]).unwrap();
        // The answer keeps to the attribute, the path to the address (RFC 6337 section 5.4).
        assert_eq!(answer.media_at(0).unwrap().direction(), offered.reversed());
        let media = agreed.slot(0).unwrap();
        assert_eq!((media.remote_rtp, media.remote_rtcp, media.remote_name.as_ref()), (None, None, None));
        assert_eq!(media.direction, Direction::new(false, offered.sends()));
        assert_eq!(media.remote_direction, Direction::new(offered.sends(), false));

        let resumed = offer("IP4 198.51.100.9");
        let proposal = alice.remote_offer(&resumed).unwrap();
        assert_eq!(proposal.slots[0].change, Change::Changed);
        let (_, agreed) = alice.local_answer(&[]).unwrap();
        assert_eq!(agreed.slot(0).unwrap().direction, offered.reversed());
        assert_eq!(agreed.slot(0).unwrap().remote_rtp, Some("198.51.100.9:7000".parse().unwrap()));
    }
}

#[test]
fn sloppy_answers_cannot_widen_a_direction() {
    for offered in DIRECTIONS {
        for said in DIRECTIONS {
            let mut alice = side("192.0.2.1");
            alice.local_offer(&[LocalMedia::New(audio(5004).with_direction(offered))]).unwrap();
            let agreed = alice.remote_answer(&peer(&format!("m=audio 7000 RTP/AVP 0\na={said}\n"))).unwrap();
            let direction = agreed.slot(0).unwrap().direction;
            assert_eq!(direction.sends(), offered.sends() && said.receives());
            assert_eq!(direction.receives(), offered.receives() && said.sends());
        }
    }
}

#[test]
fn changes_are_told_apart() {
    let mut alice = side("192.0.2.1");
    let line = "m=audio 7000 RTP/AVP 0\n";
    let changes = |alice: &mut Negotiator, sections: &str| {
        let offer = peer(sections);
        let proposal = alice.remote_offer(&offer).unwrap();
        proposal.slots.iter().map(|slot| slot.change).collect::<Vec<_>>()
    };
    assert_eq!(changes(&mut alice, &format!("{line}m=audio 0 RTP/AVP 0\n")), [Change::Added, Change::Unused]);
    alice.local_answer(&[LocalAnswer::Accept(0, audio(5004))]).unwrap();
    for (sections, change) in [
        (line.to_owned(), Change::Unchanged),
        (line.replace("7000", "7002"), Change::Changed),
        (format!("{line}a=inactive\n"), Change::Changed),
        (format!("{line}c=IN IP4 198.51.100.8\n"), Change::Changed),
        (format!("{line}c=IN IP4 198.51.100.9\n"), Change::Changed),
        (line.replace("audio", "video"), Change::Replaced),
        (line.replace("7000", "0"), Change::Removed),
    ] {
        assert_eq!(changes(&mut alice, &format!("{sections}m=x 0 y z\n")), [change, Change::Unused], "{sections}");
        alice.roll_back();
    }
}
