//! Bytes to send, of a size that the compiler knows if it is a usual one.
//!
//! Copies of a known size are faster than others. A program knows the size of its messages, or it
//! does not; the ring and the limit that it is compared with are always treated alike.

use anyhow::Result;

use super::Play;

/// As many bytes as each payload of a measurement has.
pub(super) trait Payload: AsRef<[u8]> + AsMut<[u8]> + Clone + 'static {}

impl<const N: usize> Payload for [u8; N] {}
impl Payload for Vec<u8> {}

/// Makes a part over any kind of payload.
pub(super) trait Make {
    fn make<P: Payload>(self, payload: P) -> Result<Box<dyn Play>>;
}

/// Makes a part over a payload of `size` bytes.
pub(super) fn with_payload(size: usize, make: impl Make) -> Result<Box<dyn Play>> {
    match size {
        8 => make.make([0; 8]),
        16 => make.make([0; 16]),
        32 => make.make([0; 32]),
        56 => make.make([0; 56]),
        64 => make.make([0; 64]),
        128 => make.make([0; 128]),
        256 => make.make([0; 256]),
        512 => make.make([0; 512]),
        1024 => make.make([0; 1024]),
        _ => make.make(vec![0; size]),
    }
}
