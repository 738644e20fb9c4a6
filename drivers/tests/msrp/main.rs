//! Chats and file transfers between two processes of the `sipsimple` program, over loopback sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;

mod large;
#[path = "../pki/mod.rs"]
mod pki;
#[path = "../waiting/mod.rs"]
mod waiting;

use waiting::{Waiting, sipsimple};

fn run(args: &[&str]) -> (bool, String) {
    let output = waiting::run(args);
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

#[test]
fn two_programs_chat_over_both_address_families() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let socket = format!("tcp:{address}");
        let waiting = Waiting::start(&["chat", "--listen", &socket, "--say", "pleased to meet you", "--expect", "2"]);
        let args = ["chat", &waiting.uri, "--say", "hello", "--say", "déjà vu", "--expect", "1", "--timeout", "20"];
        let (done, printed) = run(&args);
        assert!(done && printed.contains("pleased to meet you"), "{printed}");
        let ended = waiting.end();
        let printed = ended.printed + &ended.error;
        assert!(ended.code == Some(0) && printed.contains(": hello") && printed.contains(": déjà vu"), "{printed}");
    }
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 131 % 251).unwrap()).collect()
}

/// Sends a file of so many bytes, with these options on both sides.
fn transfer(dir: &Path, len: usize, options: &[&str]) {
    let (file, store) = (dir.join("a picture.jpg"), dir.join("store"));
    std::fs::write(&file, bytes(len)).unwrap();
    let mut args = vec!["receive", "--dir", store.to_str().unwrap(), "--listen", "tcp:127.0.0.1:0", "--count", "1"];
    args.extend(options);
    let waiting = Waiting::start(&args);
    let mut args = vec!["send", &waiting.uri, file.to_str().unwrap()];
    args.extend(options);
    let (done, printed) = run(&args);
    assert!(done && printed.contains("the file has arrived"), "{printed}");
    let ended = waiting.end();
    assert!(ended.code == Some(0) && ended.printed.contains("and its hash is right"), "{}", ended.printed);
    assert!(std::fs::read(store.join("a picture.jpg")).unwrap() == bytes(len));
    std::fs::remove_dir_all(store).unwrap();
}

#[test]
fn a_file_goes_between_two_programs() {
    let dir = tempfile::tempdir().unwrap();
    for len in [0, 1, 2048, 5_000_000] {
        transfer(dir.path(), len, &[]);
    }
    transfer(dir.path(), 100_000, &["--connection-model", "acm"]);
}

#[test]
fn a_file_goes_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let pki = pki::Pki::new();
    let certificate = pki.self_signed("msrp.pem", &["127.0.0.1"]);
    transfer(dir.path(), 3_000_000, &["--msrp", "tls", "--tls-cert", certificate.to_str().unwrap()]);
}

#[test]
fn a_transfer_resumes_where_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    let (file, store) = (dir.path().join("film"), dir.path().join("store"));
    std::fs::write(&file, bytes(1_000_000)).unwrap();
    std::fs::create_dir(&store).unwrap();
    std::fs::write(store.join("film"), &bytes(1_000_000)[..400_000]).unwrap();
    let waiting =
        Waiting::start(&["receive", "--dir", store.to_str().unwrap(), "--listen", "udp:127.0.0.1:0", "--count", "1"]);
    let (done, printed) = run(&["send", &waiting.uri, file.to_str().unwrap(), "--offset", "400000"]);
    assert!(done, "{printed}");
    assert_eq!(waiting.end().code, Some(0));
    assert!(std::fs::read(store.join("film")).unwrap() == bytes(1_000_000));
}

#[test]
fn what_resumes_behind_bytes_that_nobody_has_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (file, store) = (dir.path().join("film"), dir.path().join("store"));
    std::fs::write(&file, bytes(1000)).unwrap();
    std::fs::create_dir(&store).unwrap();
    std::fs::write(store.join("film"), &bytes(1000)[..399]).unwrap();
    let args = ["receive", "--dir", store.to_str().unwrap(), "--listen", "udp:127.0.0.1:0", "--count", "1"];
    let mut waiting = Waiting::start(&args);
    let (done, printed) = run(&["send", &waiting.uri, file.to_str().unwrap(), "--offset", "400"]);
    assert!(!done && printed.contains("488"), "{printed}");
    waiting.says("has 399 bytes, not the 400 to resume behind");
    assert_eq!(std::fs::read(store.join("film")).unwrap().len(), 399);
}

#[test]
fn what_cannot_be_said_or_sent_is_told() {
    let (done, printed) = run(&["send", "sip:bob@127.0.0.1:9", "/nowhere"]);
    assert!(!done && printed.contains("cannot read /nowhere"), "{printed}");
    let waiting = Waiting::start(&["answer", "--listen", "udp:127.0.0.1:0"]);
    let (done, printed) = run(&["chat", &waiting.uri, "--say", "x", "--msrp", "tls", "--timeout", "20"]);
    assert!(!done, "{printed}");
}

/// Something like a VNC server, for one viewer: it greets, wants a greeting, shows something, and says what it was greeted with.
fn vnc_server(screen: Vec<u8>) -> (SocketAddr, JoinHandle<[u8; 12]>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"RFB 003.008\n").unwrap();
        let mut greeting = [0; 12];
        stream.read_exact(&mut greeting).unwrap();
        stream.write_all(&screen).unwrap();
        // Until the viewer has gone.
        let _ = stream.read(&mut [0]);
        greeting
    };
    (address, std::thread::spawn(serve))
}

#[test]
fn a_desktop_is_seen_through_two_programs() {
    let screen = bytes(2_000_000);
    let (server, serving) = vnc_server(screen.clone());
    let share = Waiting::start(&["share", "--vnc", &server.to_string(), "--listen", "tcp:127.0.0.1:0"]);
    let mut view = sipsimple().args(["view", &share.uri]).spawn().unwrap();
    let mut lines = BufReader::new(view.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.contains("can connect to")).unwrap();
    let mut viewer = TcpStream::connect(line.rsplit(' ').next().unwrap()).unwrap();
    let mut greeting = [0; 12];
    viewer.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"RFB 003.008\n");
    viewer.write_all(b"RFB 003.003\n").unwrap();
    let mut seen = vec![0; screen.len()];
    viewer.read_exact(&mut seen).unwrap();
    assert!(seen == screen);
    drop(viewer);
    assert_eq!(&serving.join().unwrap(), b"RFB 003.003\n");
    assert_eq!(share.end().code, Some(0));
    view.wait().unwrap();
}
