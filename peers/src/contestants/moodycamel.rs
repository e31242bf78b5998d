//! moodycamel's queues: `ReaderWriterQueue` between two threads, its blocking variant if the consumer
//! sleeps, and `ConcurrentQueue` from many threads, with tokens, which its documentation says make it
//! faster. They grow when they are told to; here they are not (`try_enqueue`). See
//! `bridge/moodycamel.cpp`.

use super::bridge::{Bridge, End, Library, Open};
use super::{About, Contestant};
use crate::question::Kind;

unsafe extern "C" {
    fn readerwriterqueue_open(
        bytes: usize,
        asleep: bool,
        producers: usize,
        senders: *mut End,
        receiver: *mut End,
    ) -> bool;

    fn concurrentqueue_open(
        bytes: usize,
        asleep: bool,
        producers: usize,
        senders: *mut End,
        receiver: *mut End,
    ) -> bool;
}

/// The one for two threads.
pub(crate) fn reader_writer() -> Contestant {
    Contestant::between_threads::<Bridge<ReaderWriter>>(About {
        name: "moodycamel ReaderWriterQueue",
        version: env!("DEBIAN_libreaderwriterqueue_dev").to_owned(),
        link: "https://github.com/cameron314/readerwriterqueue",
        usage: "`try_enqueue`, `try_dequeue`; asleep, `wait_dequeue`; over the bridge to C++",
        kinds: &[Kind::RoundTrip, Kind::Asleep, Kind::Single],
    })
}

/// The one for many threads.
pub(crate) fn concurrent() -> Contestant {
    Contestant::between_threads::<Bridge<Concurrent>>(About {
        name: "moodycamel ConcurrentQueue",
        version: env!("DEBIAN_libconcurrentqueue_dev").to_owned(),
        link: "https://github.com/cameron314/concurrentqueue",
        usage: "with tokens, `try_enqueue`, `try_dequeue`, also `_bulk`; over the bridge to C++",
        kinds: &[
            Kind::RoundTrip,
            Kind::Single,
            Kind::Drain,
            Kind::Batch,
            Kind::ManyToOne,
        ],
    })
}

struct ReaderWriter;

impl Library for ReaderWriter {
    const OPEN: Open = readerwriterqueue_open;
}

struct Concurrent;

impl Library for Concurrent {
    const OPEN: Open = concurrentqueue_open;
}
