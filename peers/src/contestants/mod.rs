//! The contestants, one file each.

pub(crate) mod limits;

mod array_queue;
#[cfg(feature = "cpp")]
mod boost_mq;
#[cfg(feature = "cpp")]
mod boost_spsc;
#[cfg(any(feature = "cpp", feature = "dpdk"))]
mod bridge;
mod crossbeam;
mod disruptor;
#[cfg(feature = "dpdk")]
mod dpdk;
#[cfg(feature = "iceoryx2")]
mod iceoryx2;
mod ipc_channel;
mod kanal;
mod mapring;
mod mapring_many;
#[cfg(feature = "cpp")]
mod moodycamel;
mod pipe;
mod posix_mq;
mod ringbuf;
mod rtrb;
mod shaq;
mod shmem_ipc;
mod std_channel;
mod stream;
mod unix_socket;

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::channel::{Processes, Threads};
use crate::measure::{Job, Outcome, Part, processes, threads};
use crate::question::{Kind, Question};

/// What there is to say about a contestant.
#[derive(Debug)]
pub(crate) struct About {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its version.
    pub(crate) version: String,
    /// Where its documentation is.
    pub(crate) link: &'static str,
    /// How it is used here, in a few words.
    pub(crate) usage: &'static str,
    /// What it can be asked.
    pub(crate) kinds: &'static [Kind],
}

/// Whom its ends belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Between {
    /// Threads of one process.
    Threads,
    /// Processes.
    Processes,
}

/// How a measurement of a contestant is run.
#[derive(Clone, Copy, Debug)]
struct Runner {
    run: fn(&Job) -> Result<Outcome>,
    join: Option<fn(&Part) -> Result<()>>,
}

impl Runner {
    fn between_threads<C: Threads>() -> Self {
        Self {
            run: threads::run::<C>,
            join: None,
        }
    }

    fn between_processes<C: Processes>() -> Self {
        Self {
            run: processes::run::<C>,
            join: Some(processes::join::<C>),
        }
    }
}

/// One of those that are compared.
#[derive(Debug)]
pub(crate) struct Contestant {
    pub(crate) about: About,
    pub(crate) between: Between,
    one: Runner,
    /// With many producers.
    many: Runner,
    /// Records that many producers are checked with, if not so many as the others'.
    few: Option<u64>,
    /// What of this machine keeps it from a question, if something does.
    cannot: fn(Question) -> Option<String>,
}

impl Contestant {
    fn new(about: About, between: Between, runner: Runner) -> Self {
        Self {
            about,
            between,
            one: runner,
            many: runner,
            few: None,
            cannot: |_| None,
        }
    }

    fn between_threads<C: Threads>(about: About) -> Self {
        Self::new(about, Between::Threads, Runner::between_threads::<C>())
    }

    fn between_processes<C: Processes>(about: About) -> Self {
        Self::new(about, Between::Processes, Runner::between_processes::<C>())
    }

    /// It has another channel for many producers.
    fn many_between_threads<C: Threads>(mut self) -> Self {
        self.many = Runner::between_threads::<C>();
        self
    }

    /// It has another channel for many producers.
    fn many_between_processes<C: Processes>(mut self) -> Self {
        self.many = Runner::between_processes::<C>();
        self
    }

    /// Many producers are checked with so many records only.
    fn few_of_many(mut self, records: u64) -> Self {
        self.few = Some(records);
        self
    }

    /// A machine may keep it from some questions; this says why.
    fn unless(mut self, cannot: fn(Question) -> Option<String>) -> Self {
        self.cannot = cannot;
        self
    }

    /// How many records, or round trips, it is checked with.
    pub(crate) fn few(&self, question: Question) -> u64 {
        match question {
            Question::ManyToOne { .. } => self.few.unwrap_or_else(|| question.few()),
            _ => question.few(),
        }
    }

    fn runner(&self, question: Question) -> Runner {
        match question {
            Question::ManyToOne { .. } => self.many,
            _ => self.one,
        }
    }

    /// Whether it is what the others are compared to.
    pub(crate) fn is_limit(&self) -> bool {
        self.about.name == limits::NAME
    }

    /// Runs one measurement; the calling thread stays pinned.
    ///
    /// # Errors
    /// When it cannot be asked that, or what went wrong.
    pub(crate) fn run(&self, job: &Job) -> Result<Outcome> {
        ensure!(
            self.answers(job.question.kind()),
            "{} does not answer {}",
            self.about.name,
            job.question
        );
        if let Some(why) = self.cannot(job.question) {
            bail!("{} cannot: {why}", self.about.name);
        }
        (self.runner(job.question).run)(job)
    }

    /// Does another process's part of it.
    ///
    /// # Errors
    /// What went wrong.
    pub(crate) fn join(&self, part: &Part) -> Result<()> {
        let join = self.runner(part.question).join;
        let join = join.with_context(|| format!("{} joins nothing", self.about.name))?;
        join(part)
    }

    /// Whether it can be asked this.
    pub(crate) fn answers(&self, kind: Kind) -> bool {
        self.about.kinds.contains(&kind)
    }

    /// Why it cannot be asked this on this machine, if so.
    pub(crate) fn cannot(&self, question: Question) -> Option<String> {
        (self.cannot)(question)
    }
}

/// All of them, in the order of the tables; the limits, to which the others are compared, first.
pub(crate) fn all() -> Vec<Contestant> {
    vec![
        limits::contestant(),
        mapring::contestant(),
        mapring::trusting(),
        rtrb::contestant(),
        ringbuf::contestant(),
        disruptor::contestant(),
        #[cfg(feature = "cpp")]
        boost_spsc::contestant(),
        #[cfg(feature = "cpp")]
        moodycamel::reader_writer(),
        #[cfg(feature = "cpp")]
        moodycamel::concurrent(),
        #[cfg(feature = "dpdk")]
        dpdk::contestant(),
        crossbeam::contestant(),
        array_queue::contestant(),
        kanal::contestant(),
        std_channel::contestant(),
        shaq::contestant(),
        shmem_ipc::contestant(),
        #[cfg(feature = "iceoryx2")]
        iceoryx2::contestant(),
        #[cfg(feature = "cpp")]
        boost_mq::contestant(),
        ipc_channel::contestant(),
        pipe::contestant(),
        unix_socket::contestant(),
        posix_mq::contestant(),
    ]
}

/// The version of what the kernel offers.
fn kernel() -> String {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    format!("Linux {release}")
}

/// Those that this program was built without, and why.
pub(crate) fn left_out() -> Vec<(&'static str, &'static str)> {
    vec![
        #[cfg(not(feature = "iceoryx2"))]
        ("iceoryx2", "built without the feature `iceoryx2`"),
        (
            "Aeron IPC",
            "its crate, rusteron, builds it with CMake 3.30, and Debian 12 has 3.25",
        ),
        #[cfg(not(feature = "cpp"))]
        ("boost, moodycamel", "built without the feature `cpp`"),
        #[cfg(not(feature = "dpdk"))]
        ("DPDK rte_ring", "built without the feature `dpdk`"),
    ]
}

/// A name in shared memory for what is at `path`: that of its folder, and its own.
fn name(path: &Path) -> Result<String> {
    let names = [path.parent().and_then(Path::file_name), path.file_name()];
    let names = names.map(|name| name.and_then(OsStr::to_str));
    let [Some(folder), Some(file)] = names else {
        bail!("{} is in no folder with a name", path.display());
    };
    Ok(format!("{folder}{file}"))
}
