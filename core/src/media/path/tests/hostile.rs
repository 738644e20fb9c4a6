//! Anything may come, from anywhere, at any time, between any calls: nothing panics, loops, grows, or goes where it should not.

use proptest::prelude::*;

use super::*;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Raw(Component, usize, Vec<u8>),
    /// A data packet: address, SSRC, payload type, number, timestamp, payload.
    Media(usize, u32, u8, u16, u32, Vec<u8>),
    /// Control packets: address, and for each its type, count and words.
    Control(Component, usize, Vec<(u8, u8, Vec<u32>)>),
    Push(u32),
    Skip(u32),
    Key(char, u64),
    Update(bool, bool, bool, u32, Option<u64>),
    Timeout,
    Pull,
    Stop,
}

fn addresses() -> [SocketAddr; 4] {
    [peer(), address("192.0.2.2:5001"), address("198.51.100.7:31000"), address("[2001:db8::66]:6666")]
}

fn component() -> impl Strategy<Value = Component> {
    prop_oneof![Just(Component::Rtp), Just(Component::Rtcp)]
}

fn ssrc() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(PEER_SSRC), 1 => Just(OUR_SSRC), 1 => 0..3u32, 1 => any::<u32>()]
}

fn step() -> impl Strategy<Value = Step> {
    let words = proptest::collection::vec(prop_oneof![any::<u32>(), Just(PEER_SSRC), Just(OUR_SSRC)], 0..12);
    let packets = proptest::collection::vec((prop_oneof![200..205u8, any::<u8>()], 0..4u8, words), 1..4);
    let payload = proptest::collection::vec(any::<u8>(), 0..12);
    prop_oneof![
        3 => prop_oneof![0..100u64, 0..60_000u64].prop_map(Step::Wait),
        1 => (component(), 0..4usize, proptest::collection::vec(any::<u8>(), 0..60)).prop_map(|(c, a, b)| Step::Raw(c, a, b)),
        8 => (0..4usize, ssrc(), prop_oneof![Just(96u8), Just(8), Just(102), 0..128u8], prop_oneof![0..8u16, any::<u16>()], any::<u32>(), payload)
            .prop_map(|(a, s, t, n, time, p)| Step::Media(a, s, t, n, time, p)),
        3 => (component(), 0..4usize, packets).prop_map(|(c, a, p)| Step::Control(c, a, p)),
        2 => any::<u32>().prop_map(Step::Push),
        1 => any::<u32>().prop_map(Step::Skip),
        1 => (prop_oneof![Just('1'), Just('#'), any::<char>()], any::<u64>()).prop_map(|(c, d)| Step::Key(c, d)),
        1 => any::<(bool, bool, bool, u32, Option<u64>)>().prop_map(|(s, r, n, p, t)| Step::Update(s, r, n, p, t)),
        3 => Just(Step::Timeout),
        2 => Just(Step::Pull),
    ]
}

/// A compound of these packets with true lengths, so that what is inside is looked at.
fn compound(packets: &[(u8, u8, Vec<u32>)]) -> Bytes {
    let mut bytes = Vec::new();
    for (packet_type, count, words) in packets {
        bytes.extend([0x80 | count, *packet_type, 0, u8::try_from(words.len()).unwrap()]);
        words.iter().for_each(|word| bytes.extend(word.to_be_bytes()));
    }
    bytes.into()
}

fn changed(sends: bool, receives: bool, nowhere: bool, ptime: u32, timeout: Option<u64>) -> Parameters {
    let mut changed = parameters();
    changed.direction = Direction::new(sends, receives);
    changed.ptime = ptime;
    changed.timeout = timeout.map(Duration::from_nanos);
    if nowhere {
        (changed.remote_rtp, changed.remote_rtcp, changed.telephone_event) = (None, None, None);
    }
    if ptime.is_multiple_of(3) {
        changed.formats = vec![Format { clock_rate: ptime, ..format("X", 97, 8) }];
    }
    if ptime.is_multiple_of(7) {
        changed.formats.clear();
    }
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_the_path(
        start in prop_oneof![Just(0u64), any::<u64>()],
        steps in proptest::collection::vec(step(), 0..250),
        stop in 0..300usize,
    ) {
        let mut now = Instant::from_nanos(start);
        let mut path = Path::new(&setup(1), now, Utc { unix_millis: 1_700_000_000_000 });
        path.start(now, parameters());
        let mut direction = Direction::SendRecv;
        let mut steps = steps;
        steps.insert(stop.min(steps.len()), Step::Stop);
        for step in steps {
            match step {
                Step::Wait(millis) => now += Duration::from_millis(millis),
                Step::Raw(component, from, data) => path.datagram(now, component, addresses()[from], data.into()),
                Step::Media(from, ssrc, payload_type, sequence, timestamp, payload) => {
                    let header = Header { marker: timestamp % 2 == 0, payload_type, sequence, timestamp, ssrc };
                    receive(&mut path, now, addresses()[from], &Packet { header, payload: payload.into(), ..Packet::default() });
                }
                Step::Control(component, from, packets) => path.datagram(now, component, addresses()[from], compound(&packets)),
                Step::Push(samples) => path.push(now, &[0; 20], samples),
                Step::Skip(samples) => path.skip(now, samples),
                Step::Key(digit, duration) => drop(path.send_dtmf(now, digit, Duration::from_nanos(duration))),
                Step::Update(sends, receives, nowhere, ptime, timeout) => {
                    let parameters = changed(sends, receives, nowhere, ptime, timeout);
                    direction = if nowhere { Direction::new(false, receives) } else { parameters.direction };
                    path.update(now, parameters);
                    let waiting = transmits(&mut path);
                    prop_assert!(waiting.len() <= MAX_QUEUE + CONTROL_ROOM);
                }
                Step::Timeout => {
                    path.timeout(now);
                    prop_assert!(path.deadline().is_none_or(|next| next > now || now == Instant::from_nanos(u64::MAX)));
                }
                Step::Pull => {
                    let played = std::iter::from_fn(|| Some(path.pull(now)).filter(|pull| *pull != Pull::Wait)).count();
                    prop_assert!(played < 10_000);
                    prop_assert!(direction.receives() || played == 0);
                }
                Step::Stop => path.stop(now),
            }
            prop_assert!(path.events.len() <= MAX_QUEUE + 1);
            prop_assert!(path.transmits.len() <= MAX_QUEUE + CONTROL_ROOM);
            prop_assert!(path.reader_len() <= 64 && path.sources.on_probation() <= 4);
            for transmit in &path.transmits {
                prop_assert!(is_rtcp(&transmit.data) || direction.sends(), "sent although {direction}");
                // Only where the description says, or where packets came from.
                prop_assert!(addresses().contains(&transmit.to));
            }
        }
        prop_assert!(path.deadline().is_none() || path.state == State::Leaving);
    }
}
