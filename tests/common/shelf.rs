//! A directory with one place for a region in it.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use mapring::layout::Word;
use mapring::spsc::Options;

use super::directory;

/// A directory for one test, and the place of the region called `ring` in it.
#[derive(Debug)]
pub(crate) struct Shelf {
    directory: tempfile::TempDir,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        Self {
            directory: directory(),
        }
    }

    /// With a region that nobody uses, and that stays.
    pub(crate) fn with_region() -> Self {
        let shelf = Self::new();
        let ring = shelf.options().persistent(true).create("ring");
        drop(ring.expect("a region"));
        shelf
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The directory, as a role's argument.
    pub(crate) fn argument(&self) -> &str {
        self.directory().to_str().expect("a path in UTF-8")
    }

    pub(crate) fn options(&self) -> Options {
        let options = Options::new().directory(self.directory());
        options.capacity(4096).max_payload(256)
    }

    /// The place.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory().join("mapring.ring")
    }

    /// Changes a word of the region's file.
    pub(crate) fn poke(&self, word: Word, value: u64) {
        let file = fs::File::options().write(true).open(self.path());
        let written = file.and_then(|file| {
            let bytes = value.to_le_bytes();
            file.write_all_at(&bytes, word.offset() as u64)
        });
        written.expect("a file to write to");
    }
}

/// Checks that the text of an error names each of `parts`.
#[track_caller]
pub(crate) fn assert_text(error: &impl std::fmt::Display, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
}
