//! Compound packets: what is written is read again, what is malformed is dropped whole, what is unknown is passed over.

use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::rtp::ntp::Ntp;
use crate::rtp::rtcp::{ItemKind, ReportBlock, SenderInfo, Writer};

fn parse(bytes: &[u8]) -> Result<Vec<Packet>, CompoundError> {
    Compound::parse(Bytes::copy_from_slice(bytes)).map(|compound| compound.packets().collect())
}

const EMPTY_REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 7];

/// An empty report followed by these bytes.
fn after_report(rest: &[u8]) -> Vec<u8> {
    [&EMPTY_REPORT, rest].concat()
}

#[test]
fn the_header_is_checked_as_the_standard_says() {
    assert_eq!(parse(&[]), Err(CompoundError::Length { at: 0 }));
    assert_eq!(parse(&[0x80, 201, 0]), Err(CompoundError::Length { at: 0 }));
    assert_eq!(parse(&[0x40, 201, 0, 1, 0, 0, 0, 7]), Err(CompoundError::Version { at: 0, version: 1 }));
    assert_eq!(parse(&[0x80, 202, 0, 1, 0, 0, 0, 7]), Err(CompoundError::First(202)));
    assert_eq!(parse(&[0x80, 201, 0, 2, 0, 0, 0, 7]), Err(CompoundError::Length { at: 0 }));
    assert_eq!(parse(&[0x80, 201, 0xff, 0xff, 0, 0, 0, 7]), Err(CompoundError::Length { at: 0 }));
    assert_eq!(parse(&[0x80, 201, 0, 0, 0, 0, 0, 7]), Err(CompoundError::Body { at: 0, packet_type: 201 }));
    assert_eq!(parse(&after_report(&[0])), Err(CompoundError::Length { at: 8 }));
    assert_eq!(parse(&after_report(&[0x00, 203, 0, 0])), Err(CompoundError::Version { at: 8, version: 0 }));
    assert_eq!(parse(&EMPTY_REPORT).unwrap().len(), 1);
}

#[test]
fn padding_is_for_the_last_packet_only() {
    // In the first packet, though it is the last as well (appendix A.2).
    assert_eq!(parse(&[0xa0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4]), Err(CompoundError::Padding { at: 0 }));
    let padded = after_report(&[0xa1, 203, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4]);
    assert!(matches!(&parse(&padded).unwrap()[1], Packet::Bye(bye) if bye.sources().eq([7]) && bye.reason.is_none()));
    let middle = [&padded[..], &[0x80, 209, 0, 0]].concat();
    assert_eq!(parse(&middle), Err(CompoundError::Padding { at: 8 }));
    for size in [0, 1, 2, 3, 5, 12, 255] {
        let padded = after_report(&[0xa1, 203, 0, 2, 0, 0, 0, 7, 0, 0, 0, size]);
        assert_eq!(parse(&padded), Err(CompoundError::Padding { at: 8 }), "padding of {size}");
    }
}

#[test]
fn one_unknown_packet_does_not_discard_the_compound() {
    let bytes = after_report(&[0x85, 207, 0, 1, 1, 2, 3, 4, 0x81, 203, 0, 1, 0, 0, 0, 9]);
    let packets = parse(&bytes).unwrap();
    assert_eq!(packets.len(), 3);
    let Packet::Unknown(unknown) = &packets[1] else { panic!("{packets:?}") };
    assert_eq!((unknown.packet_type, unknown.count, &unknown.data[..]), (207, 5, &[1, 2, 3, 4][..]));
    assert!(matches!(&packets[2], Packet::Bye(bye) if bye.sources().eq([9])));
}

#[test]
fn counts_beyond_the_packet_drop_the_compound() {
    let wrong = |packet_type| Err(CompoundError::Body { at: 8, packet_type });
    assert_eq!(parse(&after_report(&[0x9f, 203, 0, 1, 0, 0, 0, 9])), wrong(203));
    assert_eq!(parse(&after_report(&[0x81, 201, 0, 1, 0, 0, 0, 9])), wrong(201));
    assert_eq!(parse(&after_report(&[0x80, 200, 0, 1, 0, 0, 0, 9])), wrong(200));
    assert_eq!(parse(&after_report(&[0x80, 204, 0, 1, 0, 0, 0, 9])), wrong(204));
    // A reason longer than the packet.
    assert_eq!(parse(&after_report(&[0x81, 203, 0, 2, 0, 0, 0, 9, 4, b'x', b'y', b'z'])), wrong(203));
    // A description without its end, with an item past it, and with fewer chunks than it counts.
    assert_eq!(parse(&after_report(&[0x81, 202, 0, 2, 0, 0, 0, 9, 1, 2, b'a', b'b'])), wrong(202));
    assert_eq!(parse(&after_report(&[0x81, 202, 0, 2, 0, 0, 0, 9, 1, 200, b'a', 0])), wrong(202));
    assert_eq!(parse(&after_report(&[0x82, 202, 0, 2, 0, 0, 0, 9, 1, 1, b'a', 0])), wrong(202));
    assert_eq!(parse(&after_report(&[0x81, 202, 0, 1, 0, 0, 0, 9])), wrong(202));
}

#[test]
fn descriptions_may_hold_several_chunks_each_up_to_a_word_border() {
    let chunks = [
        [0, 0, 0, 1, 1, 1, b'a', 0].as_slice(),
        &[0, 0, 0, 2, 1, 2, b'b', b'b', 0, 0, 0, 0],
        &[0, 0, 0, 3, 0, 0, 0, 0],
        &[0, 0, 0, 4, 6, 1, b't', 1, 1, b'd', 0, 0],
    ]
    .concat();
    let mut bytes = vec![0x84, 202, 0, u8::try_from(chunks.len() / 4).unwrap()];
    bytes.extend(chunks);
    let packets = parse(&after_report(&bytes)).unwrap();
    let Packet::SourceDescription(description) = &packets[1] else { panic!("{packets:?}") };
    let names: Vec<_> = description.chunks().map(|chunk| (chunk.ssrc, chunk.cname())).collect();
    let name = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    assert_eq!(names, [(1, name("a")), (2, name("bb")), (3, None), (4, name("d"))]);
}

#[test]
fn the_loss_is_a_signed_number_of_24_bits() {
    for lost in [0, 1, -1, 0x7f_ffff, -0x80_0000] {
        let mut out = BytesMut::new();
        Writer::new(&mut out).receiver_report(1, &[ReportBlock { lost, ..ReportBlock::default() }]);
        let packets = parse(&out).unwrap();
        let Packet::ReceiverReport(report) = &packets[0] else { panic!("{packets:?}") };
        assert_eq!(report.reports.iter().next().unwrap().lost, lost);
    }
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let mut out = BytesMut::new();
    let mut writer = Writer::new(&mut out);
    writer.receiver_report(1, &[]);
    writer.source_description(1, &[(ItemKind::Cname, &"ü".repeat(200))]);
    let packets = parse(&out).unwrap();
    let Packet::SourceDescription(description) = &packets[1] else { panic!("{packets:?}") };
    assert_eq!(description.chunks().next().unwrap().cname().unwrap(), "ü".repeat(127).as_bytes());
}

/// One packet, as arguments of the writer.
#[derive(Clone, Debug)]
enum Written {
    Sender(u32, SenderInfo, Vec<ReportBlock>),
    Receiver(u32, Vec<ReportBlock>),
    Description(u32, Vec<(u8, String)>),
    Bye(Vec<u32>, Option<String>),
    App(u32, u8, [u8; 4], Vec<u8>),
}

prop_compose! {
    fn block()(ssrc: u32, fraction_lost: u8, lost in -0x80_0000..0x80_0000i32, highest: u32, jitter: u32, last_sr: u32, delay: u32) -> ReportBlock {
        ReportBlock { ssrc, fraction_lost, lost, highest, jitter, last_sr, delay }
    }
}

fn report() -> impl Strategy<Value = Written> {
    let blocks = || proptest::collection::vec(block(), 0..32);
    prop_oneof![
        (any::<u32>(), any::<(u64, u32, u32, u32)>(), blocks()).prop_map(
            |(ssrc, (ntp, timestamp, packets, octets), blocks)| {
                Written::Sender(ssrc, SenderInfo { ntp: Ntp(ntp), timestamp, packets, octets }, blocks)
            }
        ),
        (any::<u32>(), blocks()).prop_map(|(ssrc, blocks)| Written::Receiver(ssrc, blocks)),
    ]
}

fn any_packet() -> impl Strategy<Value = Written> {
    prop_oneof![
        report(),
        (any::<u32>(), proptest::collection::vec((1..=255u8, ".{0,20}"), 0..4))
            .prop_map(|(ssrc, items)| Written::Description(ssrc, items)),
        (proptest::collection::vec(any::<u32>(), 0..32), proptest::option::of(".{0,20}"))
            .prop_map(|(sources, reason)| Written::Bye(sources, reason)),
        (any::<u32>(), 0..32u8, any::<[u8; 4]>(), proptest::collection::vec(any::<[u8; 4]>(), 0..4))
            .prop_map(|(ssrc, subtype, name, data)| Written::App(ssrc, subtype, name, data.concat())),
    ]
}

fn write(writer: &mut Writer<'_>, packet: &Written) {
    match packet {
        Written::Sender(ssrc, info, blocks) => writer.sender_report(*ssrc, info, blocks),
        Written::Receiver(ssrc, blocks) => writer.receiver_report(*ssrc, blocks),
        Written::Description(ssrc, items) => {
            let items: Vec<_> =
                items.iter().map(|(kind, text)| (ItemKind::from_number(*kind), text.as_str())).collect();
            writer.source_description(*ssrc, &items);
        }
        Written::Bye(sources, reason) => writer.bye(sources, reason.as_deref()),
        Written::App(ssrc, subtype, name, data) => writer.app(*ssrc, *subtype, *name, data),
    }
}

/// Whether the packet read is the one that was written.
fn same(written: &Written, read: &Packet) -> bool {
    match (written, read) {
        (Written::Sender(ssrc, info, blocks), Packet::SenderReport(report)) => {
            report.ssrc == *ssrc && report.info == *info && report.reports.iter().eq(blocks.iter().copied())
        }
        (Written::Receiver(ssrc, blocks), Packet::ReceiverReport(report)) => {
            report.ssrc == *ssrc && report.reports.iter().eq(blocks.iter().copied())
        }
        (Written::Description(ssrc, items), Packet::SourceDescription(description)) => {
            let chunks: Vec<_> = description.chunks().collect();
            chunks.len() == 1
                && chunks[0].ssrc == *ssrc
                && chunks[0]
                    .items()
                    .map(|item| (item.kind.number(), item.text))
                    .eq(items.iter().map(|(kind, text)| (*kind, Bytes::copy_from_slice(text.as_bytes()))))
        }
        (Written::Bye(sources, reason), Packet::Bye(bye)) => {
            let reason = reason.as_ref().map(|reason| Bytes::copy_from_slice(reason.as_bytes()));
            // An empty reason without padding behind it reads as none, or as the empty one that it is.
            bye.sources().eq(sources.iter().copied()) && bye.reason == reason
        }
        (Written::App(ssrc, subtype, name, data), Packet::App(app)) => {
            (app.ssrc, app.subtype, app.name) == (*ssrc, *subtype, *name) && app.data == data[..]
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(first in report(), rest in proptest::collection::vec(any_packet(), 0..6)) {
        let mut out = BytesMut::new();
        let written = [vec![first], rest].concat();
        for packet in &written {
            write(&mut Writer::new(&mut out), packet);
        }
        let read = parse(&out).unwrap();
        prop_assert_eq!(read.len(), written.len());
        for (written, read) in written.iter().zip(&read) {
            prop_assert!(same(written, read), "{:?} was read as {:?}", written, read);
        }
    }

    #[test]
    fn a_compound_cut_short_is_dropped(packet in report(), cut in 1..28usize) {
        let mut out = BytesMut::new();
        write(&mut Writer::new(&mut out), &packet);
        let left = out.len().saturating_sub(cut);
        prop_assert!(parse(&out[..left]).is_err());
    }

    #[test]
    fn any_bytes_are_read_without_panic(
        heads in proptest::collection::vec((0x80..0xc0u8, 198..210u8, 0..4u8, proptest::collection::vec(any::<u8>(), 0..20)), 0..6),
    ) {
        let mut bytes = EMPTY_REPORT.to_vec();
        for (first, packet_type, words, rest) in heads {
            bytes.extend([first, packet_type, 0, words]);
            bytes.extend(rest);
        }
        if let Ok(packets) = parse(&bytes) {
            for packet in packets {
                let _ = format!("{packet:?}");
                if let Packet::SourceDescription(description) = packet {
                    let items: usize = description.chunks().map(|chunk| chunk.items().count()).sum();
                    prop_assert!(items <= bytes.len());
                }
            }
        }
    }
}
