//! Names that a user types, or takes from somewhere: a region lies in its directory, under that
//! name and no other, or there is none.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Mutex;

use mapring::OpenError;
use mapring::spsc::Options;

/// Longest name, in bytes.
const LONGEST: usize = 200;
/// In memory, as named regions are.
const SHARED: &str = "/dev/shm";
/// A file beside the directory of names, which is no region. Whoever opens it says so.
const DECOY: &str = "mapring.decoy";
/// How many directories there have been: two threads may be here at once.
static COUNT: Mutex<u64> = Mutex::new(0);

/// Takes `data` for a name, creates a region of it, and opens one.
///
/// # Panics
/// When a name is accepted that must not be, or refused that must be accepted, and when files come
/// into being elsewhere than in the one place that a region of that name has.
pub fn run(data: &[u8]) {
    let name = String::from_utf8_lossy(data);
    let place = Place::new().expect("a directory of one's own");
    let options = Options::new().capacity(1 << 12).directory(&place.names);
    let opened = options.open(&name).map(drop);
    if !is_name(&name) {
        for refused in [opened, options.create(&name).map(drop)] {
            assert!(
                matches!(refused, Err(OpenError::Name { .. })),
                "{name:?}: {refused:?}"
            );
        }
        assert!(
            matches!(options.remove(&name), Err(OpenError::Name { .. })),
            "{name:?}"
        );
        assert_eq!(place.files(), Vec::<String>::new());
        return;
    }
    assert!(
        matches!(opened, Err(OpenError::NotFound { .. })),
        "{name:?}: {opened:?}"
    );
    assert_eq!(place.files(), Vec::<String>::new());
    let ring = options.create(&name).expect("a good name");
    assert_eq!(place.files(), [format!("mapring.{name}")]);
    assert!(options.open(&name).is_ok());
    drop(ring);
    assert_eq!(place.files(), Vec::<String>::new());
}

/// Whether regions may have this name: 1 to 200 ASCII letters, digits, `.`, `_` and `-`, the first
/// of them no dot.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let is_part = |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-');
    bytes.next().is_some_and(is_part)
        && bytes.all(|byte| is_part(byte) || byte == b'.')
        && name.len() <= LONGEST
}

/// A directory for names, empty but for them, in one that has a decoy beside it.
struct Place {
    around: PathBuf,
    names: PathBuf,
}

impl Place {
    fn new() -> io::Result<Self> {
        let mut count = COUNT.lock().expect("nobody panics with it");
        *count += 1;
        let around = Path::new(SHARED).join(format!("mapring-names-{}-{count}", process::id()));
        let names = around.join("names");
        fs::create_dir_all(&names)?;
        File::create(around.join(DECOY))?;
        Ok(Self { around, names })
    }

    /// What is there, but for the decoy; and nothing may be beside it.
    fn files(&self) -> Vec<String> {
        let list = |directory: &Path| -> Vec<String> {
            let entries = fs::read_dir(directory).expect("it was made by us");
            let names = entries.map(|entry| entry.expect("an entry").file_name());
            let mut names: Vec<_> = names.map(|name| name.display().to_string()).collect();
            names.sort();
            names
        };
        assert_eq!(list(&self.around), [DECOY, "names"]);
        list(&self.names)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It is below a directory of ours, and nobody waits for it.
        let _ = fs::remove_dir_all(&self.around);
    }
}
