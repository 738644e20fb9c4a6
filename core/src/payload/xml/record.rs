//! Typed elements: how their fields are taken from a tree and put into one, and the macros that declare them.
//!
//! A `record!` is an element, a `choice!` one of several elements, a `marks!` an element that says something by its name, a `words!` a value
//! that is one of several words. White space around the text of an element is not part of its value. Cardinality is the type
//! of the field: `T` must be there once, `Option<T>` may, `Vec<T>` may be there any number of times.

use super::{Attribute, Content, Element, Name, Value};
use crate::limits::Limits;
use crate::payload::{Error, Fault};

/// A type that is an element.
pub(crate) trait Node: Sized {
    /// What it is called in errors.
    const WHAT: &'static str;

    /// Whether an element of this name is one.
    fn is(name: &Name) -> bool;

    /// Reads it.
    fn read(element: Element) -> Result<Self, Error>;

    /// Writes it.
    fn write(&self) -> Element;
}

/// Any element at all.
impl Node for Element {
    const WHAT: &'static str = "element";

    fn is(_: &Name) -> bool {
        true
    }

    fn read(element: Element) -> Result<Self, Error> {
        Ok(element)
    }

    fn write(&self) -> Element {
        self.clone()
    }
}

/// An element that is being read: what was not taken yet.
pub(crate) struct Rest {
    at: usize,
    attributes: Vec<Option<Attribute>>,
    elements: Vec<Option<Element>>,
    text: String,
}

impl Rest {
    pub(crate) fn new(element: Element) -> Self {
        let mut rest = Self {
            at: element.at,
            attributes: element.attributes.into_iter().map(Some).collect(),
            elements: Vec::new(),
            text: String::new(),
        };
        for content in element.content {
            match content {
                Content::Element(element) => rest.elements.push(Some(element)),
                Content::Text(text) => rest.text.push_str(&text),
            }
        }
        rest
    }

    const fn fail(&self, fault: Fault) -> Error {
        Error::new(self.at, fault)
    }

    fn take_attribute(&mut self, namespace: &str, local: &str) -> Option<Attribute> {
        let is_it = |slot: &&mut Option<Attribute>| slot.as_ref().is_some_and(|a| a.name.is(namespace, local));
        self.attributes.iter_mut().find(is_it).and_then(Option::take)
    }

    /// Takes the elements that are asked for, in their order.
    fn take_elements(&mut self, is: impl Fn(&Name) -> bool) -> impl Iterator<Item = Element> {
        self.elements.iter_mut().filter(move |slot| slot.as_ref().is_some_and(|e| is(&e.name))).filter_map(Option::take)
    }

    /// Whether there is an element of this name, which is taken.
    pub(crate) fn flag(&mut self, namespace: &str, local: &str) -> bool {
        self.take_elements(|name| name.is(namespace, local)).count() > 0
    }

    /// The text.
    pub(crate) fn text<T: Value>(&self, what: &'static str) -> Result<T, Error> {
        T::read(self.text.trim_ascii()).ok_or_else(|| self.fail(Fault::Value(what.into())))
    }

    /// The attributes that nobody took.
    pub(crate) fn attributes(&mut self) -> Vec<Attribute> {
        self.attributes.iter_mut().filter_map(Option::take).collect()
    }

    /// The elements that nobody took.
    pub(crate) fn elements(&mut self) -> Vec<Element> {
        self.take_elements(|_| true).collect()
    }
}

/// The one, or none, of what may be there once.
fn at_most_one<T>(mut items: impl Iterator<Item = (usize, T)>, what: &'static str) -> Result<Option<T>, Error> {
    let first = items.next();
    match items.next() {
        Some((at, _)) => Err(Error::new(at, Fault::Repeated(what))),
        None => Ok(first.map(|(_, item)| item)),
    }
}

/// A field made of attributes.
pub(crate) trait Attributes: Sized {
    fn take_attributes(rest: &mut Rest, namespace: &str, local: &'static str) -> Result<Self, Error>;
    fn put_attributes(&self, element: &mut Element, namespace: &str, local: &str);
}

impl<T: Value> Attributes for Option<T> {
    fn take_attributes(rest: &mut Rest, namespace: &str, local: &'static str) -> Result<Self, Error> {
        let Some(attribute) = rest.take_attribute(namespace, local) else { return Ok(None) };
        T::read(&attribute.value).map(Some).ok_or_else(|| rest.fail(Fault::Value(local.into())))
    }

    fn put_attributes(&self, element: &mut Element, namespace: &str, local: &str) {
        if let Some(value) = self {
            value.put_attributes(element, namespace, local);
        }
    }
}

impl<T: Value> Attributes for T {
    fn take_attributes(rest: &mut Rest, namespace: &str, local: &'static str) -> Result<Self, Error> {
        Option::<T>::take_attributes(rest, namespace, local)?.ok_or_else(|| rest.fail(Fault::Missing(local)))
    }

    fn put_attributes(&self, element: &mut Element, namespace: &str, local: &str) {
        element.attributes.push(Attribute { name: Name::new(namespace, local), value: self.write() });
    }
}

/// A field made of elements of a type.
pub(crate) trait Nodes: Sized {
    fn take_nodes(rest: &mut Rest) -> Result<Self, Error>;
    fn put_nodes(&self, element: &mut Element);
}

impl<T: Node> Nodes for Vec<T> {
    fn take_nodes(rest: &mut Rest) -> Result<Self, Error> {
        rest.take_elements(T::is).map(T::read).collect()
    }

    fn put_nodes(&self, element: &mut Element) {
        for node in self {
            node.put_nodes(element);
        }
    }
}

impl<T: Node> Nodes for Option<T> {
    fn take_nodes(rest: &mut Rest) -> Result<Self, Error> {
        let found = at_most_one(rest.take_elements(T::is).map(|element| (element.at, element)), T::WHAT)?;
        found.map(T::read).transpose()
    }

    fn put_nodes(&self, element: &mut Element) {
        if let Some(node) = self {
            node.put_nodes(element);
        }
    }
}

impl<T: Node> Nodes for T {
    fn take_nodes(rest: &mut Rest) -> Result<Self, Error> {
        Option::<T>::take_nodes(rest)?.ok_or_else(|| rest.fail(Fault::Missing(T::WHAT)))
    }

    fn put_nodes(&self, element: &mut Element) {
        element.content.push(Content::Element(self.write()));
    }
}

/// A field made of elements that hold text alone.
pub(crate) trait Leaves: Sized {
    fn take_leaves(rest: &mut Rest, namespace: &str, local: &'static str) -> Result<Self, Error>;
    fn put_leaves(&self, element: &mut Element, namespace: &str, local: &str);
}

fn read_leaf<T: Value>(element: &Element, what: &'static str) -> Result<T, Error> {
    T::read(element.text().trim_ascii()).ok_or_else(|| Error::new(element.at, Fault::Value(what.into())))
}

impl<T: Value> Leaves for Vec<T> {
    fn take_leaves(rest: &mut Rest, namespace: &str, local: &'static str) -> Result<Self, Error> {
        rest.take_elements(|name| name.is(namespace, local)).map(|element| read_leaf(&element, local)).collect()
    }

    fn put_leaves(&self, element: &mut Element, namespace: &str, local: &str) {
        for value in self {
            value.put_leaves(element, namespace, local);
        }
    }
}

impl<T: Value> Leaves for Option<T> {
    fn take_leaves(rest: &mut Rest, namespace: &str, local: &'static str) -> Result<Self, Error> {
        let elements = rest.take_elements(|name| name.is(namespace, local));
        let found = at_most_one(elements.map(|element| (element.at, element)), local)?;
        found.map(|element| read_leaf(&element, local)).transpose()
    }

    fn put_leaves(&self, element: &mut Element, namespace: &str, local: &str) {
        if let Some(value) = self {
            value.put_leaves(element, namespace, local);
        }
    }
}

impl<T: Value> Leaves for T {
    fn take_leaves(rest: &mut Rest, namespace: &str, local: &'static str) -> Result<Self, Error> {
        Option::<T>::take_leaves(rest, namespace, local)?.ok_or_else(|| rest.fail(Fault::Missing(local)))
    }

    fn put_leaves(&self, element: &mut Element, namespace: &str, local: &str) {
        element.content.push(Content::Element(Element::new(namespace, local).with_text(self.write())));
    }
}

/// Declares an element: its namespace and name, and its fields in the order in which they are written.
///
/// | kind of field | what it is |
/// |---|---|
/// | `attribute("name")`, `attribute(NS, "name")` | an attribute |
/// | `leaf(NS, "name")` | elements that hold text alone |
/// | `node` | elements of a type declared with these macros |
/// | `flag(NS, "name")` | whether there is such an empty element |
/// | `text` | the text of the element itself |
/// | `extensions` | the elements that no other field takes |
/// | `more` | the attributes that no other field takes |
macro_rules! record {
    ($($(#[$meta:meta])* pub struct $name:ident = $namespace:path, $local:literal {
        $($(#[$doc:meta])* pub $field:ident: $type:ty = $kind:ident $(($($arg:expr),*))?,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl $crate::payload::xml::record::Node for $name {
            const WHAT: &'static str = $local;

            fn is(name: &$crate::payload::xml::Name) -> bool {
                name.is($namespace, $local)
            }

            fn read(element: $crate::payload::xml::Element) -> Result<Self, $crate::payload::Error> {
                let mut rest = $crate::payload::xml::record::Rest::new(element);
                let mut this = Self {
                    $($field: $crate::payload::xml::record::take!(rest, $local, $kind $(($($arg),*))?),)*
                };
                $($crate::payload::xml::record::keep!(this.$field, rest, $kind);)*
                let _ = (&mut this, &mut rest);
                Ok(this)
            }

            fn write(&self) -> $crate::payload::xml::Element {
                let mut element = $crate::payload::xml::Element::new($namespace, $local);
                $($crate::payload::xml::record::put!(self.$field, element, $kind $(($($arg),*))?);)*
                let _ = &mut element;
                element
            }
        }
    )*};
}

/// Takes one field.
macro_rules! take {
    ($rest:ident, $what:literal, attribute($local:expr)) => {
        $crate::payload::xml::record::Attributes::take_attributes(&mut $rest, "", $local)?
    };
    ($rest:ident, $what:literal, attribute($namespace:expr, $local:expr)) => {
        $crate::payload::xml::record::Attributes::take_attributes(&mut $rest, $namespace, $local)?
    };
    ($rest:ident, $what:literal, leaf($namespace:expr, $local:expr)) => {
        $crate::payload::xml::record::Leaves::take_leaves(&mut $rest, $namespace, $local)?
    };
    ($rest:ident, $what:literal, flag($namespace:expr, $local:expr)) => {
        $rest.flag($namespace, $local)
    };
    ($rest:ident, $what:literal, node) => {
        $crate::payload::xml::record::Nodes::take_nodes(&mut $rest)?
    };
    ($rest:ident, $what:literal, text) => {
        $rest.text($what)?
    };
    ($rest:ident, $what:literal, extensions) => {
        Vec::new()
    };
    ($rest:ident, $what:literal, more) => {
        Vec::new()
    };
}

/// Gives what is left to the fields that keep it.
macro_rules! keep {
    ($this:ident.$field:ident, $rest:ident, extensions) => {
        $this.$field = $rest.elements();
    };
    ($this:ident.$field:ident, $rest:ident, more) => {
        $this.$field = $rest.attributes();
    };
    ($this:ident.$field:ident, $rest:ident, $kind:ident) => {};
}

/// Puts one field.
macro_rules! put {
    ($self:ident.$field:ident, $element:ident, attribute($local:expr)) => {
        $crate::payload::xml::record::Attributes::put_attributes(&$self.$field, &mut $element, "", $local)
    };
    ($self:ident.$field:ident, $element:ident, attribute($namespace:expr, $local:expr)) => {
        $crate::payload::xml::record::Attributes::put_attributes(&$self.$field, &mut $element, $namespace, $local)
    };
    ($self:ident.$field:ident, $element:ident, leaf($namespace:expr, $local:expr)) => {
        $crate::payload::xml::record::Leaves::put_leaves(&$self.$field, &mut $element, $namespace, $local)
    };
    ($self:ident.$field:ident, $element:ident, flag($namespace:expr, $local:expr)) => {
        if $self.$field {
            let flag = $crate::payload::xml::Element::new($namespace, $local);
            $element.content.push($crate::payload::xml::Content::Element(flag));
        }
    };
    ($self:ident.$field:ident, $element:ident, node) => {
        $crate::payload::xml::record::Nodes::put_nodes(&$self.$field, &mut $element)
    };
    ($self:ident.$field:ident, $element:ident, text) => {
        $element.push_text($crate::payload::xml::Value::write(&$self.$field))
    };
    ($self:ident.$field:ident, $element:ident, extensions) => {
        $crate::payload::xml::record::Nodes::put_nodes(&$self.$field, &mut $element)
    };
    ($self:ident.$field:ident, $element:ident, more) => {
        $element.attributes.extend($self.$field.iter().cloned())
    };
}

/// Declares an element that is one of several, each of a type of its own, or an unknown one.
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident = $what:literal { $($(#[$doc:meta])* $variant:ident($type:ty),)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$doc])* $variant($type),)*
            /// An element that is none of these.
            Other($crate::payload::xml::Element),
        }

        impl $crate::payload::xml::record::Node for $name {
            const WHAT: &'static str = $what;

            fn is(_: &$crate::payload::xml::Name) -> bool {
                true
            }

            fn read(element: $crate::payload::xml::Element) -> Result<Self, $crate::payload::Error> {
                $(if <$type as $crate::payload::xml::record::Node>::is(&element.name) {
                    return $crate::payload::xml::record::Node::read(element).map(Self::$variant);
                })*
                Ok(Self::Other(element))
            }

            fn write(&self) -> $crate::payload::xml::Element {
                match self {
                    $(Self::$variant(node) => $crate::payload::xml::record::Node::write(node),)*
                    Self::Other(element) => element.clone(),
                }
            }
        }
    };
}

/// Declares a value that is one of several words; with `other`, or any other word.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// The word.
            #[must_use]
            pub const fn as_str(&self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl $crate::payload::xml::Value for $name {
            fn read(text: &str) -> Option<Self> {
                match text.trim_ascii() {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }

            fn write(&self) -> String {
                self.as_str().to_owned()
            }
        }
    };
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* } or other) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// Another word.
            Other(String),
        }

        impl $name {
            /// The word.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl $crate::payload::xml::Value for $name {
            fn read(text: &str) -> Option<Self> {
                Some(match text.trim_ascii() {
                    $($word => Self::$variant,)*
                    other => Self::Other(other.to_owned()),
                })
            }

            fn write(&self) -> String {
                self.as_str().to_owned()
            }
        }
    };
}

/// Declares an element that says something by its name alone, or in words of its own.
macro_rules! marks {
    ($(#[$meta:meta])* pub enum $name:ident in $namespace:path { $($(#[$doc:meta])* $variant:ident = $local:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// In words (`other`).
            Words(String),
            /// An element of an extension.
            Extension($crate::payload::xml::Element),
        }

        impl $crate::payload::xml::record::Node for $name {
            const WHAT: &'static str = "element";

            fn is(_: &$crate::payload::xml::Name) -> bool {
                true
            }

            fn read(element: $crate::payload::xml::Element) -> Result<Self, $crate::payload::Error> {
                if *element.name.namespace != *$namespace {
                    return Ok(Self::Extension(element));
                }
                Ok(match element.name.local.as_str() {
                    $($local => Self::$variant,)*
                    "other" => Self::Words(element.text().trim_ascii().to_owned()),
                    _ => Self::Extension(element),
                })
            }

            fn write(&self) -> $crate::payload::xml::Element {
                match self {
                    $(Self::$variant => $crate::payload::xml::Element::new($namespace, $local),)*
                    Self::Words(words) => $crate::payload::xml::Element::new($namespace, "other").with_text(words.clone()),
                    Self::Extension(element) => element.clone(),
                }
            }
        }
    };
}

/// Makes an element the root of a document. With a content type it gets a constant and `parse`; without, `read_document` for a `parse` that
/// checks more.
macro_rules! document {
    ($name:ident, $content_type:literal) => {
        impl $name {
            /// The content type of such a document.
            pub const CONTENT_TYPE: &'static str = $content_type;

            /// Reads a document.
            ///
            /// # Errors
            /// When it is not well-formed, exceeds a limit, or is not such a document.
            pub fn parse(bytes: &[u8], limits: &$crate::limits::Limits) -> Result<Self, $crate::payload::Error> {
                Self::read_document(bytes, limits)
            }
        }

        $crate::payload::xml::record::document!($name);
    };
    ($name:ident) => {
        impl $name {
            fn read_document(bytes: &[u8], limits: &$crate::limits::Limits) -> Result<Self, $crate::payload::Error> {
                $crate::payload::xml::record::read_document(bytes, limits)
            }

            /// Writes the document.
            #[must_use]
            pub fn write(&self) -> String {
                $crate::payload::xml::record::Node::write(self).write()
            }
        }
    };
}

/// Reads a document whose root is of this type.
pub(crate) fn read_document<T: Node>(bytes: &[u8], limits: &Limits) -> Result<T, Error> {
    let root = Element::parse(bytes, limits)?;
    if T::is(&root.name) { T::read(root) } else { Err(Error::new(root.at, Fault::Root(T::WHAT))) }
}

pub(crate) use {choice, document, keep, marks, put, record, take, words};
