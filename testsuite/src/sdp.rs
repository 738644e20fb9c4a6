//! A second reader of session descriptions, for the watchers: only what they compare.

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdp {
    /// The words of `o=`: user name, session id, version, `IN`, address type, address.
    pub origin: Vec<String>,
    /// Its text without the `o=` line.
    pub rest: String,
    /// The attributes before its media lines.
    pub attributes: Vec<(String, String)>,
    /// Its media lines.
    pub media: Vec<Media>,
}

/// A media line with its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video` and so on.
    pub kind: String,
    /// The port; 0 for a line that is refused or unused.
    pub port: u16,
    /// `RTP/AVP` and so on.
    pub protocol: String,
    /// The payload types, in order, each with its `encoding/rate` in small letters where that is known.
    pub formats: Vec<(String, String)>,
    /// `sendrecv`, `sendonly`, `recvonly` or `inactive`.
    pub direction: String,
    /// The address of the `c=` line.
    pub address: String,
    /// All its attributes, with what follows the colon.
    pub attributes: Vec<(String, String)>,
}

/// The payload types that need no `a=rtpmap` (RFC 3551 table 4), as far as the tests use them.
const STATIC: [(&str, &str); 4] = [("0", "pcmu/8000"), ("3", "gsm/8000"), ("8", "pcma/8000"), ("9", "g722/8000")];

const DIRECTIONS: [&str; 4] = ["sendrecv", "sendonly", "recvonly", "inactive"];

impl Sdp {
    /// Reads a session description; `None` when it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut sdp = Self { origin: Vec::new(), rest: String::new(), attributes: Vec::new(), media: Vec::new() };
        let (mut address, mut direction) = (String::new(), "sendrecv".to_owned());
        for line in text.lines().map(|line| line.trim_end_matches('\r')) {
            let (kind, value) = line.split_once('=')?;
            if kind == "o" {
                sdp.origin = value.split(' ').map(str::to_owned).collect();
                continue;
            }
            sdp.rest.push_str(line);
            sdp.rest.push('\n');
            match (kind, sdp.media.last_mut()) {
                ("m", _) => sdp.media.push(Media::read(value, &address, &direction)?),
                ("c", Some(media)) => media.address = value.rsplit(' ').next()?.to_owned(),
                ("c", None) => address = value.rsplit(' ').next()?.to_owned(),
                ("a", Some(media)) => media.attribute(value),
                ("a", None) if DIRECTIONS.contains(&value) => value.clone_into(&mut direction),
                ("a", None) => {
                    let (name, rest) = value.split_once(':').unwrap_or((value, ""));
                    sdp.attributes.push((name.to_owned(), rest.to_owned()));
                }
                _ => {}
            }
        }
        (sdp.origin.len() == 6).then_some(sdp)
    }

    /// The value of an attribute before the media lines.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Media {
    fn read(value: &str, address: &str, direction: &str) -> Option<Self> {
        let mut words = value.split(' ');
        let (kind, port, protocol) = (words.next()?, words.next()?, words.next()?);
        let known = |format: &str| STATIC.iter().find(|(number, _)| *number == format).map_or("", |(_, name)| *name);
        Some(Self {
            kind: kind.to_owned(),
            port: port.split('/').next()?.parse().ok()?,
            protocol: protocol.to_owned(),
            formats: words.map(|format| (format.to_owned(), known(format).to_owned())).collect(),
            direction: direction.to_owned(),
            address: address.to_owned(),
            attributes: Vec::new(),
        })
    }

    fn attribute(&mut self, value: &str) {
        let (name, rest) = value.split_once(':').unwrap_or((value, ""));
        self.attributes.push((name.to_owned(), rest.to_owned()));
        if DIRECTIONS.contains(&value) {
            value.clone_into(&mut self.direction);
        } else if let Some((number, name)) = value.strip_prefix("rtpmap:").and_then(|map| map.split_once(' '))
            && let Some((_, encoding)) = self.formats.iter_mut().find(|(known, _)| known == number)
        {
            *encoding = name.to_ascii_lowercase().trim_end_matches("/1").to_owned();
        }
    }

    /// The value of an attribute.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether media may flow on it.
    #[must_use]
    pub const fn is_used(&self) -> bool {
        self.port != 0
    }

    /// Whether this side would send.
    #[must_use]
    pub fn sends(&self) -> bool {
        self.direction.starts_with("send")
    }

    /// Whether this side would receive.
    #[must_use]
    pub fn receives(&self) -> bool {
        self.direction == "recvonly" || self.direction == "sendrecv"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read() {
        let text = "v=0\r\no=- 1 2 IN IP4 h\r\ns=x\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\na=sendonly\r\nm=audio 5000 RTP/AVP 0 101\r\n\
            a=rtpmap:101 Telephone-Event/8000/1\r\nm=video 0 RTP/AVP 34\r\nc=IN IP6 ::1\r\na=inactive\r\n";
        let sdp = Sdp::read(text).unwrap();
        assert_eq!((sdp.origin[2].as_str(), sdp.media.len()), ("2", 2));
        let audio = &sdp.media[0];
        assert_eq!((audio.port, audio.direction.as_str(), audio.address.as_str()), (5000, "sendonly", "10.0.0.1"));
        assert_eq!(audio.formats[0], ("0".to_owned(), "pcmu/8000".to_owned()));
        assert_eq!(audio.formats[1], ("101".to_owned(), "telephone-event/8000".to_owned()));
        assert!(audio.is_used() && audio.sends() && !audio.receives());
        let video = &sdp.media[1];
        assert_eq!((video.is_used(), video.direction.as_str(), video.address.as_str()), (false, "inactive", "::1"));
        assert_eq!(Sdp::read("v=0\r\nnonsense\r\n"), None);
    }
}
