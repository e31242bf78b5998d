//! Every ordering in the protocol is there for a reason: for each access that asks for more
//! than Relaxed, some model fails when it gets Relaxed; for each fence, when it is left out.
//!
//! `docs/orderings.md` is the table of all of them, each with its pair (the table at the head of
//! `src/ring/mod.rs`; of fences, the head of `src/ring/gate.rs`) and the model that fails. With
//! `MAPRING_WRITE=1` it is written, else compared.
//!
//! Fences for the compiler alone are in a table of their own there: no model fails without them.

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::panic;
use std::path::Path;
use std::thread;

use mapring_loom_tests::{Model, Site, models};

use sources::{
    code_of, comment_above, count_by_line, function_around, functions_in, is_compiler_fence,
    sources,
};

#[test]
fn every_ordering_has_a_model_that_fails_without_it() {
    let covered = models_by_site();
    let sources = sources();
    assert_all_are_covered(&sources, covered.keys());

    let mut table = HEAD.to_owned();
    // Here models panic as they should: this thread does so quietly.
    let (tell, quiet) = (panic::take_hook(), thread::current().id());
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() != quiet {
            tell(info);
        }
    }));
    let mut needless = Vec::new();
    for (site, models) in &covered {
        let text = &sources[site.short_file()];
        let function = function_around(text, site.line as usize).unwrap_or("none");
        let (pair, _) = comment_above(text, site.line as usize)
            .unwrap_or_else(|| panic!("{site} names no pair"));
        let fails = |model: &&Model| Some((model.name, model.fails_without(*site)?));
        match models.iter().find_map(fails) {
            Some((model, how)) => {
                let how = how.lines().next().unwrap_or_default();
                println!("{site}: {model} fails: {how}");
                let (file, ordering) = (site.short_file(), site.ordering());
                let operation = site.operation;
                let row = format!(
                    "| `{file}` | `{function}` | {operation:?} | {ordering:?} | {pair} | `{model}` |\n"
                );
                table.push_str(&row);
            }
            None => needless.push(site.to_string()),
        }
    }
    let _ = panic::take_hook();
    assert_eq!(needless, [""; 0], "no model fails without these orderings");
    table.push_str(&table_of_compiler_fences());

    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/orderings.md");
    if env::var_os("MAPRING_WRITE").is_some() {
        fs::write(document, table).expect("a document that can be written");
    } else {
        let found = fs::read_to_string(document).expect("docs/orderings.md");
        assert_eq!(
            found, table,
            "`MAPRING_WRITE=1 .ci/loom` writes the document anew"
        );
    }
}

/// How the document begins.
const HEAD: &str = "\
# Orderings

Each access of the protocol that asks for more than Relaxed, each fence, and a model that fails
when that one gets Relaxed, or is left out. The pairs are those at the head of `src/ring/mod.rs`; of
fences, at the head of `src/ring/gate.rs`. `MAPRING_WRITE=1 .ci/loom` writes this table; `.ci/loom`
fails when it is not the one that the models give, or when an ordering has no such model.

| file | function | operation | ordering | pair | the model that fails without it |
|---|---|---|---|---|---|
";

/// A fence for the compiler alone.
struct CompilerFence {
    file: &'static str,
    function: &'static str,
    /// What is stored before it,
    before: &'static str,
    /// and behind.
    behind: &'static str,
    /// What needs that, at the head of `src/ring/mod.rs`.
    invariant: &'static str,
    /// The test in `tests/program_order.rs` that looks at what a compiler has made of it.
    test: &'static str,
}

/// All of them, by file and line.
const COMPILER_FENCES: [CompilerFence; 3] = [
    CompilerFence {
        file: "src/ring/mpsc/consumer.rs",
        function: "clear",
        before: "RELEASE_TO",
        behind: "the zeros in what is released",
        invariant: "M6",
        test: "a_release_is_announced_before_anything_is_cleared",
    },
    CompilerFence {
        file: "src/ring/mpsc/producer.rs",
        function: "claim",
        before: "the claimed mark",
        behind: "every byte of what is claimed",
        invariant: "M3",
        test: "a_claim_is_marked_before_anything_is_written_to_it",
    },
    CompilerFence {
        file: "src/ring/spsc/producer.rs",
        function: "publish",
        before: "the header",
        behind: "TAIL",
        invariant: "I6",
        test: "a_record_has_its_header_before_tail_is_behind_it",
    },
];

/// How the second part of the document begins.
const HEAD_OF_COMPILER_FENCES: &str = "
## Fences for the compiler alone

Stores that whoever comes after a death must find in program order. No other thread that is alive
looks at them so: to the processor a kill is an interrupt, which finds all stores before it and none
behind it, so that only the compiler could change the order. No model can fail without such a fence,
for loom keeps program order. `tests/program_order.rs` instead looks at the memory behind each single
instruction.

| file | function | stored before | stored behind | needed for | the test that fails when they are swapped |
|---|---|---|---|---|---|
";

/// The second part of the document.
fn table_of_compiler_fences() -> String {
    let rows = COMPILER_FENCES.iter().map(|fence| {
        let CompilerFence {
            file,
            function,
            before,
            behind,
            invariant,
            test,
        } = fence;
        format!("| `{file}` | `{function}` | {before} | {behind} | {invariant} | `{test}` |\n")
    });
    HEAD_OF_COMPILER_FENCES.to_owned() + &rows.collect::<String>()
}

#[test]
fn every_fence_for_the_compiler_is_listed_and_has_its_test() {
    let sources = sources();
    let mut found = Vec::new();
    for (path, text) in &sources {
        for (index, line) in text.lines().enumerate() {
            if is_compiler_fence(code_of(line)) {
                let function = function_around(text, index + 1).unwrap_or("none");
                found.push((path.as_str(), function));
            }
        }
    }
    let listed = COMPILER_FENCES.map(|fence| (fence.file, fence.function));
    assert_eq!(found, listed);

    let invariants = &sources["src/ring/mod.rs"];
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/program_order.rs");
    let tests = fs::read_to_string(tests).expect("the tests of program order");
    for CompilerFence {
        file,
        invariant,
        test,
        ..
    } in COMPILER_FENCES
    {
        let proof = format!("- **{invariant}** ");
        assert!(invariants.contains(&proof), "{file}: no {invariant}");
        let test = format!("#[test]\nfn {test}()");
        assert!(tests.contains(&test), "{file}: no {test}");
    }
}

/// An ordering as it stands in the sources.
struct Named<'a> {
    /// File and line.
    place: String,
    function: &'a str,
    pair: &'a str,
    side: Side,
    /// The functions that the comment above it names: those of the other side.
    partners: Vec<&'a str>,
}

/// Which side of its pair an ordering is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Store,
    Load,
    LightFence,
    HeavyFence,
}

impl Side {
    fn of(line: &str) -> Option<Self> {
        let sides = [
            ("Release", Self::Store),
            ("Acquire", Self::Load),
            ("light_fence", Self::LightFence),
            ("heavy_fence", Self::HeavyFence),
        ];
        let side = sides.into_iter().find(|(name, _)| line.contains(name));
        side.map(|(_, side)| side)
    }
}

/// Every ordering in the sources. Panics at one that names no pair.
fn named(sources: &BTreeMap<String, String>) -> Vec<Named<'_>> {
    let mut all = Vec::new();
    for (path, text) in sources {
        for (line, _) in count_by_line(text) {
            let place = format!("{path}:{line}");
            let (pair, comment) =
                comment_above(text, line).unwrap_or_else(|| panic!("{place} names no pair"));
            let code = text.lines().nth(line - 1).map(code_of);
            all.push(Named {
                function: function_around(text, line).expect("a function"),
                pair,
                side: code.and_then(Side::of).expect("an ordering of one side"),
                partners: comment.iter().flat_map(|line| functions_in(line)).collect(),
                place,
            });
        }
    }
    all
}

#[test]
fn every_ordering_names_its_pair() {
    let sources = sources();
    let all = named(&sources);
    for ordering in &all {
        let Named { place, pair, .. } = ordering;
        assert!(!ordering.partners.is_empty(), "{place} names no partner");
        for partner in &ordering.partners {
            let is_there = all.iter().any(|other| {
                (other.pair, other.function) == (*pair, *partner) && other.side != ordering.side
            });
            assert!(is_there, "{place}: {pair} has no other side in `{partner}`");
        }
    }
}

#[test]
fn the_table_of_pairs_names_the_functions_of_both_sides() {
    let sources = sources();
    let all = named(&sources);
    let is_row = |line: &&str| line.starts_with("//! | P") || line.starts_with("//! | G");
    let mut pairs = BTreeSet::new();
    for row in sources["src/ring/mod.rs"].lines().filter(is_row) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, pair, stores, loads, ..] = cells[..] else {
            panic!("{} cells: {row}", cells.len())
        };
        pairs.insert(pair);
        for (cell, side) in [(stores, Side::Store), (loads, Side::Load)] {
            let listed: BTreeSet<_> = functions_in(cell).collect();
            let of_side = all.iter().filter(|o| (o.pair, o.side) == (pair, side));
            let found: BTreeSet<_> = of_side.map(|ordering| ordering.function).collect();
            assert_eq!(listed, found, "{pair}, {side:?}");
        }
    }
    let named = all.iter().map(|ordering| ordering.pair);
    let named: BTreeSet<_> = named.filter(|pair| pair.starts_with('P')).collect();
    assert_eq!(pairs, named);
}

#[test]
fn the_scan_finds_every_ordering_and_nothing_else() {
    let text = "use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};\n\
                // Release\n\
                m.store(a, 1, Release); // Acquire\n\
                m.store(a, 1, Relaxed);\n\
                m.compare_exchange(a, 1, 2, AcqRel, Acquire);\n\
                let order = Ordering::SeqCst;\n\
                consumer.release();\n\
                compiler_fence(Release);\n\
                fn releaseRelease(ReleaseGuard) {}\n\
                m.light_fence(); // heavy_fence\n\
                m.heavy_fence();\n";
    let expected = [(3, 1), (5, 2), (6, 1), (10, 1), (11, 1)];
    assert_eq!(count_by_line(text), expected);
}

/// The sites that the models come by, each with its models, the quickest first.
fn models_by_site() -> BTreeMap<Site, Vec<&'static Model>> {
    let mut runs: Vec<_> = models::ALL
        .iter()
        .copied()
        .flatten()
        .map(|model| (model.sites(), model))
        .collect();
    runs.sort_by_key(|((_, totals), _)| totals.executions);
    let mut covered = BTreeMap::<Site, Vec<&Model>>::new();
    for ((sites, _), model) in runs {
        for site in sites {
            covered.entry(site).or_default().push(model);
        }
    }
    covered
}

/// Panics unless each file's sites are as many as the orderings that its text names.
fn assert_all_are_covered<'a>(
    sources: &BTreeMap<String, String>,
    covered: impl Iterator<Item = &'a Site>,
) {
    let mut by_file = BTreeMap::<_, Vec<_>>::new();
    for site in covered {
        let lines = by_file.entry(site.short_file()).or_default();
        lines.push(site.line as usize);
    }
    for (path, text) in sources {
        let named = count_by_line(text);
        let covered = by_file.remove(path.as_str()).unwrap_or_default();
        assert_eq!(
            named.iter().map(|(_, count)| count).sum::<usize>(),
            covered.len(),
            "{path} names orderings at lines {named:?}; models come by lines {covered:?}"
        );
    }
    assert!(by_file.is_empty(), "sites in unknown files: {by_file:?}");
}
