//! Storms: a hostile process scribbles over a region, everywhere or aimed at a page or a word,
//! while honest processes use it. Whatever it writes, what they get is a result that the
//! documentation names: nobody panics, dies of a signal, or comes back long after its deadline.
//!
//! Round by round a region is made anew. `MAPRING_STORM_SECONDS` says how long each storm lasts;
//! `.ci/storm` runs them for longer. The hostile process does not truncate the file: that is
//! another fault, with other results (`truncated.rs`). A panic in an honest process shows above the
//! message that it says nothing.

mod common;
mod storm_parts;

use common::role;
use storm_parts::counts::Counts;
use storm_parts::director::{Cast, storm};
use storm_parts::{honest, hostile};

/// Role: see [`honest::play`].
#[test]
fn role_honest() {
    let Some(arguments) = role() else { return };
    honest::play(&arguments);
}

/// Role: see [`hostile::play`].
#[test]
fn role_hostile() {
    if role().is_some() {
        hostile::play();
    }
}

/// What those read who send.
const OF_PRODUCERS: &[&str] = &[
    "HEAD",
    "TAIL",
    "next header",
    "slots",
    "consumer's slot",
    "data_parked",
    "space_answered",
];

/// What those read who receive.
const OF_CONSUMERS: &[&str] = &[
    "data",
    "next header",
    "TAIL",
    "PRESENCE",
    "release_to",
    "slots",
    "space_parked",
    "space_wanted",
];

/// Milliseconds of a round, if nobody means to sleep.
const ROUND: u64 = 25;

/// Runs a storm, and checks that these roles got on, and were hit.
fn assert_survive(cast: &Cast, roles: &[&str]) -> Counts {
    let counts = storm(cast);
    for role in roles {
        assert!(counts.ended(role, "ok") > 0, "no {role} ever got on");
        assert!(counts.ended(role, "Corrupt") > 0, "no {role} was ever hit");
    }
    counts
}

#[test]
fn a_producer_survives_storms() {
    let cast = Cast {
        name: "spsc-producer",
        kind: "spsc",
        honest: &["producer", "consumer"],
        aims: OF_PRODUCERS,
        round: ROUND,
    };
    assert_survive(&cast, &["producer"]);
}

#[test]
fn a_consumer_survives_storms() {
    let cast = Cast {
        name: "spsc-consumer",
        kind: "spsc",
        honest: &["consumer", "producer"],
        aims: OF_CONSUMERS,
        round: ROUND,
    };
    assert_survive(&cast, &["consumer"]);
}

#[test]
fn producers_survive_storms() {
    let cast = Cast {
        name: "mpsc-producers",
        kind: "mpsc",
        honest: &["producer", "producer", "consumer"],
        aims: OF_PRODUCERS,
        round: ROUND,
    };
    assert_survive(&cast, &["producer"]);
}

#[test]
fn a_consumer_of_many_survives_storms() {
    let cast = Cast {
        name: "mpsc-consumer",
        kind: "mpsc",
        honest: &["consumer", "producer", "producer"],
        aims: OF_CONSUMERS,
        round: ROUND,
    };
    assert_survive(&cast, &["consumer"]);
}

#[test]
fn observers_survive_storms() {
    for kind in ["spsc", "mpsc"] {
        let cast = Cast {
            name: if kind == "spsc" {
                "spsc-observer"
            } else {
                "mpsc-observer"
            },
            kind,
            honest: &["observer", "producer", "consumer"],
            aims: &["slots", "consumer's slot", "HEAD", "TAIL", "next header"],
            round: ROUND,
        };
        assert_survive(&cast, &["observer"]);
    }
}

#[test]
fn those_who_come_and_go_survive_storms() {
    for kind in ["spsc", "mpsc"] {
        let cast = Cast {
            name: if kind == "spsc" {
                "spsc-opener"
            } else {
                "mpsc-opener"
            },
            kind,
            honest: &["opener", "opener", "producer", "consumer"],
            aims: &[
                "identity",
                "HEAD",
                "TAIL",
                "release_to",
                "slots",
                "next header",
            ],
            round: 2 * ROUND,
        };
        let counts = storm(&cast);
        assert!(counts.ended("open", "ok") > 0, "it was always refused");
        assert!(counts.ended("open", "refused") > 0, "it was never refused");
        let taking = ["producer-attach", "consumer-attach"];
        for role in taking {
            assert!(counts.ended(role, "ok") > 0, "no {role} ever succeeded");
        }
        let corrupt = taking.map(|role| counts.ended(role, "Corrupt"));
        assert!(corrupt.iter().sum::<u64>() > 0, "no role was ever corrupt");
    }
}

#[test]
fn sleepers_survive_storms() {
    for kind in ["spsc", "mpsc"] {
        let cast = Cast {
            name: if kind == "spsc" {
                "spsc-sleepers"
            } else {
                "mpsc-sleepers"
            },
            kind,
            honest: &["sleeping-consumer", "sleeping-producer"],
            aims: &[
                "data_answered",
                "data_parked",
                "space_answered",
                "space_parked",
                "space_wanted",
                "consumer's slot",
                "slots",
                "HEAD",
                "PRESENCE",
            ],
            round: 60,
        };
        let roles = ["producer", "consumer"];
        let counts = assert_survive(&cast, &roles);
        for role in roles {
            assert!(counts.of(&format!("{role}:sleeps")) > 0, "no {role} slept");
        }
    }
}
