//! The packet path of one stream: a frame in at one side, the same frame out at the other.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, BytesMut};

use sipsimple_core::media::{Component, Format, Keys, Parameters, Path, Pull, Setup};
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::rtp::srtp::{MasterKey, Suite};
use sipsimple_core::sdp::Direction;
use sipsimple_core::time::{Instant, Utc};

use super::{Round, Work, allocations};

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    Work { name: "rtp_packet", unit: "packet", units: 1_000, target: allocations(0), prepare: || packets(false) },
    Work { name: "srtp_packet", unit: "packet", units: 1_000, target: allocations(0), prepare: || packets(true) },
];

/// Samples, and bytes, of 20 ms of G.711.
const FRAME: [u8; 160] = [0x55; 160];

/// Buffers that a driver receives into, one after the other.
const RECEIVE_BUFFERS: usize = 16;

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// The keys of one end.
fn keys(number: u64) -> Option<Box<Keys>> {
    let key = |number| MasterKey::generate(Suite::AesCm128HmacSha1_80, &mut Random::new(&Seed::from_u64(number)));
    Some(Box::new(Keys { send: key(number), receive: key(3 - number) }))
}

fn path(number: u64, local: SocketAddr, remote: SocketAddr, srtp: Option<Box<Keys>>) -> Path {
    let setup = Setup {
        local: local.ip(),
        ports: (0, 0),
        seed: Seed::from_u64(number),
        ssrc: u32::try_from(number).unwrap_or(0) + 0x0a0a_0a0a,
        cname: "alice".into(),
        ice: None,
    };
    let format = Format {
        send_payload: 0,
        receive_payload: 0,
        encoding: "PCMU".into(),
        clock_rate: 8000,
        channels: 1,
        remote_fmtp: None,
        local_fmtp: None,
    };
    let parameters = Parameters {
        remote_rtp: Some(remote),
        remote_rtcp: Some(SocketAddr::new(remote.ip(), remote.port() + 1)),
        direction: Direction::SendRecv,
        formats: vec![format],
        telephone_event: None,
        comfort_noise: None,
        suppress_silence: false,
        ptime: 20,
        symmetric: true,
        timeout: Some(Duration::from_secs(30)),
        srtp,
        ice: None,
    };
    let mut path = Path::new(&setup, Instant::ZERO, Utc { unix_millis: 1_291_803_480_000 });
    path.start(Instant::ZERO, parameters);
    path
}

/// One way of a call, of which the other way is silent: push, transmit, datagram, pull; with the RTCP of both ways.
struct OneWay {
    now: Instant,
    ends: [Path; 2],
    addresses: [SocketAddr; 2],
    buffers: Vec<BytesMut>,
    next: usize,
}

impl OneWay {
    fn new(encrypted: bool) -> Self {
        let addresses = [address("192.0.2.1:4000"), address("192.0.2.2:5000")];
        Self {
            now: Instant::ZERO,
            ends: [
                path(1, addresses[0], addresses[1], keys(1).filter(|_| encrypted)),
                path(2, addresses[1], addresses[0], keys(2).filter(|_| encrypted)),
            ],
            addresses,
            buffers: vec![BytesMut::with_capacity(2048); RECEIVE_BUFFERS],
            next: 0,
        }
    }

    fn tick(&mut self) {
        self.now += Duration::from_millis(20);
        self.ends[0].push(self.now, &FRAME, 160);
        for from in [0, 1] {
            if self.ends[from].deadline().is_some_and(|at| at <= self.now) {
                self.ends[from].timeout(self.now);
            }
            self.carry(from);
        }
        while let Pull::Packet { payload, .. } = self.ends[1].pull(self.now) {
            black_box(payload);
        }
        for end in &mut self.ends {
            while let Some(event) = end.poll_event() {
                black_box(event);
            }
        }
    }

    /// What the sockets do: send what one end wrote, and receive it at the other into a buffer that was used before.
    fn carry(&mut self, from: usize) {
        while let Some(transmit) = self.ends[from].poll_transmit() {
            let buffer = &mut self.buffers[self.next];
            self.next = (self.next + 1) % RECEIVE_BUFFERS;
            buffer.reserve(1500);
            buffer.put_slice(&transmit.data);
            let data = buffer.split().freeze();
            drop(transmit.data);
            let (ip, port) = (self.addresses[from].ip(), self.addresses[from].port());
            let port = if transmit.component == Component::Rtp { port } else { port + 1 };
            self.ends[1 - from].datagram(self.now, transmit.component, SocketAddr::new(ip, port), data);
        }
    }
}

/// After 30 s, when all buffers have their size.
fn packets(encrypted: bool) -> Round {
    let mut way = OneWay::new(encrypted);
    for _ in 0..1_500 {
        way.tick();
    }
    assert!(way.ends[1].statistics().rx.packets > 1_400, "packets arrive");
    Box::new(move || {
        for _ in 0..1_000 {
            way.tick();
        }
    })
}
