//! The frames of RFC 4975, 4976, 5547 and 7701 against the verdicts of `vectors/msrp/verdicts.tsv`, whole and byte by byte, by the framer
//! and by the watchers' own reader.

use std::path::Path;

use bytes::Bytes;
use sipsimple_core::limits::Limits;
use sipsimple_core::msrp::{Continuation, Frame, Framer};
use sipsimple_testsuite::msrp::Cutter;

/// The verdict on a frame, its body and its end.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, Vec<u8>, Continuation)> {
    let (mut framer, mut frames, mut begun) = (Framer::new(), Vec::new(), None);
    for piece in pieces {
        framer.feed(Bytes::copy_from_slice(piece));
        while let Some(frame) = framer.next(&Limits::default()) {
            match frame.unwrap() {
                Frame::Head(head) => {
                    let verdict = head.fault().map_or_else(|| "accept".to_owned(), |fault| fault.to_string());
                    begun = Some((verdict, Vec::new()));
                }
                Frame::Body(data) => begun.as_mut().unwrap().1.extend_from_slice(&data),
                Frame::End(flag) => {
                    let (verdict, body) = begun.take().unwrap();
                    frames.push((verdict, body, flag));
                }
            }
        }
    }
    frames
}

#[test]
fn the_examples_of_the_rfcs_have_their_verdicts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/msrp");
    let verdicts = std::fs::read_to_string(folder.join("verdicts.tsv")).unwrap();
    let mut seen = 0;
    for row in verdicts.lines().skip(1) {
        let [name, verdict, len, ..] = *row.split('\t').collect::<Vec<_>>() else { panic!("{row}") };
        let data = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let whole = read([data.as_slice()]);
        let [(found, body, flag)] = whole.as_slice() else { panic!("{name}: {whole:?}") };
        assert_eq!((found.as_str(), body.len().to_string().as_str()), (verdict, len), "{name}");
        assert_eq!(read(data.chunks(1)), whole, "{name}");
        if verdict == "accept" {
            let cut = Cutter::default().feed(&data);
            let [Ok(frame)] = cut.as_slice() else { panic!("{name}: {cut:?}") };
            let end = match flag {
                Continuation::Complete => '$',
                Continuation::More => '+',
                Continuation::Abort => '#',
            };
            assert_eq!((frame.body.clone().unwrap_or_default(), frame.flag), (body.clone(), end), "{name}");
        }
        seen += 1;
    }
    assert_eq!(seen, 53);
}
