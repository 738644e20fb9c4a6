//! What is wrong with a piece of a message.

/// A kind of anomaly: each is a list of texts that take the place of a piece that is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The same again and again, up to as much as a datagram holds.
    Overflow,
    /// What formatting functions read as directives.
    Format,
    /// What moves the cursor of a terminal, or names a command of it.
    Escape,
    /// Bytes that are not UTF-8, and code points that are strange.
    Encoding,
    /// NUL and other characters that nobody can see.
    Control,
    /// Numbers at and beyond the limits of machines, and what is none.
    Number,
    /// Addresses that are too long, too short, out of range.
    Address,
    /// A separator that is missing, is another one, or comes again and again.
    Separator,
    /// Line ends of other systems, and too few of them.
    LineEnd,
    /// URIs of other schemes, and without what they need.
    Uri,
    /// Media types that are none, and that nobody understands.
    MediaType,
    /// Versions of the protocol that there are not.
    Version,
}

/// How often something is repeated.
const TIMES: [usize; 14] = [0, 1, 2, 4, 16, 64, 127, 128, 255, 257, 1023, 4097, 16_384, 32_768];

fn repeated(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().flat_map(|text| TIMES.map(|times| text.repeat(times).into_bytes())).collect()
}

fn each(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

impl Kind {
    /// All texts of this kind.
    pub(crate) fn texts(self) -> Vec<Vec<u8>> {
        match self {
            Self::Overflow => repeated(&["a", "A ", "1", "..", "%41", "\\\"", "a;", "\u{e4}"]),
            Self::Format => {
                let mut texts = repeated(&["%s", "%n"]);
                texts.retain(|text| text.len() < 2048);
                texts.extend(each(&[
                    "%d%x%p",
                    "%.9999d",
                    "%99999999s",
                    "%1$n",
                    "%hhn",
                    "%%",
                    "%",
                    "{0}",
                    "${x}",
                    "`x`",
                ]));
                texts
            }
            Self::Escape => each(&[
                "\x1b[2J",
                "\x1b[6n",
                "\x1b]0;name\x07",
                "\x1b[?1049h",
                "\x1b[1;1H\x1b[K",
                "\u{9b}2J",
                "\x1bc",
                "\x1b[41m",
                "\x1bP$qm\x1b\\",
                "\x08\x08\x08\x08",
                "\x7f\x7f",
            ]),
            Self::Encoding => [
                &b"\x80"[..],
                b"\xbf",
                b"\xc0\x80",
                b"\xc0\xaf",
                b"\xe0\x80\xaf",
                b"\xf0\x80\x80\xaf",
                b"\xed\xa0\x80",
                b"\xed\xbf\xbf",
                b"\xf4\x90\x80\x80",
                b"\xf8\x88\x80\x80\x80",
                b"\xfc\x84\x80\x80\x80\x80",
                b"\xfe",
                b"\xff",
                b"\xff\xfe",
                b"\xc3",
                b"\xe2\x82",
                b"\xf0\x9f\x98",
                b"a\xcc\x81",
                b"\xe2\x80\xae",
                b"\xef\xbb\xbf",
                b"\xef\xbf\xbf",
                b"\xe2\x80\xa8",
                b"\xc2\x85",
                b"\xc2\xa0",
                b"%c0%80",
                b"%ff",
                b"%00",
                b"%0d%0a",
                b"%zz",
                b"%",
                b"%4",
            ]
            .iter()
            .map(|text| text.to_vec())
            .collect(),
            Self::Control => {
                let mut texts: Vec<Vec<u8>> = (0..32).chain([127]).map(|byte: u8| vec![b'a', byte, b'b']).collect();
                texts.extend([
                    b"\0".to_vec(),
                    vec![0; 64],
                    vec![0; 4096],
                    b"a\0".to_vec(),
                    b"\0a".to_vec(),
                    b"\t \t".to_vec(),
                ]);
                texts
            }
            Self::Number => each(&[
                "",
                "0",
                "-0",
                "-1",
                "+1",
                "1.",
                "1.5",
                "1e9",
                "0x10",
                "0b1",
                "01",
                "0000000000000000000000000000000001",
                " 1",
                "1 ",
                "1 2",
                "1,2",
                "a",
                "1a",
                "a1",
                "\u{661}",
                "\u{ff11}",
                "127",
                "128",
                "255",
                "256",
                "32767",
                "32768",
                "65535",
                "65536",
                "2147483647",
                "2147483648",
                "4294967295",
                "4294967296",
                "4294967297",
                "9223372036854775807",
                "9223372036854775808",
                "18446744073709551615",
                "18446744073709551616",
                "340282366920938463463374607431768211456",
                "99999999999999999999999999999999999999999999999999999999999999999999999999999999",
                "-2147483648",
                "-2147483649",
                "NaN",
                "inf",
                "null",
                "%d",
            ]),
            Self::Address => {
                let mut texts = each(&[
                    "0.0.0.0",
                    "255.255.255.255",
                    "256.1.1.1",
                    "1.1.1",
                    "1.1.1.1.1",
                    "1..1.1",
                    ".1.1.1.1",
                    "1.1.1.1.",
                    "01.01.01.01",
                    "0x7f.1",
                    "2130706433",
                    "-1.1.1.1",
                    "1.1.1.999999999999",
                    "a.b.c.d",
                    "127.0.0.1",
                    "224.0.0.1",
                    "169.254.0.1",
                    "[::]",
                    "[::1]",
                    "::1",
                    "[::1",
                    "::1]",
                    "[]",
                    "[1:2:3:4:5:6:7:8:9]",
                    "[1::2::3]",
                    "[::ffff:1.2.3.4]",
                    "[::ffff:1.2.3.256]",
                    "[fe80::1%25lo]",
                    "[fe80::1%lo]",
                    "[g::1]",
                    "[::12345]",
                    "localhost",
                    "-",
                    "a-",
                    "-a",
                    "a_b",
                    "a..b",
                    ".",
                    "..",
                    "*",
                    "xn--",
                    "\u{e4}.example",
                ]);
                texts.extend(repeated(&["1.", "1:", "a.", "[", "ff:"]).into_iter().filter(|text| text.len() < 20_000));
                texts
            }
            Self::Separator => {
                let mut texts = each(&[
                    "", " ", "\t", ",", ";", ":", "/", "=", "@", "<", ">", "\"", "\\", "::", " : ", "<>", "><", "\"\"",
                ]);
                texts.extend(
                    repeated(&["<", ">", ":", "/", "@", "\"", ";", ","]).into_iter().filter(|text| text.len() > 2),
                );
                texts
            }
            Self::LineEnd => each(&[
                "",
                "\r",
                "\n",
                "\n\r",
                "\r\r",
                "\n\n",
                "\r\n\r\n",
                "\r\r\n",
                "\r\n\n",
                "\0",
                "\0\r\n",
                "\r\n ",
                "\r\n\t",
                "\r\n \r\n",
                "\u{2028}",
                "\u{85}",
                " \r\n",
                "\x0b\r\n",
                "\x0c",
            ]),
            Self::Uri => {
                let mut texts = each(&[
                    "",
                    "sip:",
                    "sip:@",
                    "sip:a@",
                    "sip:@b",
                    "sips:",
                    "sip",
                    ":",
                    "a",
                    "sip:a@b:",
                    "sip:a@b:x",
                    "sip:a@b:99999",
                    "sip:a:b:c@d",
                    "sip:a@b@c",
                    "sip:a@b;",
                    "sip:a@b;;",
                    "sip:a@b;=",
                    "sip:a@b;x=",
                    "sip:a@b;x;x",
                    "sip:a@b?",
                    "sip:a@b?x",
                    "sip:a@b?x=&=y",
                    "sip:a@b?Route=%3Csip:c%3E&Call-ID=1",
                    "sip:a b@c",
                    "sip:a@b c",
                    "sip:<a@b>",
                    "sip:\"a\"@b",
                    "tel:",
                    "tel:1",
                    "tel:+x",
                    "tel:1;phone-context=",
                    "mailto:a@b",
                    "http://a/b",
                    "urn:x",
                    "data:,",
                    "javascript:1",
                    "im:a@b",
                    "pres:a@b",
                    "SIP:a@b",
                    "sip:%00@b",
                    "sip:%0d%0a@b",
                    "sip:a@%62",
                    "sip:a@b;lr=",
                    "sip:a@b;maddr=",
                    "sip:a@b;maddr=::1",
                    "sip:a@b;ttl=256",
                    "sip:a@b;transport=",
                    "sip:a@b;transport=x",
                    "sip:a@b;user=x",
                    "sip:a@b;method=",
                    "*",
                ]);
                texts.extend(repeated(&["sip:"]));
                texts.extend([";a=b", "?a=b", "&a=b", "@", ":"].iter().flat_map(|part| {
                    [1, 16, 256, 4096].map(|times| format!("sip:us@192.0.2.9{}", part.repeat(times)).into_bytes())
                }));
                texts
            }
            Self::MediaType => each(&[
                "",
                "/",
                "a",
                "a/",
                "/b",
                "a/b/c",
                "a /b",
                "a/ b",
                "application",
                "application/",
                "application/sdp;",
                "application/sdp;;",
                "application/sdp;a",
                "application/sdp;a=",
                "application/sdp;a=\"",
                "application/sdp;charset=x",
                "APPLICATION/SDP",
                "application/x-none",
                "multipart/mixed",
                "multipart/mixed;boundary=",
                "multipart/mixed;boundary=a",
                "multipart/mixed;boundary=\"",
                "multipart/alternative;boundary=a;boundary=b",
                "message/sipfrag",
                "message/sip",
                "text/plain",
                "text/html",
                "*/*",
                "a/*",
                "application/sdp, text/plain",
                "application/pkcs7-mime",
                "application/isup;version=x",
                "\"application\"/sdp",
            ]),
            Self::Version => each(&[
                "",
                "SIP",
                "SIP/",
                "SIP/2",
                "SIP/2.",
                "SIP/.0",
                "SIP/2.0.0",
                "SIP/2.1",
                "SIP/1.0",
                "SIP/3.0",
                "SIP/20.0",
                "SIP/02.00",
                "SIP/-2.0",
                "SIP/2.0 ",
                " SIP/2.0",
                "SIP /2.0",
                "SIP/ 2.0",
                "SIP/2 .0",
                "sip/2.0",
                "HTTP/1.1",
                "RTSP/1.0",
                "SIP//2.0",
                "SIP/2,0",
                "SIP/2.x",
                "SIP/x.0",
                "SIP/4294967296.0",
                "SIP/2.99999999999999999999",
                "SIPS/2.0",
                "XSIP/2.0",
                "SIP/2.0/UDP",
                "2.0",
                "/2.0",
            ]),
        }
    }
}
