//! Who makes regions, sends everybody into them, and watches.

use std::time::{Duration, Instant};

use mapring::Wakeups;
use mapring::generic::{Mpsc, Spsc};

use super::counts::{Counts, LOST};
use super::hostile::AIMS;
use super::kinds::Kind;
use crate::common::{Child, DEADLINE, Name, Random, count};

/// Who plays in a storm, and for how long at a time.
pub(crate) struct Cast {
    /// What the storm is called.
    pub(crate) name: &'static str,
    /// "spsc" or "mpsc".
    pub(crate) kind: &'static str,
    /// The honest roles; the first is the one that the storm is about.
    pub(crate) honest: &'static [&'static str],
    /// What the storm aims at besides everything and whole pages.
    pub(crate) aims: &'static [&'static str],
    /// Milliseconds of a round.
    pub(crate) round: u64,
}

/// So many rounds at least, so that each aim has its turns on a slow machine, too.
const LEAST: u64 = 30;
/// Every storm aims at these, too.
const AIMS_OF_ALL: &[&str] = &[
    "everything",
    "identity",
    "producers' page",
    "consumer's page",
];

/// Where one of these is aimed at, slots do not say what was counted: what starts in a page may run
/// on into the next one.
const AT_SLOTS: &[&str] = &[
    "everything",
    "producers' page",
    "consumer's page",
    "slots",
    "consumer's slot",
];

/// Runs a storm for as long as the environment says, and checks that it was one.
pub(crate) fn storm(cast: &Cast) -> Counts {
    match cast.kind {
        "spsc" => storm_over::<Spsc>(cast),
        _ => storm_over::<Mpsc>(cast),
    }
}

fn storm_over<P: Kind>(cast: &Cast) -> Counts {
    let mut random = Random::new();
    let time = Duration::from_secs(count("MAPRING_STORM_SECONDS", 1).into());
    let start = |role: &&'static str| (*role, Child::start("role_honest", &[cast.kind, role]));
    let mut honest: Vec<_> = cast.honest.iter().map(start).collect();
    let mut hostile = Child::start("role_hostile", &[""]);
    honest.iter().for_each(|(_, child)| child.expect("ready"));
    hostile.expect("ready");
    let aims: Vec<_> = AIMS_OF_ALL.iter().chain(cast.aims).collect();

    let mut counts = Counts::default();
    let begin = Instant::now();
    let mut rounds: u64 = 0;
    while begin.elapsed() < time || rounds < LEAST {
        let name = Name::new(&format!("storm-{}-{rounds}", cast.name));
        let seed = random.below(1 << 32);
        // Positions near the ends of what words can count, too; all at the start of a ring.
        let starts = [0, 1 << 32, 1 << 63, 0_u64.wrapping_sub(4096)];
        let mut options = P::options().start(starts[random.below(4) as usize]);
        if random.below(4) == 0 {
            options = options.wakeups(Wakeups::None);
        }
        let ring = options.create(&name).expect("a region");
        let aim = aims[rounds as usize % aims.len()];
        let number = AIMS.iter().position(|(name, _)| name == aim);
        let number = number.unwrap_or_else(|| panic!("no such aim: {aim}"));
        let path = ring.path().to_str().expect("a path in UTF-8");
        let described = format!("round {rounds}, seed {seed}, aimed at {aim}");

        hostile.tell(&format!("{path} {seed} {number}"));
        for (index, (_, child)) in honest.iter_mut().enumerate() {
            child.tell(&format!(
                "{} {} {}",
                &*name,
                seed + index as u64,
                cast.round
            ));
        }
        for (role, child) in &mut honest {
            // Who hangs, panics, or dies of a signal says nothing.
            let Some(line) = child.line_within(DEADLINE) else {
                let status = child.status_now();
                panic!("{role} says nothing in {described}: {status:?} (none: it hangs)");
            };
            // Only what the region says of itself can make it look like another one.
            let may_be_lost = ["everything", "identity"].contains(aim);
            let is_refused = line.contains(LOST) || line.contains(":refused");
            assert!(may_be_lost || !is_refused, "{role} in {described}: {line}");
            counts.add_line(&line);
        }
        hostile.tell("stop");
        let written = hostile.line().parse().expect("a number");
        counts.add_many("words overwritten", written);
        if !AT_SLOTS.contains(aim) {
            let observer = ring.observer().expect("memory for a mapping");
            for slot in P::producer_counters(&observer) {
                counts.add_many("producer:sleeps", slot.sleeps);
            }
            counts.add_many("consumer:sleeps", observer.consumer_counters().sleeps);
        }
        counts.add_many(&rounds_at(aim), 1);
        rounds += 1;
    }
    for (_, child) in honest {
        child.finish_listening();
    }
    hostile.finish_listening();
    counts.add_many("rounds", rounds);
    println!("{} for {:.0?}:\n{counts}", cast.name, begin.elapsed());
    assert!(counts.of("words overwritten") > 0, "no storm");
    counts.assert_most_in_time();
    for aim in aims {
        assert!(counts.of(&rounds_at(aim)) > 0, "never aimed at {aim}");
    }
    counts
}

/// How it is counted that a round was aimed there.
fn rounds_at(aim: &str) -> String {
    format!("rounds at {}", aim.replace(' ', "-"))
}
