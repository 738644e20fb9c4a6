//! Simulator, properties and conformance of the SIP SIMPLE client.
//!
//! The simulator is a [`World`](world::World) of hosts in virtual time: each holds an agent of the core, and between them lie
//! links that lose, repeat, reorder and delay. Everything is drawn from one seed, so a run that fails runs again from
//! the line that it prints.
//!
//! | module | what it is |
//! |---|---|
//! | [`world`], [`host`], [`link`], [`nat`], [`stream`], [`wire`] | hosts, the network between them, and time |
//! | [`application`] | the users of hosts |
//! | [`media`] | their media paths |
//! | [`program`], [`crowd`] | random programs of many users |
//! | [`sessions`] | session programs, and the reference model of Session |
//! | [`post`], [`script`], [`draft`] | peers that do what a test says, and the messages that they write |
//! | [`text`] | a media stream of an application's own |
//! | [`brittle`] | a media stream that is slow, or fails |
//! | [`proxy`], [`registrar`], [`dns`], [`msrp_relay`] | proxies, registrars, name servers and MSRP relays that do what a test says |
//! | [`call`] | a call between two who hear each other |
//! | [`change`] | an audio stream whose line a test changes |
//! | [`ice`], [`turn`] | two ICE endpoints with the network between them, and a TURN server |
//! | [`sip`], [`sdp`], [`msrp`], [`model`] | what the wire tells, read without the core's help |
//! | [`property`] | what holds in every world |
//! | [`words`] | what sessions tell, in short |

pub mod application;
pub mod brittle;
pub mod call;
pub mod change;
pub mod cost;
pub mod crowd;
pub mod digest;
pub mod dns;
pub mod draft;
pub mod host;
pub mod ice;
pub mod link;
pub mod media;
pub mod model;
pub mod msrp;
pub mod msrp_relay;
pub mod nat;
pub mod post;
pub mod program;
pub mod property;
pub mod proxy;
pub mod registrar;
pub mod script;
pub mod sdp;
pub mod sessions;
pub mod sip;
pub mod stream;
pub mod text;
pub mod turn;
pub mod wire;
pub mod words;
pub mod world;
