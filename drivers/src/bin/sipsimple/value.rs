//! Values on the command line.

use std::net::SocketAddr;
use std::time::Duration;

use sipsimple_core::dns::wire;
use sipsimple_core::transport::Route;

/// Reads a socket: `udp|tcp|tls:ADDRESS:PORT`, as in `udp:127.0.0.1:5060` and `tls:[::1]:5061`.
///
/// # Errors
/// When it is none.
pub(crate) fn socket(text: &str) -> Result<Route, String> {
    text.parse::<Route>().map_err(|error| error.to_string())
}

/// Reads where to send a call: a [`socket`] with a port.
///
/// # Errors
/// Those of [`socket`], and for port 0, which nobody has.
pub(crate) fn route(text: &str) -> Result<Route, String> {
    let route = socket(text)?;
    if route.port == 0 {
        return Err("nobody can be reached at port 0".into());
    }
    Ok(route)
}

/// Reads the address of a name server; without a port it is 53.
///
/// # Errors
/// When it is none.
pub(crate) fn nameserver(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse::<SocketAddr>().ok();
    let server = with_port.or_else(|| Some(SocketAddr::new(text.parse().ok()?, wire::PORT)));
    server.filter(|server| server.port() != 0).ok_or_else(|| format!("'{text}' is not ADDR:PORT"))
}

/// Reads a time in seconds, as in `2` and `0.5`.
///
/// # Errors
/// When it is not a number, negative, or longer than a clock can count.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| format!("'{text}' is not a number of seconds"))?;
    match Duration::try_from_secs_f64(number) {
        // Longer ones would be lost in sums with the clock's time.
        Ok(time) if time.as_secs() <= u64::from(u32::MAX) => Ok(time),
        _ => Err(format!("'{text}' is not a number of seconds that can be waited for")),
    }
}

/// Reads the keys of a telephone: `0`–`9`, `*`, `#`, `A`–`D` in any case.
///
/// # Errors
/// When one is none of them.
pub(crate) fn keys(text: &str) -> Result<Keys, String> {
    let key = |letter: char| match letter.to_ascii_uppercase() {
        key @ ('0'..='9' | '*' | '#' | 'A'..='D') => Ok(key),
        _ => Err(format!("'{letter}' is not a key of a telephone: 0-9, *, #, A-D")),
    };
    text.chars().map(key).collect::<Result<_, _>>().map(Keys)
}

/// Keys to press, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys(pub(crate) Vec<char>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_both_address_families_are_read() {
        assert_eq!(socket("udp:127.0.0.1:5060").unwrap().to_string(), "udp:127.0.0.1:5060");
        assert_eq!(socket("TCP:[::1]:0").unwrap().to_string(), "tcp:[::1]:0");
        for wrong in ["", "udp", "5060", "udp:5060", "udp:localhost:5060", "udp:::1:5060", "udp:1.2.3.4:70000"] {
            assert!(socket(wrong).is_err(), "{wrong}");
        }
        assert_eq!(socket("tls:127.0.0.1:5061").unwrap().to_string(), "tls:127.0.0.1:5061");
        assert!(route("udp:127.0.0.1:0").unwrap_err().contains("port 0"));
        assert_eq!(route("udp:127.0.0.1:1"), socket("udp:127.0.0.1:1"));
    }

    #[test]
    fn name_servers_are_addresses() {
        assert_eq!(nameserver("127.0.0.1:5300").unwrap().to_string(), "127.0.0.1:5300");
        assert_eq!(nameserver("192.0.2.53").unwrap().to_string(), "192.0.2.53:53");
        assert_eq!(nameserver("[::1]:5300").unwrap().to_string(), "[::1]:5300");
        assert_eq!(nameserver("::1").unwrap().to_string(), "[::1]:53");
        assert!(nameserver("localhost:53").is_err() && nameserver("127.0.0.1:0").is_err());
    }

    #[test]
    fn seconds_are_times_that_can_be_waited_for() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        for wrong in ["", "-1", "NaN", "inf", "1e30", "1s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_are_those_of_a_telephone() {
        assert_eq!(keys("19*#aD").unwrap(), Keys(vec!['1', '9', '*', '#', 'A', 'D']));
        assert!(keys("12e").unwrap_err().contains("'e'"));
    }
}
