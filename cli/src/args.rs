//! What can be asked for on the command line.

mod bench;
mod numbers;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use mapring::{WaitStrategy, Wakeups};

use crate::choice::Choice;
use crate::exit;

pub(crate) use bench::{Asked, BenchArgs, BenchPeerArgs, Question};
use numbers::{parse_positive_size, parse_seconds, parse_size};

/// Pipes between processes through a named ring in shared memory.
#[derive(Debug, Parser)]
#[command(version, after_help = exit::HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Send(SendArgs),
    Recv(RecvArgs),
    Stat(StatArgs),
    Demo(DemoArgs),
    Bench(BenchArgs),
    /// The other process of `demo`.
    #[command(hide = true)]
    DemoPeer(DemoPeerArgs),
    /// One of the producers of `demo --producers`.
    #[command(hide = true)]
    DemoProducer(DemoProducerArgs),
    /// Another process of `bench`.
    #[command(hide = true)]
    BenchPeer(BenchPeerArgs),
}

/// Send a file or standard input.
///
/// Either side may start first. Ends when the receiver has written out everything.
///
/// With --mpsc, several may send into one ring. Their records arrive in one order, those of
/// each sender in the order in which it sent them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = exit::HELP,
    override_usage = "mapring send [OPTIONS] <NAME> [FILE]\n       \
                      mapring send [OPTIONS] --at <PATH> [FILE]"
)]
pub(crate) struct SendArgs {
    /// Name of the ring
    #[arg(required_unless_present = "at")]
    pub(crate) name: Option<String>,

    /// What to send [default: -, standard input]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Send each line as a record, with its newline
    #[arg(long, conflicts_with = "chunk")]
    pub(crate) lines: bool,

    /// Send records of so many bytes [default: 4K, or the ring's longest payload if that is less]
    #[arg(long, value_name = "BYTES", value_parser = parse_positive_size)]
    pub(crate) chunk: Option<u64>,

    /// Tag of each record
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) tag: u32,

    #[command(flatten)]
    pub(crate) region: RegionArgs,
}

/// Receive into a file or standard output.
///
/// Either side may start first. Ends when the sender has.
///
/// With --mpsc, waits for the first sender, and ends when none is left and everything was
/// received; a sender that comes later is one for the next receiver. Senders that are there
/// before the receiver are all received. The death of a sender does not end it as long as there are
/// others; but then its exit code is 3, and what a dead sender left unfinished is told.
#[derive(Debug, clap::Args)]
#[command(
    after_help = exit::HELP,
    override_usage = "mapring recv [OPTIONS] <NAME>\n       mapring recv [OPTIONS] --at <PATH>"
)]
pub(crate) struct RecvArgs {
    /// Name of the ring
    #[arg(required_unless_present = "at", conflicts_with = "at")]
    pub(crate) name: Option<String>,

    /// Where to write payloads instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) region: RegionArgs,
}

/// What both sides can say about the ring.
#[derive(Debug, clap::Args)]
pub(crate) struct RegionArgs {
    /// Use the ring in this file, which is kept, instead of a name
    #[arg(long, value_name = "PATH")]
    pub(crate) at: Option<PathBuf>,

    /// A ring of many senders; both sides must ask for it
    #[arg(long)]
    pub(crate) mpsc: bool,

    /// How many senders at once, from 1 to 1024 [default: what there is, or 64]
    #[arg(long, value_name = "NUMBER", requires = "mpsc", value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) producers: Option<u64>,

    /// Bytes of the ring, a power of two (64K, 1M, …) [default: what there is, or 1M]
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    pub(crate) capacity: Option<u64>,

    /// Longest record, in bytes [default: what there is, or an eighth of the capacity]
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    pub(crate) max_payload: Option<u64>,

    /// Who wakes a side that sleeps [default: what there is, or futex]
    #[arg(long, value_name = "BY")]
    pub(crate) wakeups: Option<Choice<Wakeups>>,

    /// What this side does until the other side has moved on
    #[arg(long, value_name = "HOW", default_value = "balanced")]
    pub(crate) wait: Choice<WaitStrategy>,

    /// Give up when the other side has moved nothing for so long [default: never]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) timeout: Option<Duration>,

    /// No progress on the terminal
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Show a ring, without a part in it.
///
/// Prints what it is, who sends and receives, what they have counted, and a record that its sender
/// does not finish. The numbers are those of a moment, and counters may lag behind by some hundred
/// records. A sleep is late when only the clock has ended it, although there was something to wake
/// up for. A ring that is left over from a crash is taken away, as by everybody who opens one.
#[derive(Debug, clap::Args)]
#[command(override_usage = "mapring stat <NAME>\n       mapring stat --at <PATH>")]
pub(crate) struct StatArgs {
    /// Name of the ring
    #[arg(required_unless_present = "at", conflicts_with = "at")]
    pub(crate) name: Option<String>,

    /// Show the ring in this file, instead of one with a name
    #[arg(long, value_name = "PATH")]
    pub(crate) at: Option<PathBuf>,
}

/// Show how fast this machine is, or what the death of a producer does.
///
/// Streams a file between two processes and compares its SHA-256 on both sides, then
/// measures throughput and round trips, with a bare cache line beside it; and round trips
/// of two that sleep until they are woken, with a bare futex beside them.
///
/// With --producers, that many processes send into one ring. In the middle, one of them is
/// killed; everybody else's records must arrive complete and in order.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// What to stream [default: this program itself]
    pub(crate) file: Option<PathBuf>,

    /// How much of it; a shorter file is repeated
    #[arg(long, default_value = "256M", value_parser = parse_positive_size)]
    pub(crate) bytes: u64,

    /// How long to measure what comes after it [default: 4], or how long producers send [default: 2]
    #[arg(long, value_parser = parse_seconds)]
    pub(crate) seconds: Option<Duration>,

    /// Show so many producers, from 2 to 64, of which one is killed
    #[arg(
        long,
        value_name = "NUMBER",
        conflicts_with_all = ["file", "bytes"],
        value_parser = clap::value_parser!(u32).range(2..=64)
    )]
    pub(crate) producers: Option<u32>,
}

/// What the demo tells its other process.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoPeerArgs {
    /// What the names of the rings start with.
    pub(crate) name: String,
    /// The file of the bare futexes.
    #[arg(long)]
    pub(crate) futexes: PathBuf,
    /// Where to run.
    #[arg(long)]
    pub(crate) core: Option<usize>,
}

/// What the demo tells one of its producers.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoProducerArgs {
    /// Name of the ring.
    pub(crate) name: String,
    /// Which one it is.
    #[arg(long)]
    pub(crate) number: u32,
    /// How long to send.
    #[arg(long, value_parser = parse_seconds)]
    pub(crate) seconds: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_description_of_the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes_have_units_of_1024() {
        let sizes = ["0", "4096", "64K", "1m", "2G", "1T"].map(|text| parse_size(text).unwrap());
        assert_eq!(sizes, [0, 4096, 65536, 1 << 20, 2 << 30, 1 << 40]);
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "K", "-1", "1.5M", "1X", "64KB", "é", "99999999T"] {
            assert!(parse_size(text).is_err(), "{text:?}");
        }
        assert!(parse_positive_size("0K").is_err());
    }

    #[test]
    fn seconds_may_have_a_fraction_but_no_sign() {
        assert_eq!(parse_seconds("0.25"), Ok(Duration::from_millis(250)));
        assert!(parse_seconds("-1").is_err() && parse_seconds("soon").is_err());
    }
}
