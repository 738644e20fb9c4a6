//! Places a call, waits, ends it and stops: `cargo run --example call -- sip:bob@192.0.2.1:5060 udp:192.0.2.2:0`.

use std::time::Duration;

use sipsimple_drivers::stream::{AudioSpec, StreamSpec};
use sipsimple_drivers::{Application, Settings};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(to), Some(from)) = (words.next(), words.next()) else {
        return Err("whom to call, and where from?".into());
    };
    let application = Application::start(Settings::listening([from.parse()?]))?;
    let account = application.add_account("sip:alice@example.com")?;
    let session = application.connect(account, &to, &[], &[StreamSpec::Audio(AudioSpec::default())])?;
    while let Some(event) = application.next_event() {
        println!("{:?}", event.names());
        if event.names().contains(&"SIPSessionDidStart") {
            std::thread::sleep(Duration::from_secs(1));
            application.end(session)?;
        } else if event.names().iter().any(|name| ["SIPSessionDidEnd", "SIPSessionDidFail"].contains(name)) {
            break;
        }
    }
    application.stop(Duration::from_secs(3));
    Ok(())
}
