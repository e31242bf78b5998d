//! How many instructions does a send take, and a receive? Counted by callgrind, not timed: the
//! same each time, however busy the machine is.
//!
//! A process sends up to half a ring and receives as many records as it sent, over and over, so
//! nobody waits, spins or sleeps. Callgrind counts what one of two functions takes, which do
//! nothing but send or receive in a loop; that is done for few records and for more, and the
//! difference is divided by how many more they were, so that whatever is done once does not count.
//! Callgrind knows no `membarrier`: wakeups are looked at behind a full fence here, which is one
//! more instruction for each send.
//!
//! Run: `cargo bench --bench instructions`, which needs `valgrind`; without it, nothing is counted
//!
//! Read: instructions for each record, sent and received. *Known*: the length is one that the
//! compiler knows. *Claim*: claimed, written and committed, and drained. The table of
//! `docs/performance.md` is made of it.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

use std::env;
use std::hint::black_box;
use std::process::{self, Command};

use mapring::{Wakeups, mpsc, spsc};

/// Half rings that are sent and received: for the first count, and for the second.
const ROUNDS: [u64; 2] = [10, 60];
/// Payload lengths, in bytes.
const LENGTHS: [usize; 5] = [8, 56, 64, 1024, 16 << 10];
/// Bytes of the ring.
const CAPACITY: usize = 256 << 10;
/// The first argument of the process that callgrind looks at, before NAME, LENGTH and ROUNDS.
const COUNT: &str = "--count";

/// Sends, or receives, half a ring.
type Half = Box<dyn FnMut()>;

/// Makes the two halves for payloads of a length.
type Ends = fn(usize) -> (Half, Half);

/// What is counted, by name.
const WAYS: [(&str, Ends); 10] = [
    ("spsc single, known", |len| known(len, Known::Single)),
    ("spsc drain, known", |len| known(len, Known::Drain)),
    ("spsc batch, known", |len| known(len, Known::Batch)),
    ("spsc claim, known", |len| known(len, Known::Claim)),
    ("spsc single", |len| spsc_single(len, Wakeups::Futex)),
    ("spsc single, no wakeups", |len| {
        spsc_single(len, Wakeups::None)
    }),
    ("spsc single and drain", |len| spsc_drain(len, false)),
    ("spsc batch and drain", |len| spsc_drain(len, true)),
    ("mpsc single", |len| mpsc_ends(len, false)),
    ("mpsc single and drain", |len| mpsc_ends(len, true)),
];

/// Records that fill half a ring at most, however they are aligned.
fn half(len: usize) -> usize {
    CAPACITY / 2 / (8 + len).next_multiple_of(64)
}

fn name() -> String {
    format!("bench-instructions-{}", process::id())
}

fn spsc_ends(len: usize, wakeups: Wakeups) -> (spsc::Producer, spsc::Consumer) {
    let options = spsc::Options::new().capacity(CAPACITY as u64);
    let options = options.max_payload(len as u64).wakeups(wakeups);
    let ring = options.create(&name()).unwrap();
    (ring.producer().unwrap(), ring.consumer().unwrap())
}

fn spsc_single(len: usize, wakeups: Wakeups) -> (Half, Half) {
    let (mut producer, mut consumer) = spsc_ends(len, wakeups);
    let payload = vec![7; len];
    let mut received = vec![0; len];
    let send = move || {
        for tag in 0..half(len) {
            producer.try_send(tag as u32, black_box(&payload)).unwrap();
        }
    };
    let receive = move || {
        for _ in 0..half(len) {
            consumer.try_recv(&mut received[..]).unwrap();
            black_box(&received);
        }
    };
    (Box::new(send), Box::new(receive))
}

fn spsc_drain(len: usize, batches: bool) -> (Half, Half) {
    let (mut producer, mut consumer) = spsc_ends(len, Wakeups::Futex);
    let payload = vec![7; len];
    let mut received = vec![0; len];
    let send = move || {
        if !batches {
            for tag in 0..half(len) {
                producer.try_send(tag as u32, black_box(&payload)).unwrap();
            }
            return;
        }
        let mut batch = producer.batch().unwrap();
        for tag in 0..half(len) {
            batch.push(tag as u32, black_box(&payload)).unwrap();
        }
        batch.publish();
    };
    let receive = move || {
        let count = consumer.drain(half(len), |record| {
            record.copy_to(&mut received);
            black_box(&received);
        });
        assert_eq!(count.unwrap(), half(len));
    };
    (Box::new(send), Box::new(receive))
}

/// How payloads of a length that the compiler knows are moved.
#[derive(Clone, Copy, PartialEq)]
enum Known {
    Single,
    Drain,
    Batch,
    Claim,
}

fn known(len: usize, how: Known) -> (Half, Half) {
    match len {
        8 => of_length::<8>(how),
        56 => of_length::<56>(how),
        64 => of_length::<64>(how),
        1024 => of_length::<1024>(how),
        _ => of_length::<{ 16 << 10 }>(how),
    }
}

/// Hides what the bytes are, not how many.
#[inline]
fn hidden<const LEN: usize>(payload: &[u8; LEN]) -> &[u8; LEN] {
    black_box(payload)
}

fn of_length<const LEN: usize>(how: Known) -> (Half, Half) {
    let (mut producer, mut consumer) = spsc_ends(LEN, Wakeups::Futex);
    let payload = [7; LEN];
    let mut received = [0; LEN];
    let send = move || match how {
        Known::Single | Known::Drain => {
            for tag in 0..half(LEN) {
                producer.try_send(tag as u32, hidden(&payload)).unwrap();
            }
        }
        Known::Batch => {
            let mut batch = producer.batch().unwrap();
            for tag in 0..half(LEN) {
                batch.push(tag as u32, hidden(&payload)).unwrap();
            }
            batch.publish();
        }
        Known::Claim => {
            for tag in 0..half(LEN) {
                let mut claim = producer.try_claim(LEN).unwrap();
                claim.write(0, hidden(&payload));
                claim.commit(tag as u32);
            }
        }
    };
    let receive = move || {
        if how == Known::Single {
            for _ in 0..half(LEN) {
                consumer.try_recv(&mut received[..]).unwrap();
                black_box(&received);
            }
            return;
        }
        let count = consumer.drain(half(LEN), |record| {
            record.copy_to(&mut received);
            black_box(&received);
        });
        assert_eq!(count.unwrap(), half(LEN));
    };
    (Box::new(send), Box::new(receive))
}

fn mpsc_ends(len: usize, drain: bool) -> (Half, Half) {
    let options = mpsc::Options::new().capacity(CAPACITY as u64);
    let ring = options.max_payload(len as u64).create(&name()).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let payload = vec![7; len];
    let mut received = vec![0; len];
    let send = move || {
        for tag in 0..half(len) {
            producer.try_send(tag as u32, black_box(&payload)).unwrap();
        }
    };
    let receive = move || {
        if drain {
            let count = consumer.drain(half(len), |record| {
                record.copy_to(&mut received);
                black_box(&received);
            });
            assert_eq!(count.unwrap(), half(len));
            return;
        }
        for _ in 0..half(len) {
            consumer.try_recv(&mut received[..]).unwrap();
            black_box(&received);
        }
    };
    (Box::new(send), Box::new(receive))
}

#[inline(never)]
fn counted_send(half: &mut Half) {
    half();
    // Else the two functions would be one.
    black_box("sent");
}

#[inline(never)]
fn counted_receive(half: &mut Half) {
    half();
    black_box("received");
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [COUNT, name, len, rounds] = arguments[..] {
        let (_, ends) = WAYS.iter().find(|(way, _)| *way == name).unwrap();
        return run(*ends, len.parse().unwrap(), rounds.parse().unwrap());
    }
    if arguments.contains(&"--test") {
        return WAYS.iter().for_each(|(_, ends)| run(*ends, LENGTHS[0], 1));
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        return eprintln!("nothing is counted, for there is no valgrind");
    }
    println!("instructions for each record, copies included\n");
    println!(
        "{:<24} {:>7} {:>8} {:>8}",
        "how", "bytes", "send", "receive"
    );
    for (name, _) in WAYS {
        for len in LENGTHS {
            let [send, receive] = ["counted_send", "counted_receive"]
                .map(|function| for_each_record(function, name, len));
            println!("{name:<24} {len:>7} {send:>8.1} {receive:>8.1}");
        }
    }
}

/// What is counted.
fn run(ends: Ends, len: usize, rounds: u64) {
    let (mut send, mut receive) = ends(len);
    for _ in 0..rounds {
        counted_send(&mut send);
        counted_receive(&mut receive);
    }
}

/// What `function` takes for each record.
fn for_each_record(function: &str, name: &str, len: usize) -> f64 {
    let [few, more] = ROUNDS.map(|rounds| count(function, name, len, rounds));
    let records = half(len) as u64 * (ROUNDS[1] - ROUNDS[0]);
    (more - few) as f64 / records as f64
}

/// All that `function` takes, as callgrind counts it.
fn count(function: &str, name: &str, len: usize, rounds: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect=*{function}*"))
        .arg(env::current_exe().unwrap())
        .args([COUNT, name, &len.to_string(), &rounds.to_string()])
        .output()
        .expect("valgrind is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse().ok());
    match collected {
        Some(count) if output.status.success() => count,
        _ => panic!("callgrind did not count: {said}"),
    }
}
