//! Who scribbles over a region: at which words, and what.

#![allow(
    clippy::disallowed_types,
    reason = "a hostile peer does not go through `memory::Memory`"
)]

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use mapring::layout::{self, CONSUMER_SLOT, MAGIC, PAGE, PRODUCER_SLOTS, SLOT_SIZE, WORD};
use memmap2::MmapRaw;

use super::kinds::CAPACITY;
use crate::common::{Random, hear, say};

/// Where the ring of a region with one page of slots starts.
const DATA: usize = PRODUCER_SLOTS.offset() + PAGE;
/// Stands for the header at HEAD, or at TAIL, whatever they are just then.
const NEXT_HEADER: usize = usize::MAX;

const fn word(at: layout::Word) -> Range<usize> {
    at.offset()..at.offset() + WORD
}

/// What one round is aimed at: a description, and the bytes. Beyond the end of a file is its end.
pub(crate) const AIMS: &[(&str, Range<usize>)] = &[
    ("everything", 0..usize::MAX),
    ("identity", 0..0x68),
    ("producers' page", PAGE..2 * PAGE),
    ("consumer's page", 2 * PAGE..3 * PAGE),
    (
        "slots",
        PRODUCER_SLOTS.offset()..PRODUCER_SLOTS.offset() + 4 * SLOT_SIZE,
    ),
    (
        "consumer's slot",
        CONSUMER_SLOT.offset()..CONSUMER_SLOT.offset() + SLOT_SIZE,
    ),
    ("data", DATA..usize::MAX),
    ("next header", NEXT_HEADER..NEXT_HEADER),
    ("TAIL", word(layout::TAIL)),
    ("PRESENCE", word(layout::PRESENCE)),
    ("HEAD", word(layout::HEAD)),
    ("release_to", word(layout::RELEASE_TO)),
    ("data_answered", word(layout::DATA_ANSWERED)),
    ("data_parked", word(layout::DATA_PARKED)),
    ("space_answered", word(layout::SPACE_ANSWERED)),
    ("space_parked", word(layout::SPACE_PARKED)),
    ("space_wanted", word(layout::SPACE_WANTED)),
];

/// What is written in one round; the last is all of them in turns.
const VALUES: u64 = 11;
/// How many ways to pause between bursts there are.
const PAUSES: u64 = 3;

/// What the role `role_hostile` does: round by round it hears a region's file, a seed and an aim;
/// then it scribbles until it hears another line, and says how many words it wrote.
pub(crate) fn play() {
    say("ready");
    while let Some(line) = hear() {
        let mut parts = line.split(' ');
        let mut part = || parts.next().expect("a part");
        let file = File::options().read(true).write(true).open(part());
        let file = file.expect("a region's file");
        let mut random = Random::with_seed(part().parse().expect("a seed"));
        let aim = &AIMS[part().parse::<usize>().expect("an aim")].1;
        let is_over = AtomicBool::new(false);
        let written = thread::scope(|scope| {
            let scribbler = scope.spawn(|| {
                let mut scribbler = Scribbler::new(file, &mut random, aim);
                scribbler.scribble(&is_over);
                scribbler.written
            });
            hear();
            is_over.store(true, Ordering::Relaxed);
            scribbler.join().expect("a scribbler")
        });
        say(written);
    }
}

struct Scribbler<'a> {
    file: File,
    mapping: MmapRaw,
    random: &'a mut Random,
    aim: &'a Range<usize>,
    values: u64,
    /// Whether it puts back what was there.
    restores: bool,
    pause: u64,
    written: u64,
}

impl<'a> Scribbler<'a> {
    fn new(file: File, random: &'a mut Random, aim: &'a Range<usize>) -> Self {
        let mapping = MmapRaw::map_raw(&file).expect("a mapping");
        let (values, restores) = (random.below(VALUES), random.below(4) == 0);
        let pause = random.below(PAUSES);
        Self {
            file,
            mapping,
            random,
            aim,
            values,
            restores,
            pause,
            written: 0,
        }
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(WORD) && offset + WORD <= self.mapping.len());
        let address = self.mapping.as_mut_ptr().wrapping_add(offset);
        // SAFETY: aligned and within the mapping, as was just checked; the mapping lives as long
        // as `self`, and all access of this process is atomic.
        unsafe { AtomicU64::from_ptr(address.cast()) }
    }

    fn load(&self, at: layout::Word) -> u64 {
        self.word(at.offset()).load(Ordering::Relaxed)
    }

    fn scribble(&mut self, is_over: &AtomicBool) {
        // The others are just coming, or are there.
        thread::sleep(Duration::from_micros(
            self.random.below(4) * self.random.below(1500),
        ));
        while !is_over.load(Ordering::Relaxed) {
            for _ in 0..=self.random.below(32) {
                self.write_a_word();
            }
            if self.random.below(64) == 0 && self.aim.len() >= PAGE {
                self.write_some_bytes();
            }
            // The machine may have fewer cores than a storm has processes.
            match self.pause {
                0 => thread::yield_now(),
                1 => thread::sleep(Duration::from_micros(20)),
                _ => thread::sleep(Duration::from_micros(self.random.below(2000))),
            }
        }
    }

    fn write_a_word(&mut self) {
        let offset = self.target();
        let value = self.value();
        let word = self.word(offset);
        let before = word.swap(value, Ordering::Relaxed);
        if self.restores {
            std::hint::spin_loop();
            word.store(before, Ordering::Relaxed);
        }
        self.written += 1;
    }

    /// Random bytes that start and end anywhere.
    fn write_some_bytes(&mut self) {
        let mut bytes = vec![0; 1 + self.random.below(PAGE as u64) as usize];
        for byte in &mut bytes {
            *byte = self.random.below(256) as u8;
        }
        let most = self.mapping.len() - bytes.len();
        let from = self.aim.start.min(most);
        let to = self.aim.end.min(most);
        let at = from + self.random.below((to - from) as u64 + 1) as usize;
        // Never longer than it was: that would be another fault.
        self.file
            .write_all_at(&bytes, at as u64)
            .expect("a file to write to");
        self.written += bytes.len().div_ceil(WORD) as u64;
    }

    fn target(&mut self) -> usize {
        if self.aim.start == NEXT_HEADER {
            let cursors = [layout::HEAD, layout::TAIL];
            let cursor = cursors[self.below(2)];
            let cursor = self.load(cursor);
            return DATA + (cursor % CAPACITY) as usize / WORD * WORD;
        }
        let words = (self.aim.end.min(self.mapping.len()) - self.aim.start) / WORD;
        self.aim.start + self.random.below(words as u64) as usize * WORD
    }

    fn any(&mut self) -> u64 {
        self.random.below(1 << 32) << 32 | self.random.below(1 << 32)
    }

    fn value(&mut self) -> u64 {
        let values = if self.values == VALUES - 1 {
            self.random.below(VALUES - 1)
        } else {
            self.values
        };
        let (head, tail) = (self.load(layout::HEAD), self.load(layout::TAIL));
        let cursor = if self.random.below(2) == 0 {
            head
        } else {
            tail
        };
        let near = self.random.below(2 * CAPACITY / 8) * 8;
        match values {
            0 => 0,
            1 => u64::MAX,
            2 => self.any(),
            // Small numbers: states, pids, counts, kinds.
            3 => self.random.below(5),
            // Cursors where they could be, and where they cannot.
            4 => cursor.wrapping_add(near).wrapping_sub(CAPACITY),
            5 => cursor.wrapping_add([64, 128, 1, 8, CAPACITY, 1 << 40][self.below(6)]),
            // Headers of records, and of padding.
            6 => {
                let len = [0, 8, 56, 120, 512, 513, (1 << 30) - 1][self.below(7)];
                let bits = [2, 2, 3, 1][self.below(4)];
                let tag = if bits == 3 { 0 } else { self.random.below(9) };
                bits << 62 | len << 32 | tag
            }
            // What a slot says of a claim; a sleep's number.
            7 => cursor.wrapping_add(near).wrapping_add(1),
            8 => {
                let words = [layout::DATA_PARKED, layout::SPACE_PARKED, layout::PRESENCE];
                let step = self.random.below(3);
                let word = words[self.below(3)];
                self.load(word).wrapping_add(step).wrapping_sub(1)
            }
            // What a region says of itself.
            _ => {
                let shift = self.random.below(14);
                [MAGIC, layout::VERSION, 1 << shift, 512, 4096][self.below(5)]
            }
        }
    }

    fn below(&mut self, limit: u64) -> usize {
        self.random.below(limit) as usize
    }
}
