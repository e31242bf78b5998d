//! `mapring`: pipes between processes through a named ring in shared memory.

mod args;
mod bench;
mod choice;
mod deaths;
mod demo;
mod exit;
mod interrupt;
mod kind;
mod other_process;
mod progress;
mod recv;
mod region;
mod send;
mod spin;
mod stat;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Send(args) => send::run(args),
        Command::Recv(args) => recv::run(&args),
        Command::Stat(args) => stat::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::DemoPeer(args) => demo::run_peer(&args),
        Command::DemoProducer(args) => demo::run_producer(&args),
        Command::BenchPeer(args) => bench::run_peer(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The terminal may be gone, which is no reason to panic.
            let _ = writeln!(io::stderr(), "mapring: {error:#}");
            exit::code_of(&error)
        }
    }
}
