//! What a response says to a question (RFC 1034 sections 3.6.2 and 5.3.3, RFC 2308).

use super::wire::{Code, MAX_TTL, Response};
use super::{Data, Kind, Name, Record};

/// What a response says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// These records, which hold for so many seconds.
    Records { records: Vec<Record>, ttl: u32 },
    /// The name is an alias of this one, of which nothing is said.
    Alias { to: Name, ttl: u32 },
    /// There are none. That holds for so many seconds.
    Nothing { absence: Absence, ttl: u32 },
    /// The aliases lead in a circle, or are too many.
    Circle,
    /// The server cannot, or will not, answer.
    Failure(u8),
}

/// Why there are no records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// The name does not exist (NXDOMAIN).
    Name,
    /// It has none of this type (NODATA).
    Data,
}

/// Reads the answer to a question. `aliases` holds the names that led to `name`, and gets those that lead on from it.
pub(super) fn read(
    response: &Response,
    name: &Name,
    kind: Kind,
    aliases: &mut Vec<Name>,
    most_aliases: usize,
) -> Reading {
    if let Code::Failure(code) = response.code {
        return Reading::Failure(code);
    }
    let mut current = name.clone();
    let mut ttl = MAX_TTL;
    loop {
        let own = || response.answers.iter().filter(|record| record.name == current);
        let records: Vec<Record> = own().filter(|record| record.data.is(kind)).cloned().collect();
        if !records.is_empty() {
            let ttl = records.iter().map(|record| record.ttl).fold(ttl, u32::min);
            return Reading::Records { records, ttl };
        }
        let alias = own().find_map(|record| match &record.data {
            Data::Cname(to) => Some((to.clone(), record.ttl)),
            Data::A(_)
            | Data::Aaaa(_)
            | Data::Ns(_)
            | Data::Soa { .. }
            | Data::Srv(_)
            | Data::Naptr(_)
            | Data::Txt(_) => None,
        });
        let Some((to, alias_ttl)) = alias else { break };
        if aliases.len() >= most_aliases || to == current || aliases.contains(&to) {
            return Reading::Circle;
        }
        ttl = ttl.min(alias_ttl);
        aliases.push(std::mem::replace(&mut current, to));
    }
    let minimum = response.authority.iter().find_map(|record| match record.data {
        Data::Soa { minimum } if current.is_within(&record.name) => Some(minimum.min(record.ttl)),
        Data::Soa { .. }
        | Data::A(_)
        | Data::Aaaa(_)
        | Data::Cname(_)
        | Data::Ns(_)
        | Data::Srv(_)
        | Data::Naptr(_)
        | Data::Txt(_) => None,
    });
    // Without the zone's record the absence holds for this time only (RFC 2308 section 5).
    let lasting = minimum.map_or(0, |minimum| minimum.min(ttl));
    match (response.code, minimum) {
        (Code::NameError, _) => Reading::Nothing { absence: Absence::Name, ttl: lasting },
        (_, None) if current != *name => Reading::Alias { to: current, ttl },
        _ => Reading::Nothing { absence: Absence::Data, ttl: lasting },
    }
}
