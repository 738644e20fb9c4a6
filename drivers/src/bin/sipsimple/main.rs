//! The `sipsimple` program: a SIP softphone, and tools to look at what it did.
//!
//! Exit code 0 says that what was asked for happened, 1 that it failed (a sentence on standard error says why), 2 that the
//! command line is wrong.

mod account;
mod action;
mod answer;
mod call;
mod chat;
mod client;
mod conference;
mod demo;
mod desktop;
mod devices;
mod diagram;
mod extensions;
mod failure;
mod json;
mod keypad;
mod known;
mod ladder;
mod lookup;
mod media;
mod message;
mod microphone;
mod msrp;
mod output;
mod progress;
mod publish;
mod receive;
mod register;
mod replay;
mod script;
mod send;
mod session;
mod sound;
mod speaker;
mod subscribe;
mod talk;
mod tls;
mod value;
mod way;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use failure::Failure;
use output::Output;

/// A SIP softphone for the command line.
#[derive(Debug, Parser)]
#[command(
    name = "sipsimple",
    version,
    max_term_width = 100,
    after_help = "Exit code 0: done. 1: failed, and standard error says why. 2: the command line is wrong.\n\
                  SIPSIMPLE_LOG=debug prints what the program does inside."
)]
struct Options {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command, accepted before and after its name.
#[derive(Clone, Debug, Args)]
struct Global {
    /// Print every event as one line of JSON: its name, `t` in seconds, and its data
    #[arg(long, global = true)]
    json: bool,
    /// Write every input and intent, with what followed, to FILE. It holds passwords and keys: only you can read it
    #[arg(long, global = true, value_name = "FILE")]
    trace: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Place a call between two agents on this machine, with audio both ways, and judge what was heard
    Demo(demo::Options),
    /// Wait for calls and answer them
    Answer(answer::Options),
    /// Call somebody
    Call(call::Options),
    /// Have calls as commands are typed, many at once
    Session(session::Options),
    /// Exchange messages in a session
    Chat(chat::Options),
    /// Send a file
    Send(send::Options),
    /// Wait for files and store them
    Receive(receive::Options),
    /// Share the desktop of a VNC server
    Share(desktop::Share),
    /// Let a VNC viewer see the desktop that another shares
    View(desktop::View),
    /// Wait for calls, and let all callers hear each other
    Conference(conference::Options),
    /// Send an instant message
    Message(message::Options),
    /// Subscribe to the state of something, and print each notification
    Subscribe(subscribe::Options),
    /// Publish the presence of an account, and keep it published
    Publish(publish::Options),
    /// List the sound cards of this machine
    Devices(devices::Options),
    /// Register an account, and keep it registered
    Register(register::Options),
    /// Ask DNS where SIP requests, STUN servers, MSRP relays or XCAP servers of a domain are
    Lookup(lookup::Options),
    /// Run a recorded trace again and verify that every effect is the same, byte for byte
    Replay(replay::Options),
    /// Draw the SIP messages of a recorded trace, passwords and keys masked
    Ladder(ladder::Options),
}

fn main() -> ExitCode {
    let options = Options::parse();
    let filter = tracing_subscriber::EnvFilter::from_env("SIPSIMPLE_LOG");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // One line, whatever was quoted in it.
            eprintln!("sipsimple: {}", words::printable(&failure.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn run(Options { global: Global { json, trace }, command }: Options) -> Result<(), Failure> {
    let out = Output::new(json);
    match command {
        Command::Demo(options) => demo::run(&options, trace, out),
        Command::Answer(options) => answer::run(&options, trace, out),
        Command::Call(options) => call::run(&options, trace, out),
        Command::Session(options) => session::run(&options, trace, out),
        Command::Chat(options) => chat::run(&options, trace, out),
        Command::Send(options) => send::run(&options, trace, out),
        Command::Receive(options) => receive::run(&options, trace, out),
        Command::Share(options) => desktop::share(&options, trace, out),
        Command::View(options) => desktop::view(&options, trace, out),
        Command::Conference(options) => conference::run(&options, trace, out),
        Command::Message(options) => message::run(&options, trace, out),
        Command::Subscribe(options) => subscribe::run(&options, trace, out),
        Command::Publish(options) => publish::run(&options, trace, out),
        Command::Devices(options) => devices::run(&options, out),
        Command::Register(options) => register::run(&options, trace, out),
        Command::Lookup(options) => lookup::run(&options, trace, out),
        Command::Replay(options) => replay::run(&options, trace.as_deref(), out),
        Command::Ladder(options) => ladder::run(&options, trace.as_deref(), out),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn every_command_that_speaks_sip_speaks_for_an_account() {
        let command = Options::command();
        let speaks = |command: &&clap::Command| {
            !["demo", "devices", "register", "lookup", "replay", "ladder"].contains(&command.get_name())
        };
        for command in command.get_subcommands().filter(speaks) {
            for option in ["account", "password-file", "no-register", "route", "nameserver", "tls-ca"] {
                let has = command.get_arguments().any(|argument| argument.get_long() == Some(option));
                assert!(has, "{} --{option}", command.get_name());
            }
        }
    }

    #[test]
    fn global_options_go_before_and_after_the_command() {
        for line in [
            &["sipsimple", "--json", "--trace", "t", "answer"][..],
            &["sipsimple", "answer", "--json", "--trace", "t"],
            &["sipsimple", "--trace", "t", "call", "sip:a@127.0.0.1", "--json"],
        ] {
            let options = Options::try_parse_from(line).unwrap();
            assert!(options.global.json);
            assert_eq!(options.global.trace, Some(PathBuf::from("t")));
        }
    }

    #[test]
    fn answer_takes_several_sockets() {
        let line = ["sipsimple", "answer", "--listen", "udp:127.0.0.1:5070", "--listen", "tcp:[::1]:5070"];
        let Command::Answer(options) = Options::try_parse_from(line).unwrap().command else { panic!("not answer") };
        assert_eq!(options.listen.len(), 2);
    }
}
