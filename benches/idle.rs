//! What does a consumer use that sleeps, for nothing comes?
//!
//! One thread waits in `recv`; no other thread of this process works.
//!
//! Run: `cargo bench --bench idle -- --seconds 60` (3 by default)
//!
//! Read: the time of a processor that the thread had, and its share of the time it waited.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

use std::env;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use mapring::RecvError;
use mapring::spsc::Options;
use rustix::time::{ClockId, clock_gettime};

fn main() {
    let asked = env::args().skip_while(|arg| arg != "--seconds").nth(1);
    let wait = match asked.map(|seconds| seconds.parse()) {
        Some(Ok(seconds)) => Duration::from_secs(seconds),
        Some(Err(_)) => {
            eprintln!("--seconds takes a number of seconds");
            process::exit(2);
        }
        None if env::args().any(|arg| arg == "--test") => Duration::from_millis(200),
        None => Duration::from_secs(3),
    };
    let name = format!("bench-idle-{}", process::id());
    let ring = Options::new().create(&name).unwrap();
    // It stays, for without it the ring would have ended.
    let _producer = ring.producer().unwrap();
    let mut consumer = ring.consumer().unwrap();
    let waiting = thread::spawn(move || {
        let begin = Instant::now();
        let received = consumer.recv(&mut Vec::new(), wait);
        assert_eq!(received, Err(RecvError::TimedOut));
        let used = clock_gettime(ClockId::ThreadCPUTime);
        let used = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
        (used, begin.elapsed().as_secs_f64())
    });
    let (used, waited) = waiting.join().unwrap();
    println!(
        "a consumer that slept for {waited:.1} s used {:.1} ms of a core: {:.4} %",
        used * 1e3,
        100.0 * used / waited
    );
}
