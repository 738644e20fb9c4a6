//! The API of the seeds, row by row: what of it is there.
//!
//! `vectors/seeds/seed-api.tsv` lists every class, method, attribute and notification of the seeds. Each scenario here runs a part of the client and
//! reads what rows name, under the row's key, as in `002 Session.state`: what is missing does not compile. Notifications are heard of all
//! hosts, and count when all the data of the seeds have been seen in them. What is not there yet stands in `pending.tsv`
//! with the step that brings it; that list only gets shorter.

mod accounts;
mod application;
mod audio;
mod devices;
mod location;
mod media;
mod msrp;
mod msrp_failures;
mod proposals;
mod sessions;
mod settings;
mod streams;
mod table;
mod usages;

use table::Table;

#[test]
fn every_row_of_the_seeds_is_there_or_pending() {
    let mut table = Table::load();
    settings::scenarios(&mut table);
    accounts::scenarios(&mut table);
    sessions::scenarios(&mut table);
    proposals::scenarios(&mut table);
    streams::scenarios(&mut table);
    media::scenarios(&mut table);
    msrp::scenarios(&mut table);
    msrp_failures::scenarios(&mut table);
    location::scenarios(&mut table);
    usages::scenarios(&mut table);
    audio::scenarios(&mut table);
    application::scenarios(&mut table);
    devices::scenarios(&mut table);
    let faults = table.faults();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
