//! Numbers on the command line of the tool: whatever is typed is refused, or means what it says.

use std::time::Duration;

#[path = "../../cli/src/args/numbers.rs"]
mod parsers;

/// Units of sizes, and what they stand for.
const UNITS: [(char, u128); 4] = [
    ('K', 1 << 10),
    ('M', 1 << 20),
    ('G', 1 << 30),
    ('T', 1 << 40),
];

/// Reads `data` as what somebody has typed.
///
/// # Panics
/// When a parser accepts what it should refuse, refuses what it should accept, or gets it wrong.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let size = size(&text);
    assert_eq!(parsers::parse_size(&text).ok(), size, "{text:?}");
    let positive = size.filter(|size| *size > 0);
    assert_eq!(
        parsers::parse_positive_size(&text).ok(),
        positive,
        "{text:?}"
    );

    let seconds = parsers::parse_seconds(&text).ok();
    check_seconds(&text, seconds);
    let positive = seconds.filter(|duration| !duration.is_zero());
    assert_eq!(
        parsers::parse_positive_seconds(&text).ok(),
        positive,
        "{text:?}"
    );
    // What was written by a program is read as it was.
    if let Some(number) = data.first_chunk().copied().map(u32::from_le_bytes) {
        let duration = Duration::from_millis(u64::from(number));
        let typed = format!("{}.{:03}", number / 1000, number % 1000);
        assert_eq!(parsers::parse_seconds(&typed), Ok(duration));
    }
}

/// The size that `text` stands for, the slow way.
fn size(text: &str) -> Option<u64> {
    let last = text.chars().last()?.to_ascii_uppercase();
    let unit = UNITS.iter().find(|(letter, _)| *letter == last);
    let (digits, unit) = match unit {
        Some((_, unit)) => (&text[..text.len() - 1], *unit),
        None => (text, 1),
    };
    // As the standard library, which allows a plus sign before digits.
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = digits.bytes().try_fold(0_u128, |number, byte| {
        let number = number * 10 + u128::from(byte - b'0');
        (number <= u128::from(u64::MAX)).then_some(number)
    })?;
    u64::try_from(number * unit).ok()
}

/// Compares a duration with what `text` stands for, the slow way.
fn check_seconds(text: &str, duration: Option<Duration>) {
    let Some(exact) = nanoseconds(text) else {
        assert_eq!(duration, None, "{text:?} stands for nothing");
        return;
    };
    // As far as a number of 53 bits can be off, and what it is rounded to.
    let near = 1 + (exact >> 52);
    match duration {
        Some(duration) => {
            let error = duration.as_nanos().abs_diff(exact);
            assert!(error <= near, "{text:?} is {duration:?}");
        }
        None => assert!(exact + near > Duration::MAX.as_nanos(), "{text:?}"),
    }
}

/// The nanoseconds in so many seconds, rounded down; of what is far too much, just too much. None when
/// `text` is not a number, or less than nothing.
fn nanoseconds(text: &str) -> Option<u128> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, whole(exponent)?),
        None => (unsigned, 0),
    };
    let (before, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [before, behind].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits_before = before.len() as i64 + exponent + 9;
    let significant = digits.trim_start_matches('0');
    let count = digits_before - (digits.len() - significant.len()) as i64;
    if significant.is_empty() {
        return Some(0);
    }
    // What is less than nothing is refused, unless it is so little that it is rounded to none: up to
    // half of the least number of 64 bits.
    if text.starts_with('-') {
        let (place, half) = (-323, "24703282292062327208");
        let is_none = count - 9 < place || (count - 9 == place && significant <= half);
        return is_none.then_some(0);
    }
    // More digits than the longest duration has.
    if count > 30 {
        return Some(Duration::MAX.as_nanos() * 2);
    }
    let digit = |index: usize| {
        significant
            .as_bytes()
            .get(index)
            .map_or(0, |byte| byte - b'0')
    };
    let digits = (0..usize::try_from(count).unwrap_or(0)).map(digit);
    Some(digits.fold(0, |number, digit| number * 10 + u128::from(digit)))
}

/// A whole number, with a sign or without; of what is far away, something that is far away.
fn whole(text: &str) -> Option<i64> {
    const FAR: i64 = 1 << 32;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = digits.bytes().fold(0, |number: i64, byte| {
        (number * 10 + i64::from(byte - b'0')).min(FAR)
    });
    Some(if text.starts_with('-') {
        -number
    } else {
        number
    })
}
