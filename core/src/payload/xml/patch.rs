//! Patches of documents (RFC 5261), with the selectors that partial presence needs (RFC 5262).
//!
//! A selector names one node by its steps from the root: `*/tuple[@id='x']/status/basic/text()`. A step is a name or `*`, with a position, or with the value
//! of an attribute, of an element within it, or of its own text. Other functions are not understood.

use std::sync::Arc;

use super::name::Name;
use super::tree::{Attribute, Content, Element};

/// The most steps of a selector, and predicates of a step.
const MOST: usize = 32;

/// A patch is not understood, or names no node, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unlocated;

/// The prefixes that selectors may use.
pub(crate) type Prefixes = Vec<(String, Arc<str>)>;

/// The name of an element or attribute, or any.
#[derive(Debug)]
struct Test(Option<Name>);

impl Test {
    fn fits(&self, name: &Name) -> bool {
        self.0.as_ref().is_none_or(|wanted| wanted == name)
    }
}

#[derive(Debug)]
enum Predicate {
    Position(usize),
    Attribute(Name, String),
    Child(Test, String),
    Own(String),
}

#[derive(Debug)]
struct Step {
    test: Test,
    predicates: Vec<Predicate>,
}

/// What of the element is meant.
#[derive(Debug)]
enum Part {
    Whole,
    Text,
    Attribute(Name),
}

/// Names one node.
#[derive(Debug)]
struct Selector {
    steps: Vec<Step>,
    part: Part,
}

/// Does what an `add`, `replace` or `remove` of these prefixes says to a document.
///
/// # Errors
/// When it is not understood, or does not name one node. The document may have changed then.
pub(crate) fn apply(root: &mut Element, operation: &Element, prefixes: &Prefixes) -> Result<(), Unlocated> {
    let selector = Selector::read(operation.attribute("sel").ok_or(Unlocated)?, prefixes)?;
    match operation.name.local.as_str() {
        "add" => add(root, &selector, operation, prefixes),
        "replace" => replace(root, &selector, operation),
        "remove" => remove(root, &selector),
        _ => Err(Unlocated),
    }
}

fn add(root: &mut Element, selector: &Selector, operation: &Element, prefixes: &Prefixes) -> Result<(), Unlocated> {
    let path = selector.locate(root)?;
    if !matches!(selector.part, Part::Whole) {
        return Err(Unlocated);
    }
    if let Some(kind) = operation.attribute("type") {
        let Some(name) = kind.strip_prefix('@') else {
            // The declaration of a prefix, which a tree has no need of.
            return if kind.starts_with("namespace::") { Ok(()) } else { Err(Unlocated) };
        };
        let name = attribute_name(name, prefixes)?;
        set(at(root, &path)?, name, operation.text());
        return Ok(());
    }
    let news = operation.content.iter().cloned();
    let (within, place) = match operation.attribute("pos") {
        None => (path.as_slice(), None),
        Some("prepend") => (path.as_slice(), Some(0)),
        Some(pos @ ("before" | "after")) => {
            let (last, outer) = path.split_last().ok_or(Unlocated)?;
            (outer, Some(last + usize::from(pos == "after")))
        }
        Some(_) => return Err(Unlocated),
    };
    let element = at(root, within)?;
    let place = place.unwrap_or(element.content.len()).min(element.content.len());
    element.content.splice(place..place, news);
    Ok(())
}

fn replace(root: &mut Element, selector: &Selector, operation: &Element) -> Result<(), Unlocated> {
    let path = selector.locate(root)?;
    let element = at(root, &path)?;
    match &selector.part {
        Part::Whole => *element = operation.elements().next().ok_or(Unlocated)?.clone(),
        Part::Text => {
            element.content.retain(|content| matches!(content, Content::Element(_)));
            let text = operation.text();
            if !text.is_empty() {
                element.content.insert(0, Content::Text(text));
            }
        }
        Part::Attribute(name) if element.attributes.iter().any(|known| known.name == *name) => {
            set(element, name.clone(), operation.text());
        }
        Part::Attribute(_) => return Err(Unlocated),
    }
    Ok(())
}

fn remove(root: &mut Element, selector: &Selector) -> Result<(), Unlocated> {
    let path = selector.locate(root)?;
    match &selector.part {
        Part::Whole => {
            let (last, outer) = path.split_last().ok_or(Unlocated)?;
            let element = at(root, outer)?;
            if *last < element.content.len() {
                element.content.remove(*last);
            }
        }
        Part::Text => at(root, &path)?.content.retain(|content| matches!(content, Content::Element(_))),
        Part::Attribute(name) => at(root, &path)?.attributes.retain(|known| known.name != *name),
    }
    Ok(())
}

fn set(element: &mut Element, name: Name, value: String) {
    element.attributes.retain(|known| known.name != name);
    element.attributes.push(Attribute { name, value });
}

/// The element at this path of places.
fn at<'e>(root: &'e mut Element, path: &[usize]) -> Result<&'e mut Element, Unlocated> {
    let mut element = root;
    for place in path {
        match element.content.get_mut(*place) {
            Some(Content::Element(inner)) => element = inner,
            Some(Content::Text(_)) | None => return Err(Unlocated),
        }
    }
    Ok(element)
}

impl Selector {
    fn read(text: &str, prefixes: &Prefixes) -> Result<Self, Unlocated> {
        let text = text.trim().trim_start_matches('/');
        let mut steps = Vec::new();
        let mut part = Part::Whole;
        for step in split(text)? {
            if !matches!(part, Part::Whole) || steps.len() >= MOST {
                return Err(Unlocated);
            }
            match step.strip_prefix('@') {
                Some(name) => part = Part::Attribute(attribute_name(name, prefixes)?),
                None if step == "text()" || step == "text()[1]" => part = Part::Text,
                None => steps.push(Step::read(step, prefixes)?),
            }
        }
        if steps.is_empty() { Err(Unlocated) } else { Ok(Self { steps, part }) }
    }

    /// The places, from the root on, of the one element that all steps lead to.
    fn locate(&self, root: &Element) -> Result<Vec<usize>, Unlocated> {
        let (first, steps) = self.steps.split_first().ok_or(Unlocated)?;
        if !first.test.fits(&root.name) {
            return Err(Unlocated);
        }
        let mut path = Vec::with_capacity(steps.len());
        let mut element = root;
        for step in steps {
            let place = step.place(element)?;
            path.push(place);
            match element.content.get(place) {
                Some(Content::Element(inner)) => element = inner,
                Some(Content::Text(_)) | None => return Err(Unlocated),
            }
        }
        Ok(path)
    }
}

/// Splits a selector at the slashes outside of quotes.
fn split(text: &str) -> Result<Vec<&str>, Unlocated> {
    let mut steps = Vec::new();
    let (mut quote, mut begin) = (None, 0);
    for (place, letter) in text.char_indices() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            (None, '/') => {
                steps.push(text.get(begin..place).ok_or(Unlocated)?);
                begin = place + 1;
            }
            _ => {}
        }
    }
    steps.push(text.get(begin..).ok_or(Unlocated)?);
    if quote.is_some() { Err(Unlocated) } else { Ok(steps) }
}

impl Step {
    fn read(text: &str, prefixes: &Prefixes) -> Result<Self, Unlocated> {
        let (name, mut rest) = text.find('[').map_or((text, ""), |at| text.split_at(at));
        let mut predicates = Vec::new();
        while !rest.is_empty() && predicates.len() < MOST {
            let inner = rest.strip_prefix('[').ok_or(Unlocated)?;
            let end = end_of(inner)?;
            let (predicate, after) = inner.split_at(end);
            predicates.push(Predicate::read(predicate.trim(), prefixes)?);
            rest = after.strip_prefix(']').ok_or(Unlocated)?;
        }
        if rest.is_empty() {
            Ok(Self { test: element_name(name.trim(), prefixes)?, predicates })
        } else {
            Err(Unlocated)
        }
    }

    /// The place of the one element within `outer` that fits.
    fn place(&self, outer: &Element) -> Result<usize, Unlocated> {
        let mut fitting: Vec<(usize, &Element)> = outer
            .content
            .iter()
            .enumerate()
            .filter_map(|(place, content)| match content {
                Content::Element(element) if self.test.fits(&element.name) => Some((place, element)),
                Content::Element(_) | Content::Text(_) => None,
            })
            .collect();
        for predicate in &self.predicates {
            match predicate {
                Predicate::Position(number) => {
                    let one = number.checked_sub(1).and_then(|index| fitting.get(index)).copied();
                    fitting = one.into_iter().collect();
                }
                Predicate::Attribute(name, value) => fitting.retain(|(_, element)| {
                    element.attributes.iter().any(|known| known.name == *name && known.value == *value)
                }),
                Predicate::Child(test, value) => fitting.retain(|(_, element)| {
                    element.elements().any(|child| test.fits(&child.name) && child.text() == *value)
                }),
                Predicate::Own(value) => fitting.retain(|(_, element)| element.text() == *value),
            }
        }
        match fitting.as_slice() {
            [(place, _)] => Ok(*place),
            _ => Err(Unlocated),
        }
    }
}

/// Where the predicate ends that a text begins with: at the bracket outside of quotes.
fn end_of(text: &str) -> Result<usize, Unlocated> {
    let mut quote = None;
    for (place, letter) in text.char_indices() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            (None, ']') => return Ok(place),
            _ => {}
        }
    }
    Err(Unlocated)
}

impl Predicate {
    fn read(text: &str, prefixes: &Prefixes) -> Result<Self, Unlocated> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Position(number));
        }
        let (what, value) = text.split_once('=').ok_or(Unlocated)?;
        let (what, value) = (what.trim(), value.trim());
        let quoted = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
        let value = quoted('\'').or_else(|| quoted('"')).ok_or(Unlocated)?.to_owned();
        match what.strip_prefix('@') {
            Some(name) => Ok(Self::Attribute(attribute_name(name, prefixes)?, value)),
            None if what == "." || what == "text()" => Ok(Self::Own(value)),
            None => Ok(Self::Child(element_name(what, prefixes)?, value)),
        }
    }
}

/// The name of an element; without a prefix it is in the default namespace (RFC 5261 section 4.2.1).
fn element_name(text: &str, prefixes: &Prefixes) -> Result<Test, Unlocated> {
    if text == "*" {
        return Ok(Test(None));
    }
    let (prefix, local) = text.split_once(':').unwrap_or(("", text));
    resolve(prefix, local, prefixes).map(|name| Test(Some(name)))
}

/// The name of an attribute; without a prefix it is in none.
fn attribute_name(text: &str, prefixes: &Prefixes) -> Result<Name, Unlocated> {
    match text.split_once(':') {
        Some((prefix, local)) => resolve(prefix, local, prefixes),
        None if super::name::is_local_name(text) => Ok(Name::new("", text)),
        None => Err(Unlocated),
    }
}

fn resolve(prefix: &str, local: &str, prefixes: &Prefixes) -> Result<Name, Unlocated> {
    if !super::name::is_local_name(local) {
        return Err(Unlocated);
    }
    let declared = prefixes.iter().rev().find(|(declared, _)| declared == prefix);
    match declared {
        Some((_, namespace)) => Ok(Name { namespace: Arc::clone(namespace), local: local.to_owned() }),
        None if prefix.is_empty() => Ok(Name::new("", local)),
        None => Err(Unlocated),
    }
}
