//! What a participant does that knows that its region is lost: it says so in every call, and
//! touches the memory no more, which would end it by `SIGBUS`. And who finds out: also who waits
//! where nobody is woken, and who never sleeps.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fmt::Debug;
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::Duration;

use mapring::generic::{Consumer, Mpsc, Options, Producer, Ring, Spsc};
use mapring::{WaitStrategy, Wakeups};
use rustix::process::{Resource, Rlimit, setrlimit};

use common::gates::{Gates, Kind};
use common::{Child, DEADLINE, Name, role, say};

/// A payload, of which a ring holds some twelve.
const PAYLOAD: [u8; 256] = [7; 256];
/// How a call ends, as it is said.
const LOST: &str = "Err(RegionLost)";

fn options<P: Kind>(wakeups: &str) -> Options<P> {
    let options = Options::new().capacity(4096).max_payload(256);
    options.wakeups(match wakeups {
        "none" => Wakeups::None,
        _ => Wakeups::Futex,
    })
}

/// The strategy of this name.
fn strategy(name: &str) -> WaitStrategy {
    match name {
        "busy-spin" => WaitStrategy::BusySpin,
        "low-cpu" => WaitStrategy::LowCpu,
        other => panic!("no strategy is called {other}"),
    }
}

/// How a call ended.
fn end<T, E: Debug>(result: Result<T, E>) -> String {
    format!("{:?}", result.map(drop))
}

/// What only one kind of ring has.
trait Calls: Kind {
    /// How those calls of a producer end.
    fn of_producer(producer: &mut Producer<Self>) -> Vec<String>;

    /// How those calls of a consumer end.
    fn of_consumer(consumer: &mut Consumer<Self>) -> Vec<String>;
}

impl Calls for Spsc {
    fn of_producer(producer: &mut Producer<Self>) -> Vec<String> {
        vec![end(producer.batch())]
    }

    fn of_consumer(consumer: &mut Consumer<Self>) -> Vec<String> {
        vec![end(consumer.producer())]
    }
}

impl Calls for Mpsc {
    fn of_producer(producer: &mut Producer<Self>) -> Vec<String> {
        vec![
            end(producer.try_batch(64)),
            end(producer.batch(64, DEADLINE)),
        ]
    }

    fn of_consumer(consumer: &mut Consumer<Self>) -> Vec<String> {
        vec![end(consumer.producers())]
    }
}

/// Fills the ring, and sends one more, which waits; then calls everything. Returns how all that
/// ended, but for the filling.
fn produce<P: Calls>(producer: &mut Producer<P>) -> Vec<String> {
    let mut receipt = None;
    while let Ok(sent) = producer.try_send(1, &PAYLOAD) {
        receipt = Some(sent);
    }
    say("attached");
    let mut ends = vec![end(producer.send(1, &PAYLOAD, DEADLINE))];
    for _ in 0..2 {
        let receipt = receipt.unwrap();
        ends.extend([
            end(producer.try_send(1, b"")),
            end(producer.try_claim(8)),
            end(producer.send(1, b"", DEADLINE)),
            end(producer.send_sync(1, b"", DEADLINE)),
            end(producer.claim(8, DEADLINE)),
            end(producer.flush(DEADLINE)),
            end(producer.wait_consumed(receipt, DEADLINE)),
            end(producer.is_consumed(receipt)),
            end(producer.free()),
            end(producer.len()),
            end(producer.is_empty()),
            end(producer.consumer()),
        ]);
        ends.extend(P::of_producer(producer));
    }
    ends
}

/// Receives from an empty ring, which waits; then calls everything. Returns how all that ended.
fn consume<P: Calls>(consumer: &mut Consumer<P>) -> Vec<String> {
    say("attached");
    let mut ends = vec![end(consumer.recv(&mut Vec::new(), DEADLINE))];
    for _ in 0..2 {
        ends.extend([
            end(consumer.try_recv(&mut Vec::new())),
            end(consumer.recv(&mut Vec::new(), DEADLINE)),
            end(consumer.wait(DEADLINE)),
            end(consumer.drain(1, |_| ())),
            end(consumer.drain_while(1, |_| false)),
            end(consumer.free()),
            end(consumer.len()),
            end(consumer.is_empty()),
        ]);
        ends.extend(P::of_consumer(consumer));
    }
    ends
}

/// What a process does that loses its region: it waits, calls everything, drops its role, tries to
/// take each, and drops the handle. Says how all of it ended, in a line.
fn lose<P: Calls>(arguments: &[String]) {
    let ring: Ring<P> = options(&arguments[2]).open(&arguments[1]).unwrap();
    let mut ends = if arguments[3] == "producer" {
        let mut producer = ring.producer().unwrap();
        producer.set_wait_strategy(strategy(&arguments[4]));
        produce(&mut producer)
    } else {
        let mut consumer = ring.consumer().unwrap();
        consumer.set_wait_strategy(strategy(&arguments[4]));
        consume(&mut consumer)
    };
    ends.extend([end(ring.producer()), end(ring.consumer())]);
    // All of it is done when it speaks.
    drop(ring);
    say(ends.join("; "));
}

/// Role: see [`lose`].
#[test]
fn role_lose() {
    let Some(arguments) = role() else { return };
    // A `SIGBUS` that is expected shall leave no file behind.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).unwrap();
    if arguments[0] == Spsc::NAME {
        lose::<Spsc>(&arguments);
    } else {
        lose::<Mpsc>(&arguments);
    }
}

/// Truncates a region under a process that waits in it, and perhaps makes it as long as before.
/// Returns how its calls ended; `None` if `SIGBUS` ended the process.
fn truncate_under<P: Kind>(
    wakeups: &str,
    role: &str,
    strategy: &str,
    extends: bool,
) -> Option<String> {
    let name = Name::new(&format!("lost-{}-{wakeups}-{role}-{strategy}", P::NAME));
    let ring = options::<P>(wakeups).create(&name).unwrap();
    let gates = Gates::of(ring.path());
    let len = gates.file().metadata().unwrap().len();
    let arguments = [P::NAME, &*name, wakeups, role, strategy];
    let mut child = Child::start("role_lose", &arguments);
    child.expect("attached");
    if wakeups == "none" || strategy == "busy-spin" {
        // It waits by then, or soon.
        thread::sleep(Duration::from_millis(20));
    } else if role == "producer" {
        gates.await_producer();
    } else {
        gates.await_consumer();
    }
    gates.file().set_len(0).unwrap();
    if extends {
        gates.file().set_len(len).unwrap();
    }
    let status = child.status();
    // So that there is something to unmap and to unlink in good order.
    gates.file().set_len(len).unwrap();
    if status.signal() == Some(libc::SIGBUS) {
        return None;
    }
    assert!(status.success(), "{arguments:?}: {status}");
    Some(child.line())
}

/// Checks that each of the calls found the region lost.
#[track_caller]
fn assert_all_lost(ends: &str) {
    let other: Vec<_> = ends.split("; ").filter(|&end| end != LOST).collect();
    assert!(other.is_empty(), "{other:?} of {ends}");
    assert!(ends.split("; ").count() > 20, "{ends}");
}

fn is_lost_for_good<P: Kind>() {
    for role in ["producer", "consumer"] {
        let ends = truncate_under::<P>("futex", role, "low-cpu", false);
        assert_all_lost(&ends.expect("a process that touches nothing lives"));
    }
}

#[test]
fn who_has_lost_its_region_says_so_from_then_on_with_one_producer() {
    is_lost_for_good::<Spsc>();
}

#[test]
fn who_has_lost_its_region_says_so_from_then_on_with_many_producers() {
    is_lost_for_good::<Mpsc>();
}

/// Checks that the region is lost to who looks whether it is whole while it waits. In between it
/// touches the memory, and a signal ends it if that is when the memory goes; so this is tried a few
/// times.
fn is_lost_at_last<P: Kind>(wakeups: &str, role: &str, strategy: &str, extends: bool) {
    const ATTEMPTS: u32 = 30;
    let mut ends = (0..ATTEMPTS).map(|_| truncate_under::<P>(wakeups, role, strategy, extends));
    let ends = ends.find_map(|ends| ends);
    assert_all_lost(&ends.expect("one that is not ended by a signal"));
}

#[test]
fn who_waits_where_nobody_is_woken_sees_that_its_region_is_lost() {
    for role in ["producer", "consumer"] {
        is_lost_at_last::<Spsc>("none", role, "low-cpu", false);
        is_lost_at_last::<Mpsc>("none", role, "low-cpu", false);
    }
}

/// The cursors start at zero, so that those of an empty ring, or HEAD of a full one, are what they
/// were when the file is long again.
#[test]
fn who_spins_in_a_region_that_was_truncated_and_extended_sees_that_it_is_lost() {
    for wakeups in ["none", "futex"] {
        is_lost_at_last::<Spsc>(wakeups, "consumer", "busy-spin", true);
        is_lost_at_last::<Spsc>(wakeups, "producer", "busy-spin", true);
        // One of many producers finds TAIL at the start again, and sends.
        is_lost_at_last::<Mpsc>(wakeups, "consumer", "busy-spin", true);
    }
}
