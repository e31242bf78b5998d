//! The identity page: written once by a creator, checked once by everybody else.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::error::LayoutError;
use crate::layout::{self, Fences, Geometry, Kind, Wakeups, Word};
use crate::memory::{Memory, ReadMemory};
use crate::ring::Position;

/// What a region says of itself, as a private, checked copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its shape.
    pub geometry: Geometry,
    /// Whether it outlives its last user.
    pub persistent: bool,
    /// A random number that tells two regions of one name apart.
    pub generation: u64,
    /// How its participants are woken.
    pub wakeups: Wakeups,
    /// How they fence before they sleep.
    pub fences: Fences,
}

/// Makes zeroed memory a region whose cursors stand at `start`.
/// The magic is stored last, so that [`verify`] never sees half a header.
pub fn initialise<M: Memory>(memory: &M, identity: &Identity, start: Position) {
    let Identity {
        geometry,
        persistent,
        generation,
        wakeups,
        fences,
    } = *identity;
    let flags = if persistent {
        layout::FLAG_PERSISTENT
    } else {
        0
    };
    for (word, value) in [
        (layout::VERSION_WORD, layout::VERSION),
        (layout::ENDIAN_WORD, layout::ENDIAN_MARK),
        (layout::KIND, geometry.kind() as u64),
        (layout::CAPACITY, geometry.capacity() as u64),
        (layout::MAX_PAYLOAD_WORD, geometry.max_payload() as u64),
        (layout::RECORD_ALIGN, geometry.record_align() as u64),
        (layout::PRODUCERS, geometry.producers() as u64),
        (layout::FLAGS, flags),
        (layout::LAYOUT_HASH, layout::layout_hash()),
        (layout::GENERATION, generation),
        (layout::WAKEUPS, wakeups as u64),
        (layout::FENCES, fences as u64),
        (layout::TAIL, start.0),
        (layout::HEAD, start.0),
        (layout::RELEASE_TO, start.0),
    ] {
        memory.store(word, value, Relaxed);
    }
    // P4: pairs with the Acquire load in `read`.
    memory.store(layout::MAGIC_WORD, layout::MAGIC, Release);
}

/// Whether a page may be what stands there until [`initialise`] is done: it has no magic, and nothing
/// that is not stored before that.
///
/// # Panics
/// When the memory is smaller than the identity page.
#[must_use]
pub fn is_unfinished<M: ReadMemory>(memory: &M) -> bool {
    (0..layout::PAGE).step_by(layout::WORD).all(|offset| {
        let word = Word::at(offset);
        let found = memory.load(word, Relaxed);
        found == 0
            || match word {
                layout::VERSION_WORD => found == layout::VERSION,
                layout::ENDIAN_WORD => found == layout::ENDIAN_MARK,
                layout::LAYOUT_HASH => found == layout::layout_hash(),
                layout::KIND
                | layout::CAPACITY
                | layout::MAX_PAYLOAD_WORD
                | layout::RECORD_ALIGN
                | layout::PRODUCERS
                | layout::FLAGS
                | layout::GENERATION
                | layout::WAKEUPS
                | layout::FENCES => true,
                _ => false,
            }
    })
}

/// What stands as the region's generation now: that of its identity, unless its memory is not what
/// it was.
#[must_use]
pub fn generation<M: ReadMemory>(memory: &M) -> u64 {
    memory.load(layout::GENERATION, Relaxed)
}

/// Reads the identity of a region of `size` bytes that somebody else wrote.
///
/// # Errors
/// A [`LayoutError`] that names the first field that cannot be worked with.
///
/// # Panics
/// When the memory is smaller than the identity page.
pub fn verify<M: ReadMemory>(memory: &M, size: u64) -> Result<Identity, LayoutError> {
    let identity = read(memory, Geometry::new)?;
    let expected = identity.geometry.total_size() as u64;
    if size != expected {
        return Err(LayoutError::Size {
            found: size,
            expected,
        });
    }
    Ok(identity)
}

/// How [`read`] checks the five numbers of a shape: [`Geometry::new`], or
/// [`Geometry::of_any_capacity`] for models.
pub type CheckGeometry = fn(Kind, u64, u64, u64, u64) -> Result<Geometry, LayoutError>;

/// As [`verify`], with the rules for shapes left to the caller and no check of the size.
///
/// # Errors
/// As [`verify`].
pub fn read<M: ReadMemory>(memory: &M, check: CheckGeometry) -> Result<Identity, LayoutError> {
    // P4: pairs with the Release store in `initialise`.
    let found = memory.load(layout::MAGIC_WORD, Acquire);
    if found != layout::MAGIC {
        return Err(LayoutError::Magic { found });
    }
    let field = |word| memory.load(word, Relaxed);
    let found = field(layout::ENDIAN_WORD);
    if found != layout::ENDIAN_MARK {
        return Err(LayoutError::Endian {
            found,
            expected: layout::ENDIAN_MARK,
        });
    }
    let found = field(layout::VERSION_WORD);
    if found != layout::VERSION {
        return Err(LayoutError::Version {
            found,
            expected: layout::VERSION,
        });
    }
    let found = field(layout::LAYOUT_HASH);
    if found != layout::layout_hash() {
        return Err(LayoutError::Hash {
            found,
            expected: layout::layout_hash(),
        });
    }
    let geometry = check(
        Kind::try_from(field(layout::KIND))?,
        field(layout::CAPACITY),
        field(layout::MAX_PAYLOAD_WORD),
        field(layout::RECORD_ALIGN),
        field(layout::PRODUCERS),
    )?;
    let flags = field(layout::FLAGS);
    if flags & !layout::FLAG_PERSISTENT != 0 {
        return Err(LayoutError::Field {
            field: "flags",
            found: flags,
        });
    }
    let generation = field(layout::GENERATION);
    Ok(Identity {
        geometry,
        persistent: flags & layout::FLAG_PERSISTENT != 0,
        generation,
        wakeups: Wakeups::try_from(field(layout::WAKEUPS))?,
        fences: Fences::try_from(field(layout::FENCES))?,
    })
}
