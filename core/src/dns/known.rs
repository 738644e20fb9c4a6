//! What one lookup knows, and what it has to ask next.
//!
//! A lookup is a function of what is known: it is run again after each answer, and either has its result or says which questions are to be
//! asked next. So the rules of location read from top to bottom, without states of their own.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::address::in_order;
use super::client::is_address;
use super::{Answer, Data, Kind, Name, Naptr, Record, Srv, Unanswered};

/// Whether a lookup goes on when there is no answer: such a question may take half of the time that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// It goes on.
    Optional,
    /// It does not.
    Decisive,
}

/// The answers that a lookup has, by question; and what it needs.
#[derive(Debug, Default)]
pub(super) struct Known {
    answers: BTreeMap<(Name, Kind), Answer>,
    needs: BTreeMap<(Name, Kind), Weight>,
    timed_out: bool,
    /// The first name that no name server could be asked for.
    unasked: Option<Name>,
}

impl Known {
    /// Takes an answer.
    pub(super) fn insert(&mut self, name: Name, kind: Kind, answer: Answer) {
        self.timed_out |= answer == Err(Unanswered::Timeout);
        if answer == Err(Unanswered::NoNameservers) && self.unasked.is_none() {
            self.unasked = Some(name.clone());
        }
        self.answers.insert((name, kind), answer);
    }

    /// Takes what the answer to a question about `asked` brought along: the addresses of names in the same domain. Whoever speaks for one
    /// domain need not know of another (RFC 5452 section 6).
    pub(super) fn insert_additional(&mut self, asked: &Name, additional: Vec<Record>) {
        let domain = asked.domain();
        let mut found: BTreeMap<(Name, Kind), Vec<Record>> = BTreeMap::new();
        for record in additional.into_iter().filter(|record| record.name.is_within(&domain)) {
            if let Some(kind) = Kind::ADDRESSES.into_iter().find(|kind| record.data.is(*kind)) {
                found.entry((record.name.clone(), kind)).or_default().push(record);
            }
        }
        for (key, records) in found {
            self.answers.entry(key).or_insert(Ok(records));
        }
    }

    pub(super) fn get(&self, name: &Name, kind: Kind) -> Option<&Answer> {
        self.answers.get(&(name.clone(), kind))
    }

    /// Whether a question went unanswered for too long.
    pub(super) const fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// The first name that no name server could be asked for.
    pub(super) const fn unasked(&self) -> Option<&Name> {
        self.unasked.as_ref()
    }

    /// What is missing since the last call.
    pub(super) fn take_needs(&mut self) -> BTreeMap<(Name, Kind), Weight> {
        std::mem::take(&mut self.needs)
    }

    /// The records, empty where there are none; `None` while the question is not answered, which is noted.
    fn records(&mut self, name: &Name, kind: Kind, weight: Weight) -> Option<&[Record]> {
        if !self.answers.contains_key(&(name.clone(), kind)) {
            self.needs.insert((name.clone(), kind), weight);
            return None;
        }
        let answer = self.answers.get(&(name.clone(), kind))?;
        Some(answer.as_deref().unwrap_or_default())
    }

    /// The NAPTR records of a domain.
    pub(super) fn naptr(&mut self, name: &Name) -> Option<Vec<Naptr>> {
        let records = self.records(name, Kind::Naptr, Weight::Optional)?;
        Some(records.iter().filter_map(|record| naptr(&record.data)).cloned().collect())
    }

    /// The SRV records of a service.
    pub(super) fn srv(&mut self, name: &Name) -> Option<Vec<Srv>> {
        let records = self.records(name, Kind::Srv, Weight::Optional)?;
        Some(records.iter().filter_map(|record| srv(&record.data)).cloned().collect())
    }

    /// The name servers of a zone, in the order of their names.
    pub(super) fn name_servers(&mut self, zone: &Name) -> Option<Vec<Name>> {
        let records = self.records(zone, Kind::Ns, Weight::Optional)?;
        let mut names: Vec<Name> = records.iter().filter_map(|record| ns(&record.data)).cloned().collect();
        names.sort();
        names.dedup();
        Some(names)
    }

    /// The records of a name with their strings.
    pub(super) fn txt(&mut self, name: &Name) -> Option<Vec<Record>> {
        self.records(name, Kind::Txt, Weight::Decisive).map(<[Record]>::to_vec)
    }

    /// The addresses of a host, of both versions, in the order of preference.
    pub(super) fn addresses(&mut self, host: &Name) -> Option<Vec<IpAddr>> {
        let mut all = Vec::new();
        let mut missing = false;
        for kind in Kind::ADDRESSES {
            match self.records(host, kind, Weight::Decisive) {
                Some(records) => all.extend(records.iter().filter_map(|record| record.data.address())),
                None => missing = true,
            }
        }
        if missing { None } else { Some(in_order(all)) }
    }

    /// Whether the host has addresses of the other version.
    pub(super) fn has_other_address(&self, host: &Name, kind: Kind) -> bool {
        is_address(kind)
            && Kind::ADDRESSES
                .into_iter()
                .filter(|other| *other != kind)
                .any(|other| self.get(host, other).is_some_and(Result::is_ok))
    }
}

const fn naptr(data: &Data) -> Option<&Naptr> {
    if let Data::Naptr(naptr) = data { Some(naptr) } else { None }
}

const fn srv(data: &Data) -> Option<&Srv> {
    if let Data::Srv(srv) = data { Some(srv) } else { None }
}

const fn ns(data: &Data) -> Option<&Name> {
    if let Data::Ns(name) = data { Some(name) } else { None }
}
