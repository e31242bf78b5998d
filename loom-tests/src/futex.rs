//! What the sleepers of a model sleep on.

#![allow(
    clippy::disallowed_types,
    reason = "what is counted beside a model is no memory of its own"
)]

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use loom::sync::{Condvar, Mutex, MutexGuard};
use mapring::layout::{self, Word};
use mapring::memory::ReadMemory;
use mapring::ring::gate::Ticket;

/// The kernel's side of sleeping: it looks at the word, and puts the caller to sleep, in one step
/// with regard to wakes. A clone is the same futex.
///
/// It never wakes anybody by itself: a wake that is lost leaves loom without a thread that can run,
/// which it reports as a deadlock. [`Futex::let_time_pass`] stands for the bound of every sleep.
#[derive(Clone, Debug)]
pub struct Futex(Arc<Queues>);

#[derive(Debug)]
struct Queues {
    /// Of the consumer, who waits for records.
    data: Queue,
    /// Of producers, who wait for room.
    space: Queue,
    /// How often somebody was about to sleep. Not loom's, so that it orders nothing.
    parks: AtomicUsize,
    /// How often somebody woke all who slept. Not loom's either.
    wakes: AtomicUsize,
}

#[derive(Debug)]
struct Queue {
    /// Whether all time is over.
    is_over: Mutex<bool>,
    woken: Condvar,
}

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slept {
    /// Somebody woke it, or it did not begin.
    Woken,
    /// By the clock, or perhaps so.
    TimeOver,
}

impl Queue {
    fn new() -> Self {
        Self {
            is_over: Mutex::new(false),
            woken: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_over.lock().expect("nobody panics with the lock")
    }
}

impl Futex {
    /// A futex on which nobody sleeps.
    ///
    /// # Panics
    /// Outside a loom model.
    #[must_use]
    pub(crate) fn new() -> Self {
        // Not loom's `Arc`: a model that panics would be reported as a leak instead.
        Self(Arc::new(Queues {
            data: Queue::new(),
            space: Queue::new(),
            parks: AtomicUsize::new(0),
            wakes: AtomicUsize::new(0),
        }))
    }

    /// Who is woken at one word stays asleep at the other, so each has a queue.
    fn queue(&self, word: Word) -> &Queue {
        if word == layout::DATA_ANSWERED {
            &self.0.data
        } else {
            assert_eq!(word, layout::SPACE_ANSWERED, "a word that nobody sleeps on");
            &self.0.space
        }
    }

    /// Sleeps until somebody wakes all who sleep at that word, if it still holds what is expected.
    pub(crate) fn sleep(&self, memory: &impl ReadMemory, ticket: Ticket) -> Slept {
        let queue = self.queue(ticket.word);
        let mut is_over = queue.lock();
        if !*is_over && memory.load(ticket.word, Relaxed) == ticket.expected {
            is_over = queue
                .woken
                .wait(is_over)
                .expect("nobody panics with the lock");
        }
        if *is_over {
            Slept::TimeOver
        } else {
            Slept::Woken
        }
    }

    /// Wakes all who sleep at `word`.
    pub(crate) fn wake(&self, word: Word) {
        self.0.wakes.fetch_add(1, Relaxed);
        let queue = self.queue(word);
        let _is_over = queue.lock();
        queue.woken.notify_all();
    }

    /// Ends all sleeps, now and from now on: no sleep is for ever.
    pub(crate) fn let_time_pass(&self) {
        for queue in [&self.0.data, &self.0.space] {
            *queue.lock() = true;
            queue.woken.notify_all();
        }
    }

    /// Counts one who is about to sleep.
    pub(crate) fn count_park(&self) {
        self.0.parks.fetch_add(1, Relaxed);
    }

    /// How often somebody was about to sleep, and how often somebody woke all.
    pub(crate) fn parks_and_wakes(&self) -> (usize, usize) {
        (self.0.parks.load(Relaxed), self.0.wakes.load(Relaxed))
    }
}
