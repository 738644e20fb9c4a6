//! With which lines of the peer a chat goes on.

use super::*;
use crate::sdp::Session;

#[test]
fn the_line_of_a_file_is_not_that_of_a_chat() {
    let mut chat = ChatStream::new(Direction::SendRecv, None);
    for (more, goes_on) in
        [("", true), ("a=chatroom:nickname\r\n", true), ("a=file-selector:name:\"a.txt\"\r\n", false)]
    {
        let text = format!(
            "v=0\r\no=- 9 9 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=message 2855 TCP/MSRP *\r\n\
             a=path:msrp://192.0.2.2:2855/abc;tcp\r\na=accept-types:*\r\n{more}"
        );
        let offer = Session::parse(text.as_bytes(), &Config::default().limits).unwrap();
        assert_eq!(chat.considers(&offer.media().next().unwrap()), goes_on, "{more}");
    }
}
