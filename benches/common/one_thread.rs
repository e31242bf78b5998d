//! Both ends of a ring in one thread: nobody waits, and no cache line goes from one core to
//! another.

use std::time::{Duration, Instant};

use mapring::TryRecvError;
use mapring::generic::{Consumer, Options, Producer, Protocol};

use super::name;

/// A ring that stays in the first-level cache, beside the payload: else it would be the
/// second-level cache that is measured.
pub(crate) fn options<P: Protocol>() -> Options<P> {
    super::options().capacity(32 << 10)
}

/// The two ends of a ring.
pub(crate) fn ends<P: Protocol>(options: &Options<P>) -> (Producer<P>, Consumer<P>) {
    let ring = options.create(&name("one-thread")).unwrap();
    (ring.producer().unwrap(), ring.consumer().unwrap())
}

/// Payloads of so many bytes that fill half the ring.
pub(crate) fn half<P: Protocol>(producer: &Producer<P>, len: usize) -> u64 {
    (producer.capacity() / 2 / producer.record_size(len)) as u64
}

/// Times so much work, in parts that `prepare` makes ready, untimed; both are told how much a
/// part is.
pub(crate) fn in_parts(
    work_in_all: u64,
    part: u64,
    mut prepare: impl FnMut(u64),
    mut work: impl FnMut(u64),
) -> Duration {
    let mut took = Duration::ZERO;
    let mut left = work_in_all;
    while left > 0 {
        let now = left.min(part);
        prepare(now);
        let begin = Instant::now();
        work(now);
        took += begin.elapsed();
        left -= now;
    }
    took
}

/// Takes all that is in the ring, claims that were given up too.
pub(crate) fn empty<P: Protocol>(consumer: &mut Consumer<P>) {
    while !consumer.is_empty().unwrap() {
        match consumer.drain(usize::MAX, |_| ()) {
            Ok(_) | Err(TryRecvError::Empty) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
