//! Threads that run one at a time, each for as many accesses to memory as it is allowed.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// What a thread unwinds with when it is killed. It is no error.
struct Killed;

/// What a thread's panic says.
type Payload = Box<dyn Any + Send>;

/// How far a thread has come when it hands the turn back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It is in the middle of something.
    Busy,
    /// It waits for something to do.
    Idle,
    /// It has come to its end.
    Ended,
}

/// The turn that goes to and fro between a thread and who schedules it.
#[derive(Debug)]
pub(super) struct Baton {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Whether the thread has the turn.
    running: bool,
    /// Steps that it may go before it hands the turn back.
    steps: usize,
    /// Whether it is killed at its next step.
    dying: bool,
    status: Status,
    panic: Option<Payload>,
}

impl Baton {
    /// Comes before each access to memory: waits for the turn if the steps allowed are used up.
    /// False for one that has been killed and unwinds: its access does not happen.
    pub(super) fn step(&self) -> bool {
        if thread::panicking() {
            return false;
        }
        let mut state = lock(&self.state);
        if state.steps == 0 {
            state = self.hand_back(state, Status::Busy);
        }
        state.steps = state.steps.saturating_sub(1);
        die_if_killed(state);
        true
    }

    /// Comes when there is nothing to do: waits for the turn.
    pub(super) fn rest(&self) {
        die_if_killed(self.hand_back(lock(&self.state), Status::Idle));
    }

    fn hand_back<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        status: Status,
    ) -> MutexGuard<'a, State> {
        state.status = status;
        state.running = false;
        self.changed.notify_all();
        self.wait_while(state, |state| !state.running)
    }

    fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, State>,
        condition: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_while(state, condition);
        waited.unwrap_or_else(PoisonError::into_inner)
    }
}

fn die_if_killed(state: MutexGuard<'_, State>) {
    let dying = state.dying;
    drop(state);
    if dying {
        resume_unwind(Box::new(Killed));
    }
}

/// A thread that runs when it is told to. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Steered {
    baton: Arc<Baton>,
    thread: Option<JoinHandle<()>>,
}

impl Steered {
    /// A thread that will run `body`; it has not gone a step yet.
    pub(super) fn spawn(body: impl FnOnce(&Arc<Baton>) + Send + 'static) -> Self {
        let baton = Arc::new(Baton {
            state: Mutex::new(State {
                running: false,
                steps: 0,
                dying: false,
                status: Status::Busy,
                panic: None,
            }),
            changed: Condvar::new(),
        });
        let own = Arc::clone(&baton);
        let thread = thread::spawn(move || {
            drop(own.wait_while(lock(&own.state), |state| !state.running));
            let result = catch_unwind(AssertUnwindSafe(|| body(&own)));
            let mut state = lock(&own.state);
            state.panic = result.err().filter(|payload| !payload.is::<Killed>());
            state.status = Status::Ended;
            state.running = false;
            own.changed.notify_all();
        });
        Self {
            baton,
            thread: Some(thread),
        }
    }

    /// Lets it go so many steps, or until it has nothing more to do.
    ///
    /// # Panics
    /// When it panics.
    pub(super) fn run(&self, steps: usize) -> Status {
        let (status, panic) = self.resume(steps, false);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        status
    }

    /// Kills it where it stands.
    pub(super) fn kill(&self) {
        // Its destructors touch no memory, so they have nothing to say.
        let _ = self.resume(usize::MAX, true);
    }

    fn resume(&self, steps: usize, dying: bool) -> (Status, Option<Payload>) {
        let baton = &self.baton;
        let mut state = lock(&baton.state);
        if state.status != Status::Ended {
            state.steps = steps;
            state.dying = dying;
            state.running = true;
            baton.changed.notify_all();
            state = baton.wait_while(state, |state| state.running);
        }
        (state.status, state.panic.take())
    }
}

impl Drop for Steered {
    fn drop(&mut self) {
        self.kill();
        if let Some(thread) = self.thread.take() {
            // It has caught its panic, if there was one.
            let _ = thread.join();
        }
    }
}

/// Whoever panicked with the lock held has told so elsewhere.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
