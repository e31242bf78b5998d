//! `mapring stat`: a look at a ring.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use indicatif::HumanCount;
use mapring::generic::{Mpsc, Observer, Options, Ring, Spsc, Stalled};
use mapring::{Counters, OpenError, Peer};

use crate::args::StatArgs;
use crate::kind::Kind;
use crate::region::Place;

/// A record that is not finished is looked at again after so long: most are being written just then.
const SECOND_LOOK_AFTER: Duration = Duration::from_millis(100);

/// Prints what can be seen, and takes no role. The ring must be there.
pub(crate) fn run(args: &StatArgs) -> Result<()> {
    let place = Place::new(args.name.as_ref(), args.at.as_ref());
    let out = &mut io::stdout().lock();
    match open::<Spsc>(&place) {
        Err(OpenError::Kind { .. }) => show(&open::<Mpsc>(&place)?, out),
        ring => show(&ring?, out),
    }
}

fn open<P: Kind>(place: &Place) -> Result<Ring<P>, OpenError> {
    let options = Options::new();
    match place {
        Place::Name(name) => options.open(name),
        Place::Path(path) => options.open_at(path),
    }
}

fn show<P: Kind>(ring: &Ring<P>, out: &mut impl Write) -> Result<()> {
    let observer = ring.observer()?;
    let bytes = |name: &str, number: usize| format!("{name:<12}{} bytes", count(number as u64));
    let (head, tail) = (observer.head(), observer.tail());
    writeln!(out, "ring        {}", ring.path().display())?;
    writeln!(out, "kind        {}", P::KIND.name())?;
    writeln!(out, "{}", bytes("capacity", ring.capacity()))?;
    writeln!(out, "{}", bytes("max payload", ring.max_payload()))?;
    writeln!(out, "{}", bytes("alignment", ring.record_align()))?;
    writeln!(out, "wakeups     {}", ring.wakeups().name())?;
    writeln!(out, "fences      {}", ring.fences().name())?;
    writeln!(out, "{}", bytes("used", observer.len()))?;
    writeln!(out, "head        {}", count(head))?;
    writeln!(out, "tail        {}", count(tail))?;
    consumer(&observer, out)?;
    producers(&observer, out)?;
    sleeps(&observer, out)?;
    if let Some(claim) = stalled(&observer) {
        writeln!(
            out,
            "\nStalled: process {} has not finished a record of {} bytes at position {}.",
            claim.pid,
            count(claim.size as u64),
            count(claim.position),
        )?;
        writeln!(
            out,
            "What was sent after it waits, as long as that process lives."
        )?;
    }
    Ok(())
}

fn consumer<P: Kind>(observer: &Observer<P>, out: &mut impl Write) -> Result<()> {
    let counters = observer.consumer_counters();
    writeln!(out, "repairs     {}", count(counters.repairs))?;
    writeln!(
        out,
        "\nconsumer  state     process        records           bytes      empty      waits"
    )?;
    writeln!(out, "          {}", row(observer.consumer()?, &counters))?;
    Ok(())
}

fn producers<P: Kind>(observer: &Observer<P>, out: &mut impl Write) -> Result<()> {
    let senders = P::senders(observer)?;
    writeln!(
        out,
        "\nproducer  state     process        records           bytes       full      waits"
    )?;
    let mut is_unused = true;
    for (index, (peer, counters)) in senders.iter().enumerate() {
        if *peer != Peer::Absent {
            writeln!(out, "{index:>8}  {}", row(*peer, counters))?;
            is_unused = false;
        }
    }
    if is_unused {
        writeln!(out, "          none yet")?;
    }
    if senders.len() > 1 {
        writeln!(out, "  of {} slots", senders.len())?;
    }
    Ok(())
}

/// How often each of them slept, and how many of these sleeps were late.
fn sleeps<P: Kind>(observer: &Observer<P>, out: &mut impl Write) -> Result<()> {
    writeln!(out, "\nslept                times       late")?;
    let consumer = (observer.consumer()?, observer.consumer_counters());
    let senders = P::senders(observer)?;
    let senders = senders.into_iter().enumerate();
    let producers = senders.map(|(index, producer)| (format!("producer {index}"), producer));
    let all = [("consumer".to_owned(), consumer)].into_iter();
    for (who, (peer, counters)) in all.chain(producers) {
        if peer != Peer::Absent {
            let (sleeps, late) = (count(counters.sleeps), count(counters.late));
            writeln!(out, "{who:<13}{sleeps:>13} {late:>10}")?;
        }
    }
    Ok(())
}

fn row(peer: Peer, counters: &Counters) -> String {
    let (state, pid) = match peer {
        Peer::Absent => ("none yet", None),
        Peer::Attached { pid } => ("attached", Some(pid)),
        Peer::Left => ("left", None),
        Peer::Died { pid } => ("died", Some(pid)),
    };
    // Who has left in good order is not there to be found by its number.
    let pid = pid.map_or("-".to_owned(), |pid| pid.to_string());
    format!(
        "{state:<9} {pid:>7} {:>14} {:>15} {:>10} {:>10}",
        count(counters.records),
        count(counters.bytes),
        count(counters.stalls),
        count(counters.waits),
    )
}

fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// A claim that is still there when it is looked at again.
fn stalled<P: Kind>(observer: &Observer<P>) -> Option<Stalled> {
    let first = P::stalled(observer)?;
    thread::sleep(SECOND_LOOK_AFTER);
    P::stalled(observer).filter(|second| *second == first)
}
