//! Waiting, until something has changed or a deadline has passed.

use std::hint;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// When a blocking call gives up.
///
/// ```
/// use std::time::{Duration, Instant};
/// use mapring::Deadline;
///
/// let in_a_second = Deadline::from(Duration::from_secs(1));
/// let then = Deadline::from(Instant::now() + Duration::from_secs(1));
/// assert!(!in_a_second.has_passed() && !then.has_passed() && !Deadline::NEVER.has_passed());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Never gives up.
    pub const NEVER: Self = Self(None);

    /// Whether it is over.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }
}

/// So long from now; a time too far away to be expressed is never.
impl From<Duration> for Deadline {
    fn from(from_now: Duration) -> Self {
        Self(Instant::now().checked_add(from_now))
    }
}

impl From<Instant> for Deadline {
    fn from(end: Instant) -> Self {
        Self(Some(end))
    }
}

/// On a machine with one core it yields this often before it sleeps: its peer gets its turn.
const YIELDS: u32 = 16;
/// A wait that never sleeps looks at its peer, and yields, once in so many pauses.
const PAUSES_PER_CHECK: u32 = 4096;
/// Without wakeups: the first sleep; each is twice as long as the one before, up to [`LONGEST_NAP`].
const FIRST_NAP: Duration = Duration::from_micros(20);
/// Without wakeups: the longest sleep between two looks.
const LONGEST_NAP: Duration = Duration::from_millis(1);
/// With wakeups: no sleep is longer, so that nothing that only time can show stays unseen.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_millis(100);
/// Who slept for less would have done better to spin a little longer.
const SHORT_SLEEP: Duration = Duration::from_micros(50);

/// What a blocking call does until there is something for it: how long it spins, for the sake of the
/// latency, before it sleeps, for the sake of everybody else.
///
/// ```
/// use mapring::{WaitStrategy, spsc::Options};
/// # let ring = Options::new().create(&format!("doc-strategy-{}", std::process::id()))?;
/// let mut consumer = ring.consumer()?;
/// consumer.set_wait_strategy(WaitStrategy::LowCpu);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitStrategy {
    /// Never sleeps: the shortest latency there is, for a core of its own. (In a stream, a consumer
    /// keeps off its producer's cache lines for a moment all the same.)
    BusySpin,
    /// Spins for some microseconds at most, then sleeps. How long it spins depends on how long its
    /// waits have been: it spins longer (40 microseconds) if sleeps turned out to be short, and
    /// hardly at all if they were long. On a machine with one core it yields a few times instead.
    #[default]
    Balanced,
    /// Sleeps at once.
    LowCpu,
}

/// What an endpoint has learned about its waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    strategy: WaitStrategy,
    /// How long it spins before it sleeps; between `Patience::LEAST` and `Patience::MOST`.
    time: Duration,
    /// So many looks take that long.
    spins: u32,
}

impl Patience {
    const LEAST: Duration = Duration::from_micros(5);
    /// What it costs to sleep and be woken, a few times over.
    const MOST: Duration = Duration::from_micros(40);
    const FIRST: Duration = Duration::from_micros(20);

    /// Patience of an endpoint that has not waited yet.
    #[must_use]
    pub(crate) fn new(strategy: WaitStrategy) -> Self {
        Self {
            strategy,
            time: Self::FIRST,
            spins: looks_within(Self::FIRST),
        }
    }

    /// Learns from a sleep that took so long.
    pub(crate) fn learn(&mut self, slept: Duration) {
        self.time = if slept < SHORT_SLEEP {
            (self.time * 2).min(Self::MOST)
        } else {
            (self.time / 2).max(Self::LEAST)
        };
        self.spins = looks_within(self.time);
    }

    /// How often to spin, and then how often to yield, before a sleep.
    fn before_sleep(&self) -> (u32, u32) {
        match self.strategy {
            WaitStrategy::BusySpin => (u32::MAX, 0),
            WaitStrategy::Balanced if is_single_core() => (0, YIELDS),
            WaitStrategy::Balanced => (self.spins, 0),
            WaitStrategy::LowCpu => (0, 0),
        }
    }
}

/// A look at the ring between two hints takes so long, about.
const LOOK: Duration = Duration::from_nanos(10);

/// How many looks at the ring, with a hint that this is a spin loop behind each, take so long.
fn looks_within(time: Duration) -> u32 {
    let looks = time.as_nanos() / (hint_time() + LOOK).as_nanos().max(1);
    u32::try_from(looks).unwrap_or(u32::MAX)
}

/// How long a hint that this is a spin loop takes on this machine; measured once.
pub(crate) fn hint_time() -> Duration {
    static TIME: OnceLock<Duration> = OnceLock::new();
    const HINTS: u32 = 64;
    let measure = || {
        let begin = Instant::now();
        for _ in 0..HINTS {
            hint::spin_loop();
        }
        begin.elapsed() / HINTS
    };
    // Whatever comes in between makes it longer only.
    *TIME.get_or_init(|| measure().min(measure()).min(measure()))
}

/// Whether whoever is waited for cannot run meanwhile. What counts are the cores of the machine: those
/// that this thread may use say nothing of its peer's.
fn is_single_core() -> bool {
    static IS_SINGLE: OnceLock<bool> = OnceLock::new();
    // SAFETY: takes a number and returns one.
    *IS_SINGLE.get_or_init(|| unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) } == 1)
}

/// What a wait asks of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Look at the ring again.
    Look,
    /// Look at the ring again, and whether the peer is alive.
    Check,
    /// The same, and then sleep until this moment at most.
    Sleep(Instant),
    /// The deadline has passed.
    TimedOut,
}

/// One wait: it spins, then yields, then asks to sleep.
#[derive(Debug)]
pub(crate) struct Wait {
    deadline: Deadline,
    spins: u32,
    yields: u32,
    pauses: u32,
    sleeps: u32,
    /// It has looked at its peer.
    has_checked: bool,
}

impl Wait {
    /// A wait that has not begun.
    #[must_use]
    pub(crate) fn until(deadline: Deadline, patience: &Patience) -> Self {
        let (spins, yields) = patience.before_sleep();
        Self {
            deadline,
            spins,
            yields,
            pauses: 0,
            sleeps: 0,
            has_checked: false,
        }
    }

    /// Until when.
    #[must_use]
    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Lets a moment pass, and returns true, unless something else than a look is due.
    #[inline]
    pub(crate) fn pause_shortly(&mut self) -> bool {
        let is_due = self.pauses >= self.spins.min(PAUSES_PER_CHECK - 1);
        if !is_due {
            self.pauses += 1;
            hint::spin_loop();
        }
        !is_due
    }

    /// Lets a moment pass, unless it is time to sleep.
    pub(crate) fn pause(&mut self) -> Pause {
        self.pauses = self.pauses.saturating_add(1);
        if self.pauses <= self.spins {
            hint::spin_loop();
            if !self.pauses.is_multiple_of(PAUSES_PER_CHECK) {
                return Pause::Look;
            }
            // Only who never sleeps comes here.
            self.pauses = 0;
            thread::yield_now();
            return if self.deadline.has_passed() {
                Pause::TimedOut
            } else {
                Pause::Check
            };
        }
        if self.deadline.has_passed() {
            return Pause::TimedOut;
        }
        if self.pauses - self.spins <= self.yields {
            thread::yield_now();
            return Pause::Look;
        }
        self.sleeps = self.sleeps.saturating_add(1);
        let latest = Instant::now() + LONGEST_SLEEP;
        Pause::Sleep(self.deadline.0.map_or(latest, |end| end.min(latest)))
    }

    /// As [`Wait::pause`], but while it spins it lets so much time pass, about, without a look.
    pub(crate) fn pause_for(&mut self, time: Duration) -> Pause {
        for _ in 0..looks_within(time) {
            if self.pauses >= self.spins {
                break;
            }
            let pause = self.pause();
            if pause != Pause::Look {
                return pause;
            }
            // In the place of a look.
            for _ in 0..LOOK.as_nanos() / hint_time().as_nanos().max(1) {
                hint::spin_loop();
            }
        }
        self.pause()
    }

    /// Without wakeups: sleeps a little, longer each time.
    pub(crate) fn nap(&self, until: Instant) {
        let longer = FIRST_NAP.saturating_mul(1 << (self.sleeps - 1).min(10));
        let left = until.saturating_duration_since(Instant::now());
        thread::sleep(longer.min(LONGEST_NAP).min(left));
    }

    /// Whether the last pause was the first that was more than a look.
    #[must_use]
    pub(crate) fn is_first_check(&mut self) -> bool {
        !std::mem::replace(&mut self.has_checked, true)
    }

    /// Whether no pause yet was more than a look.
    #[must_use]
    pub(crate) fn is_young(&self) -> bool {
        !self.has_checked
    }

    /// How often it was to sleep so far.
    #[must_use]
    pub(crate) fn sleeps(&self) -> u32 {
        self.sleeps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Deadline = Deadline::NEVER;

    fn wait(deadline: Deadline, spins: u32, yields: u32) -> Wait {
        let patience = Patience::new(WaitStrategy::LowCpu);
        Wait {
            spins,
            yields,
            ..Wait::until(deadline, &patience)
        }
    }

    /// How often there is a look before something else is due, and what that is.
    fn looks(wait: &mut Wait, time: Duration) -> (u32, Pause) {
        let mut looks = 0;
        loop {
            match wait.pause_for(time) {
                Pause::Look => looks += 1,
                pause => return (looks, pause),
            }
        }
    }

    #[test]
    fn time_without_a_look_is_part_of_the_spinning() {
        let mut often = wait(NEVER, 100, 0);
        let (all, pause) = looks(&mut often, Duration::ZERO);
        assert!(
            all == 100 && matches!(pause, Pause::Sleep(_)),
            "{all}, {pause:?}"
        );
        let mut seldom = wait(NEVER, 100, 0);
        let (few, pause) = looks(&mut seldom, 10 * (hint_time() + LOOK));
        // Each is ten pauses without a look, and one more.
        assert!(
            few == 9 && matches!(pause, Pause::Sleep(_)),
            "{few}, {pause:?}"
        );
        assert_eq!(seldom.pauses, often.pauses);
    }

    #[test]
    fn there_is_a_look_behind_each_yield() {
        let (yields, pause) = looks(&mut wait(NEVER, 0, 16), Duration::from_micros(2));
        assert!(
            yields == 16 && matches!(pause, Pause::Sleep(_)),
            "{yields}, {pause:?}"
        );
    }

    #[test]
    fn a_check_and_a_deadline_end_it() {
        let long = Duration::from_secs(1);
        let mut spinning = wait(NEVER, u32::MAX, 0);
        assert_eq!(spinning.pause_for(long), Pause::Check);
        let over = Deadline::from(Instant::now());
        assert_eq!(wait(over, u32::MAX, 0).pause_for(long), Pause::TimedOut);
        assert_eq!(wait(over, 10, 0).pause_for(long), Pause::TimedOut);
    }
}
