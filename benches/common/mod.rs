//! What the benches share: two pinned threads, and the streams that they run.
//!
//! Every stream changes the first eight bytes of each payload, sends all of it and copies it out
//! again; the receiver checks what it got. Each contestant is used as its documentation says; all
//! of them, the raw stream too, have 1 MiB of room.

// Each bench uses a part of it.
#![allow(dead_code)]

pub(crate) mod round_trips;
pub(crate) mod table;

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use mapring::TryRecvError;
use mapring::Wakeups;
use mapring::spsc::{Options, Ring};
use mapring_limits::{StreamReceiver, StreamSender};

/// Bytes of room that every contestant has.
pub(crate) const ROOM: usize = 1 << 20;
/// Records that one call of `drain` may hand out, and that one batch holds.
const AT_ONCE: usize = 256;

/// Waits on one core or on many: spins for a while, then yields, and gives up after a
/// minute, for then the other side has failed.
pub(crate) struct Spin {
    pauses: u32,
    yield_after: u32,
    deadline: Instant,
}

impl Default for Spin {
    fn default() -> Self {
        Self::yielding_after(4096)
    }
}

impl Spin {
    /// Yields once in so many pauses.
    pub(crate) fn yielding_after(pauses: u32) -> Self {
        Self {
            pauses: 0,
            yield_after: pauses,
            deadline: Instant::now() + Duration::from_secs(60),
        }
    }

    /// Lets a moment pass.
    #[inline]
    pub(crate) fn pause(&mut self) {
        self.pauses = self.pauses.wrapping_add(1);
        if self.pauses.is_multiple_of(self.yield_after) {
            assert!(
                Instant::now() < self.deadline,
                "the other side does not go on"
            );
            thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }

    /// Waits for something else from now on.
    #[inline]
    pub(crate) fn go_on(&mut self) {
        self.pauses = 0;
    }
}

/// As [`race_many`], with one producer.
pub(crate) fn race(produce: impl FnOnce() + Send, consume: impl FnOnce() + Send) -> Duration {
    race_many(vec![produce], consume)
}

/// Runs the producers, each on a thread of its own, and one consumer. A single producer and the
/// consumer are on two cores if there are two; several producers go where the system puts them.
/// Measures from the common start to the end of the last.
pub(crate) fn race_many<P: FnOnce() + Send>(
    produce: Vec<P>,
    consume: impl FnOnce() + Send,
) -> Duration {
    let cores = mapring_limits::two_cores().unwrap();
    let pin = |core: Option<usize>| core.map(mapring_limits::pin).transpose().unwrap();
    let alone = produce.len() == 1;
    let (start, pin) = (Barrier::new(produce.len() + 1), &pin);
    thread::scope(|scope| {
        let start = &start;
        let producers: Vec<_> = produce
            .into_iter()
            .map(|produce| {
                scope.spawn(move || {
                    pin(cores.map(|(first, _)| first).filter(|_| alone));
                    start.wait();
                    let begin = Instant::now();
                    produce();
                    begin
                })
            })
            .collect();
        let consumer = scope.spawn(move || {
            pin(cores.map(|(_, second)| second).filter(|_| alone));
            start.wait();
            consume();
        });
        let begins = producers
            .into_iter()
            .map(|producer| producer.join().unwrap());
        let begin = begins.min().unwrap();
        consumer.join().unwrap();
        begin.elapsed()
    })
}

/// Runs so many records, or rounds, and tells how long they took.
pub(crate) type Measure = fn(u64) -> Duration;

/// The streams of payloads of `N` bytes, the raw one first.
pub(crate) fn streams<const N: usize>() -> [(&'static str, Measure); 5] {
    [
        ("raw stream", raw::<N>),
        ("mapring", mapring_single::<N>),
        ("mapring batch", mapring_batch::<N>),
        ("rtrb", rtrb::<N>),
        ("crossbeam-channel", crossbeam::<N>),
    ]
}

/// Fits two rings of one name into one process: two handles, two mappings.
pub(crate) fn rings(name: &str) -> (Ring, Ring) {
    rings_with(name, Wakeups::Futex)
}

/// The same with this kind of wakeups.
pub(crate) fn rings_with(name: &str, wakeups: Wakeups) -> (Ring, Ring) {
    let name = format!("bench-{name}-{}", std::process::id());
    let options = Options::new().prefault(true);
    let create = options.clone().capacity(ROOM as u64).wakeups(wakeups);
    (create.create(&name).unwrap(), options.open(&name).unwrap())
}

/// The payload of record `i`.
#[inline]
pub(crate) fn fill<const N: usize>(payload: &mut [u8; N], i: u64) {
    payload[..8].copy_from_slice(&i.to_le_bytes());
}

/// Checks that what arrived is what was sent: so many, and the last one last. More work for
/// each record would measure the work.
#[derive(Default)]
pub(crate) struct Check {
    records: u64,
}

impl Check {
    #[inline]
    pub(crate) fn see<const N: usize>(&mut self, payload: &[u8; N]) {
        // All of the payload was copied out, and the compiler must believe that it is used.
        black_box(payload);
        self.records += 1;
    }

    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    pub(crate) fn finish<const N: usize>(&self, records: u64, last: &[u8; N]) {
        let mut expected = [0; N];
        fill(&mut expected, records - 1);
        assert_eq!(self.records, records, "records were lost");
        assert_eq!(last, &expected, "the last record is another one");
    }
}

pub(crate) fn receive_by_drain<const N: usize>(ring: &Ring, records: u64) {
    let mut consumer = ring.consumer().unwrap();
    let mut check = Check::default();
    let mut spin = Spin::default();
    let mut payload = [0; N];
    while check.records < records {
        let drained = consumer.drain(AT_ONCE, |record| {
            record.copy_to(&mut payload);
            check.see(&payload);
        });
        match drained {
            Ok(_) => {}
            Err(TryRecvError::Empty) => spin.pause(),
            Err(error) => panic!("{error}"),
        }
    }
    check.finish(records, &payload);
}

fn mapring_single<const N: usize>(records: u64) -> Duration {
    let (here, there) = rings("single");
    // Taken before the start, so that the receiver never finds that there was nobody.
    let mut producer = here.producer().unwrap();
    let send = move || {
        let mut payload = [0; N];
        for i in 0..records {
            fill(&mut payload, i);
            producer.send(0, &payload, Duration::from_secs(60)).unwrap();
        }
    };
    race(send, || receive_by_drain::<N>(&there, records))
}

fn mapring_batch<const N: usize>(records: u64) -> Duration {
    let (here, there) = rings("batch");
    let mut producer = here.producer().unwrap();
    let send = move || {
        let mut payload = [0; N];
        let mut spin = Spin::default();
        let mut i = 0;
        while i < records {
            let mut batch = producer.batch().unwrap();
            while i < records && batch.len() < AT_ONCE {
                fill(&mut payload, i);
                if batch.push(0, &payload).is_err() {
                    spin.pause();
                    break;
                }
                i += 1;
            }
            batch.publish();
        }
    };
    race(send, || receive_by_drain::<N>(&there, records))
}

fn raw<const N: usize>(records: u64) -> Duration {
    let file = mapring_limits::shared_file(4096 + ROOM).unwrap();
    // SAFETY: there is one sender and one receiver over this file, each made once.
    let mut sender = unsafe { StreamSender::<N>::new(&file) }.unwrap();
    // SAFETY: as above.
    let mut receiver = unsafe { StreamReceiver::<N>::new(&file) }.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let send = move || {
        let mut payload = [0; N];
        for i in 0..records {
            fill(&mut payload, i);
            sender.send(&payload, deadline).unwrap();
        }
        sender.publish();
    };
    let receive = move || {
        let mut check = Check::default();
        let mut payload = [0; N];
        for _ in 0..records {
            receiver.receive(&mut payload, deadline).unwrap();
            check.see(&payload);
        }
        check.finish(records, &payload);
    };
    race(send, receive)
}

fn rtrb<const N: usize>(records: u64) -> Duration {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<[u8; N]>::new(ROOM / N);
    let send = move || {
        let mut payload = [0; N];
        let mut spin = Spin::default();
        for i in 0..records {
            fill(&mut payload, i);
            while producer.push(payload).is_err() {
                spin.pause();
            }
        }
    };
    let receive = move || {
        let mut check = Check::default();
        let mut spin = Spin::default();
        let mut payload = [0; N];
        while check.records < records {
            match consumer.pop() {
                Ok(received) => {
                    payload = received;
                    check.see(&payload);
                }
                Err(_) => spin.pause(),
            }
        }
        check.finish(records, &payload);
    };
    race(send, receive)
}

fn crossbeam<const N: usize>(records: u64) -> Duration {
    let (sender, receiver) = crossbeam_channel::bounded::<[u8; N]>(ROOM / N);
    let send = move || {
        let mut payload = [0; N];
        for i in 0..records {
            fill(&mut payload, i);
            sender.send(payload).unwrap();
        }
    };
    let receive = move || {
        let mut check = Check::default();
        let mut payload = [0; N];
        for received in receiver {
            payload = received;
            check.see(&payload);
        }
        check.finish(records, &payload);
    };
    race(send, receive)
}
