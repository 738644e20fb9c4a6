//! Hiding what a trace must not show.

/// The headers whose values prove who we are.
const SECRET_HEADERS: [&str; 2] = ["authorization", "proxy-authorization"];

/// The text of a message with its credentials and media keys replaced by `***` (security: what shows a trace masks them).
///
/// Masked are the values of Authorization and Proxy-Authorization headers, `inline:` keys of `a=crypto` (RFC 4568) and `a=ice-pwd`.
#[must_use]
pub fn mask(message: &str) -> String {
    let mut masked = String::with_capacity(message.len());
    let mut hiding = false;
    for line in message.split_inclusive('\n') {
        let folded = line.starts_with([' ', '\t']);
        let (content, end) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
        if folded && hiding {
            continue;
        }
        hiding = false;
        match content.split_once(':') {
            Some((name, _)) if SECRET_HEADERS.iter().any(|secret| name.trim().eq_ignore_ascii_case(secret)) => {
                hiding = true;
                masked.push_str(name);
                masked.push_str(": ***");
            }
            _ => masked.push_str(&mask_attribute(content)),
        }
        masked.push_str(end);
    }
    masked
}

fn mask_attribute(line: &str) -> String {
    if line.starts_with("a=ice-pwd:") {
        return "a=ice-pwd:***".to_owned();
    }
    if !line.starts_with("a=crypto:") {
        return line.to_owned();
    }
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("inline:") {
        masked.push_str(before);
        masked.push_str("inline:***");
        // The key ends where its lifetime, the next key or the next parameter begins.
        rest = after.find(['|', ';', ' ']).and_then(|end| after.get(end..)).unwrap_or_default();
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn credentials_and_keys_are_hidden() {
        let message = "REGISTER sip:a SIP/2.0\r\nauthorization : Digest username=\"a\",\r\n response=\"b\"\r\nProxy-Authorization: x\r\nTo: <sip:a@b>\r\n\r\n\
            v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20;inline:b3RoZXI= FEC\r\na=ice-pwd:hush\r\n";
        let masked = mask(message);
        for secret in ["Digest", "response", "c2VjcmV0", "b3RoZXI", "hush", ": x"] {
            assert!(!masked.contains(secret), "{secret} in {masked}");
        }
        assert!(masked.contains("authorization : ***\r\nProxy-Authorization: ***\r\nTo: <sip:a@b>\r\n"));
        assert!(masked.contains("inline:***|2^20;inline:*** FEC\r\n"));
    }

    #[test]
    fn the_rest_stays_as_it_is() {
        let message = "SIP/2.0 200 OK\r\nAuthentication-Info: nextnonce=\"1\"\r\n\r\nbody: 1\n";
        assert_eq!(mask(message), message);
    }
}
