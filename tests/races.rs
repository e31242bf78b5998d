//! Processes that create, open and delete one region at the same moment, again and again.
//!
//! They meet at a barrier in memory that they share, so that they start together. `MAPRING_RACES`
//! says how often.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(
    clippy::disallowed_types,
    reason = "processes of a test meet in memory of their own, which is no region"
)]

mod common;

use std::fs::{self, File};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mapring::spsc::{Options, Ring};
use mapring::{AttachError, OpenError, Origin};
use memmap2::MmapRaw;
use rustix::thread::futex::{self, Flags};

use common::seccomp::{refuse_renames, refuse_unnamed_files};
use common::{Child, DEADLINE, count, files_in, hear, role, say};

/// How many processes race.
const RACERS: usize = 8;
/// No race of many takes longer on the average: it is generous, for slow machines.
const LONGEST_ROUND: Duration = Duration::from_millis(50);

/// Words that the processes of a test share: how many have arrived, and what each has found.
struct Meeting(MmapRaw);

impl Meeting {
    fn at(path: &str) -> Self {
        let file = File::options().read(true).write(true).open(path).unwrap();
        Self(MmapRaw::map_raw(&file).unwrap())
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        assert!((index + 1) * 8 <= self.0.len());
        let address = self.0.as_mut_ptr().wrapping_add(index * 8);
        // SAFETY: aligned and within the mapping, as was just checked; the mapping lives as long
        // as `self`, and all access is atomic.
        unsafe { AtomicU64::from_ptr(address.cast()) }
    }

    /// The low half of the word at which all arrive, for the kernel.
    fn arrived(&self) -> &AtomicU32 {
        let address = self.word(0).as_ptr().cast::<u32>();
        // SAFETY: aligned, and lives as long as `self`; nobody accesses it in another width.
        unsafe { AtomicU32::from_ptr(address) }
    }

    /// Waits until everybody has come as often as this one.
    fn wait(&self, times: &mut u32) {
        *times += RACERS as u32;
        let arrived = self.arrived();
        if arrived.fetch_add(1, Ordering::AcqRel) + 1 == *times {
            futex::wake(arrived, Flags::empty(), i32::MAX as u32).unwrap();
            return;
        }
        let (end, a_while) = (Instant::now() + DEADLINE, Duration::from_millis(100));
        let a_while = a_while.try_into().unwrap();
        loop {
            let found = arrived.load(Ordering::Acquire);
            // The fastest may have arrived for the next time already.
            if found >= *times {
                return;
            }
            assert!(Instant::now() < end, "somebody does not come");
            // Somebody has come meanwhile, or it is time to look again.
            let _ = futex::wait(arrived, Flags::empty(), found, Some(&a_while));
        }
    }

    /// Writes down what this one has found: a region's generation, and whether it created it.
    fn tell(&self, racer: usize, found: Option<&Ring>) {
        let generation = found.map_or(0, Ring::generation);
        let created = found.is_some_and(|ring| ring.origin() == Origin::Created);
        self.word(1 + 2 * racer)
            .store(generation, Ordering::Release);
        let found = if created { 1 } else { 0 };
        self.word(2 + 2 * racer).store(found, Ordering::Release);
    }

    fn generation(&self, racer: usize) -> u64 {
        self.word(1 + 2 * racer).load(Ordering::Acquire)
    }

    fn creators(&self) -> u64 {
        let words = (0..RACERS).map(|racer| self.word(2 + 2 * racer));
        words.map(|word| word.load(Ordering::Acquire)).sum()
    }
}

/// Role: races in one place so often, as the racer of that number, with files that have no name, or
/// have one and are renamed, or have one and get another.
#[test]
fn role_race() {
    let Some(arguments) = role() else { return };
    let meeting = Meeting::at(&arguments[0]);
    let place = std::path::Path::new(&arguments[1]);
    let racer: usize = arguments[2].parse().unwrap();
    let rounds: u32 = arguments[3].parse().unwrap();
    if arguments[4] != "unnamed" {
        refuse_unnamed_files();
    }
    if arguments[4] == "linked" {
        refuse_renames();
    }
    let options = Options::new().capacity(4096).directory(place);
    let mut times = 0;
    for round in 0..rounds {
        meeting.wait(&mut times);
        // Every other time all of them insist on creating it.
        let ring = if round % 2 == 0 {
            Some(options.create_or_open("ring").unwrap())
        } else {
            match options.create("ring") {
                Ok(ring) => Some(ring),
                Err(OpenError::AlreadyExists { .. }) => None,
                Err(error) => panic!("{error}"),
            }
        };
        meeting.tell(racer, ring.as_ref());
        meeting.wait(&mut times);
        assert_eq!(meeting.creators(), 1, "round {round}");
        if ring.is_some() && round % 2 == 0 {
            let generation = meeting.generation(racer);
            assert_eq!(generation, meeting.generation(0), "round {round}");
        }
        meeting.wait(&mut times);
        drop(ring);
        meeting.wait(&mut times);
        assert!(!place.join("mapring.ring").exists(), "nobody deleted it");
    }
    say("done");
}

#[test]
fn a_race_to_create_has_one_winner_however_often() {
    race("unnamed");
}

#[test]
fn a_race_to_create_has_one_winner_where_every_file_has_a_name() {
    race("named");
}

#[test]
fn a_race_to_create_has_one_winner_where_no_file_is_renamed() {
    race("linked");
}

fn race(files: &str) {
    let directory = common::directory();
    let meeting = directory.path().join("meeting");
    fs::write(&meeting, [0; 4096]).unwrap();
    let rounds = count("MAPRING_RACES", 200);
    let end = Instant::now() + DEADLINE + LONGEST_ROUND * rounds;
    let rounds = rounds.to_string();
    let (meeting, place) = (
        meeting.to_str().unwrap(),
        directory.path().to_str().unwrap(),
    );
    let start = |racer: usize| {
        let racer = racer.to_string();
        Child::start("role_race", &[meeting, place, &racer, &rounds, files])
    };
    let begin = Instant::now();
    let racers: Vec<_> = (0..RACERS).map(start).collect();
    for racer in racers {
        racer.finish_by(end);
    }
    assert_eq!(files_in(directory.path()), ["meeting"]);
    println!("{rounds} races of {RACERS} in {:.0?}", begin.elapsed());
}

/// Role: uses whatever region stands at a place, until told to stop. What it gets is one and the
/// same region for both ends, or another try.
#[test]
fn role_use_what_is_there() {
    let Some(arguments) = role() else { return };
    let options = Options::new().capacity(4096).directory(&arguments[0]);
    let time = Duration::from_millis(arguments[1].parse().unwrap());
    say("ready");
    hear();
    let (begin, mut tag, mut opened) = (Instant::now(), 0_u32, 0_u64);
    while begin.elapsed() < time {
        let ring = match options.create_or_open("ring") {
            Ok(ring) => ring,
            // The place changes all the time.
            Err(OpenError::Contended { .. }) => continue,
            Err(error) => panic!("{error}"),
        };
        opened += 1;
        // Another has one of the ends now and then: as long as it has both, the region is its own.
        let ends = (ring.producer(), ring.consumer());
        let (mut producer, mut consumer) = match ends {
            (Ok(producer), Ok(consumer)) => (producer, consumer),
            (Err(AttachError::Busy { .. }), _) | (_, Err(AttachError::Busy { .. })) => continue,
            (Err(error), _) | (_, Err(error)) => panic!("{error}"),
        };
        // What others have left in it.
        while consumer.try_recv(&mut Vec::new()).is_ok() {}
        tag += 1;
        producer.try_send(tag, b"to myself").unwrap();
        let received = consumer.try_recv(&mut Vec::new()).unwrap();
        assert_eq!(received.tag, tag, "two halves of different regions");
    }
    say(format!("{opened} {tag}"));
}

#[test]
fn a_region_deleted_under_its_openers_is_whole_or_another() {
    let directory = common::directory();
    let place = directory.path().to_str().unwrap();
    let time = 10 * u64::from(count("MAPRING_RACES", 200)).min(6000);
    let start = |_| Child::start("role_use_what_is_there", &[place, &time.to_string()]);
    let mut users: Vec<_> = (0..3).map(start).collect();
    users.iter().for_each(|user| user.expect("ready"));
    users.iter_mut().for_each(|user| user.tell("go"));
    let begin = Instant::now();
    let mut deleted = 0_u64;
    while begin.elapsed().as_millis() < u128::from(time) {
        // By one who does not ask whether anybody uses it.
        deleted += u64::from(fs::remove_file(directory.path().join("mapring.ring")).is_ok());
        thread::sleep(Duration::from_micros(50));
    }
    for user in users {
        let line = user.line_within(DEADLINE * 2).expect("an answer");
        let (opened, used) = line.split_once(' ').unwrap();
        println!("opened {opened} times, used {used} times, {deleted} deleted");
        let [opened, used] = [opened, used].map(|number| number.parse::<u64>().unwrap());
        assert!(opened > 0 && used > 0, "it never got a region");
        user.finish();
    }
    assert!(deleted > 0, "nothing was deleted under anybody");
}
