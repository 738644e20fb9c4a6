//! Writes a tree as text.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::is_special;
use crate::settings::tree::{Node, Tree};
use crate::settings::value::Value;

/// The text of a tree: in each group first the settings, then the groups, each sorted by name. It holds passwords, and is overwritten when dropped.
#[must_use]
pub fn write(tree: &Tree) -> Zeroizing<String> {
    // Growing would leave copies behind.
    let mut out = Zeroizing::new(String::with_capacity(length(&tree.root, 0)));
    group(&mut out, &tree.root, 0);
    out
}

const INDENT: usize = 4;

/// No less than the text is long: quotes and escapes at most double a text and add two bytes, a separator adds three.
fn length(members: &BTreeMap<String, Node>, depth: usize) -> usize {
    let text = |text: &str| 2 * text.len() + 5;
    let lines = members.iter().map(|(name, node)| {
        let rest = match node {
            Node::Setting(Value::None) => 0,
            Node::Setting(Value::Text(value)) => text(value),
            Node::Setting(Value::List(items)) => items.iter().map(|item| text(item)).sum::<usize>() + 1,
            Node::Setting(Value::Secret(secret)) => text(secret.expose()),
            Node::Group(members) => length(members, depth + 1) + 2,
        };
        INDENT * depth + text(name) + rest
    });
    lines.sum()
}

fn group(out: &mut String, members: &BTreeMap<String, Node>, depth: usize) {
    let indent = |out: &mut String| out.extend(std::iter::repeat_n(' ', INDENT * depth));
    for (name, node) in members {
        if let Node::Setting(value) = node {
            indent(out);
            text(out, name);
            out.push_str(" =");
            setting(out, value);
            out.push('\n');
        }
    }
    for (name, node) in members {
        if let Node::Group(members) = node {
            indent(out);
            text(out, name);
            out.push_str(":\n");
            group(out, members, depth + 1);
            out.push('\n');
        }
    }
}

fn setting(out: &mut String, value: &Value) {
    match value {
        Value::None => {}
        Value::Text(value) => {
            out.push(' ');
            text(out, value);
        }
        Value::Secret(secret) => {
            out.push(' ');
            text(out, secret.expose());
        }
        Value::List(items) => {
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { " " } else { ", " });
                text(out, item);
            }
            match items.len() {
                0 => out.push_str(" ,"),
                1 => out.push(','),
                _ => {}
            }
        }
    }
}

fn text(out: &mut String, text: &str) {
    if !text.is_empty() && !text.contains(is_special) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            other => out.push(other),
        }
    }
    out.push('"');
}
