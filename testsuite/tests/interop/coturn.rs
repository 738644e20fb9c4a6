//! coturn as STUN server (RFC 8489): a registrar hands it the keep-alives that it gets (RFC 5626 section 4.4.2), and the address that
//! coturn sees is the one that is registered then.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sipsimple_core::stun::is_stun;
use sipsimple_testsuite::draft::Draft;
use sipsimple_testsuite::sip::{Sip, address_of, uri_of};

use crate::peer::{LOOPBACKS, Running, find, free_port, has_address, host_port, sipsimple, wait_until_bound};

/// A registrar that answers every REGISTER, and lets somebody else answer STUN.
struct Registrar {
    /// Where the registrar is.
    front: UdpSocket,
    /// Where it asks from: what the STUN server sees.
    back: UdpSocket,
    stun: SocketAddr,
    client: Option<SocketAddr>,
}

impl Registrar {
    fn new(address: &str, stun: u16) -> Self {
        let bind = || {
            let socket = UdpSocket::bind((address, 0)).expect("a port");
            socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
            socket
        };
        let stun = SocketAddr::new(address.parse().expect("an address"), stun);
        Self { front: bind(), back: bind(), stun, client: None }
    }

    /// Does what is to be done now; a REGISTER that came.
    fn turn(&mut self) -> Option<Sip> {
        let mut buffer = [0; 65_536];
        if let Ok((length, _)) = self.back.recv_from(&mut buffer)
            && let Some(client) = self.client
        {
            self.front.send_to(&buffer[..length], client).expect("it is sent");
        }
        let (length, from) = self.front.recv_from(&mut buffer).ok()?;
        let data = Bytes::copy_from_slice(&buffer[..length]);
        self.client = Some(from);
        if is_stun(&data) {
            self.back.send_to(&data, self.stun).expect("it is sent");
            return None;
        }
        let sip = Sip::read(&data).filter(|sip| sip.request() == "REGISTER")?;
        let contact = sip.list("contact").last().map(|contact| (*contact).to_owned()).unwrap_or_default();
        let answer = Draft::response(&sip, 200, "registrar")
            .with("Contact", format!("{contact};expires=600"))
            .with("Require", "outbound");
        self.front.send_to(&answer.bytes(), from).expect("it is sent");
        Some(sip)
    }
}

#[test]
fn the_address_that_coturn_sees_is_registered() {
    let Some(turnserver) = find("turnserver") else { return };
    for address in LOOPBACKS {
        if !has_address(address) {
            continue;
        }
        let port = free_port(address);
        let (listening, number) = (format!("--listening-ip={address}"), format!("--listening-port={port}"));
        let args = ["-n", &listening, &number, "--stun-only", "--no-tls", "--no-dtls", "--no-cli", "--log-file=stdout"];
        let files = ["--pidfile=pid", "--userdb=users"];
        let _coturn = Running::start(&turnserver, &[&args[..], &files[..]].concat());
        wait_until_bound(address, port);
        let mut registrar = Registrar::new(address, port);
        let front = registrar.front.local_addr().expect("its address").port();
        let route = format!("udp:{}", host_port(address, front));
        let account = format!("alice@{}", if address.contains(':') { "[::1]" } else { address });
        let mut program = Running::start(sipsimple(), &["register", &account, "--route", &route]);
        let (start, mut contacts) = (Instant::now(), Vec::new());
        let public = registrar.back.local_addr().expect("its address");
        while contacts.last().copied().flatten() != Some(public) {
            assert!(start.elapsed() < Duration::from_secs(20), "{contacts:?}\n{}", program.output());
            if let Some(register) = registrar.turn() {
                // What is to be forgotten comes before what is to be kept.
                contacts.push(register.list("contact").last().and_then(|contact| address_of(uri_of(contact))));
            }
        }
        // The first one is that of its own socket.
        assert!(contacts.len() >= 2 && contacts[0] != Some(public), "{contacts:?}");
        let leaves = thread::spawn(move || program.terminate(Duration::from_secs(10)));
        while !leaves.is_finished() {
            registrar.turn();
        }
        assert!(leaves.join().expect("it has ended").success());
    }
}
