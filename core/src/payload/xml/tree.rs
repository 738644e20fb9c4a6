//! A tree of elements: what typed documents are read from and written by, and what keeps the elements that they do not know.

use serde::{Deserialize, Serialize};

use super::name::Name;
use super::patch::Prefixes;
use super::reader::{Event, Reader};
use crate::limits::Limits;
use crate::payload::{Error, Fault};

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its name; without a prefix it is in no namespace.
    pub name: Name,
    /// Its value, references resolved.
    pub value: String,
}

/// What stands within an element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// An element.
    Element(Element),
    /// Text, never empty and never next to other text.
    Text(String),
}

/// An element with all that it holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Element {
    /// Its name.
    pub name: Name,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// What stands within it.
    pub content: Vec<Content>,
    /// The byte at which it begins in the document that it was read from. Not compared.
    #[serde(skip)]
    pub at: usize,
}

/// Elements are equal wherever they stand in their documents.
impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.attributes == other.attributes && self.content == other.content
    }
}

impl Eq for Element {}

impl Element {
    /// An empty element.
    #[must_use]
    pub fn new(namespace: &str, local: &str) -> Self {
        Self { name: Name::new(namespace, local), attributes: Vec::new(), content: Vec::new(), at: 0 }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// When it is not well-formed or exceeds a limit.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        Self::read(&mut Reader::new(bytes, limits)?, |_| {})
    }

    /// Reads a document; with it come the prefixes that its root declares.
    pub(crate) fn parse_declared(bytes: &[u8], limits: &Limits) -> Result<(Self, Prefixes), Error> {
        let mut prefixes = Prefixes::new();
        let root = Self::read(&mut Reader::new(bytes, limits)?, |reader| prefixes = reader.prefixes().to_vec())?;
        Ok((root, prefixes))
    }

    /// Reads a document; `begun` is called when its root has begun.
    fn read(reader: &mut Reader<'_>, begun: impl FnOnce(&Reader<'_>)) -> Result<Self, Error> {
        let mut begun = Some(begun);
        let mut open: Vec<Self> = Vec::new();
        let mut root: Option<Self> = None;
        loop {
            let at = reader.at();
            let Some(event) = reader.next_event()? else { break };
            match event {
                Event::Start { at, .. } if root.is_some() => return Err(Error::new(at, Fault::Syntax)),
                Event::Start { name, attributes, at } => {
                    if let Some(begun) = begun.take() {
                        begun(reader);
                    }
                    open.push(Self { name, attributes, content: Vec::new(), at });
                }
                Event::Text(text) => match open.last_mut() {
                    Some(element) => element.push_text(text),
                    None if text.bytes().all(|byte| byte.is_ascii_whitespace()) => {}
                    None => return Err(Error::new(at, Fault::Syntax)),
                },
                Event::End => {
                    let Some(element) = open.pop() else { break };
                    match open.last_mut() {
                        Some(outer) => outer.content.push(Content::Element(element)),
                        None => root = Some(element),
                    }
                }
            }
        }
        root.ok_or_else(|| Error::new(reader.at(), Fault::Syntax))
    }

    /// Appends text, to the last piece if that is text.
    pub fn push_text(&mut self, text: String) {
        match self.content.last_mut() {
            _ if text.is_empty() => {}
            Some(Content::Text(last)) => last.push_str(&text),
            Some(Content::Element(_)) | None => self.content.push(Content::Text(text)),
        }
    }

    /// The element with an attribute more, of no namespace.
    #[must_use]
    pub fn with_attribute(mut self, local: &str, value: impl Into<String>) -> Self {
        self.attributes.push(Attribute { name: Name::new("", local), value: value.into() });
        self
    }

    /// The element with text more.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.push_text(text.into());
        self
    }

    /// The element with an element more.
    #[must_use]
    pub fn with(mut self, element: Self) -> Self {
        self.content.push(Content::Element(element));
        self
    }

    /// The elements directly within it.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.content.iter().filter_map(|content| match content {
            Content::Element(element) => Some(element),
            Content::Text(_) => None,
        })
    }

    /// The text directly within it.
    #[must_use]
    pub fn text(&self) -> String {
        self.content
            .iter()
            .filter_map(|content| match content {
                Content::Text(text) => Some(text.as_str()),
                Content::Element(_) => None,
            })
            .collect()
    }

    /// The value of an attribute of no namespace.
    #[must_use]
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes.iter().find(|attribute| attribute.name.is("", local)).map(|attribute| attribute.value.as_str())
    }
}
