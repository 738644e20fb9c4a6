//! Hiding what a trace must not show.

/// The headers whose values prove who we are.
const SECRET_HEADERS: [&str; 2] = ["authorization", "proxy-authorization"];

/// The text of a message with its credentials and media keys replaced by `***` (security: what shows a trace masks them).
///
/// Masked are the values of Authorization and Proxy-Authorization headers, passwords in SIP URIs, and of session descriptions `k=`,
/// `a=key-mgmt`, `a=ice-pwd` and the `inline:` keys of `a=crypto` (RFC 4568).
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
    for secret in ["a=ice-pwd:", "a=key-mgmt:", "k="] {
        if line.starts_with(secret) {
            return format!("{secret}***");
        }
    }
    if !line.starts_with("a=crypto:") {
        return mask_passwords(line);
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

/// Hides what stands between the colon and the `@` of each `sip:user:password@host` (RFC 3261 section 19.1.1).
fn mask_passwords(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    loop {
        let start = ["sip:", "sips:"].iter().filter_map(|scheme| Some(rest.find(scheme)? + scheme.len())).min();
        let Some((before, after)) = start.and_then(|start| rest.split_at_checked(start)) else { break };
        masked.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '>' | '"' | '<')).unwrap_or(after.len());
        let (uri, others) = after.split_at_checked(end).unwrap_or((after, ""));
        match uri.split_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
            Some((user, host)) => {
                masked.push_str(user);
                masked.push_str(":***@");
                masked.push_str(host);
            }
            None => masked.push_str(uri),
        }
        rest = others;
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
    fn passwords_in_uris_and_other_keys_are_hidden() {
        let message = "INVITE sip:a:pw1@h SIP/2.0\r\nFrom: \"x\" <sips:b:pw2@[::1]:5061;x=y>;tag=1\r\nTo: sip:c@h:5060\r\n\r\n\
            k=base64:pw3\r\na=key-mgmt:mikey pw4\r\n";
        assert_eq!(
            mask(message),
            "INVITE sip:a:***@h SIP/2.0\r\nFrom: \"x\" <sips:b:***@[::1]:5061;x=y>;tag=1\r\nTo: sip:c@h:5060\r\n\r\n\
             k=***\r\na=key-mgmt:***\r\n"
        );
    }

    #[test]
    fn the_rest_stays_as_it_is() {
        let message = "SIP/2.0 200 OK\r\nAuthentication-Info: nextnonce=\"1\"\r\n\r\nbody: 1\n";
        assert_eq!(mask(message), message);
    }
}
