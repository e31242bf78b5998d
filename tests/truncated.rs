//! Regions whose file is truncated while somebody uses them.
//!
//! Who touches memory that is gone is ended by `SIGBUS`, as the README says: no library can keep
//! that from its caller. It is the only signal, and nobody hangs. Who sleeps meanwhile touches
//! nothing, and says that the region is lost; so does who waits without sleeping, if it looks in
//! time. Sleepers of rings with one producer are in `wakeups_lost_region.rs`; what they do from
//! then on is in `lost_region.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::mem;
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::{Duration, Instant};

use mapring::generic::{Mpsc, Options, Ring, Spsc};
use mapring::{RecvError, SendError, TryRecvError, TrySendError, WaitStrategy};
use rustix::process::{Resource, Rlimit, setrlimit};

use common::gates::{Gates, Kind};
use common::{Child, DEADLINE, Name, role, say};

/// A payload, of which a ring holds some twelve.
const PAYLOAD: [u8; 256] = [7; 256];
/// What a role waits for that may not come about.
const A_WHILE: Duration = Duration::from_millis(500);

/// What somebody does all the time.
const OF_PRODUCERS: [&str; 4] = ["free", "try-send", "send", "abort"];
/// The same, of a consumer.
const OF_CONSUMERS: [&str; 3] = ["try-recv", "look", "recv"];
/// Those that look now and then whether the region is whole.
const WAITING: [&str; 2] = ["send", "recv"];

fn options<P: Kind>() -> Options<P> {
    // So that zero is not where its cursors may be.
    Options::new()
        .capacity(4096)
        .max_payload(256)
        .start(1 << 20)
}

/// Does `work` until the time is over, or until it fails. Returns how it failed.
fn repeat(until: Instant, mut work: impl FnMut() -> Result<(), String>) -> String {
    while Instant::now() < until {
        if let Err(error) = work() {
            return error;
        }
        thread::yield_now();
    }
    "nothing".to_owned()
}

/// Does this all the time, awake, until the time is over or it fails. Returns why it failed.
fn toil<P: Kind>(ring: &Ring<P>, how: &str, time: Duration) -> String {
    let end = Instant::now() + time;
    if OF_CONSUMERS.contains(&how) {
        let mut consumer = ring.consumer().unwrap();
        consumer.set_wait_strategy(WaitStrategy::BusySpin);
        say("attached");
        let mut payload = Vec::new();
        return match how {
            "recv" => format!("{:?}", consumer.recv(&mut payload, time).unwrap_err()),
            _ => repeat(end, || {
                let result = match how {
                    "look" => consumer.drain_while(1, |_| false).map(drop),
                    _ => consumer.try_recv(&mut payload).map(drop),
                };
                match result {
                    Ok(()) | Err(TryRecvError::Empty) => Ok(()),
                    Err(error) => Err(format!("{error:?}")),
                }
            }),
        };
    }
    let mut producer = ring.producer().unwrap();
    producer.set_wait_strategy(WaitStrategy::BusySpin);
    say("attached");
    if how == "send" {
        return match producer.send(1, &PAYLOAD, time) {
            Ok(_) => "nothing".to_owned(),
            Err(error) => format!("{error:?}"),
        };
    }
    repeat(end, || {
        let result = match how {
            "free" => producer.free().map(drop),
            "try-send" => producer.try_send(1, &PAYLOAD).map(drop),
            _ => producer.try_claim(PAYLOAD.len()).map(drop),
        };
        match result {
            Ok(()) | Err(TrySendError::Full) => Ok(()),
            Err(error) => Err(format!("{error:?}")),
        }
    })
}

/// Role: see [`toil`]. It closes nothing, for there may be no memory to write that down.
#[test]
fn role_toil() {
    fn play<P: Kind>(name: &str, how: &str, time: Duration) {
        let ring = options::<P>().open(name).unwrap();
        say(toil(&ring, how, time));
        // There is nobody else to do it, and nothing to be told to anybody.
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
            .unwrap();
    }
    let Some(arguments) = role() else { return };
    without_core_dumps();
    let time = Duration::from_millis(arguments[3].parse().unwrap());
    if arguments[0] == Spsc::NAME {
        play::<Spsc>(&arguments[1], &arguments[2], time);
    } else {
        play::<Mpsc>(&arguments[1], &arguments[2], time);
    }
}

/// A `SIGBUS` that is expected shall leave no file behind.
fn without_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).unwrap();
}

/// Role: sleeps at an empty ring as its consumer, or at a full one as a producer, and says how that
/// ended.
#[test]
fn role_sleep() {
    fn play<P: Kind>(name: &str, is_consumer: bool) {
        let ring = options::<P>().open(name).unwrap();
        say("ready");
        let end = if is_consumer {
            let mut consumer = ring.consumer().unwrap();
            consumer.set_wait_strategy(WaitStrategy::LowCpu);
            let end = consumer.recv(&mut Vec::new(), DEADLINE).unwrap_err();
            mem::forget(consumer);
            match end {
                RecvError::Corrupt(_) => "Corrupt".to_owned(),
                other => format!("{other:?}"),
            }
        } else {
            let mut producer = ring.producer().unwrap();
            producer.set_wait_strategy(WaitStrategy::LowCpu);
            let end = producer.send(1, &PAYLOAD, DEADLINE).unwrap_err();
            mem::forget(producer);
            match end {
                SendError::Corrupt(_) => "Corrupt".to_owned(),
                other => format!("{other:?}"),
            }
        };
        say(end);
        mem::forget(ring);
    }
    let Some(arguments) = role() else { return };
    without_core_dumps();
    let is_consumer = arguments[2] == "consumer";
    if arguments[0] == Spsc::NAME {
        play::<Spsc>(&arguments[1], is_consumer);
    } else {
        play::<Mpsc>(&arguments[1], is_consumer);
    }
}

/// A ring whose file is truncated.
struct Scene<P: Kind> {
    /// Keeps the region.
    _ring: Ring<P>,
    gates: Gates,
    len: u64,
    // Last, so that the region is closed before what is left of it is deleted.
    name: Name,
}

impl<P: Kind> Scene<P> {
    fn new(test: &str, is_full: bool) -> Self {
        let name = Name::new(&format!("truncated-{}-{test}-{is_full}", P::NAME));
        let ring = options::<P>().create(&name).unwrap();
        let gates = Gates::of(ring.path());
        let len = gates.file().metadata().unwrap().len();
        if is_full {
            let mut producer = ring.producer().unwrap();
            while producer.try_send(1, &PAYLOAD).is_ok() {}
            // As if it had died: it has not left, so that a consumer waits for a successor.
            producer.abandon();
        }
        Self {
            _ring: ring,
            gates,
            len,
            name,
        }
    }

    /// A process that is awake, and touches the region all the time.
    fn toiler(&self, how: &str, time: Duration) -> Child {
        let millis = time.as_millis().to_string();
        let child = Child::start("role_toil", &[P::NAME, &self.name, how, &millis]);
        child.expect("attached");
        child
    }

    /// A process that sleeps.
    fn sleeper(&self, role: &str) -> Child {
        let child = Child::start("role_sleep", &[P::NAME, &self.name, role]);
        child.expect("ready");
        if role == "consumer" {
            self.gates.await_consumer();
        } else {
            self.gates.await_producer();
        }
        child
    }

    fn truncate(&self) {
        self.gates.file().set_len(0).unwrap();
    }

    fn extend(&self) {
        self.gates.file().set_len(self.len).unwrap();
    }
}

impl<P: Kind> Drop for Scene<P> {
    fn drop(&mut self) {
        // So that there is something to unmap and to unlink in good order.
        let _ = self.gates.file().set_len(self.len);
    }
}

/// Truncates a region under somebody who is awake, and perhaps somebody who sleeps.
fn truncate_under<P: Kind>(how: &str, is_full: bool, sleeper: Option<&str>) {
    let scene = Scene::<P>::new(how, is_full);
    let sleeper = sleeper.map(|role| scene.sleeper(role));
    let mut toiler = scene.toiler(how, DEADLINE);
    scene.truncate();
    let status = toiler.status();
    if WAITING.contains(&how) && status.signal() == Some(libc::SIGKILL) {
        // It was just looking whether the region is whole. It killed itself when it had said so.
        toiler.expect("RegionLost");
    } else {
        assert_eq!(status.signal(), Some(libc::SIGBUS), "{how}: {status}");
    }
    if let Some(sleeper) = sleeper {
        sleeper.expect("RegionLost");
        sleeper.finish();
    }
}

#[test]
fn who_is_awake_in_a_truncated_region_gets_sigbus_and_who_sleeps_says_that_it_is_lost() {
    truncate_under::<Spsc>("free", false, Some("consumer"));
    truncate_under::<Mpsc>("free", false, Some("consumer"));
    truncate_under::<Spsc>("look", true, Some("producer"));
    truncate_under::<Mpsc>("look", true, Some("producer"));
    truncate_under::<Mpsc>("try-send", true, Some("producer"));
    truncate_under::<Mpsc>("send", true, Some("producer"));
}

#[test]
fn whatever_one_does_in_a_truncated_region_the_signal_is_sigbus() {
    for (how, is_full) in [
        ("free", true),
        ("try-send", true),
        ("send", true),
        ("abort", false),
        ("try-recv", false),
        ("recv", false),
    ] {
        truncate_under::<Spsc>(how, is_full, None);
        truncate_under::<Mpsc>(how, is_full, None);
    }
}

/// Truncates a region under somebody who is awake, and makes it as long as before. Returns what
/// they said, if they lived.
fn stretch_under<P: Kind>(how: &str, is_full: bool) -> Option<String> {
    let scene = Scene::<P>::new(&format!("stretch-{how}"), is_full);
    let mut toiler = scene.toiler(how, A_WHILE);
    scene.truncate();
    scene.extend();
    let status = toiler.status();
    // It kills itself when it has said how it went.
    let signals = [Some(libc::SIGBUS), Some(libc::SIGKILL)];
    assert!(signals.contains(&status.signal()), "{how}: {status}");
    (status.signal() == Some(libc::SIGKILL)).then(|| toiler.line())
}

#[test]
fn who_is_awake_in_a_region_that_was_truncated_and_extended_sees_a_dead_one() {
    fn check<P: Kind>() {
        let of_producers = OF_PRODUCERS.map(|how| (how, how != "free"));
        let of_consumers = OF_CONSUMERS.map(|how| (how, how == "look"));
        for (how, is_full) in of_producers.into_iter().chain(of_consumers) {
            let end = stretch_under::<P>(how, is_full);
            println!("{} {how}: {end:?}", P::NAME);
            let Some(end) = end else { continue };
            // A producer that is alone knows where HEAD cannot be, a consumer of many where TAIL
            // cannot be, when it looks. A consumer of one sees zeros: no record; if it waits, it
            // looks at last whether the region is whole. A producer of many sends into them: all
            // that it knows of the ring stands in the region.
            let is_quiet = ["nothing", "TimedOut"].contains(&&*end);
            let is_corrupt = |cursor: &str| {
                let start = format!("Corrupt(Cursor {{ cursor: {cursor:?}, position: 0,");
                end.starts_with(&start)
            };
            let waits = WAITING.contains(&how);
            let is_lost = waits && end == "RegionLost";
            let is_fine = match (P::NAME, OF_CONSUMERS.contains(&how)) {
                (Spsc::NAME, false) => is_lost || is_corrupt("HEAD"),
                (Spsc::NAME, true) if waits => is_lost,
                (Mpsc::NAME, true) if waits => is_lost || is_corrupt("TAIL"),
                (Mpsc::NAME, true) => is_quiet || is_corrupt("TAIL"),
                (Mpsc::NAME, false) => is_lost || is_quiet,
                _ => is_quiet,
            };
            assert!(is_fine, "{how}: {end}");
        }
    }
    check::<Spsc>();
    check::<Mpsc>();
}

#[test]
fn all_sleepers_among_many_say_that_their_region_was_truncated() {
    let scene = Scene::<Mpsc>::new("consumer", false);
    let consumer = scene.sleeper("consumer");
    scene.truncate();
    consumer.expect("RegionLost");
    consumer.finish();

    let scene = Scene::<Mpsc>::new("producers", true);
    let producers = [0; 3].map(|_| scene.sleeper("producer"));
    scene.truncate();
    for producer in producers {
        producer.expect("RegionLost");
        producer.finish();
    }
}

#[test]
fn sleepers_among_many_do_not_go_on_in_a_region_that_was_truncated_and_extended() {
    for role in ["consumer", "producer"] {
        let scene = Scene::<Mpsc>::new(&format!("extend-{role}"), role == "producer");
        let sleeper = scene.sleeper(role);
        scene.truncate();
        scene.extend();
        // Corrupt, if it was between two sleeps just then.
        let line = sleeper.line();
        assert!(
            ["RegionLost", "Corrupt"].contains(&&*line),
            "{role}: {line}"
        );
        sleeper.finish();
    }
}
