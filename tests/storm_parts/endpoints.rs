//! What honest endpoints call, in any order.

use std::mem;
use std::thread;
use std::time::Duration;

use mapring::WaitStrategy;
use mapring::generic::{Consumer, Observer, Producer, Record};

use super::counts::{Counts, Outcome, looked, received, sent, tried_to_receive, tried_to_send};
use super::kinds::Kind;
use crate::common::Random;

/// Sleeps at once, or after a while.
pub(crate) fn strategy(random: &mut Random) -> WaitStrategy {
    if random.below(2) == 0 {
        WaitStrategy::LowCpu
    } else {
        WaitStrategy::Balanced
    }
}

/// Up to so many milliseconds, in microseconds.
fn time(random: &mut Random, most: u64) -> Duration {
    Duration::from_micros(random.below(most * 1000))
}

fn payload(random: &mut Random, longest: usize) -> Vec<u8> {
    // Mostly short, and sometimes as long as can be.
    let len = match random.below(8) {
        0 => longest,
        1 => random.below(longest as u64 + 1) as usize,
        _ => longest.min(random.below(64) as usize),
    };
    vec![random.below(256) as u8; len]
}

/// One call of a producer, some of which wait `most` milliseconds at most.
pub(crate) fn send_something<P: Kind>(
    producer: &mut Producer<P>,
    counts: &mut Counts,
    random: &mut Random,
    most: u64,
) -> Outcome {
    let longest = producer.max_payload();
    let bytes = payload(random, longest);
    let (tag, wait) = (random.below(1 << 32) as u32, time(random, most));
    match random.below(12) {
        0..=3 => tried_to_send(producer.try_send(tag, &bytes)),
        4 => match producer.try_claim(bytes.len()) {
            Ok(mut claim) => {
                let (first, rest) = bytes.split_at(bytes.len() / 2);
                claim.write(0, first);
                thread::yield_now();
                claim.write(first.len(), rest);
                match random.below(4) {
                    0 => drop(claim),
                    1 => mem::forget(claim),
                    _ => claim.commit(tag),
                }
                Outcome::Done
            }
            Err(error) => tried_to_send(Err::<(), _>(error)),
        },
        5 | 6 => {
            let payloads: Vec<_> = (0..random.below(5)).map(|_| payload(random, 64)).collect();
            let wait = (random.below(2) == 0).then_some(wait);
            let publish = random.below(4) > 0;
            counts.timed(wait.unwrap_or_default(), || {
                P::batch(producer, &payloads, wait, publish)
            })
        }
        7 => counts.timed(wait, || sent(producer.send(tag, &bytes, wait))),
        8 => counts.timed(wait, || {
            let claimed = producer.claim(bytes.len(), wait);
            sent(claimed.map(|mut claim| {
                claim.write(0, &bytes);
                claim.commit(tag);
            }))
        }),
        9 => counts.timed(wait, || sent(producer.send_sync(tag, &bytes, wait))),
        10 => counts.timed(wait, || sent(producer.flush(wait))),
        _ => {
            let free = producer.free();
            if let Ok(free) = free {
                assert!(free <= producer.capacity(), "{free} bytes are free");
            }
            if let Err(error) = free {
                return tried_to_send(Err::<(), _>(error));
            }
            match tried_to_send(producer.consumer()) {
                Outcome::Done => tried_to_send(producer.len()),
                outcome => outcome,
            }
        }
    }
}

/// Looks at a record that its consumer may see, and that others write to meanwhile.
fn look<M: mapring::memory::Memory>(record: &Record<'_, M>, longest: usize, into: &mut Vec<u8>) {
    let len = record.len();
    assert!(len <= longest, "a record of {len} bytes");
    into.clear();
    record.append_to(into);
    assert_eq!(into.len(), len, "one look at a record, and another");
}

/// One call of a consumer, some of which wait `most` milliseconds at most.
pub(crate) fn receive_something<P: Kind>(
    consumer: &mut Consumer<P>,
    counts: &mut Counts,
    random: &mut Random,
    most: u64,
) -> Outcome {
    let longest = consumer.max_payload();
    let mut bytes = Vec::new();
    let wait = time(random, most);
    match random.below(10) {
        0..=2 => {
            let result = consumer.try_recv(&mut bytes);
            if let Ok(received) = result {
                assert!(received.len <= longest && received.len == bytes.len());
            }
            tried_to_receive(result)
        }
        3 => tried_to_receive(consumer.try_recv(&mut [0; 64])),
        4 => counts.timed(wait, || {
            let result = consumer.recv(&mut bytes, wait);
            if let Ok(received) = result {
                assert!(received.len <= longest && received.len == bytes.len());
            }
            received(result)
        }),
        5 | 6 => {
            let limit = [1, 7, usize::MAX][random.below(3) as usize];
            let drained = consumer.drain(limit, |record| look(&record, longest, &mut bytes));
            tried_to_receive(drained)
        }
        7 => {
            let mut left = random.below(5);
            let drained = consumer.drain_while(9, |record| {
                look(&record, longest, &mut bytes);
                left = left.saturating_sub(1);
                left > 0
            });
            tried_to_receive(drained)
        }
        8 => counts.timed(wait, || received(consumer.wait(wait))),
        _ => {
            let waiting = consumer.len().expect("no fork");
            assert!(waiting <= consumer.capacity(), "{waiting} bytes wait");
            P::look_at_producers(consumer)
        }
    }
}

/// One look of an observer. What it finds corrupt ends nothing.
pub(crate) fn observe<P: Kind>(observer: &Observer<P>, random: &mut Random) -> Outcome {
    match random.below(4) {
        0 => {
            let len = observer.len();
            assert!(len <= observer.capacity(), "{len} bytes wait");
            Outcome::Done
        }
        1 => looked(observer.consumer()),
        2 => {
            let _ = observer.consumer_counters();
            let _ = (observer.head(), observer.tail());
            Outcome::Done
        }
        _ => P::observe_producers(observer),
    }
}
