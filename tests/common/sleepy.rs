//! A ring of many producers in which everybody sleeps at once who has to wait, and what is known
//! of their sleeps.

use std::time::Duration;

use mapring::generic::Mpsc;
use mapring::mpsc::{Consumer, Options, Producer, Ring};
use mapring::{Counters, WaitStrategy};

use super::gates::{Gates, Kind};
use super::{Child, Name, wait_until};

/// A sleep takes a tenth of a second at most. This is that, with much to spare for slow machines.
pub(crate) const BOUND: Duration = Duration::from_secs(10);
/// A payload, of which the ring holds twelve.
pub(crate) const PAYLOAD: [u8; 256] = [7; 256];

/// Such a ring.
pub(crate) struct Sleepy {
    pub(crate) gates: Gates,
    pub(crate) ring: Ring,
    // Last, so that the region is closed before what is left of it is deleted.
    pub(crate) name: Name,
}

impl Sleepy {
    pub(crate) fn new(test: &str) -> Self {
        let name = Name::new(&format!("sleepy-{test}"));
        let options = Options::new().capacity(4096).max_payload(2048);
        let ring = options.producers(8).create(&name).expect("a ring");
        Self {
            gates: Gates::of(ring.path()),
            ring,
            name,
        }
    }

    /// The consumer.
    pub(crate) fn consumer(&self) -> Consumer {
        let mut consumer = self.ring.consumer().expect("its consumer");
        consumer.set_wait_strategy(WaitStrategy::LowCpu);
        consumer
    }

    /// So many producers.
    pub(crate) fn producers(&self, count: usize) -> Vec<Producer> {
        let producer = |_| {
            let mut producer = self.ring.producer().expect("a slot");
            producer.set_wait_strategy(WaitStrategy::LowCpu);
            producer
        };
        (0..count).map(producer).collect()
    }

    /// So many producers, and a ring that the first of them has filled, with records of the tag 1.
    pub(crate) fn full(&self, count: usize) -> Vec<Producer> {
        let mut producers = self.producers(count);
        fill(&mut producers[0]);
        producers
    }

    /// A process that plays this role in this ring; the name of the ring is its first argument.
    /// It has said that it is attached.
    pub(crate) fn child(&self, role: &str, arguments: &[&str]) -> Child {
        let arguments = [&[&*self.name], arguments].concat();
        let child = Child::start(role, &arguments);
        child.expect("attached");
        child
    }

    pub(crate) fn producers_counters(&self) -> Vec<Counters> {
        Mpsc::producer_counters(&self.ring.observer().expect("an observer"))
    }

    /// Waits until so many producers have had to wait, and some sleep.
    #[track_caller]
    pub(crate) fn await_producers(&self, count: usize) {
        wait_until(|| {
            let counters = self.producers_counters();
            counters.iter().filter(|slot| slot.waits > 0).count() >= count
        });
        self.gates.await_producer();
    }

    /// Checks that the consumer slept so often at least, and was never late; it has gone.
    #[track_caller]
    pub(crate) fn assert_consumer_was_woken(&self, times: u64) {
        let observer = self.ring.observer().expect("an observer");
        let counters = observer.consumer_counters();
        assert!(counters.sleeps >= times, "{} sleeps", counters.sleeps);
        assert_eq!(counters.late, 0, "it was not woken");
    }

    /// Checks that so many producers slept, and none was ever late; they have gone.
    #[track_caller]
    pub(crate) fn assert_producers_were_woken(&self, count: usize) {
        let counters = self.producers_counters();
        let slept = counters.iter().filter(|slot| slot.sleeps > 0).count();
        assert_eq!(slept, count, "{counters:?}");
        let late = counters.iter().filter(|slot| slot.late > 0).count();
        assert_eq!(late, 0, "somebody was not woken: {counters:?}");
    }
}

/// Sends records with the tag 1 while there is room.
pub(crate) fn fill(producer: &mut Producer) {
    while producer.try_send(1, &PAYLOAD).is_ok() {}
}
