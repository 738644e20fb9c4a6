//! Options of the sockets of streams.

use std::net::{Ipv4Addr, TcpListener};

use super::*;

#[test]
fn little_waits_unsent_in_the_system() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let stream = Stream::plain(Async::new(stream).unwrap());
    let socket = SockRef::from(stream.socket.get_ref());
    assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT);
    assert!(socket.tcp_nodelay().unwrap());
}
