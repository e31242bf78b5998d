//! Create, open, create or open, and delete: a race of any number of processes
//! ends with one region, and with nothing left over.

use std::os::fd::AsFd;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use crate::error::{LayoutError, OpenError};
use crate::layout::{self, Fences, Geometry, Kind, Wakeups};
use crate::os::fences;
use crate::os::lock::{self, Lock};
use crate::os::mapped::Mapped;
use crate::os::park::Parking;
use crate::os::process::Process;
use crate::ring::Position;
use crate::ring::attach::{self, Identity};

use super::file::{self, Existing, Unnamed};
use super::header_page::HeaderPage;
use super::name;
use super::place::Place;
use super::usage::Use;
use super::{Origin, Region, Settings};

/// Capacity of a region whose creator asks for none, in bytes, unless its payloads are too long for
/// that.
const DEFAULT_CAPACITY: u64 = 1 << 20;
/// Without a `max_payload`, this part of the capacity.
const DEFAULT_PAYLOAD_SHARE: u64 = 8;
/// How records of many producers are aligned, unless the creator says otherwise: to cache lines.
/// Measured in `docs/decisions.md`.
const DEFAULT_CLAIMED_ALIGN: u64 = 64;
/// How many producers there can be, unless the creator says otherwise: two pages of slots.
const DEFAULT_PRODUCERS: u64 = 64;
/// An attempt fails while others are between two steps. With a millisecond after each: a second.
const ATTEMPTS: u32 = 1000;
/// How many of them may find no space.
const NO_SPACE_ATTEMPTS: u32 = 50;

/// Which of the three calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// There must be none in use.
    Create,
    /// There must be one.
    Open,
    /// Whichever it is.
    CreateOrOpen,
}

/// Comes by a region.
///
/// # Errors
/// Every [`OpenError`] but [`OpenError::InUse`] and [`OpenError::Forked`].
pub(crate) fn open(
    place: &Place,
    opening: Opening,
    settings: &Settings,
) -> Result<Region, OpenError> {
    let process = Process::current().map_err(place.io("prepare for forks before opening"))?;
    if settings.mode & !0o777 != 0 || settings.mode & 0o600 != 0o600 {
        return Err(OpenError::Mode {
            mode: settings.mode,
        });
    }
    // Also for those who only open: what is wrong is wrong whoever comes first.
    let wanted = geometry(settings).map_err(|source| OpenError::Options {
        path: place.path().to_owned(),
        source,
    })?;
    let mut no_space = 0;
    for _ in 0..ATTEMPTS {
        match find(place, opening, settings, process)? {
            Found::Region(found) => return map(found, settings),
            Found::Nothing if opening == Opening::Open => {
                return Err(OpenError::NotFound {
                    path: place.path().to_owned(),
                });
            }
            Found::Nothing => match create(place, &wanted, settings, process) {
                Ok(Some(region)) => return Ok(region),
                Ok(None) => {}
                // Others that create at the same time have taken the space, for a moment.
                Err(OpenError::NoSpace { .. }) if no_space < NO_SPACE_ATTEMPTS => no_space += 1,
                Err(error) => return Err(error),
            },
            Found::InTransit => {}
        }
        thread::sleep(Duration::from_millis(1));
    }
    Err(OpenError::Contended {
        path: place.path().to_owned(),
        attempts: ATTEMPTS,
    })
}

/// Deletes a region that nobody uses. Returns whether there was one.
///
/// # Errors
/// [`OpenError::InUse`], and what stands in the way of opening it.
pub(crate) fn remove(place: &Place, mode: u32) -> Result<bool, OpenError> {
    let Some(existing) = file::open_existing(place, mode)? else {
        return Ok(false);
    };
    identify(place, &existing)?;
    let locked = lock::try_set(existing.file.as_fd(), layout::USE_LOCK, Lock::Write);
    if !locked.map_err(place.io("lock"))? {
        return Err(OpenError::InUse {
            path: place.path().to_owned(),
        });
    }
    name::take_from(place.path(), existing.file.as_fd()).map_err(place.io("remove"))
}

enum Found {
    Region(InUse),
    Nothing,
    /// Somebody is deleting or replacing it just now.
    InTransit,
}

/// A region that cannot go away any more, because this use of it counts.
struct InUse {
    usage: Use,
    identity: Identity,
    origin: Origin,
}

/// Looks for a region. One that nobody uses any more is left over from a crash: it is
/// deleted, as the kernel would have deleted an object, unless it is meant to be resumed.
fn find(
    place: &Place,
    opening: Opening,
    settings: &Settings,
    process: Process,
) -> Result<Found, OpenError> {
    let Some(existing) = file::open_existing(place, settings.mode)? else {
        return Ok(Found::Nothing);
    };
    let lock_as = |kind| {
        lock::try_set(existing.file.as_fd(), layout::USE_LOCK, kind).map_err(place.io("lock"))
    };
    let alone = lock_as(Lock::Write)?;
    if !alone && !lock_as(Lock::Read)? {
        return Ok(Found::InTransit);
    }
    // Only now: before, its last user may have deleted it.
    if !name::is_of(place.path(), existing.file.as_fd()).map_err(place.io("look at"))? {
        return Ok(Found::InTransit);
    }
    let identity = identify(place, &existing)?;
    if place.is_file_backed() && !identity.persistent {
        // Somebody's named region, or a copy of one: it is not deleted under a path, in use or not.
        return Err(mismatch(place, "persistence", 0, 1));
    }
    if alone && !identity.persistent {
        name::take_from(place.path(), existing.file.as_fd()).map_err(place.io("replace"))?;
        return Ok(Found::Nothing);
    }
    if alone && !lock_as(Lock::Read)? {
        return Ok(Found::InTransit);
    }
    let usage = Use::new(existing.file, place.clone(), identity.persistent, process);
    if opening == Opening::Create {
        return Err(OpenError::AlreadyExists {
            path: place.path().to_owned(),
        });
    }
    check_wishes(place, &identity, settings)?;
    if identity.fences == Fences::Membarrier {
        fences::register().map_err(|source| OpenError::Fences {
            path: place.path().to_owned(),
            source,
        })?;
    }
    let origin = if alone {
        Origin::Resumed
    } else {
        Origin::Opened
    };
    Ok(Found::Region(InUse {
        usage,
        identity,
        origin,
    }))
}

fn identify(place: &Place, existing: &Existing) -> Result<Identity, OpenError> {
    let page = HeaderPage::read(&existing.file).map_err(place.io("read"))?;
    attach::verify(&page, existing.size).map_err(|source| OpenError::Layout {
        path: place.path().to_owned(),
        source,
    })
}

fn check_wishes(place: &Place, identity: &Identity, settings: &Settings) -> Result<(), OpenError> {
    let geometry = &identity.geometry;
    if geometry.kind() != settings.kind {
        return Err(OpenError::Kind {
            path: place.path().to_owned(),
            found: geometry.kind().name(),
            expected: settings.kind.name(),
        });
    }
    let persistent = if place.is_file_backed() {
        None
    } else {
        settings.persistent
    };
    let wishes = [
        ("capacity", settings.capacity, geometry.capacity() as u64),
        (
            "max_payload",
            settings.max_payload,
            geometry.max_payload() as u64,
        ),
        (
            "record_align",
            settings.record_align,
            geometry.record_align() as u64,
        ),
        (
            "wakeups",
            settings.wakeups.map(|wakeups| wakeups as u64),
            identity.wakeups as u64,
        ),
        ("producers", settings.producers, geometry.producers() as u64),
        (
            "persistence",
            persistent.map(u64::from),
            u64::from(identity.persistent),
        ),
    ];
    for (field, wish, found) in wishes {
        if let Some(expected) = wish.filter(|wish| *wish != found) {
            return Err(mismatch(place, field, found, expected));
        }
    }
    Ok(())
}

fn mismatch(place: &Place, field: &'static str, found: u64, expected: u64) -> OpenError {
    OpenError::Mismatch {
        path: place.path().to_owned(),
        field,
        found,
        expected,
    }
}

/// The shape that the settings ask for.
fn geometry(settings: &Settings) -> Result<Geometry, LayoutError> {
    let capacity = settings.capacity.unwrap_or_else(|| {
        // Room for two of the longest records, at least.
        let twice = settings.max_payload.unwrap_or_default().saturating_mul(2);
        let large = twice
            .checked_next_power_of_two()
            .unwrap_or(layout::MAX_CAPACITY);
        large.clamp(DEFAULT_CAPACITY, layout::MAX_CAPACITY)
    });
    let (default_align, default_producers) = match settings.kind {
        Kind::Spsc => (layout::WORD as u64, 1),
        Kind::Mpsc => (DEFAULT_CLAIMED_ALIGN, DEFAULT_PRODUCERS),
    };
    let align = settings.record_align.unwrap_or(default_align);
    let producers = settings.producers.unwrap_or(default_producers);
    // A claim of the longest must be one that a header can stand for, whatever the alignment.
    let longest = layout::MAX_PAYLOAD - 2 * layout::MAX_RECORD_ALIGN;
    let share = (capacity / DEFAULT_PAYLOAD_SHARE).min(longest);
    let max_payload = settings.max_payload.unwrap_or(share);
    Geometry::new(settings.kind, capacity, max_payload, align, producers)
}

/// Makes a region that nobody sees before it is whole. Returns `None` when
/// somebody else was faster.
fn create(
    place: &Place,
    geometry: &Geometry,
    settings: &Settings,
    process: Process,
) -> Result<Option<Region>, OpenError> {
    let mut generation = [0; 8];
    rustix::rand::getrandom(&mut generation, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| place.io("find a generation for")(error.into()))?;
    let identity = Identity {
        geometry: *geometry,
        persistent: settings.persistent.unwrap_or(false) || place.is_file_backed(),
        generation: u64::from_ne_bytes(generation),
        wakeups: settings.wakeups.unwrap_or(Wakeups::Futex),
        fences: match fences::register() {
            Ok(()) => Fences::Membarrier,
            Err(_) => Fences::Symmetric,
        },
    };
    let Some(unnamed) = Unnamed::new(place, geometry.total_size() as u64, settings.mode)? else {
        return Ok(None);
    };
    let memory = map_file(place, &unnamed.file, &identity, settings, process)?;
    attach::initialise(&memory, &identity, Position(settings.start));
    let parking = park(place, &identity, &memory, process, true)?;
    // Before it has a name: whoever opens it finds it in use.
    let locked = lock::try_set(unnamed.file.as_fd(), layout::USE_LOCK, Lock::Read);
    if !locked.map_err(place.io("lock"))? {
        return Ok(None);
    }
    let Some(file) = unnamed.link(place)? else {
        return Ok(None);
    };
    let usage = Use::new(file, place.clone(), identity.persistent, process);
    let found = InUse {
        usage,
        identity,
        origin: Origin::Created,
    };
    Ok(Some(region(found, memory, parking)))
}

fn map(found: InUse, settings: &Settings) -> Result<Region, OpenError> {
    let usage = &found.usage;
    let memory = map_file(
        usage.place(),
        &usage.file(),
        &found.identity,
        settings,
        usage.process(),
    )?;
    let parking = park(
        usage.place(),
        &found.identity,
        &memory,
        usage.process(),
        false,
    )?;
    Ok(region(found, memory, parking))
}

fn map_file(
    place: &Place,
    file: &impl AsFd,
    identity: &Identity,
    settings: &Settings,
    process: Process,
) -> Result<Mapped, OpenError> {
    let size = identity.geometry.total_size();
    Mapped::new(file, size, process, settings.prefault, settings.huge_pages)
        .map_err(place.io("map"))
}

fn park(
    place: &Place,
    identity: &Identity,
    memory: &Mapped,
    process: Process,
    is_new: bool,
) -> Result<Parking, OpenError> {
    Parking::new(identity.wakeups, memory, process, is_new)
        .map_err(place.io("prepare the wakeups of"))
}

fn region(found: InUse, memory: Mapped, parking: Parking) -> Region {
    let InUse {
        usage,
        identity,
        origin,
    } = found;
    let held = super::nothing_held(identity.geometry.seats());
    Region {
        usage,
        identity,
        origin,
        memory,
        parking,
        held,
        lost: AtomicBool::new(false),
    }
}
