//! Reading the tables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
}

/// Which step decides over a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Reading it as a whole.
    Frame,
    /// The checks that need no state.
    Validate,
    /// The reading of one more field.
    Header,
    /// A user agent.
    Ua,
}

/// What is due to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    Code(u16),
    Drop,
}

/// What is due to one message, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) kind: Kind,
    pub(crate) layer: Layer,
    pub(crate) verdict: Verdict,
    /// Offsets of offending bytes, any of which may be named.
    pub(crate) at: Vec<usize>,
    /// Keys, and the values they must have; no value where there must be none.
    pub(crate) checks: Vec<(String, Option<Vec<u8>>)>,
}

impl Case {
    /// The case of a line with the columns `layer`, `verdict` and perhaps `checks`.
    pub(crate) fn of(row: &BTreeMap<String, String>, kind: Kind, at: Vec<usize>) -> Self {
        let layer = match row["layer"].as_str() {
            "frame" => Layer::Frame,
            "validate" => Layer::Validate,
            "header" => Layer::Header,
            "ua" => Layer::Ua,
            other => panic!("no layer: {other}"),
        };
        let verdict = match row["verdict"].as_str() {
            "accept" => Verdict::Accept,
            "drop" => Verdict::Drop,
            code => Verdict::Code(code.parse().expect("a status code")),
        };
        assert_eq!(verdict == Verdict::Accept, at.is_empty(), "an offending byte, where there is an offence: {row:?}");
        let checks = match row.get("checks").map(String::as_str) {
            None | Some("-") => Vec::new(),
            Some(checks) => checks.split(" | ").map(check).collect(),
        };
        Self { kind, layer, verdict, at, checks }
    }
}

fn check(text: &str) -> (String, Option<Vec<u8>>) {
    // A name of a header field may hold any character of a token, but no equals sign.
    let (key, value) = text.split_once('=').expect("key=value");
    (key.to_owned(), if value == "-" { None } else { Some(unescape(value).0) })
}

/// The kind that a word names.
impl From<&str> for Kind {
    fn from(word: &str) -> Self {
        match word {
            "request" => Self::Request,
            "response" => Self::Response,
            other => panic!("neither request nor response: {other}"),
        }
    }
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors")).join(name)
}

/// The octets of a file of `vectors`.
pub(crate) fn octets(name: &str) -> Bytes {
    Bytes::from(std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// The names of the files in a folder of `vectors`.
pub(crate) fn read(folder: &str) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(path(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name in UTF-8"))
        .collect();
    names.sort();
    names
}

/// The lines of a table, each as its columns by their heading.
pub(crate) fn table(name: &str) -> Vec<BTreeMap<String, String>> {
    let text = String::from_utf8(octets(name).to_vec()).expect("a table is UTF-8");
    let mut lines = text.lines();
    let heading: Vec<_> = lines.next().expect("a heading").split('\t').collect();
    lines
        .map(|line| {
            let cells: Vec<_> = line.split('\t').collect();
            assert_eq!(cells.len(), heading.len(), "columns of {line:?}");
            heading.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), cell.to_owned())).collect()
        })
        .collect()
}

/// The octets that a cell spells, and where in them its marks `\@` stood.
pub(crate) fn unescape(cell: &str) -> (Vec<u8>, Vec<usize>) {
    let (mut octets, mut marks) = (Vec::new(), Vec::new());
    let mut rest = cell.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            octets.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'r') => octets.push(b'\r'),
            Some(b'n') => octets.push(b'\n'),
            Some(b't') => octets.push(b'\t'),
            Some(b'\\') => octets.push(b'\\'),
            Some(b'@') => marks.push(octets.len()),
            Some(b'x') => {
                let digits = [rest.next().expect("two digits"), rest.next().expect("two digits")];
                let digits = std::str::from_utf8(&digits).expect("digits");
                octets.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
            }
            other => panic!("no escape {other:?} in {cell:?}"),
        }
    }
    (octets, marks)
}
