//! What a desktop sharing line says of both sides.

use std::any::Any;

use super::*;
use crate::id::{AccountId, SessionId};
use crate::negotiation::{Negotiator, Origin};
use crate::sdp::Session;
use crate::settings::kind::MsrpTransport;
use crate::sip::NameAddr;
use crate::stream::Registry;

/// What views or is viewed here when the peer's line has these attributes; none if the line is none of desktop sharing.
fn handler(types: &str, more: &str) -> Option<DesktopSharingHandler> {
    let name = NameAddr::parse(&"sip:alice@192.0.2.1".into()).unwrap();
    let mut info = SessionInfo::new(SessionId::from_u64(0), AccountId::from_u64(0), name.clone(), name);
    info.settings.msrp.transport = MsrpTransport::Tcp;
    let offer = format!(
        "v=0\r\no=- 9 9 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=application 2855 TCP/MSRP *\r\n\
         a=path:msrp://192.0.2.2:2855/abc;tcp\r\na=accept-types:{types}\r\n{more}"
    );
    let (config, address) = (Config::default(), "192.0.2.1".parse().unwrap());
    let offer = Session::parse(offer.as_bytes(), &config.limits).unwrap();
    let mut negotiator = Negotiator::new(Origin { username: "-".into(), session_id: 7, address }, "test".into());
    let proposal = negotiator.remote_offer(&offer).unwrap();
    let stream = Registry::default().recognize(&config, &info, &proposal.slots[0], &[])?;
    let stream: &dyn Any = &*stream;
    Some(stream.downcast_ref::<DesktopSharingStream>().unwrap().handler().clone())
}

#[test]
fn who_offers_to_view_is_viewed() {
    use DesktopSharingHandler::{InternalServer, InternalViewer};
    for (types, more, wanted) in [
        (RFB, "a=rfbsetup:active\r\n", Some(InternalServer)),
        (RFB, "a=rfbsetup:passive\r\n", Some(InternalViewer)),
        (RFB, "", Some(InternalServer)),
        ("*", "a=rfbsetup:passive\r\n", Some(InternalViewer)),
        (RFB, "a=rfbsetup:sideways\r\n", None),
        ("text/plain", "a=rfbsetup:active\r\n", None),
    ] {
        assert_eq!(handler(types, more), wanted, "{types} {more}");
    }
}
