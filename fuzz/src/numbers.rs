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

    let positive = parsers::parse_seconds(&text).ok();
    let positive = positive.filter(|duration| !duration.is_zero());
    assert_eq!(
        parsers::parse_positive_seconds(&text).ok(),
        positive,
        "{text:?}"
    );
    if let Ok(duration) = parsers::parse_seconds(&text) {
        let seconds: f64 = text.parse().expect("what was accepted is a number");
        let error = (duration.as_secs_f64() - seconds).abs();
        assert!(
            error <= 1e-9 + seconds.abs() * 1e-9,
            "{text:?} is {duration:?}"
        );
    }
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
