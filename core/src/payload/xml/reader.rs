//! A bounded pull reader with namespaces.
//!
//! The tokens are quick-xml's; what makes them safe is here: UTF-8 only, no document type declarations and so no entities but the five of XML
//! and character references, limits on everything, names resolved to their namespaces.

use std::sync::Arc;

use quick_xml::Reader as Tokens;
use quick_xml::events::{BytesDecl, BytesStart, Event as Token};

use super::escape::{normalize_attribute, normalize_text, resolve};
use super::name::{Name, XML, is_local_name};
use super::tree::Attribute;
use crate::limits::Limits;
use crate::payload::{Error, Fault};

const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// What a document holds, in order. Comments and processing instructions are skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An element begins.
    Start {
        /// Its name.
        name: Name,
        /// Its attributes, without the declarations of namespaces.
        attributes: Vec<Attribute>,
        /// The byte at which it begins.
        at: usize,
    },
    /// Text, with references resolved. Text may come in several pieces.
    Text(String),
    /// The innermost element ends.
    End,
}

/// Reads a document.
#[derive(Debug)]
pub struct Reader<'a> {
    limits: &'a Limits,
    tokens: Tokens<&'a [u8]>,
    /// Bytes before what quick-xml was given: a byte order mark.
    skipped: usize,
    /// The namespaces in force, the innermost last.
    namespaces: Vec<(String, Arc<str>)>,
    /// For each open element, how many namespaces were in force outside of it.
    open: Vec<usize>,
    elements: usize,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`.
    ///
    /// # Errors
    /// When there are too many, or they are not UTF-8.
    pub fn new(bytes: &'a [u8], limits: &'a Limits) -> Result<Self, Error> {
        if bytes.len() > limits.payload_bytes {
            return Err(Error::new(limits.payload_bytes, Fault::TooLong));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| Error::new(error.valid_up_to(), Fault::NotUtf8))?;
        let document = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut tokens = Tokens::from_str(document);
        tokens.config_mut().expand_empty_elements = true;
        let namespaces = vec![("xml".to_owned(), Arc::from(XML))];
        let skipped = text.len() - document.len();
        Ok(Self { limits, tokens, skipped, namespaces, open: Vec::new(), elements: 0 })
    }

    /// The byte that is read next.
    #[must_use]
    pub fn at(&self) -> usize {
        self.skipped + usize::try_from(self.tokens.buffer_position()).unwrap_or(usize::MAX)
    }

    /// The prefixes that are in force, and their namespaces, the innermost last.
    #[must_use]
    pub fn prefixes(&self) -> &[(String, Arc<str>)] {
        &self.namespaces
    }

    /// The next event; none at the end of the document.
    ///
    /// # Errors
    /// When the document is not well-formed or exceeds a limit. What comes after an error is not defined.
    pub fn next_event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let at = self.at();
            let token = self.tokens.read_event().map_err(|_| Error::new(at, Fault::Syntax))?;
            match token {
                Token::Start(start) => return self.start(&start, at).map(Some),
                Token::End(_) => {
                    let outside = self.open.pop().ok_or_else(|| Error::new(at, Fault::Syntax))?;
                    self.namespaces.truncate(outside);
                    return Ok(Some(Event::End));
                }
                Token::Text(text) => return normalize_text(&text, at).map(|text| Some(Event::Text(text))),
                Token::CData(text) => return normalize_text(&text, at).map(|text| Some(Event::Text(text))),
                Token::GeneralRef(reference) => {
                    return resolve(&reference, at).map(|c| Some(Event::Text(c.to_string())));
                }
                Token::Decl(declaration) => self.declaration(&declaration, at)?,
                Token::DocType(_) => return Err(Error::new(at, Fault::Doctype)),
                Token::Comment(_) | Token::PI(_) => {}
                Token::Eof if self.open.is_empty() => return Ok(None),
                Token::Eof | Token::Empty(_) => return Err(Error::new(at, Fault::Syntax)),
            }
        }
    }

    /// The XML declaration stands first, and names no other encoding.
    fn declaration(&self, declaration: &BytesDecl<'_>, at: usize) -> Result<(), Error> {
        if at != self.skipped {
            return Err(Error::new(at, Fault::Syntax));
        }
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(encoding))
                if encoding.eq_ignore_ascii_case("utf-8") || encoding.eq_ignore_ascii_case("us-ascii") =>
            {
                Ok(())
            }
            Some(Ok(_)) => Err(Error::new(at, Fault::NotUtf8)),
            Some(Err(_)) => Err(Error::new(at, Fault::Syntax)),
        }
    }

    fn start(&mut self, start: &BytesStart<'a>, at: usize) -> Result<Event, Error> {
        let fail = |fault| Error::new(at, fault);
        self.elements += 1;
        if self.elements > self.limits.xml_elements {
            return Err(fail(Fault::TooManyElements));
        }
        if self.open.len() >= self.limits.xml_depth {
            return Err(fail(Fault::TooDeep));
        }
        self.open.push(self.namespaces.len());
        let mut plain = Vec::new();
        let mut count = 0;
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| fail(Fault::Syntax))?;
            count += 1;
            if count > self.limits.xml_attributes {
                return Err(fail(Fault::TooManyAttributes));
            }
            let value = normalize_attribute(&attribute.value, at)?;
            match attribute.key.0.split_once(':') {
                None if attribute.key.0 == "xmlns" => self.declare("", &value, at)?,
                Some(("xmlns", prefix)) => self.declare(prefix, &value, at)?,
                Some(_) | None => plain.push((attribute.key.0, value)),
            }
        }
        let mut attributes: Vec<Attribute> = Vec::with_capacity(plain.len());
        for (key, value) in plain {
            // An attribute without a prefix is in no namespace, whatever the default is.
            let name = match key.split_once(':') {
                Some((prefix, local)) => self.resolve(prefix, local, at)?,
                None if is_local_name(key) => Name::new("", key),
                None => return Err(fail(Fault::Syntax)),
            };
            if attributes.iter().any(|attribute| attribute.name == name) {
                return Err(fail(Fault::AttributeRepeated));
            }
            attributes.push(Attribute { name, value });
        }
        let name = start.name();
        let (prefix, local) = name.0.split_once(':').unwrap_or(("", name.0));
        let name = self.resolve(prefix, local, at)?;
        Ok(Event::Start { name, attributes, at })
    }

    fn declare(&mut self, prefix: &str, namespace: &str, at: usize) -> Result<(), Error> {
        let fail = |fault| Err(Error::new(at, fault));
        if self.namespaces.len() > self.limits.xml_namespaces {
            return fail(Fault::TooManyNamespaces);
        }
        if !prefix.is_empty() && (!is_local_name(prefix) || namespace.is_empty()) {
            return fail(Fault::Syntax);
        }
        if prefix == "xmlns" || namespace == XMLNS || (prefix == "xml") != (namespace == XML) {
            return fail(Fault::Prefix);
        }
        let outside = self.open.last().copied().unwrap_or(0);
        if self.namespaces.iter().skip(outside).any(|(declared, _)| declared == prefix) {
            return fail(Fault::AttributeRepeated);
        }
        // The same namespace is kept once.
        let known = self.namespaces.iter().find(|(_, known)| &**known == namespace).map(|(_, known)| Arc::clone(known));
        self.namespaces.push((prefix.to_owned(), known.unwrap_or_else(|| Arc::from(namespace))));
        Ok(())
    }

    fn resolve(&self, prefix: &str, local: &str, at: usize) -> Result<Name, Error> {
        if !is_local_name(local) {
            return Err(Error::new(at, Fault::Syntax));
        }
        let found = self.namespaces.iter().rev().find(|(declared, _)| *declared == prefix);
        let namespace = match found {
            Some((_, namespace)) => Arc::clone(namespace),
            None if prefix.is_empty() => Arc::from(""),
            None => return Err(Error::new(at, Fault::Prefix)),
        };
        Ok(Name { namespace, local: local.to_owned() })
    }
}
