//! Lists of operations that tests run in every layout, and fuzzers start from.

use super::{End, Message, Operation};

/// A record sent, sent again beside one that fills the ring, and written as a claim, each of them
/// received before the ring is full again.
#[must_use]
pub fn one_length(len: u16, longest: u16, seed: u8) -> Vec<Operation> {
    let message = |len| Message { tag: 7, len, seed };
    vec![
        Operation::Send(message(len)),
        // Is refused, or fills the ring to its last byte.
        Operation::Send(message(longest - len)),
        drain(2),
        Operation::Claim {
            message: message(len),
            end: End::Commit,
        },
        drain(1),
        Operation::Send(message(longest)),
        Operation::Send(message(0)),
        drain(1),
        Operation::Send(message(0)),
    ]
}

/// A ring of 128 bytes that is filled to the last byte that it can hold, again and again.
#[must_use]
pub fn filled_again(len: u16, rounds: usize) -> Vec<Operation> {
    let (tag, seed) = (1, 0);
    let mut round = vec![Operation::Send(Message { tag, len, seed }); 17];
    round.extend([Operation::Look, drain(1)]);
    vec![round; rounds].concat()
}

/// A producer is killed behind `stores` stores of sending records of these lengths, and its successor
/// behind half as many.
///
/// # Panics
/// When there is no length.
#[must_use]
pub fn killed_sending(lengths: &[u16], stores: u16) -> Vec<Operation> {
    let message = |tag, len| Message { tag, len, seed: 0 };
    let messages: Vec<_> = lengths.iter().map(|&len| message(2, len)).collect();
    let kill = |stores| Operation::KillProducer {
        messages: messages.clone(),
        stores,
    };
    vec![
        Operation::Send(message(1, 5)),
        kill(stores),
        Operation::Send(messages[0].clone()),
        Operation::Receive { room: 40 },
        kill(stores / 2),
    ]
}

/// Releases at the end, or after the first few records.
fn drain(limit: u8) -> Operation {
    Operation::Drain {
        limit,
        release_every: 64,
    }
}
