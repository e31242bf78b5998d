//! Boost's `lockfree::spsc_queue`: a ring between two threads, with its capacity fixed at compile time.
//! It never waits itself, so both sides spin. See `bridge/boost_spsc.cpp`.

use super::bridge::{Bridge, End, Library, Open};
use super::{About, Contestant};
use crate::question::Kind;

unsafe extern "C" {
    fn boost_spsc_open(
        bytes: usize,
        asleep: bool,
        producers: usize,
        senders: *mut End,
        receiver: *mut End,
    ) -> bool;
}

pub(crate) fn contestant() -> Contestant {
    Contestant::between_threads::<Bridge<Spsc>>(About {
        name: "boost spsc_queue",
        version: env!("DEBIAN_libboost_dev").to_owned(),
        link: "https://www.boost.org/doc/libs/release/doc/html/lockfree.html",
        usage: "`push`, `pop`, also of many; over the bridge to C++",
        kinds: &[Kind::RoundTrip, Kind::Single, Kind::Drain, Kind::Batch],
    })
}

struct Spsc;

impl Library for Spsc {
    const OPEN: Open = boost_spsc_open;
}
