//! A consumer's life, from its attachment on.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use mapring::layout;
use mapring::ring::Gap;
use mapring::ring::mpsc::Consumer;
use mapring::ring::participant;

use super::baton::{Baton, lock};
use super::ledger::Who;
use super::locks::Kernel;
use super::stepped::Stepped;
use super::{Consumption, World};

/// A consumer.
struct Life<'a> {
    world: &'a World,
    baton: &'a Baton,
    consumer: Consumer<Stepped>,
}

/// Takes over, then does what it is told to.
pub(super) fn consume(world: &World, baton: &Arc<Baton>, jobs: &Receiver<Consumption>) {
    let memory = Stepped::new(world.memory.clone(), Who::Consumer, baton, &world.ledger);
    let consumer = Consumer::attach(memory.clone(), world.geometry).expect("good cursors");
    lock(&world.ledger).consumer_comes(consumer.position());
    participant::attach(&memory, layout::CONSUMER_SLOT, 1);
    let mut life = Life {
        world,
        baton,
        consumer,
    };
    loop {
        baton.rest();
        match jobs.try_recv().expect("one job for each turn") {
            Consumption::Receive => {
                life.advance();
                life.consumer.release();
            }
            Consumption::Advance => life.advance(),
            Consumption::Release => life.consumer.release(),
            Consumption::Drain {
                limit,
                release_every,
            } => life.drain(limit, release_every),
            Consumption::Recover => life.recover(),
        }
    }
}

impl Life<'_> {
    /// Takes a record without releasing it.
    fn advance(&mut self) {
        let found = self.consumer.peek().expect("nothing corrupt");
        let position = self.consumer.position();
        let Some(header) = found else {
            return lock(&self.world.ledger).found_nothing(position);
        };
        let mut payload = vec![0; header.len];
        self.consumer.read(&header, &mut payload);
        lock(&self.world.ledger).received(position, header.tag, &payload);
        self.consumer.advance(&header);
    }

    fn drain(&mut self, limit: u8, release_every: u16) {
        let ledger = &self.world.ledger;
        let (limit, release_every) = (usize::from(limit), usize::from(release_every));
        let count = self.consumer.drain_while(limit, release_every, |record| {
            let header = record.header();
            let mut payload = vec![0; header.len];
            record.read(&mut payload);
            lock(ledger).received(record.position(), header.tag, &payload);
            true
        });
        assert!(count <= limit);
        assert_eq!(self.consumer.corrupt(), None);
    }

    fn recover(&mut self) {
        let mut kernel = Kernel::new(&self.world.locks, self.baton);
        let position = self.consumer.position();
        let gap = self.consumer.recover(&mut kernel);
        let gap = gap.expect("nothing corrupt");
        if let Gap::Alive { index } = gap {
            assert!(kernel.has_refused(index), "nobody held slot {index}");
        }
        lock(&self.world.ledger).recovered(position, gap);
        // The dead ones' places are kept until some time later.
        self.baton.step();
    }
}
