//! DPDK's `rte_ring`, of elements of any size, over memory of the heap: between two threads in its
//! single-producer, single-consumer mode; from many threads in that of relaxed tail sync, which its
//! guide recommends where threads may be preempted. It never waits itself, so all sides spin. See
//! `bridge/dpdk.cpp`.

use super::bridge::{Bridge, End, Library, Open};
use super::{About, Contestant};
use crate::question::Kind;

unsafe extern "C" {
    fn rte_ring_open_one(
        bytes: usize,
        asleep: bool,
        producers: usize,
        senders: *mut End,
        receiver: *mut End,
    ) -> bool;

    fn rte_ring_open_many(
        bytes: usize,
        asleep: bool,
        producers: usize,
        senders: *mut End,
        receiver: *mut End,
    ) -> bool;
}

pub(crate) fn contestant() -> Contestant {
    Contestant::between_threads::<Bridge<One>>(About {
        name: "DPDK rte_ring",
        version: env!("DEBIAN_libdpdk_dev").to_owned(),
        link: "https://doc.dpdk.org/guides/prog_guide/ring_lib.html",
        usage: "`_burst_elem`, of one or many; many producers with relaxed tail sync; over the bridge",
        kinds: &[
            Kind::RoundTrip,
            Kind::Single,
            Kind::Drain,
            Kind::Batch,
            Kind::ManyToOne,
        ],
    })
    .many_between_threads::<Bridge<Many>>()
}

struct One;

impl Library for One {
    const OPEN: Open = rte_ring_open_one;
}

struct Many;

impl Library for Many {
    const OPEN: Open = rte_ring_open_many;
}
