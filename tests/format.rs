//! Every number in `docs/format.md` is that of the code, and none is missing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mapring::layout::{self, Geometry, Kind};
use mapring::memory::Memory;
use mapring::ring::RecordHeader;
use mapring::ring::participant::{self, State};
use mapring::{Mapped, Role};

/// Reads a file of the project.
fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The cells of each row of the document's tables that have this heading in their first column.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut within = false;
    for line in read("docs/format.md").lines() {
        let Some(row) = line.strip_prefix('|') else {
            within = false;
            continue;
        };
        let cells = row.trim_end_matches('|').split('|');
        let cells: Vec<_> = cells.map(|cell| cell.trim().to_owned()).collect();
        if cells[0] == heading {
            within = true;
        } else if within && !cells[0].starts_with("---") {
            rows.push(cells);
        }
    }
    assert!(!rows.is_empty(), "no table of {heading}");
    rows
}

fn number(cell: &str) -> u64 {
    let parsed = match cell.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => cell.parse(),
    };
    parsed.unwrap_or_else(|error| panic!("{cell:?}: {error}"))
}

/// The names in the first column of a table, without their quotes, and the numbers in the second.
fn named(heading: &str) -> BTreeMap<String, u64> {
    let mut named = BTreeMap::new();
    for row in rows(heading) {
        let name = row[0].trim_matches('`').to_owned();
        let before = named.insert(name, number(&row[1]));
        assert_eq!(before, None, "{} is there twice", row[0]);
    }
    named
}

fn constants() -> BTreeMap<String, u64> {
    let words = [
        ("MAGIC_WORD", layout::MAGIC_WORD),
        ("VERSION_WORD", layout::VERSION_WORD),
        ("ENDIAN_WORD", layout::ENDIAN_WORD),
        ("KIND", layout::KIND),
        ("CAPACITY", layout::CAPACITY),
        ("MAX_PAYLOAD_WORD", layout::MAX_PAYLOAD_WORD),
        ("RECORD_ALIGN", layout::RECORD_ALIGN),
        ("PRODUCERS", layout::PRODUCERS),
        ("FLAGS", layout::FLAGS),
        ("LAYOUT_HASH", layout::LAYOUT_HASH),
        ("GENERATION", layout::GENERATION),
        ("WAKEUPS", layout::WAKEUPS),
        ("FENCES", layout::FENCES),
        ("DATA_EVENT", layout::DATA_EVENT),
        ("SPACE_EVENT", layout::SPACE_EVENT),
        ("TAIL", layout::TAIL),
        ("DATA_ANSWERED", layout::DATA_ANSWERED),
        ("SPACE_PARKED", layout::SPACE_PARKED),
        ("SPACE_WANTED", layout::SPACE_WANTED),
        ("SPACE_ANSWERED", layout::SPACE_ANSWERED),
        ("DATA_PARKED", layout::DATA_PARKED),
        ("PRESENCE", layout::PRESENCE),
        ("HEAD", layout::HEAD),
        ("RELEASE_TO", layout::RELEASE_TO),
        ("CONSUMER_SLOT", layout::CONSUMER_SLOT),
        ("PRODUCER_SLOTS", layout::PRODUCER_SLOTS),
    ];
    const { assert!(layout::MAX_CAPACITY == 1 << if usize::BITS < 64 { 29 } else { 40 }) };
    let numbers = [
        ("MAGIC", layout::MAGIC),
        ("VERSION", layout::VERSION),
        ("ENDIAN_MARK", layout::ENDIAN_MARK),
        ("PAGE", layout::PAGE as u64),
        ("WORD", layout::WORD as u64),
        ("EVENT_SIZE", layout::EVENT_SIZE as u64),
        ("SLOT_SIZE", layout::SLOT_SIZE as u64),
        ("HEADER_SIZE", layout::HEADER_SIZE as u64),
        ("MIN_CAPACITY", layout::MIN_CAPACITY),
        ("MAX_CAPACITY", 1 << 40),
        ("MAX_PAYLOAD", layout::MAX_PAYLOAD),
        ("MAX_RECORD_ALIGN", layout::MAX_RECORD_ALIGN),
        ("MAX_PRODUCERS", layout::MAX_PRODUCERS),
        ("USE_LOCK", layout::USE_LOCK),
        ("CONSUMER_LOCK", layout::CONSUMER_LOCK),
        ("FIRST_PRODUCER_LOCK", layout::FIRST_PRODUCER_LOCK),
        ("FLAG_PERSISTENT", layout::FLAG_PERSISTENT),
        ("SLOT_STATE", layout::SLOT_STATE as u64),
        ("SLOT_PID", layout::SLOT_PID as u64),
        ("SLOT_ATTACHMENTS", layout::SLOT_ATTACHMENTS as u64),
        ("SLOT_CLAIM_SIZE", layout::SLOT_CLAIM_SIZE as u64),
        ("SLOT_INTENT", layout::SLOT_INTENT as u64),
        ("SLOT_CLAIMED", layout::SLOT_CLAIMED as u64),
        ("SLOT_SLEEPS", layout::SLOT_SLEEPS as u64),
        ("SLOT_LATE", layout::SLOT_LATE as u64),
        ("SLOT_REPAIRS", layout::SLOT_REPAIRS as u64),
        ("SLOT_RECORDS", layout::SLOT_RECORDS as u64),
        ("SLOT_BYTES", layout::SLOT_BYTES as u64),
        ("SLOT_STALLS", layout::SLOT_STALLS as u64),
        ("SLOT_WAITS", layout::SLOT_WAITS as u64),
        ("layout_hash", layout::layout_hash()),
    ];
    let words = words.map(|(name, word)| (name, word.offset() as u64));
    let all = words.into_iter().chain(numbers);
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

#[test]
fn every_constant_stands_in_the_document() {
    assert_eq!(named("Constant"), constants());
}

/// So that a constant added to the layout is not forgotten here.
#[test]
fn every_constant_of_the_layout_is_compared() {
    let constants = constants();
    let source = read("src/layout.rs");
    let mut count = 0;
    for line in source.lines() {
        let Some((name, _)) = line
            .strip_prefix("pub const ")
            .and_then(|rest| rest.split_once(':'))
        else {
            continue;
        };
        assert!(constants.contains_key(name), "{name} is not compared");
        count += 1;
    }
    // All but the hash, which is a function.
    assert_eq!(count, constants.len() - 1);
}

#[test]
fn the_states_are_those_of_a_slot() {
    let memory = Mapped::anonymous(layout::PAGE * 4).unwrap();
    let slot = layout::CONSUMER_SLOT;
    let states = named("State");
    assert_eq!(states.len(), 3);
    for (name, value) in states {
        let order = std::sync::atomic::Ordering::Relaxed;
        memory.store(slot.plus(layout::SLOT_STATE), value, order);
        let found = participant::look(&memory, slot, Role::Consumer).unwrap();
        let expected = match name.as_str() {
            "Absent" => State::Absent,
            "Attached" => State::Attached {
                pid: 0,
                attachment: 0,
            },
            "Left" => State::Left,
            other => panic!("{other} is no state"),
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn the_header_is_made_of_these_fields() {
    let fields: BTreeMap<_, _> = rows("Header field")
        .into_iter()
        .map(|row| (row[0].clone(), (number(&row[1]), number(&row[2]))))
        .collect();
    let (tag, tag_bits) = fields["`tag`"];
    let (length, length_bits) = fields["`length`"];
    let (padding, padding_bits) = fields["`padding`"];
    let (committed, committed_bits) = fields["`committed`"];
    let bits = [tag_bits, length_bits, padding_bits, committed_bits];
    assert_eq!(
        bits,
        [
            u32::BITS.into(),
            layout::MAX_PAYLOAD.count_ones().into(),
            1,
            1
        ]
    );
    assert_eq!(fields.len(), 4);

    let header = RecordHeader {
        tag: 0xa5a5_5a5a,
        len: 0x2345_6789,
    };
    let word = 0xa5a5_5a5a << tag | 0x2345_6789 << length | 1 << committed;
    assert_eq!(header.to_word(), word);

    // A padding bit makes it corrupt.
    let geometry = Geometry::new(Kind::Spsc, 4096, 256, 8, 1).unwrap();
    let at = mapring::ring::Position(0);
    let good = RecordHeader { tag: 1, len: 2 };
    assert_eq!(RecordHeader::parse(good.to_word(), at, &geometry), Ok(good));
    RecordHeader::parse(good.to_word() | 1 << padding, at, &geometry).unwrap_err();
}

#[test]
fn the_sizes_of_regions_are_right() {
    for row in rows("capacity") {
        let [capacity, max_payload, data, overrun, total] =
            [0, 1, 2, 3, 4].map(|i| number(&row[i]));
        let geometry = Geometry::new(Kind::Spsc, capacity, max_payload, 8, 1).unwrap();
        let found = [
            geometry.data().offset(),
            geometry.overrun_size(),
            geometry.total_size(),
        ];
        assert_eq!(found.map(|size| size as u64), [data, overrun, total]);
    }
}

#[test]
fn the_parts_of_a_region_follow_each_other() {
    let mut end = 0;
    let parts = rows("Part");
    let offsets = [
        0,
        layout::TAIL.offset(),
        layout::HEAD.offset(),
        layout::PRODUCER_SLOTS.offset(),
    ];
    for (row, offset) in parts.iter().zip(offsets) {
        assert_eq!(number(&row[1]), offset as u64, "{}", row[0]);
        assert_eq!(number(&row[1]), end, "{}", row[0]);
        end += layout::PAGE as u64;
    }
    assert_eq!(parts.len(), 6);
}
