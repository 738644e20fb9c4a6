//! Places a call, waits, ends it and stops: `cargo run --example call -- sip:bob@192.0.2.1:5060 udp:192.0.2.2:0`.

use std::time::Duration;

use sipsimple_drivers::stream::{AudioSpec, StreamSpec};
use sipsimple_drivers::{Application, Settings};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [to, from] = words.as_slice() else { return Err("whom to call, and where from?".into()) };
    call(to, from, Duration::from_secs(5))
}

/// Calls somebody from this socket, for as long.
pub(crate) fn call(to: &str, from: &str, time: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let application = Application::start(Settings::listening([from.parse()?]))?;
    let account = application.add_account("sip:alice@example.com")?;
    let session = application.connect(account, to, &[], &[StreamSpec::Audio(AudioSpec::default())])?;
    while let Some(event) = application.next_event() {
        match event.names().first() {
            Some(&"SIPSessionDidStart") => {
                std::thread::sleep(time);
                application.end(session)?;
            }
            Some(&("SIPSessionDidEnd" | "SIPSessionDidFail")) => break,
            name => println!("{name:?}"),
        }
    }
    application.stop(Duration::from_secs(3));
    Ok(())
}
