//! Replays what fuzzers have found, without a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

use mapring_fuzz::TARGETS;

/// The files of `folder/<target>`; none if there is no such directory.
fn files(folder: &str, target: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(target);
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries
        .map(|entry| entry.expect("a readable directory").path())
        .collect()
}

fn replay(folder: &str, target: &str, run: fn(&[u8])) -> usize {
    let files = files(folder, target);
    for file in &files {
        println!("{}", file.display());
        run(&fs::read(file).expect("a readable file"));
    }
    files.len()
}

#[test]
fn the_corpus_of_every_target_passes() {
    for (target, run) in TARGETS {
        let replayed = replay("corpus", target, run);
        assert!(replayed > 0, "the corpus of {target} is empty");
    }
}

#[test]
fn what_failed_once_passes() {
    for (target, run) in TARGETS {
        replay("regressions", target, run);
    }
}
