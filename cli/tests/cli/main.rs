//! The command `mapring`, run as a user runs it: as processes of their own.

mod bench;
mod bench_ends;
mod bench_json;
mod demo;
mod failures;
mod interrupt;
mod mpsc;
mod other_build;
mod stat;
mod tool;
mod transfer;
mod usage;
mod waiting;
