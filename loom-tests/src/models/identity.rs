//! A region is made while somebody reads its identity: P4.
//!
//! No bound on preemptions: 6 executions, less than 0.1 s.

use std::sync::atomic::Ordering::Relaxed;

use loom::thread;
use mapring::LayoutError;
use mapring::layout::{self, Fences, Geometry, Wakeups};
use mapring::memory::ReadMemory;
use mapring::ring::Position;
use mapring::ring::attach::{self, Identity};

use crate::model::geometry;
use crate::{Model, Setup};

/// The models of this file.
pub const ALL: &[Model] = &[NO_HALF_IDENTITY];

/// There is no identity, or there is all of it, with the first cursors.
pub const NO_HALF_IDENTITY: Model = Model {
    name: "identity::no_half_identity",
    preemptions: None,
    deaths: 1,
    body: no_half_identity,
};

fn no_half_identity(setup: &Setup) {
    const START: u64 = 4096;
    let identity = Identity {
        geometry: geometry(32, 8),
        persistent: true,
        generation: 7,
        wakeups: Wakeups::None,
        fences: Fences::Symmetric,
    };
    let words = [
        layout::MAGIC_WORD,
        layout::VERSION_WORD,
        layout::ENDIAN_WORD,
        layout::KIND,
        layout::CAPACITY,
        layout::MAX_PAYLOAD_WORD,
        layout::RECORD_ALIGN,
        layout::PRODUCERS,
        layout::FLAGS,
        layout::LAYOUT_HASH,
        layout::GENERATION,
        layout::WAKEUPS,
        layout::FENCES,
    ];
    let memory = setup.memory(&identity.geometry, words);
    let creators = memory.clone();
    let creator = thread::spawn(move || attach::initialise(&creators, &identity, Position(START)));
    match attach::read(&memory, Geometry::of_any_capacity) {
        Err(LayoutError::Magic { found: 0 }) => {}
        found => {
            assert_eq!(found, Ok(identity));
            assert_eq!(memory.load(layout::TAIL, Relaxed), START);
            assert_eq!(memory.load(layout::HEAD, Relaxed), START);
        }
    }
    creator.join().expect("the creator");
    let found = attach::read(&memory, Geometry::of_any_capacity);
    assert_eq!(found, Ok(identity));
}
