//! Regions of many producers in which a dead one's words contradict each other, which a fuzzer
//! seldom stores one behind the other.

use super::spelling::Spelling;

/// Where the ring ends, and how many words of it are claimed.
const TAIL: u64 = 8256;
const CLAIMED_WORDS: i8 = 4;
/// From so many words behind HEAD on, a change is one of a slot's claim words.
const CLAIM_WORDS: u8 = 192;
/// Of so many steps, how many variants there are.
const STEPS: u32 = 12;

/// All of them.
pub(crate) fn inputs() -> Vec<Vec<u8>> {
    // A claim of no bytes, of more than was claimed, and of a part of a word.
    [0, 40, 12].map(dead_claim_of_size).into()
}

/// A dead producer has marked the claim at HEAD, whose size cannot be.
fn dead_claim_of_size(size: u64) -> Vec<u8> {
    let steps = [
        // All of its claim words.
        change(CLAIM_WORDS + 3, |to| {
            to.variant(2, 3).byte((-CLAIMED_WORDS).cast_unsigned())
        }),
        change(CLAIM_WORDS, move |to| to.variant(0, 3).word(size)),
        watch(),
        // In every other one the dead are all.
        watch(),
    ];
    region(steps)
}

/// A step, added to a spelling.
type Step = Box<dyn Fn(Spelling) -> Spelling>;

/// The peer stores a value, so many words behind HEAD.
fn change(words: u8, value: impl Fn(Spelling) -> Spelling + 'static) -> Step {
    Box::new(move |to| value(to.variant(0, STEPS).variant(2, 5).byte(words)))
}

fn watch() -> Step {
    Box::new(|to| to.variant(9, STEPS))
}

/// A region of zeros in which this happens.
fn region(steps: [Step; 4]) -> Vec<u8> {
    // Of the least capacity and alignment, for payloads of 100 bytes, with no lies.
    let region = Spelling::default().byte(0).byte(0).half(100).byte(0);
    // HEAD so many words before TAIL; nothing changes in the middle of things.
    let region = region
        .word(TAIL)
        .byte(1)
        .byte(CLAIMED_WORDS.cast_unsigned());
    let region = region.list(steps, |to, step| step(to)).byte(0);
    region.into_bytes()
}
