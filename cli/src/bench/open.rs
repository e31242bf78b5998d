//! Opening: how often a second a region is created and deleted, or attached to.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mapring::spsc::Options;
use mapring_limits::BareRegion;

use super::part::{Opening, Part};
use super::report::{Case, Figure, Unit};
use super::stage::{Contestant, Played, Side, Stage, take_turns, times};
use crate::args::Question;

/// Measures both.
pub(super) fn measure(stage: &mut Stage<'_>) -> Result<Vec<Case>> {
    let capacity = stage.plan.capacity as u64;
    let name = stage.name();
    // It keeps its name as long as it is opened by that.
    let ring = Options::new().capacity(capacity).create(&name)?;
    let size = fs::metadata(ring.path())
        .context("cannot look at a ring")?
        .len();
    let folder = ring.path().parent().unwrap_or(Path::new("/dev/shm"));
    let mut path = || folder.join(format!("mapring-bare.{}", stage.name()));
    let (created, attached) = (path(), path());
    let bare = BareRegion::create(&attached, size).context("cannot create a bare region")?;
    let _names = [attached.clone(), ring.path().to_owned()].map(Removed);
    let create = Opening::Create {
        name: stage.name(),
        capacity,
    };
    let mut contestants = vec![
        alone(
            stage,
            Opening::CreateBare {
                path: created,
                size,
            },
        )?,
        alone(stage, create)?,
        alone(stage, Opening::AttachBare { path: attached })?,
        // Somebody else uses it, and so it stays.
        stage.contestant(
            &Part::Open(Opening::Attach { name: name.clone() }),
            &[Part::Open(Opening::Hold { name })],
        )?,
    ];
    let played = take_turns(stage, "opening", &mut contestants)?;
    stage.close(contestants)?;
    drop((ring, bare));
    let limit = "bare system calls";
    Ok(vec![
        case(
            "create, attach both roles, close",
            limit,
            &played[1],
            &played[0],
        )?,
        case(
            "attach to a ring in use, close",
            limit,
            &played[3],
            &played[2],
        )?,
    ])
}

fn alone(stage: &mut Stage<'_>, opening: Opening) -> Result<Contestant> {
    stage.contestant(&Part::Open(opening), &[])
}

fn case(name: &str, limit: &str, ring: &[Played], bare: &[Played]) -> Result<Case> {
    let rates = |played: &[Played]| {
        let rate = |played: &Played| {
            let outcome = &played.here;
            outcome.count as f64 / outcome.seconds_until(outcome.end)
        };
        played.iter().map(rate).collect()
    };
    let (ring_times, bare_times) = (times(ring, Side::Here)?, times(bare, Side::Here)?);
    let mut case = Case::of_times(Question::Open, name, limit, &ring_times, &bare_times)?;
    let rate = Figure::more("rate", Unit::OperationsPerSecond, rates(ring));
    case.figures.insert(0, rate.beside(rates(bare)));
    Ok(case)
}

/// A name that goes with this, whoever still uses what it is of.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // It fails only if somebody else has done it.
        let _ = fs::remove_file(&self.0);
    }
}
