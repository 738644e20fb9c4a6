//! Reassembly against a model that is nothing like it: an array of bytes, and a set of those that came.

use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::prelude::*;

use crate::limits::Limits;
use crate::msrp::{Assembly, Continuation, Delivery, Intervals, Progress, Refused};

fn limits() -> Limits {
    Limits { msrp_message_bytes: 1000, msrp_gaps: 8, ..Limits::default() }
}

fn whole(text: &'static str) -> Result<Progress, Refused> {
    Ok(Progress::Whole(Bytes::from_static(text.as_bytes())))
}

#[test]
fn a_message_in_one_chunk_is_whole() {
    let mut message = Assembly::new(Delivery::Whole);
    message.claim(Some(4), &limits()).unwrap();
    message.piece(1, b"ab", &limits()).unwrap();
    message.piece(3, b"cd", &limits()).unwrap();
    assert_eq!(message.end(5, Continuation::Complete), whole("abcd"));
    assert_eq!(message.kept(), 0);
}

#[test]
fn an_empty_message_is_whole() {
    assert_eq!(Assembly::new(Delivery::Whole).end(1, Continuation::Complete), whole(""));
}

#[test]
fn the_last_chunk_may_come_first() {
    let mut message = Assembly::new(Delivery::Whole);
    message.piece(4, b"def", &limits()).unwrap();
    assert_eq!(message.end(7, Continuation::Complete), Ok(Progress::More));
    message.piece(1, b"abc", &limits()).unwrap();
    assert_eq!(message.end(4, Continuation::More), whole("abcdef"));
}

#[test]
fn all_bytes_without_the_last_chunk_are_not_whole() {
    let mut message = Assembly::new(Delivery::Whole);
    message.claim(Some(3), &limits()).unwrap();
    message.piece(1, b"abc", &limits()).unwrap();
    assert_eq!(message.end(4, Continuation::More), Ok(Progress::More));
    assert_eq!(message.end(4, Continuation::Complete), whole("abc"));
}

#[test]
fn of_bytes_that_come_twice_the_last_stay() {
    let mut message = Assembly::new(Delivery::Whole);
    message.piece(1, b"aaaa", &limits()).unwrap();
    message.piece(3, b"bbbb", &limits()).unwrap();
    message.piece(2, b"c", &limits()).unwrap();
    assert_eq!(message.end(7, Continuation::Complete), whole("acbbbb"));
}

#[test]
fn a_message_given_up_is_told() {
    let mut message = Assembly::new(Delivery::Whole);
    message.piece(1, b"aaaa", &limits()).unwrap();
    assert_eq!(message.end(5, Continuation::Abort), Ok(Progress::Aborted));
}

#[test]
fn nothing_beyond_the_end_is_taken() {
    let mut message = Assembly::new(Delivery::Whole);
    message.claim(Some(4), &limits()).unwrap();
    assert_eq!(message.piece(4, b"ab", &limits()), Err(Refused::Beyond));
    assert_eq!(message.piece(u64::MAX, b"ab", &limits()), Err(Refused::Beyond));
    let mut message = Assembly::new(Delivery::Whole);
    message.piece(1, b"abcd", &limits()).unwrap();
    assert_eq!(message.end(3, Continuation::Complete), Err(Refused::Beyond));
}

#[test]
fn what_is_claimed_costs_nothing_and_what_is_too_large_is_refused() {
    let mut message = Assembly::new(Delivery::Whole);
    assert_eq!(message.claim(Some(1 << 63), &limits()), Err(Refused::TooLarge));
    assert_eq!(message.claim(Some(1001), &limits()), Err(Refused::TooLarge));
    message.claim(Some(1000), &limits()).unwrap();
    assert_eq!(message.kept(), 0);
    let mut message = Assembly::new(Delivery::Whole);
    assert_eq!(message.piece(1000, b"ab", &limits()), Err(Refused::TooLarge));
    assert_eq!((Refused::TooLarge.code(), Refused::Beyond.code()), (413, 400));
}

#[test]
fn gaps_are_counted_by_the_limit() {
    for delivery in [Delivery::Whole, Delivery::Pieces(None)] {
        let mut message = Assembly::new(delivery);
        for at in 0..8 {
            message.piece(1 + 2 * at, b"x", &limits()).unwrap();
        }
        assert_eq!(message.piece(100, b"x", &limits()), Err(Refused::TooLarge));
    }
}

#[test]
fn pieces_are_not_kept() {
    let mut message = Assembly::new(Delivery::Pieces(Some(1 << 40)));
    for at in 0..1000 {
        message.piece(1 + at * 1000, &[0; 1000], &limits()).unwrap();
    }
    assert_eq!((message.kept(), message.have().covered(), message.have().len()), (0, 1_000_000, 1));
    assert_eq!(message.piece((1 << 40) + 1, b"x", &limits()), Err(Refused::TooLarge));
    assert_eq!(message.end(1_000_001, Continuation::Complete), whole(""));
}

/// One chunk: where it begins, its bytes, in pieces of this length, and whether it is the last.
type Chunk = (u64, Vec<u8>, usize, bool);

fn chunks() -> impl Strategy<Value = Vec<Chunk>> {
    let chunk = (1_u64..40, proptest::collection::vec(any::<u8>(), 0..12), 1_usize..5, proptest::bool::weighted(0.2));
    proptest::collection::vec(chunk, 1..40)
}

/// The other model: what each chunk makes of the message.
#[derive(Default)]
struct Model {
    bytes: Vec<Option<u8>>,
    total: Option<u64>,
}

impl Model {
    /// None when it is not whole; an error when something lies beyond the end.
    fn chunk(&mut self, (at, data, _, last): &Chunk) -> Result<Option<Vec<u8>>, ()> {
        for (number, byte) in (*at..).zip(data) {
            if self.total.is_some_and(|total| number > total) {
                return Err(());
            }
            let place = usize::try_from(number - 1).unwrap();
            if self.bytes.len() <= place {
                self.bytes.resize(place + 1, None);
            }
            self.bytes[place] = Some(*byte);
        }
        if *last {
            self.total = Some(at - 1 + data.len() as u64);
        }
        let Some(total) = self.total else { return Ok(None) };
        if self.bytes.len() as u64 > total {
            return Err(());
        }
        let whole: Option<Vec<u8>> = self.bytes.iter().copied().collect();
        Ok(whole.filter(|whole| whole.len() as u64 == total))
    }
}

proptest! {
    #[test]
    fn two_models_of_reassembly_agree(chunks in chunks()) {
        let limits = Limits { msrp_gaps: 100, ..Limits::default() };
        let (mut message, mut model) = (Assembly::new(Delivery::Whole), Model::default());
        for chunk in &chunks {
            let (start, data, cut, last) = chunk;
            let mut at = *start;
            let mut got = Ok(Progress::More);
            for piece in data.chunks(*cut) {
                if let Err(refused) = message.piece(at, piece, &limits) {
                    got = Err(refused);
                    break;
                }
                at += piece.len() as u64;
            }
            if got.is_ok() {
                let flag = if *last { Continuation::Complete } else { Continuation::More };
                got = message.end(at, flag);
            }
            match model.chunk(chunk) {
                Ok(None) => prop_assert_eq!(got, Ok(Progress::More)),
                Ok(Some(bytes)) => {
                    prop_assert_eq!(got, Ok(Progress::Whole(bytes.into())));
                    return Ok(());
                }
                Err(()) => {
                    prop_assert_eq!(got, Err(Refused::Beyond));
                    return Ok(());
                }
            }
        }
    }

    #[test]
    fn intervals_are_a_set(ranges in proptest::collection::vec((0_u64..60, 0_u64..12), 0..40)) {
        let (mut intervals, mut set) = (Intervals::EMPTY, BTreeSet::new());
        for (start, len) in ranges {
            intervals.insert(start..start + len, usize::MAX).unwrap();
            set.extend(start..start + len);
            prop_assert_eq!(intervals.covered(), set.len() as u64);
            prop_assert_eq!(intervals.end(), set.last().map_or(0, |last| last + 1));
            let runs = set.iter().filter(|at| **at == 0 || !set.contains(&(**at - 1))).count();
            prop_assert_eq!((intervals.len(), intervals.is_empty()), (runs, runs == 0));
            for at in 0..80 {
                let gap = (at..).find(|at| !set.contains(at)).unwrap();
                prop_assert_eq!(intervals.first_gap(at), gap);
            }
        }
    }
}
