//! What a hostile peer, or a careless application, may do to SIP messages: no panic (GEN-1), time linear in the size, the right answer.
//!
//! | subject | where |
//! |---|---|
//! | Content-Length that lies, CSeq beyond 32 bits, display names that do not end, URIs of other schemes, headers twice, Via that is none, header smuggling, escapes | `edits` |
//! | lists without end, lines and URIs without end: limits and linear time | `size` |
//! | what an application gives to be written | `builder` |
//! | bytes that are cut or changed anywhere | `mutation` |
//! | lengths on streams, datagrams of nothing | `stream` |
//! | streams that stall, never end or are too many | `hostile_dialogs/streams`, and the core's tests of transport |
//! | several messages in one datagram | `edits`, and the core's tests of transport |
//! | headers embedded in Refer-To | `hostile_dialogs/consent`, and the core's tests of transfers |
//! | WebSocket frames | not applicable: there is no such transport |

mod builder;
mod edits;
mod mutation;
mod size;
mod stream;
#[path = "../verdicts/mod.rs"]
mod verdicts;

use std::collections::BTreeSet;

use bytes::Bytes;
use sipsimple_core::limits::Limits;
use sipsimple_core::sip::{Contact, Message};

/// Reads everything of a message that can be read. Gives what it cost in values found, so that nothing is optimised away.
fn read_all(data: &Bytes, limits: &Limits) -> usize {
    let message = match Message::parse(data.clone(), limits) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.at <= data.len(), "{error} is not in {} bytes", data.len());
            return error.response().map_or(0, usize::from);
        }
    };
    let (rejection, mut found) = match &message {
        Message::Request(request) => {
            (request.validate().err(), usize::from(request.uri().is_ok()) + request.method().as_str().len())
        }
        Message::Response(response) => {
            (response.validate().err(), usize::from(response.code()) + response.reason().len())
        }
    };
    if let Some(rejection) = rejection {
        assert!(rejection.at <= data.len(), "{rejection} is not in {} bytes", data.len());
    }
    let headers = message.headers();
    let names: BTreeSet<_> = headers.fields().map(|(_, name, _)| name).collect();
    for name in names {
        found += headers.values(name).filter(Result::is_ok).count();
    }
    found += headers.fields().map(|(_, _, value)| value.len()).sum::<usize>();
    found += headers.all::<Contact>().filter(Result::is_ok).count();
    found + headers.body().len()
}
