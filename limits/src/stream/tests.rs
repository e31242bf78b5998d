//! Streams within one process.

use super::*;
use std::time::Duration;

fn payloads_arrive_in_order<const N: usize>(ring: usize) {
    let file = crate::shared_file(DATA + ring).unwrap();
    // SAFETY: there is one sender and one receiver over this file, each made once.
    let mut sender = unsafe { StreamSender::<N>::new(&file) }.unwrap();
    // SAFETY: as above.
    let mut receiver = unsafe { StreamReceiver::<N>::new(&file) }.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let count = (5 * ring / N + 3) as u64;
    let payload = |i: u64| [(i % 251) as u8; N];
    let sending = std::thread::spawn(move || {
        for i in 0..count {
            sender.send(&payload(i), deadline).unwrap();
        }
        sender.publish();
    });
    let mut into = [0; N];
    for i in 0..count {
        receiver.receive(&mut into, deadline).unwrap();
        assert_eq!(into, payload(i), "payload {i}");
    }
    sending.join().unwrap();
    let soon = Instant::now() + Duration::from_millis(1);
    assert_eq!(receiver.receive(&mut into, soon), Err(TimedOut));
}

#[test]
fn short_payloads_arrive_in_order() {
    payloads_arrive_in_order::<8>(64 << 10);
}

#[test]
fn odd_payloads_arrive_in_order() {
    payloads_arrive_in_order::<100>(8 << 10);
}

#[test]
fn long_payloads_arrive_in_order() {
    payloads_arrive_in_order::<5000>(10_000);
}

#[test]
fn nobody_receiving_is_timed_out() {
    let file = crate::shared_file(DATA + 8192).unwrap();
    // SAFETY: it is the only one over this file.
    let mut sender = unsafe { StreamSender::<4096>::new(&file) }.unwrap();
    let soon = Instant::now() + Duration::from_millis(1);
    assert_eq!(sender.send(&[0; 4096], soon), Ok(()));
    assert_eq!(sender.send(&[0; 4096], soon), Ok(()));
    assert_eq!(sender.send(&[0; 4096], soon), Err(TimedOut));
}

/// A stream in a ring of so many bytes, both of whose sides are here.
fn stream(ring: usize, size: usize, interval: usize) -> (PayloadSender, PayloadReceiver) {
    let file = crate::shared_file(DATA + ring).unwrap();
    // SAFETY: there is one sender and one receiver over this file, each made once.
    let sender = unsafe { PayloadSender::new(&file, size, interval) }.unwrap();
    // SAFETY: as above.
    let receiver = unsafe { PayloadReceiver::new(&file, size, interval) }.unwrap();
    (sender, receiver)
}

#[test]
fn a_cursor_is_published_once_in_an_interval() {
    let soon = Instant::now() + Duration::from_millis(1);
    for (size, interval, per_publication) in [(8, 64, 8), (100, 350, 3), (100, 0, 1)] {
        let (mut sender, mut receiver) = stream(4096, size, interval);
        let (payload, mut into) = (vec![7; size], vec![0; size]);
        for _ in 1..per_publication {
            sender.send(&payload, soon).unwrap();
            assert_eq!(receiver.receive(&mut into, soon), Err(TimedOut));
        }
        sender.send(&payload, soon).unwrap();
        for _ in 0..per_publication {
            receiver.receive(&mut into, soon).unwrap();
            assert_eq!(into, payload);
        }
        assert_eq!(receiver.receive(&mut into, soon), Err(TimedOut));
        sender.send(&payload, soon).unwrap();
        sender.publish();
        receiver.receive(&mut into, soon).unwrap();
    }
}

#[test]
fn a_stream_of_a_fixed_size_has_the_interval_it_is_given() {
    let file = crate::shared_file(DATA + 4096).unwrap();
    // SAFETY: there is one sender and one receiver over this file, each made once.
    let mut sender = unsafe { StreamSender::<8>::with_interval(&file, 16) }.unwrap();
    // SAFETY: as above.
    let mut receiver = unsafe { StreamReceiver::<8>::with_interval(&file, 16) }.unwrap();
    let soon = Instant::now() + Duration::from_millis(1);
    sender.send(&[7; 8], soon).unwrap();
    assert_eq!(receiver.receive(&mut [0; 8], soon), Err(TimedOut));
    sender.send(&[7; 8], soon).unwrap();
    for _ in 0..2 {
        receiver.receive(&mut [0; 8], soon).unwrap();
    }
    assert_eq!(receiver.receive(&mut [0; 8], soon), Err(TimedOut));
}

#[test]
#[should_panic(expected = "one size for all payloads")]
fn a_payload_of_another_size_is_refused() {
    let (mut sender, _receiver) = stream(4096, 8, 64);
    let _ = sender.send(&[0; 9], Instant::now());
}

#[test]
#[should_panic(expected = "one size for all payloads")]
fn room_of_another_size_is_refused() {
    let (_sender, mut receiver) = stream(4096, 8, 64);
    let _ = receiver.receive(&mut [0; 7], Instant::now());
}

#[test]
fn what_cannot_be_a_stream_is_refused() {
    let file = crate::shared_file(DATA + 8192).unwrap();
    for (size, interval) in [(0, 4096), (8, 4104), (4104, 0), (usize::MAX, 0)] {
        // SAFETY: it is the only one over this file.
        let sender = unsafe { PayloadSender::new(&file, size, interval) };
        assert!(sender.is_err(), "{size} bytes, {interval}");
    }
}
