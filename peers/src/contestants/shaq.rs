//! shaq: a queue in a file of shared memory, joined by another process. Its documentation says to
//! prefer `write_batch` and `try_reserve_read_batch` "when writing multiple items" and "when reading
//! multiple items"; batches are read where they are. Asleep, by `read_timeout`, which spins before it
//! sleeps. Many producers use its `mpmc` queue, with batches only for the consumer.

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;

use ::shaq::{mpmc, spsc};
use anyhow::{Context, Result, bail};

use super::{About, Contestant};
use crate::channel::{End, Processes, Receiver, Sender, Size, Wait, text};
use crate::payload::{Payload, Payloads};
use crate::question::Kind;
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn contestant() -> Contestant {
    Contestant::between_processes::<One>(About {
        name: "shaq",
        version: env!("LOCKED_shaq").to_owned(),
        link: "https://docs.rs/shaq",
        usage: "`try_write`, `try_read`; batches by `write_batch`, `try_reserve_read_batch`",
        kinds: &[
            Kind::RoundTrip,
            Kind::Asleep,
            Kind::Single,
            Kind::Drain,
            Kind::Batch,
            Kind::ManyToOne,
        ],
    })
    .many_between_processes::<Many>()
    // Producers publish in the order in which they have claimed. One that is preempted in between
    // lets the others on its core spin for the rest of their time slices: some ten records a second.
    .few_of_many(500)
}

/// A new file of whole pages.
fn file(path: &Path, bytes: usize) -> Result<(File, usize)> {
    let mut options = File::options();
    let file = options.read(true).write(true).create_new(true).open(path)?;
    Ok((file, bytes.next_multiple_of(rustix::param::page_size())))
}

fn open(ticket: &str) -> Result<File> {
    Ok(File::options().read(true).write(true).open(ticket)?)
}

struct One;

/// Whoever creates the file does so by the end that it takes.
enum Queue<P> {
    Sender(spsc::Producer<P>, Size),
    Receiver(spsc::Consumer<P>, Size),
    Joined(File, Size),
}

impl Processes for One {
    type Channel<P: Payload> = Queue<P>;
    type Sender<P: Payload> = Sending<P>;
    type Receiver<P: Payload> = Receiving<P>;

    fn create<P: Payload>(path: &Path, end: End, size: &Size) -> Result<(Queue<P>, String)> {
        let (file, bytes) = file(path, spsc::minimum_file_size::<P>(size.slots))?;
        let size = size.clone();
        let queue = match end {
            End::Sender => {
                // SAFETY: the file is new, and the only one who joins it takes the other end, of
                // the same payloads.
                let producer = unsafe { spsc::Producer::create(&file, bytes) };
                Queue::Sender(producer.context("cannot create")?, size)
            }
            End::Receiver => {
                // SAFETY: as above.
                let consumer = unsafe { spsc::Consumer::create(&file, bytes) };
                Queue::Receiver(consumer.context("cannot create")?, size)
            }
        };
        Ok((queue, text(path)?))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Queue<P>> {
        Ok(Queue::Joined(open(ticket)?, size.clone()))
    }

    fn sender<P: Payload>(queue: Queue<P>) -> Result<Sending<P>> {
        let (producer, size) = match queue {
            Queue::Sender(producer, size) => (producer, size),
            // SAFETY: its creator has taken the other end, of the same payloads; nobody else joins.
            Queue::Joined(file, size) => (unsafe { spsc::Producer::join(&file) }?, size),
            Queue::Receiver(..) => bail!("created for the other end"),
        };
        let batch = size.batch;
        Ok(Sending { producer, batch })
    }

    fn receiver<P: Payload>(queue: Queue<P>) -> Result<Receiving<P>> {
        let (consumer, size) = match queue {
            Queue::Receiver(consumer, size) => (consumer, size),
            // SAFETY: its creator has taken the other end, of the same payloads; nobody else joins.
            Queue::Joined(file, size) => (unsafe { spsc::Consumer::join(&file) }?, size),
            Queue::Sender(..) => bail!("created for the other end"),
        };
        let wait = size.wait;
        let batch = NonZeroUsize::new(size.batch).context("batches of none")?;
        Ok(Receiving {
            consumer,
            wait,
            batch,
        })
    }
}

struct Sending<P> {
    producer: spsc::Producer<P>,
    batch: usize,
}

impl<P: Payload> Sender<P> for Sending<P> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        wait_for(|| self.producer.try_write(*payload).ok())
    }

    #[inline(always)]
    fn send_batch(&mut self, payloads: &mut Payloads<P>) -> Result<()> {
        wait_for(|| {
            let mut batch = self.producer.write_batch();
            let write = |payload: &P| batch.try_write(*payload).is_ok();
            (payloads.offer(self.batch, write) > 0).then_some(())
        })
    }
}

struct Receiving<P> {
    consumer: spsc::Consumer<P>,
    wait: Wait,
    batch: NonZeroUsize,
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let payload = match self.wait {
            Wait::Asleep => self.consumer.read_timeout(PATIENCE)?,
            Wait::Busy | Wait::Freely => wait_for(|| self.consumer.try_read())?,
        };
        see(payload.bytes());
        Ok(())
    }

    #[inline(always)]
    fn receive_batch(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        wait_for(|| {
            let batch = self.consumer.try_reserve_read_batch(self.batch)?;
            batch.iter().for_each(|payload| see(payload.bytes()));
            Some(())
        })
    }
}

struct Many;

impl Processes for Many {
    type Channel<P: Payload> = (File, Size);
    type Sender<P: Payload> = mpmc::Producer<P>;
    type Receiver<P: Payload> = ManyReceiver<P>;

    fn create<P: Payload>(path: &Path, _: End, size: &Size) -> Result<((File, Size), String)> {
        let (file, bytes) = file(path, mpmc::minimum_file_size::<P>(size.slots))?;
        // SAFETY: the file is new, and who joins it does so with the same payloads.
        let consumer = unsafe { mpmc::Consumer::<P>::create(&file, bytes) };
        consumer.context("cannot create")?;
        Ok(((file, size.clone()), text(path)?))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<(File, Size)> {
        Ok((open(ticket)?, size.clone()))
    }

    fn sender<P: Payload>((file, _): (File, Size)) -> Result<mpmc::Producer<P>> {
        // SAFETY: whoever else has joined it uses the same payloads.
        Ok(unsafe { mpmc::Producer::join(&file) }?)
    }

    fn receiver<P: Payload>((file, size): (File, Size)) -> Result<ManyReceiver<P>> {
        // SAFETY: as above.
        let consumer = unsafe { mpmc::Consumer::join(&file) }?;
        let batch = NonZeroUsize::new(size.batch).context("batches of none")?;
        Ok(ManyReceiver { consumer, batch })
    }
}

impl<P: Payload> Sender<P> for mpmc::Producer<P> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        wait_for(|| self.try_write(*payload).ok())
    }
}

struct ManyReceiver<P> {
    consumer: mpmc::Consumer<P>,
    batch: NonZeroUsize,
}

impl<P: Payload> Receiver<P> for ManyReceiver<P> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let payload = wait_for(|| self.consumer.try_read())?;
        see(payload.bytes());
        Ok(())
    }

    #[inline(always)]
    fn receive_batch(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        wait_for(|| {
            let batch = self.consumer.try_reserve_read_batch(self.batch)?;
            batch.iter().for_each(|payload| see(payload.bytes()));
            Some(())
        })
    }
}
