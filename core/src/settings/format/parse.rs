//! Reads a tree from text.

use std::collections::BTreeMap;

use super::MAX_DEPTH;
use crate::settings::tree::{Node, Tree};
use crate::settings::value::Value;

/// A line that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct ParseError {
    /// The line, the first is 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: ParseFault,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFault {
    /// It is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// It does not begin with a name.
    #[error("a name is missing")]
    NoName,
    /// A name is followed neither by a colon nor by an equals sign.
    #[error("neither ':' nor '=' follows the name")]
    NoSeparator,
    /// Something follows a colon or the end of a value.
    #[error("something follows where the line should end")]
    Trailing,
    /// A quote is not closed.
    #[error("a quote is not closed")]
    OpenQuote,
    /// A backslash is not followed by one of `n r \ "`.
    #[error("an unknown escape")]
    Escape,
    /// A quote or a backslash stands where only quoted texts may have one.
    #[error("a text with a quote or a backslash must stand in double quotes")]
    Unquoted,
    /// Nothing stands between two commas.
    #[error("a member of the list is missing")]
    NoMember,
    /// The line stands deeper than its neighbours, or between them.
    #[error("the indent fits no group")]
    Indent,
    /// A name stands twice in its group.
    #[error("the name stands twice in its group")]
    Twice,
    /// Too many groups stand in each other.
    #[error("too many groups stand in each other")]
    TooDeep,
}

/// Reads what [`write`](super::write()) writes, and what a person may have made of it.
///
/// # Errors
/// Names the first line that cannot be understood.
pub fn parse(bytes: &[u8]) -> Result<Tree, ParseError> {
    let mut groups = Groups::default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let fail = |fault| ParseError { line: number + 1, fault };
        let line = std::str::from_utf8(line).map_err(|_| fail(ParseFault::NotUtf8))?;
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        groups.settle(line.len() - content.len()).map_err(fail)?;
        let (name, statement) = statement(content).map_err(fail)?;
        groups.add(name, statement).map_err(fail)?;
    }
    Ok(groups.close())
}

/// What a line says of its name.
enum Statement {
    Opens,
    Is(Value),
}

/// A group whose end has not been seen.
#[derive(Default)]
struct Open {
    name: String,
    /// How deep its members stand; its first member tells.
    indent: Option<usize>,
    members: BTreeMap<String, Node>,
}

/// The groups that are open, in each other.
#[derive(Default)]
struct Groups {
    root: Open,
    inner: Vec<Open>,
}

impl Groups {
    fn last(&mut self) -> &mut Open {
        self.inner.last_mut().unwrap_or(&mut self.root)
    }

    /// Closes the groups that a line of this indent does not belong to any more.
    fn settle(&mut self, indent: usize) -> Result<(), ParseFault> {
        loop {
            let outer = self.inner.iter().rev().skip(1).chain([&self.root]).next().and_then(|outer| outer.indent);
            let is_root = self.inner.is_empty();
            let last = self.last();
            match last.indent {
                Some(own) if own == indent => return Ok(()),
                None if is_root || outer.is_none_or(|outer| indent > outer) => {
                    last.indent = Some(indent);
                    return Ok(());
                }
                Some(own) if own < indent || is_root => return Err(ParseFault::Indent),
                Some(_) | None => self.pop(),
            }
        }
    }

    fn pop(&mut self) {
        if let Some(open) = self.inner.pop() {
            self.last().members.insert(open.name, Node::Group(open.members));
        }
    }

    fn add(&mut self, name: String, statement: Statement) -> Result<(), ParseFault> {
        let is_full = self.inner.len() == MAX_DEPTH;
        let members = &mut self.last().members;
        match (statement, members.remove(&name)) {
            (Statement::Opens, _) if is_full => return Err(ParseFault::TooDeep),
            (Statement::Opens, None) => self.inner.push(Open { name, ..Open::default() }),
            // The group goes on.
            (Statement::Opens, Some(Node::Group(members))) => self.inner.push(Open { name, indent: None, members }),
            (Statement::Is(value), None) => drop(members.insert(name, Node::Setting(value))),
            (_, Some(_)) => return Err(ParseFault::Twice),
        }
        Ok(())
    }

    fn close(mut self) -> Tree {
        while !self.inner.is_empty() {
            self.pop();
        }
        Tree { root: self.root.members }
    }
}

fn statement(line: &str) -> Result<(String, Statement), ParseFault> {
    let (name, rest) = name(line)?;
    let mut rest = rest.trim_start().chars();
    match rest.next() {
        Some(':') => match rest.as_str().trim_start().chars().next() {
            None | Some('#') => Ok((name, Statement::Opens)),
            Some(_) => Err(ParseFault::Trailing),
        },
        Some('=') => Ok((name, Statement::Is(value(rest.as_str())?))),
        _ => Err(ParseFault::NoSeparator),
    }
}

fn name(line: &str) -> Result<(String, &str), ParseFault> {
    if let Some(rest) = line.strip_prefix('"') {
        return quoted(rest);
    }
    let is_end = |character: char| character.is_whitespace() || "\"'=:#\\".contains(character);
    let (name, rest) = line.split_at(line.find(is_end).unwrap_or(line.len()));
    if name.is_empty() { Err(ParseFault::NoName) } else { Ok((name.to_owned(), rest)) }
}

/// Takes a text behind its opening quote.
fn quoted(text: &str) -> Result<(String, &str), ParseFault> {
    // The capacity is enough from the start, so that no copies of a password are left behind.
    let mut read = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '"' => return Ok((read, rest.as_str())),
            '\\' => read.push(match rest.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some(same @ ('\\' | '"')) => same,
                _ => return Err(ParseFault::Escape),
            }),
            other => read.push(other),
        }
    }
    Err(ParseFault::OpenQuote)
}

fn value(text: &str) -> Result<Value, ParseFault> {
    let mut items: Vec<String> = Vec::new();
    let mut commas = 0;
    let mut rest = text.trim_start();
    loop {
        match rest.chars().next() {
            None | Some('#') => break,
            Some(',') => {
                // A lone comma is an empty list; elsewhere one follows a member.
                if items.len() != commas + 1 && !(items.is_empty() && commas == 0) {
                    return Err(ParseFault::NoMember);
                }
                commas += 1;
                rest = rest.get(1..).unwrap_or_default().trim_start();
            }
            Some(first) => {
                if items.is_empty() && commas > 0 {
                    return Err(ParseFault::NoMember);
                }
                if items.len() != commas {
                    return Err(ParseFault::Trailing);
                }
                let (item, after) = match first {
                    '"' => quoted(rest.get(1..).unwrap_or_default())?,
                    _ => unquoted(rest)?,
                };
                items.push(item);
                rest = after.trim_start();
            }
        }
    }
    Ok(match (commas, items.pop()) {
        (0, None) => Value::None,
        (0, Some(only)) => Value::Text(only),
        (_, last) => {
            items.extend(last);
            Value::List(items)
        }
    })
}

/// Takes a text without quotes: what stands before the next comma or comment.
fn unquoted(text: &str) -> Result<(String, &str), ParseFault> {
    let (item, rest) = text.split_at(text.find([',', '#']).unwrap_or(text.len()));
    let item = item.trim_end();
    if item.contains(['"', '\'', '\\']) { Err(ParseFault::Unquoted) } else { Ok((item.to_owned(), rest)) }
}
