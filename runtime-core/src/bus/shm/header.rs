//! The header of a feed: written once when the file is made, checked in every respect when it is opened.
//!
//! Where: between the bytes of the file and `writer`, `reader`, `sweep`. Any thread.

use super::error::HeaderError;
use super::layout::{
    EVENT_SLOTS_OFFSET, EVENT_STRIDE_BYTES, EVENTS_BYTES, EVENTS_OFFSET, HEADER_BYTES, HEADER_FIELDS, LAYOUT_VERSION, LOAD_BYTES,
    LOAD_OFFSET, MAGIC, N_BANDS, N_EVENTS, NAME_BYTES, SPECTRUM_BYTES, SPECTRUM_OFFSET, STATE_BYTES, STATE_OFFSET, TOTAL_BYTES,
};

/// Sizes above this are not of a feed, whatever the header says: nothing is mapped at a stranger's word.
const MAX_BYTES: u64 = 1 << 20;

/// What stands in the header of a feed.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedHeader {
    /// Process of the writer, as it numbers itself.
    pub pid: u32,
    /// Number of the instance within its process, from 1.
    pub instance: u32,
    /// When that process started, clock ticks after boot; 0 = unknown.
    pub process_start: u64,
    /// Rate of the host, Hz; 0 = unknown.
    pub sample_rate_hz: f64,
    /// Heartbeat when the header was read, nanoseconds of the monotonic clock.
    pub heartbeat_monotonic_ns: u64,
    /// The same moment, nanoseconds since the Unix epoch; 0 = unknown.
    pub heartbeat_wall_ns: u64,
    /// What the writer is called.
    pub name: String,
    /// Where the sections are.
    pub(super) sections: Sections,
    /// Bytes of the file.
    pub(super) total_bytes: u64,
}

/// Offsets of the sections, bytes, checked against the size of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sections {
    pub(super) state: usize,
    pub(super) load: usize,
    pub(super) spectrum: usize,
    pub(super) events: usize,
}

impl Sections {
    /// Those of the files that we write.
    pub(super) const OURS: Self = Self { state: STATE_OFFSET, load: LOAD_OFFSET, spectrum: SPECTRUM_OFFSET, events: EVENTS_OFFSET };
}

impl FeedHeader {
    /// The header of a new file. A name too long for its field is cut at a character.
    pub(super) fn new(name: &str) -> Self {
        Self {
            pid: 0,
            instance: 0,
            process_start: 0,
            sample_rate_hz: 0.0,
            heartbeat_monotonic_ns: 0,
            heartbeat_wall_ns: 0,
            name: name.chars().filter(|c| *c != '\0').collect(),
            sections: Sections::OURS,
            total_bytes: TOTAL_BYTES as u64,
        }
    }

    /// The bytes of a new file, its sections empty.
    pub(super) fn file_image(&self) -> Vec<u8> {
        let mut image = vec![0; TOTAL_BYTES];
        let mut put = |name: &str, bytes: &[u8]| {
            let offset = offset_of(name);
            image[offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        put("magic", &MAGIC);
        for (name, value) in [
            ("layout_version", LAYOUT_VERSION),
            ("header_bytes", HEADER_BYTES as u32),
            ("pid", self.pid),
            ("instance", self.instance),
            ("state_offset", STATE_OFFSET as u32),
            ("state_bytes", STATE_BYTES as u32),
            ("load_offset", LOAD_OFFSET as u32),
            ("load_bytes", LOAD_BYTES as u32),
            ("spectrum_offset", SPECTRUM_OFFSET as u32),
            ("spectrum_bytes", SPECTRUM_BYTES as u32),
            ("events_offset", EVENTS_OFFSET as u32),
            ("events_bytes", EVENTS_BYTES as u32),
            ("n_events", N_EVENTS as u32),
            ("n_bands", N_BANDS as u32),
        ] {
            put(name, &value.to_le_bytes());
        }
        for (name, value) in [
            ("total_bytes", TOTAL_BYTES as u64),
            ("process_start", self.process_start),
            ("sample_rate_hz", self.sample_rate_hz.to_bits()),
            ("heartbeat_monotonic_ns", self.heartbeat_monotonic_ns),
            ("heartbeat_wall_ns", self.heartbeat_wall_ns),
        ] {
            put(name, &value.to_le_bytes());
        }
        put("name", &self.name.as_bytes()[..self.name.floor_char_boundary(NAME_BYTES)]);
        image
    }

    /// Reads a header from the first bytes of a file of `file_bytes`.
    ///
    /// # Errors
    /// The first field that is not what a feed of this version has.
    pub(super) fn parse(bytes: &[u8], file_bytes: u64) -> Result<Self, HeaderError> {
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(HeaderError::Short { expected: HEADER_BYTES as u64, got: file_bytes });
        };
        if bytes[..MAGIC.len()] != MAGIC {
            return Err(HeaderError::Magic { got: String::from_utf8_lossy(&bytes[..MAGIC.len()]).into_owned() });
        }
        let version = u32_of(bytes, "layout_version");
        if version != LAYOUT_VERSION {
            return Err(HeaderError::Version { expected: LAYOUT_VERSION, got: version });
        }
        for (field, expected) in [
            ("header_bytes", HEADER_BYTES),
            ("state_bytes", STATE_BYTES),
            ("load_bytes", LOAD_BYTES),
            ("spectrum_bytes", SPECTRUM_BYTES),
            ("events_bytes", EVENTS_BYTES),
            ("n_events", N_EVENTS),
            ("n_bands", N_BANDS),
        ] {
            let got = u32_of(bytes, field);
            if got as usize != expected {
                return Err(HeaderError::Field { field, expected: expected as u64, got: u64::from(got) });
            }
        }
        let total_bytes = u64_of(bytes, "total_bytes");
        if total_bytes > MAX_BYTES {
            return Err(HeaderError::Field { field: "total_bytes", expected: TOTAL_BYTES as u64, got: total_bytes });
        }
        if file_bytes < total_bytes {
            return Err(HeaderError::Short { expected: total_bytes, got: file_bytes });
        }
        let section = |section, field, bytes_needed: usize| {
            let (offset, bytes_needed) = (u64::from(u32_of(bytes, field)), bytes_needed as u64);
            let fits = offset >= HEADER_BYTES as u64 && offset.is_multiple_of(8) && offset + bytes_needed <= total_bytes;
            let misplaced = HeaderError::Section { section, offset, bytes: bytes_needed, total: total_bytes };
            if fits { Ok(offset as usize) } else { Err(misplaced) }
        };
        let sections = Sections {
            state: section("state", "state_offset", 8 + STATE_BYTES)?,
            load: section("load", "load_offset", 8 + LOAD_BYTES)?,
            spectrum: section("spectrum", "spectrum_offset", 8 + SPECTRUM_BYTES)?,
            events: section("events", "events_offset", EVENT_SLOTS_OFFSET + N_EVENTS * EVENT_STRIDE_BYTES)?,
        };
        let rate_hz = f64::from_bits(u64_of(bytes, "sample_rate_hz"));
        let name = &bytes[offset_of("name")..][..NAME_BYTES];
        let name = &name[..name.iter().position(|b| *b == 0).unwrap_or(NAME_BYTES)];
        Ok(Self {
            pid: u32_of(bytes, "pid"),
            instance: u32_of(bytes, "instance"),
            process_start: u64_of(bytes, "process_start"),
            sample_rate_hz: if rate_hz.is_finite() && rate_hz > 0.0 { rate_hz } else { 0.0 },
            heartbeat_monotonic_ns: u64_of(bytes, "heartbeat_monotonic_ns"),
            heartbeat_wall_ns: u64_of(bytes, "heartbeat_wall_ns"),
            name: String::from_utf8_lossy(name).chars().filter(|c| !c.is_control()).collect(),
            sections,
            total_bytes,
        })
    }
}

/// Offset of a header field, bytes.
pub(super) fn offset_of(name: &str) -> usize {
    HEADER_FIELDS.iter().find(|field| field.name == name).expect("only names of the table are asked for").offset
}

fn u32_of(bytes: &[u8; HEADER_BYTES], name: &str) -> u32 {
    u32::from_le_bytes(*bytes[offset_of(name)..].first_chunk().expect("fields lie within the header"))
}

fn u64_of(bytes: &[u8; HEADER_BYTES], name: &str) -> u64 {
    u64::from_le_bytes(*bytes[offset_of(name)..].first_chunk().expect("fields lie within the header"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header() -> FeedHeader {
        FeedHeader {
            pid: 12,
            instance: 3,
            process_start: 99,
            sample_rate_hz: 44_100.0,
            heartbeat_monotonic_ns: 5,
            heartbeat_wall_ns: 6,
            ..FeedHeader::new("Drums")
        }
    }

    /// The error of the image with four bytes at a field replaced.
    fn refused(field: &str, value: u32) -> HeaderError {
        let mut image = header().file_image();
        let offset = offset_of(field);
        image[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        FeedHeader::parse(&image, image.len() as u64).unwrap_err()
    }

    #[test]
    fn a_header_survives_its_bytes() {
        let image = header().file_image();
        assert_eq!(FeedHeader::parse(&image, image.len() as u64), Ok(header()));
    }

    #[test]
    fn a_long_name_is_cut_at_a_character() {
        let image = FeedHeader::new(&"ä".repeat(40)).file_image();
        assert_eq!(FeedHeader::parse(&image, image.len() as u64).unwrap().name, "ä".repeat(32));
        let image = FeedHeader::new(&format!("x{}", "ä".repeat(40))).file_image();
        assert_eq!(FeedHeader::parse(&image, image.len() as u64).unwrap().name, format!("x{}", "ä".repeat(31)));
    }

    #[test]
    fn every_wrong_field_is_named() {
        let message = |error: HeaderError| error.to_string();
        assert_eq!(message(refused("magic", 0x3f3f_3f3f)), "magic is \"????FEED\", expected \"ANACFEED\"");
        assert_eq!(message(refused("layout_version", 2)), "layout version is 2, expected 1");
        assert_eq!(message(refused("header_bytes", 191)), "header_bytes is 191, expected 192");
        assert_eq!(message(refused("n_events", 65)), "n_events is 65, expected 64");
        assert_eq!(message(refused("total_bytes", u32::MAX)), format!("total_bytes is 4294967295, expected {TOTAL_BYTES}"));
        for (field, section, value) in [
            ("state_offset", "state", 196),
            ("load_offset", "load", 0),
            ("spectrum_offset", "spectrum", u32::MAX - 7),
            ("events_offset", "events", 4096),
        ] {
            assert!(matches!(refused(field, value), HeaderError::Section { section: named, .. } if named == section), "{field}");
        }
    }

    #[test]
    fn a_file_shorter_than_its_header_says_is_refused() {
        let image = header().file_image();
        assert_eq!(
            FeedHeader::parse(&image[..TOTAL_BYTES - 1], TOTAL_BYTES as u64 - 1),
            Err(HeaderError::Short { expected: TOTAL_BYTES as u64, got: TOTAL_BYTES as u64 - 1 })
        );
        assert_eq!(FeedHeader::parse(&[], 0), Err(HeaderError::Short { expected: HEADER_BYTES as u64, got: 0 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: if cfg!(miri) { 4 } else { 512 }, ..ProptestConfig::default() })]

        #[test]
        fn a_header_with_any_bytes_changed_is_refused_or_in_range(changes in prop::collection::vec((0..HEADER_BYTES, any::<u8>()), 1..4)) {
            let mut image = header().file_image();
            for (at, byte) in changes {
                image[at] = byte;
            }
            if let Ok(header) = FeedHeader::parse(&image, image.len() as u64) {
                let Sections { state, load, spectrum, events } = header.sections;
                prop_assert!(state + 8 + STATE_BYTES <= TOTAL_BYTES && load + 8 + LOAD_BYTES <= TOTAL_BYTES);
                prop_assert!(spectrum + 8 + SPECTRUM_BYTES <= TOTAL_BYTES && events + EVENTS_BYTES <= TOTAL_BYTES);
                prop_assert!(header.sample_rate_hz.is_finite() && header.sample_rate_hz >= 0.0);
            }
        }
    }
}
