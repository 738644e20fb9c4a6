//! Where file transfers come from: an application's wish, or a media line of the peer's.

use crate::config::Config;
use crate::negotiation::Proposed;
use crate::sdp::Direction;
use crate::sip::Text;

use super::super::msrp::Offered;
use super::super::{MediaStream, Recognized, SessionInfo, StreamFactory, StreamSpec};
use super::FileTransferStream;
use super::described::Described;

/// Makes file transfers.
#[derive(Clone, Copy, Debug)]
pub struct FileTransferFactory;

impl StreamFactory for FileTransferFactory {
    fn kind(&self) -> &'static str {
        "file-transfer"
    }

    fn priority(&self) -> i32 {
        10
    }

    fn create(&self, config: &Config, _session: &SessionInfo, spec: &StreamSpec) -> Result<Box<dyn MediaStream>, Text> {
        let StreamSpec::FileTransfer(spec) = spec else { return Err("it is no file transfer".into()) };
        if spec.sends && (spec.file.is_none() || spec.selector.size.is_none()) {
            return Err("a file that is sent needs a place and a size".into());
        }
        if spec.details.icon.as_ref().is_some_and(|icon| icon.content.len() > config.limits.icon_bytes) {
            return Err("the icon is too large".into());
        }
        let described = Described::wanted(spec);
        Ok(Box::new(FileTransferStream::new(described, spec.sends, spec.file.clone(), None)))
    }

    fn recognize(&self, _config: &Config, session: &SessionInfo, offered: &Proposed<'_>) -> Recognized {
        let media = &offered.media;
        let is_ours = media.media_type().eq_ignore_ascii_case("message")
            && Offered::is_msrp(media)
            && media.attribute("file-selector").is_some();
        if !is_ours {
            return Recognized::Unknown;
        }
        let (described, read) = match (Described::offered(media), Offered::recognize(session, media)) {
            (Ok(described), Ok(read)) => (described, read),
            (Err(reason), _) | (_, Err(reason)) => return Recognized::Invalid(reason),
        };
        match read.direction {
            Direction::SendOnly | Direction::RecvOnly => {}
            Direction::SendRecv | Direction::Inactive => {
                return Recognized::Invalid("it is neither sent nor received".into());
            }
        }
        let sends = read.direction == Direction::RecvOnly;
        Recognized::Stream(Box::new(FileTransferStream::new(described, sends, None, Some(read))))
    }
}
