//! Messages cut at every byte, and with every byte made another.

use bytes::{Bytes, BytesMut};
use sipsimple_core::limits::Limits;
use sipsimple_core::sip::Message;

use crate::read_all;
use crate::verdicts::table::octets;

/// Messages with many fields and unusual forms.
const MESSAGES: [&str; 6] = [
    "hostile/sip/request.sip",
    "hostile/sip/response.sip",
    "torture/rfc4475/wsinv.dat",
    "torture/rfc4475/intmeth.dat",
    "torture/amended/ipv4-mapped-ipv6.dat",
    "bench/02-register-auth.sip",
];

/// Bytes that mean something to a parser, and some that may not be there.
const BYTES: &[u8] = b"\0\t\n\r \"%,:;<>@[\x80";

#[test]
fn a_message_that_is_cut_is_no_message() {
    for name in MESSAGES {
        let whole = octets(name);
        assert!(Message::parse(whole.clone(), &Limits::default()).is_ok(), "{name}");
        for end in 0..whole.len() {
            let cut = whole.slice(..end);
            let read = Message::parse(cut.clone(), &Limits::default());
            assert!(read.is_err(), "{name} cut at {end}");
            read_all(&cut, &Limits::default());
        }
    }
}

#[test]
fn no_byte_anywhere_breaks_the_reading() {
    let mut found = 0;
    for name in MESSAGES {
        let mut data = BytesMut::from(&octets(name)[..]);
        for at in 0..data.len() {
            let kept = data[at];
            for byte in BYTES {
                data[at] = *byte;
                found += read_all(&Bytes::copy_from_slice(&data), &Limits::default());
            }
            data[at] = kept;
        }
    }
    assert!(found > 0);
}
