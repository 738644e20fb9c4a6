//! Protecting and opening packets of 160 bytes; and, to compare with in the same run, the bare cipher and HMAC over as many bytes.

use std::hint::black_box;

use aes::Aes128Enc;
use aes::cipher::{InnerIvInit, StreamCipher, StreamCipherCoreWrapper};
use bytes::{BufMut, BytesMut};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::rtp::Header;
use sipsimple_core::rtp::srtp::{MAX_TRAILER, MasterKey, Receiver, Sender, Suite};

use super::{Round, Work, allocations};

/// Packets in a round.
const PACKETS: u64 = 1_000;

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    packets("srtp_bare_sha1_80", bare),
    packets("srtp_protect_sha1_80", || protect(Suite::AesCm128HmacSha1_80)),
    packets("srtp_unprotect_sha1_80", || unprotect(Suite::AesCm128HmacSha1_80)),
    packets("srtp_protect_gcm_128", || protect(Suite::AeadAes128Gcm)),
    packets("srtp_unprotect_gcm_128", || unprotect(Suite::AeadAes128Gcm)),
];

const fn packets(name: &'static str, prepare: fn() -> Round) -> Work {
    Work { name, unit: "packet", units: PACKETS, target: allocations(0), prepare }
}

fn key(suite: Suite) -> MasterKey {
    MasterKey::generate(suite, &mut Random::new(&Seed::from_u64(1)))
}

/// Writes a packet of 20 ms of G.711.
fn write(buffer: &mut BytesMut, sequence: u16) {
    buffer.clear();
    Header { marker: false, payload_type: 0, sequence, timestamp: 0, ssrc: 7 }.write(buffer);
    buffer.put_bytes(0x55, 160);
}

fn protect(suite: Suite) -> Round {
    let mut sender = Sender::new(&key(suite)).expect("it is of its suite");
    let mut buffer = BytesMut::with_capacity(172 + MAX_TRAILER);
    let mut sequence = 0u16;
    Box::new(move || {
        for _ in 0..PACKETS {
            sequence = sequence.wrapping_add(1);
            write(&mut buffer, sequence);
            sender.protect(&mut buffer).expect("it is newer");
            black_box(&buffer);
        }
    })
}

/// Opens a cycle of packets that were protected before; then another receiver begins with it.
fn unprotect(suite: Suite) -> Round {
    let key = key(suite);
    let mut sender = Sender::new(&key).expect("it is of its suite");
    let mut receiver = Receiver::new(&key).expect("it is of its suite");
    let mut buffer = BytesMut::with_capacity(172 + MAX_TRAILER);
    let mut sealed = Vec::new();
    for sequence in 0..50_000 {
        write(&mut buffer, sequence);
        sender.protect(&mut buffer).expect("it is newer");
        sealed.push(buffer.to_vec().into_boxed_slice());
    }
    let mut at = 0;
    Box::new(move || {
        for _ in 0..PACKETS {
            if at == sealed.len() {
                at = 0;
                receiver = Receiver::new(&key).expect("it is of its suite");
            }
            buffer.clear();
            buffer.extend_from_slice(&sealed[at]);
            at += 1;
            receiver.unprotect(&mut buffer).expect("it is new");
            black_box(&buffer);
        }
    })
}

fn bare() -> Round {
    let cipher = Aes128Enc::new(&[1; 16].into());
    let mac = Hmac::<Sha1>::new_from_slice(&[3; 20]).expect("any length will do");
    let mut buffer = BytesMut::with_capacity(172 + MAX_TRAILER);
    Box::new(move || {
        for sequence in 0..PACKETS {
            write(&mut buffer, u16::try_from(sequence).unwrap_or(0));
            let stream = CtrCore::<&Aes128Enc, Ctr128BE>::inner_iv_init(&cipher, &[2; 16].into());
            StreamCipherCoreWrapper::from_core(stream).apply_keystream(&mut buffer[12..]);
            let tag = mac.clone().chain_update(&buffer).chain_update([0; 4]).finalize().into_bytes();
            buffer.put_slice(&tag[..10]);
            black_box(&buffer);
        }
    })
}
