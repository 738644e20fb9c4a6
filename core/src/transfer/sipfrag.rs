//! The status line that a NOTIFY of a REFER begins with (RFC 3515 section 2.4.5, RFC 3420).

use crate::sip::Text;

/// The media type of such a body.
pub const CONTENT_TYPE: &str = "message/sipfrag;version=2.0";

/// How much of a reason phrase is taken.
const REASON: usize = 128;

/// The body that tells this status.
#[must_use]
pub fn status_line(code: u16, reason: &str) -> String {
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(REASON).collect();
    format!("SIP/2.0 {code:03} {reason}\r\n")
}

/// The status that a body tells; none when it does not begin with a status line.
#[must_use]
pub fn status_of(body: &[u8]) -> Option<(u16, Text)> {
    let line = body.split(|byte| *byte == b'\r' || *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let rest = line.strip_prefix("SIP/2.0 ")?;
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let code: u16 = if code.len() == 3 { code.parse().ok()? } else { return None };
    let reason: String = reason.chars().take(REASON).collect();
    (100..700).contains(&code).then(|| (code, Text::from(reason)))
}
