//! Operations of the unit tests, which fill a ring to its last byte and kill where it matters.

use mapring_testing::operations::{Message, Operation, plans};

use super::spelling::Spelling;

/// The longest payload of these rings, in bytes.
const LONGEST: u16 = 40;
/// How many kinds of operations there are.
const KINDS: u32 = 12;

/// All of them: as the unit tests run them, in a ring of 128 bytes whose end a record runs over.
pub(crate) fn inputs() -> Vec<Vec<u8>> {
    let mut lists = vec![];
    for len in [0, 8, 33, LONGEST] {
        lists.push(plans::one_length(len, LONGEST, 1));
        lists.push(plans::filled_again(len, 3));
    }
    for stores in [1, 3, 7, 15] {
        lists.push(plans::killed_sending(&[9, 0, 17], stores));
        lists.push(plans::killed_sending(&[33], stores));
    }
    lists.iter().map(|operations| spell(operations)).collect()
}

fn spell(operations: &[Operation]) -> Vec<u8> {
    // 64 << 1 bytes, records at multiples of 8 << 0; two records away from the end.
    let ring = Spelling::default().byte(1).byte(0);
    let ring = ring.half(LONGEST).word(112);
    ring.last_list(operations, operation).into_bytes()
}

fn operation(to: Spelling, operation: &Operation) -> Spelling {
    match operation {
        Operation::Send(it) => message(to.variant(0, KINDS), it),
        Operation::Claim { message: it, end } => message(to.variant(1, KINDS), it).end(*end),
        Operation::Receive { room } => to.variant(4, KINDS).half(*room),
        Operation::Drain {
            limit,
            release_every,
        } => to.variant(5, KINDS).byte(*limit).half(*release_every),
        Operation::Look => to.variant(8, KINDS),
        Operation::KillProducer { messages, stores } => {
            let to = to.variant(10, KINDS).list(messages, message);
            to.half(*stores)
        }
        other => unreachable!("no plan has {other:?}"),
    }
}

fn message(to: Spelling, message: &Message) -> Spelling {
    to.number(message.tag).half(message.len).byte(message.seed)
}
