//! Where a region is: a checked name in a directory of shared memory, or a path.

use std::path::{self, Path, PathBuf};

use crate::error::OpenError;

use super::temporary_name;

/// What stands before the name in the directory, so that a listing tells whose files they are.
const PREFIX: &str = "mapring.";
/// Longest name, in bytes: with the prefix it stays well below the 255 of a file name.
const LONGEST_NAME: usize = 200;

/// A region's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    path: PathBuf,
    file_backed: bool,
}

impl Place {
    /// The region called `name` among those of `directory`.
    ///
    /// # Errors
    /// [`OpenError::Name`] for a name that is empty, longer than 200 bytes, starts with a dot
    /// or has other characters than ASCII letters, digits, `.`, `_` and `-`; [`OpenError::Io`]
    /// when there is no current directory for a relative `directory`.
    pub(crate) fn named(directory: &Path, name: &str) -> Result<Self, OpenError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let reason = if name.is_empty() {
            "is empty"
        } else if name.len() > LONGEST_NAME {
            "is longer than 200 bytes"
        } else if name.contains('/') {
            "has a slash in it"
        } else if name.starts_with('.') {
            "starts with a dot"
        } else if !name.chars().all(allowed) {
            "has characters other than ASCII letters, digits, '.', '_' and '-'"
        } else {
            let path = absolute(&directory.join(format!("{PREFIX}{name}")))?;
            return Ok(Self {
                path,
                file_backed: false,
            });
        };
        Err(OpenError::Name {
            name: name.to_owned(),
            reason,
        })
    }

    /// The region in the file at `path`.
    ///
    /// # Errors
    /// [`OpenError::Name`] for a path that names no file, or one that a file has until it is a
    /// region; [`OpenError::Io`] when there is no current directory for a relative one.
    pub(crate) fn file(path: &Path) -> Result<Self, OpenError> {
        let reason = match path.file_name() {
            None => "is not the path of a file",
            // It would be taken for what a kill has left.
            Some(name) if temporary_name::region_of(name).is_some() => {
                "is kept for files that are to become regions"
            }
            Some(_) => {
                return Ok(Self {
                    path: absolute(path)?,
                    file_backed: true,
                });
            }
        };
        Err(OpenError::Name {
            name: path.display().to_string(),
            reason,
        })
    }

    /// Its absolute path.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the user named the file, so that it is kept.
    #[must_use]
    pub(crate) fn is_file_backed(&self) -> bool {
        self.file_backed
    }

    /// The directory it is in.
    pub(super) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// An error of the system at this place.
    pub(super) fn io(&self, action: &'static str) -> impl Fn(std::io::Error) -> OpenError {
        let path = self.path.clone();
        move |source| OpenError::Io {
            action,
            path: path.clone(),
            source,
        }
    }
}

/// The same place, whatever becomes of the current directory.
fn absolute(path: &Path) -> Result<PathBuf, OpenError> {
    path::absolute(path).map_err(|source| OpenError::Io {
        action: "resolve",
        path: path.to_owned(),
        source,
    })
}
