//! The resolver: its rules as tables over a zone, and the whole against name servers that are scripts.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

mod answers;
mod asking;
mod hostile;
mod keeping;
mod locating;
mod lookups;
mod messages;
mod names;
mod order;
mod probing;
mod script;
pub(crate) mod zone;

use std::net::SocketAddr;

use super::*;
use script::{Reply, Script};
use zone::Zone;

/// The name server that most scripts configure.
const SERVER: &str = "192.0.2.53:53";

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// The zone of the examples of RFC 3263 and of what else the rules tell apart.
fn lab() -> Zone {
    Zone::parse(
        "lab.test NAPTR 50 50 s SIPS+D2T - _sips._tcp.lab.test
         lab.test NAPTR 90 50 s SIP+D2T - _sip._tcp.lab.test
         lab.test NAPTR 100 50 s SIP+D2U - _sip._udp.lab.test
         lab.test NAPTR 110 50 u E2U+email !^.*$!mailto:x@lab.test! .
         lab.test A 192.0.2.1
         _sip._udp.lab.test SRV 10 60 5070 sip1.lab.test
         _sip._udp.lab.test SRV 20 0 5074 sip3.lab.test
         _sip._tcp.lab.test SRV 10 0 5070 sip1.lab.test
         _sips._tcp.lab.test SRV 10 0 5071 sip.lab.test
         _stun._udp.lab.test SRV 10 0 3479 sip.lab.test
         _msrps._tcp.lab.test SRV 10 0 2856 sip.lab.test
         xcap.lab.test TXT http://192.0.2.1:8070/xcap-root|ftp://no|https://|HTTPS://b.test/root=1
         sip.lab.test A 192.0.2.1
         sip1.lab.test A 192.0.2.11
         sip1.lab.test AAAA 2001:db8::11
         sip3.lab.test CNAME sip1.lab.test
         _sip._udp.srvonly.test SRV 5 0 5070 sip1.lab.test
         _sip._tcp.srvonly.test SRV 5 0 5070 sip1.lab.test
         _sips._tcp.srvonly.test SRV 5 0 5071 sip.lab.test
         aonly.test A 192.0.2.22
         aonly.test A 192.0.2.21
         v6only.test AAAA 2001:db8::66
         badnaptr.test NAPTR 10 10 s SIP+D2T - _sip._tcp.gone.test
         badnaptr.test NAPTR 20 10 s SIP+D2U - _sip._udp.lab.test
         pref.test NAPTR 10 20 S sip+d2u - _sip._udp.lab.test
         pref.test NAPTR 10 10 s SIP+D2T - _sip._tcp.lab.test
         pref.test NAPTR 10 5 s SIP+D2S - _sip._sctp.lab.test
         pref.test NAPTR 10 1 a SIP+D2X - sip1.lab.test
         loops.test NAPTR 10 1 - SIP+D2U - loops.test
         loops.test NAPTR 10 2 s SIP+D2U !x!y! .
         loops.test A 192.0.2.77
         _sip._udp.dot.test SRV 0 0 0 .
         dot.test A 192.0.2.99
         _sip._udp.failover.test SRV 10 0 5070 nohost.lab.test
         _sip._udp.failover.test SRV 20 0 5070 sip1.lab.test
         _sip._udp.nohosts.test SRV 10 0 5070 nohost.lab.test
         nohosts.test A 192.0.2.98
         c1.test CNAME c2.test
         c2.test CNAME aonly.test
         loop1.test CNAME loop2.test
         loop2.test CNAME loop1.test
         dangling.test CNAME nothere.test",
    )
}
