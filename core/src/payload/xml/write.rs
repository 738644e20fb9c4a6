//! Writing a tree as a document.
//!
//! The namespace of the root is the default one; the others are declared at the root, with their usual prefix or `ns1`, `ns2` …, in the order in
//! which they first occur. The same tree gives the same text.

use super::escape::{push_attribute, push_text};
use super::name::{Name, XML, is_local_name, usual_prefix};
use super::tree::{Content, Element};

impl Element {
    /// The document with this element as its root.
    #[must_use]
    pub fn write(&self) -> String {
        let mut writer = Writer { out: String::new(), root: &self.name.namespace, prefixes: Vec::new() };
        writer.collect(self);
        writer.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        writer.element(self, None);
        writer.out.push('\n');
        writer.out
    }
}

struct Writer<'a> {
    out: String,
    /// The namespace of the root.
    root: &'a str,
    /// The namespaces that are written with a prefix.
    prefixes: Vec<(&'a str, String)>,
}

impl<'a> Writer<'a> {
    /// Finds the namespaces that need a prefix.
    fn collect(&mut self, element: &'a Element) {
        if *element.name.namespace != *self.root {
            self.need(&element.name.namespace);
        }
        for attribute in &element.attributes {
            self.need(&attribute.name.namespace);
        }
        for content in &element.content {
            if let Content::Element(element) = content {
                self.collect(element);
            }
        }
    }

    fn need(&mut self, namespace: &'a str) {
        if namespace.is_empty() || namespace == XML || self.prefix(namespace).is_some() {
            return;
        }
        let prefix = usual_prefix(namespace).map_or_else(|| format!("ns{}", self.prefixes.len() + 1), str::to_owned);
        self.prefixes.push((namespace, prefix));
    }

    fn prefix(&self, namespace: &str) -> Option<&str> {
        if namespace == XML {
            return Some("xml");
        }
        self.prefixes.iter().find(|(known, _)| *known == namespace).map(|(_, prefix)| prefix.as_str())
    }

    /// Writes an element; `default` is the default namespace around it, none outside of the root.
    fn element(&mut self, element: &Element, default: Option<&str>) {
        let namespace: &str = &element.name.namespace;
        // Only the root's namespace and none at all stand without a prefix; that of `xml:` cannot be a default.
        let is_plain = (namespace == self.root && namespace != XML) || namespace.is_empty();
        let inner = if is_plain { Some(namespace) } else { default };
        self.out.push('<');
        let tag = self.tag(&element.name, is_plain);
        self.out.push_str(&tag);
        if inner != default && (default.is_some() || !namespace.is_empty()) {
            self.attribute("xmlns", namespace);
        }
        if default.is_none() {
            for (namespace, prefix) in std::mem::take(&mut self.prefixes) {
                self.attribute(&format!("xmlns:{prefix}"), namespace);
                self.prefixes.push((namespace, prefix));
            }
        }
        for attribute in &element.attributes {
            let key = self.tag(&attribute.name, attribute.name.namespace.is_empty());
            self.attribute(&key, &attribute.value);
        }
        if element.content.is_empty() {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        for content in &element.content {
            match content {
                Content::Element(element) => self.element(element, inner.or(Some(""))),
                Content::Text(text) => push_text(&mut self.out, text),
            }
        }
        self.out.push_str("</");
        self.out.push_str(&tag);
        self.out.push('>');
    }

    fn tag(&self, name: &Name, is_plain: bool) -> String {
        // A name that would break the markup is of a program's making.
        let local = if is_local_name(&name.local) { name.local.as_str() } else { "_" };
        match self.prefix(&name.namespace) {
            Some(prefix) if !is_plain => format!("{prefix}:{local}"),
            Some(_) | None => local.to_owned(),
        }
    }

    fn attribute(&mut self, key: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(key);
        self.out.push_str("=\"");
        push_attribute(&mut self.out, value);
        self.out.push('"');
    }
}
