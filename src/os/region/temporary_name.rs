//! What files are called until they are regions: the region's name between a dot and a random number.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What such a name ends with, behind the number.
const SUFFIX: &str = ".new";
/// Digits of that number, which are hexadecimal.
const DIGITS: usize = 16;

/// A name for a file that is to become the region at this path.
pub(super) fn of(region: &Path, random: u64) -> OsString {
    let mut name = OsString::from(".");
    name.push(region.file_name().unwrap_or_default());
    name.push(format!(".{random:0DIGITS$x}{SUFFIX}"));
    name
}

/// What the region's file is called, if `name` is one that a file has until it is that.
pub(super) fn region_of(name: &OsStr) -> Option<&OsStr> {
    let name = name.as_bytes().strip_prefix(b".")?;
    let name = name.strip_suffix(SUFFIX.as_bytes())?;
    let (region, number) = name.split_at_checked(name.len().checked_sub(1 + DIGITS)?)?;
    let number = number.strip_prefix(b".")?;
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_one = !region.is_empty() && number.iter().all(is_digit);
    is_one.then_some(OsStr::from_bytes(region))
}
