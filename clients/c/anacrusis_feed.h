/*
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

/* Bytes and counts. */
#define ANACRUSIS_LAYOUT_VERSION 1u
#define ANACRUSIS_TOTAL_BYTES 5248u
#define ANACRUSIS_HEADER_BYTES 192u
#define ANACRUSIS_HEARTBEAT_TIMEOUT_NS 1000000000u
#define ANACRUSIS_N_EVENTS 64u
#define ANACRUSIS_N_BANDS 136u
#define ANACRUSIS_STATE_OFFSET 192u
#define ANACRUSIS_STATE_BYTES 168u
#define ANACRUSIS_LOAD_OFFSET 384u
#define ANACRUSIS_LOAD_BYTES 80u
#define ANACRUSIS_SPECTRUM_OFFSET 512u
#define ANACRUSIS_SPECTRUM_BYTES 568u
#define ANACRUSIS_EVENTS_OFFSET 1088u
#define ANACRUSIS_EVENT_SLOTS_OFFSET 64u
#define ANACRUSIS_EVENT_STRIDE_BYTES 64u
#define ANACRUSIS_EVENT_BYTES 40u

typedef struct anacrusis_header {
    char magic[8]; /* ANACFEED */
    uint32_t layout_version; /* 1; refuse any other */
    uint32_t header_bytes; /* size of this header */
    uint64_t total_bytes; /* size of the file; it never shrinks */
    uint32_t pid; /* process of the writer, as it numbers itself */
    uint32_t instance; /* number of the instance within its process, from 1 */
    uint64_t process_start; /* when the process started, clock ticks after boot (Linux); 0 = unknown */
    double sample_rate_hz; /* rate of the host, Hz; 0 = unknown */
    uint64_t heartbeat_monotonic_ns; /* when the writer last lived, nanoseconds of the system's monotonic clock */
    uint64_t heartbeat_wall_ns; /* the same moment, nanoseconds since the Unix epoch; 0 = unknown */
    uint32_t state_offset; /* offset of the state section */
    uint32_t state_bytes; /* size of its body */
    uint32_t load_offset; /* offset of the load section */
    uint32_t load_bytes; /* size of its body */
    uint32_t spectrum_offset; /* offset of the spectrum section */
    uint32_t spectrum_bytes; /* size of its body */
    uint32_t events_offset; /* offset of the event section */
    uint32_t events_bytes; /* size of the section */
    uint32_t n_events; /* slots of the event ring */
    uint32_t n_bands; /* bands of the spectrum */
    uint8_t reserved_104[24];
    char name[64]; /* what the writer is called, UTF-8, zero-padded */
} anacrusis_header;

typedef struct anacrusis_state {
    uint64_t frame; /* index of the 20 ms frame that this state follows from */
    double timeline_t_origin_sec; /* a moment, seconds of stream */
    double timeline_beat_origin; /* beat number at that moment */
    double timeline_spb; /* seconds per beat, above 0: what clocks follow */
    double beat_t_sec; /* the moment that the beat fields describe, seconds of stream */
    double beat_spb; /* seconds per beat, above 0: to show, still while the music is steady */
    uint64_t beat_beat_count; /* number of the beat that began last */
    float beat_phase; /* position within the beat, [0, 1) */
    float beat_conf; /* probability that the last announced beat is right within 70 ms; 0 while not locked */
    float beat_downbeat_prob; /* probability that the last beat was a downbeat */
    uint8_t beat_beats_per_bar; /* beats per bar; 0 = unknown */
    uint8_t beat_beat_in_bar; /* position in the bar, 1-based; 0 = unknown */
    uint8_t beat_locked; /* 1 while beats are announced */
    uint8_t beat_reason; /* why: 0 = searching or not given, 1 = locked, 2 = weak pulse, 3 = ambiguous octave, 4 = silence, 5 = held by the user */
    double structure_t_sec; /* the moment that the section fields describe, seconds of stream */
    float structure_section_probs[8]; /* probability of each label of the contract; all 0 = not analysed */
    float structure_hazard_probs[5]; /* probability of a boundary within each horizon of the contract, never decreasing */
    uint8_t reserved_132[4];
    uint64_t wall_ns; /* wall clock at beat.t_sec, nanoseconds since the Unix epoch; 0 = unknown */
    uint64_t health_lost_samples; /* samples dropped because the analysis could not keep up */
    uint32_t health_late_updates; /* updates that came after their sample position */
    uint32_t health_nan_samples; /* samples that were no numbers, replaced by 0 */
    uint8_t health_fault; /* 0 = none, 1 = no beat model, spectral flux took over, 2 = the analysis stopped, the timeline free-runs */
    uint8_t reserved_161[7];
} anacrusis_state;

typedef struct anacrusis_load {
    uint64_t n_hops; /* hops analysed */
    uint64_t n_blocks; /* blocks that the host passed in */
    float stage_ns[5]; /* mean time of a hop in each stage, nanoseconds */
    float hop_ns; /* mean time of a whole hop, nanoseconds */
    uint32_t max_hop_ns; /* longest hop, nanoseconds */
    uint32_t max_block_ns; /* longest time of the audio thread in one block, nanoseconds */
    uint32_t ring_samples; /* samples that wait in the audio ring */
    uint32_t max_ring_samples; /* most samples that ever waited there */
    uint32_t max_pending_updates; /* most updates that ever waited for their sample position */
    uint32_t n_gaps; /* times that the audio ring was full */
    uint32_t n_jumps; /* jumps of the host */
    float midi_jitter_p50_us; /* jitter of the MIDI clock, median, microseconds */
    float midi_jitter_p99_us; /* the same, 99th percentile */
    uint8_t reserved_76[4];
} anacrusis_load;

typedef struct anacrusis_spectrum {
    uint64_t frame; /* index of the frame */
    double t_sec; /* centre of the frame, seconds of stream */
    float bands[136]; /* log10(1 + magnitude) of each band, low to high */
    float beat_activation; /* what the network sees there: a beat that is no downbeat, [0, 1] */
    float downbeat_activation; /* the same, a downbeat */
} anacrusis_spectrum;

typedef struct anacrusis_event {
    uint64_t number; /* number of this event, from 1, without gaps; it stands in slot (number - 1) mod 64 */
    double t_sec; /* when the beat falls, seconds of stream */
    uint64_t beat_count; /* number of this beat, from 0 */
    uint8_t beat_in_bar; /* position in the bar, 1-based; 0 = unknown */
    uint8_t beats_per_bar; /* beats per bar; 0 = unknown */
    uint8_t reserved_26[2];
    float downbeat_prob; /* probability that this beat is a downbeat */
    float intensity; /* how strongly the beats of late were played, [0, 1] */
    float conf; /* probability that it is right within 70 ms */
} anacrusis_event;

#ifdef __cplusplus
#define ANACRUSIS_ASSERT(condition) static_assert(condition, #condition)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define ANACRUSIS_ASSERT(condition) _Static_assert(condition, #condition)
#else
#define ANACRUSIS_ASSERT(condition) struct anacrusis_no_assert
#endif
ANACRUSIS_ASSERT(sizeof(anacrusis_header) == 192);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, magic) == 0);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, layout_version) == 8);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, header_bytes) == 12);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, total_bytes) == 16);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, pid) == 24);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, instance) == 28);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, process_start) == 32);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, sample_rate_hz) == 40);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, heartbeat_monotonic_ns) == 48);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, heartbeat_wall_ns) == 56);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, state_offset) == 64);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, state_bytes) == 68);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, load_offset) == 72);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, load_bytes) == 76);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, spectrum_offset) == 80);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, spectrum_bytes) == 84);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, events_offset) == 88);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, events_bytes) == 92);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, n_events) == 96);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, n_bands) == 100);
ANACRUSIS_ASSERT(offsetof(anacrusis_header, name) == 128);
ANACRUSIS_ASSERT(sizeof(anacrusis_state) == 168);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, frame) == 0);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, timeline_t_origin_sec) == 8);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, timeline_beat_origin) == 16);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, timeline_spb) == 24);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, beat_t_sec) == 32);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, beat_spb) == 40);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, beat_beat_count) == 48);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, beat_phase) == 56);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, beat_conf) == 60);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, beat_downbeat_prob) == 64);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, beat_beats_per_bar) == 68);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, beat_beat_in_bar) == 69);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, beat_locked) == 70);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, beat_reason) == 71);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, structure_t_sec) == 72);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, structure_section_probs) == 80);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, structure_hazard_probs) == 112);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, wall_ns) == 136);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, health_lost_samples) == 144);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, health_late_updates) == 152);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, health_nan_samples) == 156);
ANACRUSIS_ASSERT(offsetof(anacrusis_state, health_fault) == 160);
ANACRUSIS_ASSERT(sizeof(anacrusis_load) == 80);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, n_hops) == 0);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, n_blocks) == 8);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, stage_ns) == 16);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, hop_ns) == 36);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, max_hop_ns) == 40);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, max_block_ns) == 44);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, ring_samples) == 48);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, max_ring_samples) == 52);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, max_pending_updates) == 56);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, n_gaps) == 60);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, n_jumps) == 64);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, midi_jitter_p50_us) == 68);
ANACRUSIS_ASSERT(offsetof(anacrusis_load, midi_jitter_p99_us) == 72);
ANACRUSIS_ASSERT(sizeof(anacrusis_spectrum) == 568);
ANACRUSIS_ASSERT(offsetof(anacrusis_spectrum, frame) == 0);
ANACRUSIS_ASSERT(offsetof(anacrusis_spectrum, t_sec) == 8);
ANACRUSIS_ASSERT(offsetof(anacrusis_spectrum, bands) == 16);
ANACRUSIS_ASSERT(offsetof(anacrusis_spectrum, beat_activation) == 560);
ANACRUSIS_ASSERT(offsetof(anacrusis_spectrum, downbeat_activation) == 564);
ANACRUSIS_ASSERT(sizeof(anacrusis_event) == 40);
ANACRUSIS_ASSERT(offsetof(anacrusis_event, number) == 0);
ANACRUSIS_ASSERT(offsetof(anacrusis_event, t_sec) == 8);
ANACRUSIS_ASSERT(offsetof(anacrusis_event, beat_count) == 16);
ANACRUSIS_ASSERT(offsetof(anacrusis_event, beat_in_bar) == 24);
ANACRUSIS_ASSERT(offsetof(anacrusis_event, beats_per_bar) == 25);
ANACRUSIS_ASSERT(offsetof(anacrusis_event, downbeat_prob) == 28);
ANACRUSIS_ASSERT(offsetof(anacrusis_event, intensity) == 32);
ANACRUSIS_ASSERT(offsetof(anacrusis_event, conf) == 36);

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
