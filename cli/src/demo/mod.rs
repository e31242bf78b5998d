//! `mapring demo`: what this machine can do, between processes of this program.

mod asleep;
mod histogram;
mod link;
mod many;
mod message;
mod peer;
mod round_trip;
mod stream;
mod wait;

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::args::DemoArgs;

use link::Link;

pub(crate) use many::run_producer;
pub(crate) use peer::run as run_peer;

/// How long to measure, unless the arguments say so.
const MEASURING: Duration = Duration::from_secs(4);
/// How long producers send, unless the arguments say so.
const SENDING: Duration = Duration::from_secs(2);

/// Shows what the arguments ask for; fails when not all has arrived as it was sent.
pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    match args.producers {
        Some(count) => many::run(count, args.seconds.unwrap_or(SENDING)),
        None => measure(args),
    }
}

/// Measures and prints; fails when the two sides do not have the same bytes.
fn measure(args: &DemoArgs) -> Result<()> {
    let seconds = args.seconds.unwrap_or(MEASURING);
    let path = match &args.file {
        Some(path) => path.clone(),
        None => env::current_exe().context("cannot find this program")?,
    };
    let content = read(&path, args.bytes)?;
    let cores = mapring_limits::two_cores().context("cannot tell which cores there are")?;
    let mut link = Link::start(cores)?;

    let out = &mut io::stdout().lock();
    let place = match cores {
        Some((here, there)) => format!("on cores {here} and {there}"),
        None => "on one core".to_owned(),
    };
    writeln!(out, "Two processes, {place}. The receiver copies payloads")?;
    writeln!(
        out,
        "out of the ring, in batches (`drain`) when they stream."
    )?;

    writeln!(out, "\nA file, in records of 16 KiB")?;
    writeln!(out, "  file      {}", shown(&path))?;
    stream::file(&mut link, out, &content, args.bytes)?;

    writeln!(
        out,
        "\nRecords of one size, one way, with a header of 8 bytes each"
    )?;
    stream::sizes(&mut link, out, seconds * 2 / 5)?;

    writeln!(
        out,
        "\nRound trips of 56 bytes through two rings, and of one word without any ring"
    )?;
    round_trip::run(&mut link, out, seconds * 2 / 5)?;

    writeln!(
        out,
        "\nThe same when who waits sleeps until it is woken, and by a futex without a ring"
    )?;
    asleep::run(&mut link, out, seconds / 5)?;
    link.finish()
}

/// The start of the file, as much as will be sent.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut content))
        .with_context(|| format!("cannot read {}", path.display()))?;
    if content.is_empty() {
        bail!("{} is empty", path.display());
    }
    Ok(content)
}

/// The path, or its end when it does not fit into a line.
fn shown(path: &Path) -> String {
    const WIDTH: usize = 66;
    let path: PathBuf = path.into();
    let text = path.display().to_string();
    let len = text.chars().count();
    if len <= WIDTH {
        return text;
    }
    let end: String = text.chars().skip(len - WIDTH + 1).collect();
    format!("…{end}")
}
