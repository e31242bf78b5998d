//! Sleeping on an event of the system's thread library (`raw_sync::Event`), for who asks for it.
//!
//! On Linux such an event is a mutex and a condition variable in the region itself, and neither
//! survives everything: who is killed with the mutex in hand keeps it, and then even a wait with a
//! time limit does not come back; some limits are refused, and the wait ends at once; of several
//! processes that sleep one is woken. So nobody who sends or receives touches the
//! event. Two threads of each process do, one that listens and one that rings, and a sleeper
//! waits for the listener, and looks at its word every [`RECHECK`] whatever becomes of that. A
//! process whose event hangs goes on, and sleeps a little longer.
//!
//! What cannot be made good: the library follows pointers that it finds in the mutex. Events are for
//! peers that do not write over them.

use std::fmt;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use raw_sync::Timeout;
use raw_sync::events::{Event, EventImpl, EventInit, EventState};
use rustix::time::{ClockId, clock_gettime};

use crate::layout::{self, Word};
use crate::memory::ReadMemory;
use crate::os::mapped::Mapped;
use crate::os::process::Process;

/// A sleeper looks at its word this often, rung for or not.
const RECHECK: Duration = Duration::from_millis(25);
/// The listener waits for the event no longer at once.
const LONGEST_LISTEN: Duration = Duration::from_millis(100);
/// A thread that has had nothing to do for so long ends.
const LINGER: Duration = Duration::from_secs(1);
/// Who leaves waits so long for the threads that wake others, in case the process is about to end.
const FAREWELL: Duration = Duration::from_millis(5);
/// So close to the end of a second `raw_sync` may ask for a moment that the system refuses.
const MARGIN: Duration = Duration::from_millis(2);

/// The events of a region, as one handle uses them.
#[derive(Debug)]
pub(in crate::os) struct Events {
    data: Arc<Bell>,
    space: Arc<Bell>,
    process: Process,
}

impl Drop for Events {
    /// Who has sent something and leaves may be about to end the process, and its threads.
    fn drop(&mut self) {
        if self.process.is_current() {
            let until = Instant::now() + FAREWELL;
            self.data.finish(until);
            self.space.finish(until);
        }
    }
}

impl Events {
    /// Those of a region, made if it is new.
    ///
    /// # Errors
    /// When the system, or what stands there, refuses it.
    pub(super) fn new(memory: &Mapped, process: Process, is_new: bool) -> io::Result<Self> {
        let bell = |at, answered| Bell::new(memory, at, answered, is_new);
        Ok(Self {
            data: bell(layout::DATA_EVENT, layout::DATA_ANSWERED)?,
            space: bell(layout::SPACE_EVENT, layout::SPACE_ANSWERED)?,
            process,
        })
    }

    fn of(&self, answered: Word) -> &Arc<Bell> {
        if answered == layout::DATA_ANSWERED {
            &self.data
        } else {
            &self.space
        }
    }

    /// Sleeps while the word `answered` is `expected`, until it is woken, or until `until`. Returns
    /// whether the time is over.
    pub(super) fn sleep(&self, answered: Word, expected: u64, until: Instant) -> bool {
        Bell::sleep(self.of(answered), expected, until)
    }

    /// Wakes those who sleep on the word `answered`.
    pub(super) fn wake(&self, answered: Word) {
        Bell::ring(self.of(answered));
    }
}

/// One event, and the threads of this process that touch it.
struct Bell {
    event: SharedEvent,
    answered: Word,
    memory: Mapped,
    state: Mutex<State>,
    /// The state has changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many sleep here.
    sleepers: usize,
    /// Somebody is to be woken.
    is_to_ring: bool,
    /// The event is being set.
    is_ringing: bool,
    /// The thread that waits for the event lives.
    has_listener: bool,
    /// The thread that sets the event lives.
    has_ringer: bool,
}

struct SharedEvent(Box<dyn EventImpl>);

// SAFETY: it points to a mutex and a condition variable that were made for several processes.
unsafe impl Send for SharedEvent {}
// SAFETY: as for Send; both of its functions lock that mutex.
unsafe impl Sync for SharedEvent {}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bell")
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}

impl Bell {
    fn new(memory: &Mapped, at: Word, answered: Word, is_new: bool) -> io::Result<Arc<Self>> {
        let size = Event::size_of(None);
        if size > layout::EVENT_SIZE {
            let text = format!("an event takes {size} bytes, not {}", layout::EVENT_SIZE);
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        let address = memory.pointer(at, layout::EVENT_SIZE);
        let made = if is_new {
            // SAFETY: so many bytes are mapped there, aligned as a word; nobody else uses them yet.
            unsafe { Event::new(address, true) }
        } else {
            // SAFETY: so many bytes are mapped there, and hold an event: whoever made the region
            // made it before the region had a name. Peers do not write over it, see above.
            unsafe { Event::from_existing(address) }
        };
        let (event, _) = made.map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Arc::new(Self {
            event: SharedEvent(event),
            answered,
            memory: memory.clone(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    fn sleep(bell: &Arc<Self>, expected: u64, until: Instant) -> bool {
        let mut state = bell.lock();
        state.sleepers += 1;
        if !state.has_listener {
            state.has_listener = bell.start("mapring-listen", Self::listen);
        }
        bell.changed.notify_all();
        let is_over = loop {
            let left = until.saturating_duration_since(Instant::now());
            if bell.memory.load(bell.answered, Relaxed) != expected {
                break false;
            }
            if left.is_zero() {
                break true;
            }
            state = bell.wait(state, left.min(RECHECK));
        };
        state.sleepers -= 1;
        is_over
    }

    fn ring(bell: &Arc<Self>) {
        let mut state = bell.lock();
        state.is_to_ring = true;
        if !state.has_ringer {
            state.has_ringer = bell.start("mapring-ring", Self::ring_for_others);
        }
        bell.changed.notify_all();
    }

    /// Whether there is such a thread now. Without, sleepers look at their word themselves.
    fn start(self: &Arc<Self>, name: &str, run: fn(&Self)) -> bool {
        let bell = Arc::clone(self);
        let builder = thread::Builder::new().name(name.to_owned());
        builder.spawn(move || run(&bell)).is_ok()
    }

    /// Waits for the event as long as somebody sleeps here, and for a while after that.
    fn listen(&self) {
        let mut idle_since = Instant::now();
        loop {
            let mut state = self.lock();
            if state.sleepers == 0 {
                if idle_since.elapsed() >= LINGER {
                    state.has_listener = false;
                    return;
                }
                drop(self.wait(state, LINGER));
                continue;
            }
            drop(state);
            let is_rung = listen_for(&self.event);
            let state = self.lock();
            if state.sleepers > 0 {
                idle_since = Instant::now();
                self.changed.notify_all();
            } else if is_rung {
                // It was meant for somebody else. Should this hang, this thread does, alone.
                drop(state);
                let _ = self.event.0.set(EventState::Signaled);
            }
        }
    }

    /// Sets the event whenever that is wanted.
    fn ring_for_others(&self) {
        let mut idle_since = Instant::now();
        loop {
            let mut state = self.lock();
            if std::mem::take(&mut state.is_to_ring) {
                state.is_ringing = true;
                drop(state);
                // If it fails, sleepers see what they sleep for when they look again.
                let _ = self.event.0.set(EventState::Signaled);
                self.lock().is_ringing = false;
                self.changed.notify_all();
                idle_since = Instant::now();
            } else if idle_since.elapsed() >= LINGER {
                state.has_ringer = false;
                return;
            } else {
                drop(self.wait(state, LINGER));
            }
        }
    }

    /// Waits until the event is set, if it is to be.
    fn finish(&self, until: Instant) {
        let mut state = self.lock();
        while state.is_to_ring || state.is_ringing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.wait(state, left);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, longest: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, longest);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Waits for the event for a while. Returns whether it was set.
fn listen_for(event: &SharedEvent) -> bool {
    // The moment at which a wait ends is reckoned from this clock, and the sum of nanoseconds is
    // not carried over: it must stay within the second.
    let now = Duration::from_nanos(clock_gettime(ClockId::Realtime).tv_nsec as u64);
    let left = Duration::from_secs(1).saturating_sub(now + MARGIN);
    if left.is_zero() {
        thread::sleep(MARGIN);
        return false;
    }
    let begin = Instant::now();
    let is_rung = event.0.wait(Timeout::Val(left.min(LONGEST_LISTEN))).is_ok();
    if !is_rung && begin.elapsed() < MARGIN {
        // Refused, whatever the reason: not again at once.
        thread::sleep(MARGIN);
    }
    is_rung
}
