//! What wakes a consumer that sleeps in a blocking call. Producers: `wakeups_space.rs`; clocks,
//! signals and strategies: `wakeups_bounds.rs`.
//!
//! That it was woken, and did not find out by itself when its sleep was over, it tells by its
//! counter of late wakes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use mapring::generic::{Consumer, Mpsc, Options, Producer, Ring, Spsc};
use mapring::{RecvError, WaitStrategy, mpsc, spsc};

use common::claimant::{self, Claimant};
use common::gates::{Gates, Kind};
use common::{Child, DEADLINE, Name, hear, role, say};

/// A sleep takes a tenth of a second at most. This is that, with much to spare for slow machines.
const BOUND: Duration = Duration::from_secs(10);

fn options<P: Kind>() -> Options<P> {
    Options::new().capacity(8 << 10).max_payload(1 << 10)
}

fn sleepy<P: Kind>(ring: &Ring<P>) -> Consumer<P> {
    let mut consumer = ring.consumer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    consumer
}

/// Checks that the consumer slept, and was never late; it has gone.
#[track_caller]
fn assert_was_woken<P: Kind>(ring: &Ring<P>) {
    let counters = ring.observer().unwrap().consumer_counters();
    assert!(counters.sleeps > 0, "it did not sleep");
    assert_eq!(counters.late, 0, "it was not woken");
}

/// Lets a consumer sleep and then somebody `act`: it must be woken, and receive the record with the
/// tag 7 first.
fn wakes<P: Kind>(how: &str, act: impl FnOnce(&mut Producer<P>))
where
    Consumer<P>: Send,
{
    let name = Name::new(&format!("wakes-{}-{how}", P::NAME));
    let ring = options::<P>().create(&name).unwrap();
    let gates = Gates::of(ring.path());
    let mut producer = ring.producer().unwrap();
    let mut consumer = sleepy(&ring);
    thread::scope(|scope| {
        let receiver = scope.spawn(move || consumer.recv(&mut Vec::new(), DEADLINE));
        gates.await_consumer();
        act(&mut producer);
        assert_eq!(receiver.join().unwrap().unwrap().tag, 7, "{how}");
    });
    assert_was_woken(&ring);
}

fn each_way_of_sending_wakes<P: Kind>()
where
    Consumer<P>: Send,
{
    wakes::<P>("try-send", |producer| {
        producer.try_send(7, b"payload").unwrap();
    });
    wakes::<P>("send", |producer| {
        producer.send(7, b"payload", DEADLINE).unwrap();
    });
    wakes::<P>("send-sync", |producer| {
        producer.send_sync(7, b"payload", DEADLINE).unwrap();
    });
    wakes::<P>("try-claim", |producer| {
        producer.try_claim(10).unwrap().commit(7);
    });
    wakes::<P>("claim", |producer| {
        producer.claim(10, DEADLINE).unwrap().commit(7);
    });
    wakes::<P>("behind-abort", |producer| {
        drop(producer.try_claim(10).unwrap());
        producer.try_send(7, b"payload").unwrap();
    });
}

#[test]
fn a_record_wakes_the_consumer() {
    each_way_of_sending_wakes::<Spsc>();
    each_way_of_sending_wakes::<Mpsc>();
}

#[test]
fn a_batch_wakes_the_consumer() {
    wakes::<Spsc>("batch", |producer| {
        let mut batch = producer.batch().unwrap();
        batch.push(7, b"payload").unwrap();
        batch.push(8, b"payload").unwrap();
        batch.publish();
    });
    wakes::<Mpsc>("batch", |producer| {
        let mut batch = producer.batch(200, DEADLINE).unwrap();
        batch.push(7, b"payload").unwrap();
        batch.push(8, b"payload").unwrap();
        batch.publish();
    });
}

/// Lets a consumer sleep at a claim behind which there is a record, until `act` ends the claim.
fn wakes_at_claim(how: &str, act: impl FnOnce(mpsc::Claim<'_>)) {
    let name = Name::new(&format!("claim-{how}"));
    let ring = options().create(&name).unwrap();
    let gates = Gates::of(ring.path());
    let (mut first, mut second) = (ring.producer().unwrap(), ring.producer().unwrap());
    let mut consumer = sleepy(&ring);
    let claim = first.try_claim(10).unwrap();
    second.try_send(7, b"behind").unwrap();
    thread::scope(|scope| {
        let receiver = scope.spawn(move || consumer.recv(&mut Vec::new(), DEADLINE));
        gates.await_consumer();
        act(claim);
        assert_eq!(receiver.join().unwrap().unwrap().tag, 7, "{how}");
    });
    assert_was_woken(&ring);
}

#[test]
fn a_claim_in_the_way_wakes_the_consumer_when_it_ends() {
    wakes_at_claim("commit", |claim| claim.commit(7));
    wakes_at_claim("abort", |claim| drop(claim));
}

#[test]
fn a_leaked_claim_in_the_way_wakes_the_consumer_when_its_producer_leaves() {
    let name = Name::new("claim-leaked");
    let ring = options().create(&name).unwrap();
    let gates = Gates::of(ring.path());
    let (mut first, mut second): (mpsc::Producer, _) =
        (ring.producer().unwrap(), ring.producer().unwrap());
    let mut consumer = sleepy(&ring);
    std::mem::forget(first.try_claim(10).unwrap());
    second.try_send(7, b"behind").unwrap();
    thread::scope(|scope| {
        let receiver = scope.spawn(move || consumer.recv(&mut Vec::new(), DEADLINE));
        gates.await_consumer();
        drop(first);
        assert_eq!(receiver.join().unwrap().unwrap().tag, 7);
    });
    assert_was_woken(&ring);
}

/// Role: see [`claimant::play`].
#[test]
fn role_claim() {
    let Some(arguments) = role() else { return };
    claimant::play(&arguments);
}

#[test]
fn the_death_of_a_claimant_in_the_way_is_found_within_the_bound() {
    let name = Name::new("claim-dead");
    let ring = options().create(&name).unwrap();
    let gates = Gates::of(ring.path());
    let mut consumer: mpsc::Consumer = sleepy(&ring);
    let claimant = Claimant::start(&name, 100, 1);
    ring.producer().unwrap().try_send(7, b"behind").unwrap();
    thread::scope(|scope| {
        let receiver = scope.spawn(move || consumer.recv(&mut Vec::new(), DEADLINE));
        gates.await_consumer();
        claimant.die();
        let died = Instant::now();
        assert_eq!(receiver.join().unwrap().unwrap().tag, 7);
        assert!(died.elapsed() < BOUND, "{:?}", died.elapsed());
    });
}

/// How long it takes a sleeping consumer to say `Disconnected` when its last producer has left.
fn time_to_disconnect<P: Kind>(round: u32) -> Duration
where
    Consumer<P>: Send,
{
    let name = Name::new(&format!("leaves-{}-{round}", P::NAME));
    let ring = options::<P>().create(&name).unwrap();
    let gates = Gates::of(ring.path());
    let producer = ring.producer().unwrap();
    let mut consumer = sleepy(&ring);
    thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let end = consumer.recv(&mut Vec::new(), DEADLINE);
            (end.unwrap_err(), Instant::now())
        });
        gates.await_consumer();
        let left = Instant::now();
        drop(producer);
        let (end, at) = receiver.join().unwrap();
        assert_eq!(end, RecvError::Disconnected);
        at.saturating_duration_since(left)
    })
}

#[test]
fn the_last_producer_that_leaves_wakes_the_consumer() {
    // Nobody counts these wakes. Of several, at least one came long before the sleep was over.
    let of_spsc = (0..10).map(time_to_disconnect::<Spsc>).min();
    assert!(of_spsc < Some(Duration::from_millis(50)), "{of_spsc:?}");
    let of_mpsc = (0..10).map(time_to_disconnect::<Mpsc>).min();
    assert!(of_mpsc < Some(Duration::from_millis(50)), "{of_mpsc:?}");
}

/// Role: takes the producer's place, and stays until it is told to leave.
#[test]
fn role_produce_nothing() {
    let Some(arguments) = role() else { return };
    if arguments[0] == "spsc" {
        let ring = spsc::Options::new().open(&arguments[1]).unwrap();
        let _producer = ring.producer().unwrap();
        say("attached");
        hear();
    } else {
        let ring = mpsc::Options::new().open(&arguments[1]).unwrap();
        let _producer = ring.producer().unwrap();
        say("attached");
        hear();
    }
}

fn finds_its_producer_dead<P: Kind>()
where
    Consumer<P>: Send,
{
    let name = Name::new(&format!("dies-{}", P::NAME));
    let ring = options::<P>().create(&name).unwrap();
    let gates = Gates::of(ring.path());
    let child = Child::start("role_produce_nothing", &[P::NAME, &name]);
    child.expect("attached");
    let pid = child.pid();
    let mut consumer = sleepy(&ring);
    thread::scope(|scope| {
        let receiver = scope.spawn(move || consumer.recv(&mut Vec::new(), DEADLINE));
        gates.await_consumer();
        child.kill();
        let died = Instant::now();
        let end = receiver.join().unwrap();
        assert_eq!(end, Err(RecvError::PeerDied { pid }));
        assert!(died.elapsed() < BOUND, "{:?}", died.elapsed());
    });
}

#[test]
fn a_sleeping_consumer_finds_its_producer_dead() {
    finds_its_producer_dead::<Spsc>();
    finds_its_producer_dead::<Mpsc>();
}
