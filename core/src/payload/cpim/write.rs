//! Writing a CPIM message.

use bytes::Bytes;

use super::address::push_uri;
use super::parse::{is_language, is_name_byte};
use super::{CPIM, FieldName, Message, escape};

pub(super) fn write(message: &Message) -> Bytes {
    let mut writer = Writer { out: String::new(), namespaces: Vec::new() };
    if let Some(from) = &message.from {
        writer.address("From", from);
    }
    for to in &message.to {
        writer.address("To", to);
    }
    for cc in &message.cc {
        writer.address("cc", cc);
    }
    for subject in &message.subjects {
        writer.field("Subject", subject.language.as_deref(), &subject.text);
    }
    if let Some(date) = message.date_time {
        writer.line("DateTime", &date.rfc3339());
    }
    for namespace in message.required.iter().chain(message.fields.iter().map(|field| &field.name)) {
        writer.declare(&namespace.namespace);
    }
    if !message.required.is_empty() {
        let names: Vec<String> = message.required.iter().map(|name| writer.name(name)).collect();
        writer.line("Require", &names.join(","));
    }
    for field in &message.fields {
        let name = writer.name(&field.name);
        writer.field(&name, field.language.as_deref(), &field.value);
    }
    writer.out.push_str("\r\n");
    let mut out = writer.out.into_bytes();
    message.content.write(&mut out);
    Bytes::from(out)
}

struct Writer<'a> {
    out: String,
    /// Namespaces and their prefixes.
    namespaces: Vec<(&'a str, String)>,
}

impl<'a> Writer<'a> {
    fn line(&mut self, name: &str, value: &str) {
        self.out.push_str(name);
        self.out.push_str(": ");
        self.out.push_str(value);
        self.out.push_str("\r\n");
    }

    fn address(&mut self, name: &str, address: &super::Address) {
        let mut value = String::new();
        address.write(&mut value);
        self.line(name, &value);
    }

    fn field(&mut self, name: &str, language: Option<&str>, value: &str) {
        self.out.push_str(name);
        self.out.push(':');
        if let Some(language) = language.filter(|language| is_language(language)) {
            self.out.push_str(";lang=");
            self.out.push_str(language);
        }
        self.out.push(' ');
        escape::push(&mut self.out, value, false);
        self.out.push_str("\r\n");
    }

    fn declare(&mut self, namespace: &'a str) {
        if namespace == CPIM || self.namespaces.iter().any(|(known, _)| *known == namespace) {
            return;
        }
        let prefix = match namespace {
            "urn:ietf:params:imdn" => "imdn".to_owned(),
            _ => format!("ns{}", self.namespaces.len() + 1),
        };
        let mut value = format!("{prefix} <");
        push_uri(&mut value, namespace);
        value.push('>');
        self.line("NS", &value);
        self.namespaces.push((namespace, prefix));
    }

    fn name(&self, name: &FieldName) -> String {
        // Case matters, and what is no name would break the line.
        let local: String = name.name.chars().filter(|c| u8::try_from(*c).is_ok_and(is_name_byte)).collect();
        let local = if local.is_empty() { "_".to_owned() } else { local };
        match self.namespaces.iter().find(|(known, _)| *known == name.namespace) {
            Some((_, prefix)) => format!("{prefix}.{local}"),
            None => local,
        }
    }
}
