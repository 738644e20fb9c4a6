//! A VNC server (TigerVNC's Xvnc) is seen through `sipsimple share` and `sipsimple view`: what a VNC client fetches there equals what it
//! fetches from the server itself, and what was painted.

mod display;
mod rfb;

use std::time::Duration;

use display::Display;
use rfb::Client;

use crate::peer::{Running, free_port, sipsimple};
use crate::pki::Pki;

const LIMIT: Duration = Duration::from_secs(30);

/// Fetches two pictures through two programs with these options.
fn see(display: &mut Display, password: Option<&str>, options: &[&str]) {
    let listen = format!("tcp:127.0.0.1:{}", free_port("127.0.0.1"));
    let vnc = display.address.to_string();
    let mut share = Running::start(sipsimple(), &[&["share", "--vnc", &vnc, "--listen", &listen], options].concat());
    share.wait_for("listening", LIMIT);
    let uri = format!("sip:desktop@{};transport=tcp", listen.trim_start_matches("tcp:"));
    let mut view = Running::start(sipsimple(), &[&["view", &uri], options].concat());
    view.wait_for("can connect to 127.0.0.1:", LIMIT);
    let printed = view.output();
    let line = printed.lines().find(|line| line.contains("can connect to")).expect("it was waited for");
    let address = line.rsplit(' ').next().and_then(|word| word.parse().ok()).expect("an address");
    let (mut through, mut direct) = (Client::connect(address, password), Client::connect(display.address, password));
    for seed in [1, 2] {
        let painted = display.paint(seed);
        assert!(direct.fetch() == painted, "the server shows what was painted");
        assert!(through.fetch() == painted, "picture {seed} is another when it is shared with {options:?}");
    }
    drop(through);
    view.wait(LIMIT);
    share.succeed(LIMIT);
}

#[test]
fn a_screen_is_the_same_when_it_is_shared() {
    let Some(mut display) = Display::start(None) else { return };
    see(&mut display, None, &[]);
    let pki = Pki::new();
    let certificate = pki.self_signed("msrp.pem", &["127.0.0.1"]).display().to_string();
    see(&mut display, None, &["--msrp", "tls", "--tls-cert", &certificate]);
}

#[test]
fn a_screen_behind_a_password_is_the_same_when_it_is_shared() {
    let password = Some("labpass");
    let Some(mut display) = Display::start(password) else { return };
    see(&mut display, password, &["--connection-model", "acm"]);
}
