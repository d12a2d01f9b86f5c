//! `cargo xtask codegen`, second part: `clients/c/anacrusis_feed.h` and the tables of `docs/shm.md` from the feed's layout.
//!
//! The layout is `runtime-core/src/bus/shm/layout.rs`, included here so that this crate need not build the engine. Stale
//! copies fail `cargo xtask codegen --check`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::error::TaskError;
use crate::marked::Marked;

#[path = "../../runtime-core/src/bus/shm/layout.rs"]
pub mod layout;

use layout::{
    EVENT_BYTES, EVENT_FIELDS, EVENT_SLOTS_OFFSET, EVENT_STRIDE_BYTES, EVENTS_OFFSET, Field, HEADER_BYTES, HEADER_FIELDS,
    HEARTBEAT_TIMEOUT_NS, Kind, LAYOUT_VERSION, LOAD_BYTES, LOAD_FIELDS, LOAD_OFFSET, N_BANDS, N_EVENTS, SPECTRUM_BYTES, SPECTRUM_FIELDS,
    SPECTRUM_OFFSET, STATE_BYTES, STATE_FIELDS, STATE_OFFSET, TOTAL_BYTES,
};

const HEADER_PATH: &str = "clients/c/anacrusis_feed.h";
const DOCUMENT_PATH: &str = "docs/shm.md";
const TABLES: Marked = Marked { name: "layout", command: "cargo xtask codegen" };

/// The records of the layout: name in C, title in the documentation, bytes, fields.
const RECORDS: [(&str, &str, usize, &[Field]); 5] = [
    ("header", "Header, at 0", HEADER_BYTES, &HEADER_FIELDS),
    ("state", "State section: sequence word, then", STATE_BYTES, &STATE_FIELDS),
    ("load", "Load section: sequence word, then", LOAD_BYTES, &LOAD_FIELDS),
    ("spectrum", "Spectrum section: sequence word, then", SPECTRUM_BYTES, &SPECTRUM_FIELDS),
    ("event", "Event slot: sequence word, then", EVENT_BYTES, &EVENT_FIELDS),
];

/// What precedes the generated constants and structs in the C header.
const C_TOP: &str = r#"/*
 * anacrusis_feed.h: reads the beat state that Anacrusis publishes in a memory-mapped file.
 *
 * Written by `cargo xtask codegen` from runtime-core/src/bus/shm/layout.rs. Do not edit. The file is described in
 * docs/shm.md. No library is needed: map the file read-only, check it once, read records as often as you like.
 *
 *   int fd = open(path, O_RDONLY);
 *   const void *feed = mmap(NULL, ANACRUSIS_TOTAL_BYTES, PROT_READ, MAP_SHARED, fd, 0);
 *   const char *fault = anacrusis_check(feed, file_size);           // NULL = good, else what is wrong
 *   anacrusis_state state;
 *   if (anacrusis_is_alive(feed, now_monotonic_ns) && anacrusis_read_state(feed, &state) > 0) draw(&state);
 *
 * Every function is wait-free and may run on any thread. Needs C99 or C++11, GCC or Clang (clang-cl on Windows), a
 * little-endian machine. Floats are as the writer wrote them: check what you divide by.
 */
#ifndef ANACRUSIS_FEED_H
#define ANACRUSIS_FEED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__GNUC__) && !defined(__clang__)
#error "anacrusis_feed.h needs the atomic builtins of GCC or Clang"
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "anacrusis_feed.h reads feeds on little-endian machines only"
#endif
"#;

/// What follows them.
const C_FUNCTIONS: &str = r#"
/* The 64-bit word at a byte offset, loaded relaxed: the only ordering that is sound on a read-only mapping. */
static inline uint64_t anacrusis_word(const void *feed, size_t offset)
{
    return __atomic_load_n((const uint64_t *)(const void *)((const char *)feed + offset), __ATOMIC_RELAXED);
}

static inline uint32_t anacrusis_header_u32(const void *feed, size_t offset)
{
    return (uint32_t)(anacrusis_word(feed, offset & ~(size_t)7) >> (8 * (offset & 7)));
}

/* NULL if `feed`, of `file_bytes` bytes, is a feed that this header describes; else what is wrong. Check once, before
   anything else, and never map a file that is shorter than ANACRUSIS_TOTAL_BYTES. */
static inline const char *anacrusis_check(const void *feed, uint64_t file_bytes)
{
    if (file_bytes < ANACRUSIS_TOTAL_BYTES) return "the file is too short";
    if (memcmp(feed, "ANACFEED", 8) != 0) return "the magic is not ANACFEED";
    if (anacrusis_header_u32(feed, offsetof(anacrusis_header, layout_version)) != ANACRUSIS_LAYOUT_VERSION)
        return "the layout version is not the one of anacrusis_feed.h";
    if (anacrusis_header_u32(feed, offsetof(anacrusis_header, state_offset)) != ANACRUSIS_STATE_OFFSET ||
        anacrusis_header_u32(feed, offsetof(anacrusis_header, load_offset)) != ANACRUSIS_LOAD_OFFSET ||
        anacrusis_header_u32(feed, offsetof(anacrusis_header, spectrum_offset)) != ANACRUSIS_SPECTRUM_OFFSET ||
        anacrusis_header_u32(feed, offsetof(anacrusis_header, events_offset)) != ANACRUSIS_EVENTS_OFFSET)
        return "the sections are not where anacrusis_feed.h expects them";
    return NULL;
}

/* 1 while the writer lives: its heartbeat is at most a second old. `now_monotonic_ns`: CLOCK_MONOTONIC (macOS:
   CLOCK_UPTIME_RAW; Windows: GetTickCount64() * 1000000). A heartbeat far in the future is from before the last boot. */
static inline int anacrusis_is_alive(const void *feed, uint64_t now_monotonic_ns)
{
    uint64_t heartbeat = anacrusis_word(feed, offsetof(anacrusis_header, heartbeat_monotonic_ns));
    uint64_t distance = heartbeat > now_monotonic_ns ? heartbeat - now_monotonic_ns : now_monotonic_ns - heartbeat;
    return distance <= ANACRUSIS_HEARTBEAT_TIMEOUT_NS;
}

/* One try of the seqlock at `offset`: copies `bytes` (a multiple of 8) behind the sequence word to `out`. 1: read. 0:
   nothing has been published yet. -1: a write was in progress, `out` is garbage; try again. */
static inline int anacrusis_try_read(const void *feed, size_t offset, void *out, size_t bytes)
{
    uint64_t word, before = anacrusis_word(feed, offset);
    size_t at;
    if (before & 1) return -1;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    for (at = 0; at < bytes; at += 8) {
        word = anacrusis_word(feed, offset + 8 + at);
        memcpy((char *)out + at, &word, 8);
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (anacrusis_word(feed, offset) != before) return -1;
    return before != 0;
}

/* The same, with as many tries as a write that is going on can need. Still -1: the writer was stopped or killed in the
   middle of a write; what it published is lost. */
static inline int anacrusis_read(const void *feed, size_t offset, void *out, size_t bytes)
{
    int tries, got = -1;
    for (tries = 0; tries < 10000 && got < 0; tries++) got = anacrusis_try_read(feed, offset, out, bytes);
    return got;
}

static inline int anacrusis_read_state(const void *feed, anacrusis_state *out)
{
    return anacrusis_read(feed, ANACRUSIS_STATE_OFFSET, out, ANACRUSIS_STATE_BYTES);
}

static inline int anacrusis_read_load(const void *feed, anacrusis_load *out)
{
    return anacrusis_read(feed, ANACRUSIS_LOAD_OFFSET, out, ANACRUSIS_LOAD_BYTES);
}

static inline int anacrusis_read_spectrum(const void *feed, anacrusis_spectrum *out)
{
    return anacrusis_read(feed, ANACRUSIS_SPECTRUM_OFFSET, out, ANACRUSIS_SPECTRUM_BYTES);
}

/* Number of the newest beat event; 0 before the first. */
static inline uint64_t anacrusis_newest_event(const void *feed)
{
    uint64_t newest = anacrusis_word(feed, ANACRUSIS_EVENTS_OFFSET);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return newest;
}

/* The event of a number from 1 to anacrusis_newest_event(). 1: read. 0: overwritten by a newer one, or not there yet. */
static inline int anacrusis_read_event(const void *feed, uint64_t number, anacrusis_event *out)
{
    size_t slot = (size_t)((number - 1) % ANACRUSIS_N_EVENTS);
    size_t offset = ANACRUSIS_EVENTS_OFFSET + ANACRUSIS_EVENT_SLOTS_OFFSET + slot * ANACRUSIS_EVENT_STRIDE_BYTES;
    return anacrusis_try_read(feed, offset, out, ANACRUSIS_EVENT_BYTES) == 1 && out->number == number;
}

#endif /* ANACRUSIS_FEED_H */
"#;

/// Writes both files, or with `check` only compares them.
///
/// # Errors
/// A file that cannot be read or written, a document without markers, or (with `check`) a stale file.
pub fn run(root: &Path, check: bool) -> Result<(), TaskError> {
    let path = root.join(HEADER_PATH);
    let fresh = c_header();
    if fs::read_to_string(&path).unwrap_or_default() != fresh {
        if check {
            return Err(TaskError::Stale { path, remedy: TABLES.command });
        }
        fs::write(&path, fresh).map_err(|e| TaskError::io(&path, e))?;
    }
    TABLES.write(&root.join(DOCUMENT_PATH), &tables(), check)
}

/// The C header.
pub fn c_header() -> String {
    let mut text = C_TOP.to_owned();
    text.push_str("\n/* Bytes and counts. */\n");
    for (name, value) in constants() {
        let _ = writeln!(text, "#define ANACRUSIS_{name} {value}u");
    }
    for (name, _, bytes, fields) in RECORDS {
        text.push_str(&c_struct(name, bytes, fields));
    }
    text.push_str("\n#ifdef __cplusplus\n#define ANACRUSIS_ASSERT(condition) static_assert(condition, #condition)\n");
    text.push_str("#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L\n");
    text.push_str("#define ANACRUSIS_ASSERT(condition) _Static_assert(condition, #condition)\n");
    text.push_str("#else\n#define ANACRUSIS_ASSERT(condition) struct anacrusis_no_assert\n#endif\n");
    for (name, _, bytes, fields) in RECORDS {
        let _ = writeln!(text, "ANACRUSIS_ASSERT(sizeof(anacrusis_{name}) == {bytes});");
        for field in fields {
            let _ = writeln!(text, "ANACRUSIS_ASSERT(offsetof(anacrusis_{name}, {}) == {});", c_name(field), field.offset);
        }
    }
    text + C_FUNCTIONS
}

fn constants() -> [(&'static str, u64); 16] {
    let bytes = |value: usize| value as u64;
    [
        ("LAYOUT_VERSION", u64::from(LAYOUT_VERSION)),
        ("TOTAL_BYTES", bytes(TOTAL_BYTES)),
        ("HEADER_BYTES", bytes(HEADER_BYTES)),
        ("HEARTBEAT_TIMEOUT_NS", HEARTBEAT_TIMEOUT_NS),
        ("N_EVENTS", bytes(N_EVENTS)),
        ("N_BANDS", bytes(N_BANDS)),
        ("STATE_OFFSET", bytes(STATE_OFFSET)),
        ("STATE_BYTES", bytes(STATE_BYTES)),
        ("LOAD_OFFSET", bytes(LOAD_OFFSET)),
        ("LOAD_BYTES", bytes(LOAD_BYTES)),
        ("SPECTRUM_OFFSET", bytes(SPECTRUM_OFFSET)),
        ("SPECTRUM_BYTES", bytes(SPECTRUM_BYTES)),
        ("EVENTS_OFFSET", bytes(EVENTS_OFFSET)),
        ("EVENT_SLOTS_OFFSET", bytes(EVENT_SLOTS_OFFSET)),
        ("EVENT_STRIDE_BYTES", bytes(EVENT_STRIDE_BYTES)),
        ("EVENT_BYTES", bytes(EVENT_BYTES)),
    ]
}

/// A struct whose bytes are those of the record, gaps filled with named reserves.
fn c_struct(name: &str, bytes: usize, fields: &[Field]) -> String {
    let mut text = format!("\ntypedef struct anacrusis_{name} {{\n");
    let mut end = 0;
    let reserve = |text: &mut String, from: usize, to: usize| {
        if from < to {
            let _ = writeln!(text, "    uint8_t reserved_{from}[{}];", to - from);
        }
    };
    for field in fields {
        reserve(&mut text, end, field.offset);
        let array = if field.count > 1 { format!("[{}]", field.count) } else { String::new() };
        let doc = field.doc.replace('`', "");
        let _ = writeln!(text, "    {} {}{array}; /* {doc} */", c_type(field), c_name(field));
        end = field.offset + field.kind.bytes() * field.count;
    }
    reserve(&mut text, end, bytes);
    let _ = writeln!(text, "}} anacrusis_{name};");
    text
}

fn c_name(field: &Field) -> String {
    field.name.replace('.', "_")
}

fn c_type(field: &Field) -> &'static str {
    match (field.kind, field.name) {
        (Kind::U8, "magic" | "name") => "char",
        (Kind::U8, _) => "uint8_t",
        (Kind::U32, _) => "uint32_t",
        (Kind::U64, _) => "uint64_t",
        (Kind::F32, _) => "float",
        (Kind::F64, _) => "double",
    }
}

/// The tables of the documentation.
fn tables() -> String {
    let mut text = format!("\nA file has {TOTAL_BYTES} bytes.\n\n| section | offset | bytes of the body |\n|---|---|---|\n");
    for (name, offset, bytes) in
        [("state", STATE_OFFSET, STATE_BYTES), ("load", LOAD_OFFSET, LOAD_BYTES), ("spectrum", SPECTRUM_OFFSET, SPECTRUM_BYTES)]
    {
        let _ = writeln!(text, "| {name} | {offset} | {bytes} |");
    }
    let _ = writeln!(
        text,
        "| events | {EVENTS_OFFSET} | number of the newest event (u64); from {} on {N_EVENTS} slots, {EVENT_STRIDE_BYTES} bytes apart |",
        EVENTS_OFFSET + EVENT_SLOTS_OFFSET
    );
    for (_, title, _, fields) in RECORDS {
        let _ = write!(text, "\n**{title}**\n\n| offset | type | field | |\n|---|---|---|---|\n");
        for field in fields {
            let count = if field.count > 1 { format!(" x {}", field.count) } else { String::new() };
            let kind = format!("{:?}", field.kind).to_lowercase();
            let _ = writeln!(text, "| {} | {kind}{count} | `{}` | {} |", field.offset, field.name, field.doc);
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_header_and_tables_are_fresh() {
        run(&crate::workspace_root(), true).unwrap();
    }

    #[test]
    fn a_stale_header_names_its_command() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("clients/c")).unwrap();
        fs::write(root.path().join(HEADER_PATH), "old").unwrap();
        let refused = run(root.path(), true).unwrap_err().to_string();
        assert!(refused.ends_with("anacrusis_feed.h is stale: run `cargo xtask codegen`"), "{refused}");
    }

    #[test]
    fn gaps_between_fields_are_reserved() {
        let fields = [
            Field { name: "a.b", offset: 0, kind: Kind::U8, count: 1, doc: "`x`" },
            Field { name: "c", offset: 8, kind: Kind::F32, count: 2, doc: "y" },
        ];
        let expected = "\ntypedef struct anacrusis_t {\n    uint8_t a_b; /* x */\n    uint8_t reserved_1[7];\n    float c[2]; /* y */\n    \
                        uint8_t reserved_16[8];\n} anacrusis_t;\n";
        assert_eq!(c_struct("t", 24, &fields), expected);
    }
}
