//! Where the audio of an MP4 file begins: the edit list says how much encoder priming to drop.
//!
//! AAC encoders put 1024 to 2112 samples (23 to 48 ms at 44.1 kHz) of priming in front; the container reader ignores
//! the edit list, which would make every beat that much late. Reads box headers only. An empty edit (a track that
//! starts later than the film) is not applied. Any thread. Source: ISO/IEC 14496-12, 8.6.6 (elst), 8.4.2 (mdhd),
//! 8.3.2 (tkhd), 8.4.3 (hdlr).

use std::io::{Read, Seek, SeekFrom};

/// Boxes looked at before giving up: a real file has some hundreds.
const MAX_BOXES: usize = 10_000;
/// Edit list entries looked at before giving up.
const MAX_EDITS: u32 = 64;

/// Where a track's presentation begins within its samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct EditStart {
    /// Track identifier, as in `tkhd`.
    pub(super) track_id: u32,
    /// Media to drop in front, seconds.
    pub(super) start_sec: f64,
}

/// The starts of all audio tracks that state one. A broken box ends the search: the container reader reports it.
pub(super) fn audio_starts<R: Read + Seek>(reader: &mut R, from: u64, to: u64) -> Vec<EditStart> {
    let mut boxes = Boxes { reader, n_left: MAX_BOXES };
    let mut starts = Vec::new();
    let Some(movie) = boxes.children(from, to).into_iter().find(|b| &b.kind == b"moov") else { return starts };
    for track in boxes.children(movie.start, movie.end).iter().filter(|b| &b.kind == b"trak") {
        starts.extend(boxes.track_start(track));
    }
    starts
}

/// One box: its kind and its body, as byte positions.
#[derive(Debug, Clone, Copy)]
struct Mp4Box {
    kind: [u8; 4],
    start: u64,
    end: u64,
}

struct Boxes<'a, R> {
    reader: &'a mut R,
    n_left: usize,
}

impl<R: Read + Seek> Boxes<'_, R> {
    fn read<const N: usize>(&mut self, at: u64, end: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        (at.checked_add(N as u64)? <= end).then_some(())?;
        self.reader.seek(SeekFrom::Start(at)).ok()?;
        self.reader.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    fn u32_at(&mut self, at: u64, end: u64) -> Option<u32> {
        self.read::<4>(at, end).map(u32::from_be_bytes)
    }

    /// The box whose header is at `at`.
    fn header(&mut self, at: u64, end: u64) -> Option<Mp4Box> {
        let size = u64::from(self.u32_at(at, end)?);
        let kind = self.read::<4>(at + 4, end)?;
        let (n_header, size) = match size {
            0 => (8, end - at),
            1 => (16, u64::from_be_bytes(self.read::<8>(at + 8, end)?)),
            n => (8, n),
        };
        let start = at + n_header;
        let end = at.checked_add(size).filter(|&e| e >= start)?.min(end);
        Some(Mp4Box { kind, start, end })
    }

    fn children(&mut self, from: u64, to: u64) -> Vec<Mp4Box> {
        let mut boxes = Vec::new();
        let mut at = from;
        while at < to && self.n_left > 0 {
            self.n_left -= 1;
            let Some(found) = self.header(at, to) else { break };
            at = found.end;
            boxes.push(found);
        }
        boxes
    }

    fn child(&mut self, parent: &Mp4Box, kind: &[u8; 4]) -> Option<Mp4Box> {
        self.children(parent.start, parent.end).into_iter().find(|b| &b.kind == kind)
    }

    fn track_start(&mut self, track: &Mp4Box) -> Option<EditStart> {
        let media = self.child(track, b"mdia")?;
        let handler = self.child(&media, b"hdlr")?;
        if &self.read::<4>(handler.start + 8, handler.end)? != b"soun" {
            return None;
        }
        let track_header = self.child(track, b"tkhd")?;
        let track_id = self.field_after_times(&track_header)?;
        let media_header = self.child(&media, b"mdhd")?;
        let timescale_hz = self.field_after_times(&media_header).filter(|&t| t > 0)?;
        let edits = self.child(track, b"edts")?;
        let list = self.child(&edits, b"elst")?;
        let media_time = self.first_media_time(&list)?;
        Some(EditStart { track_id, start_sec: media_time as f64 / f64::from(timescale_hz) })
    }

    /// The 32-bit field behind the two times of `tkhd` and `mdhd`, which are 64 bits wide from version 1 on.
    fn field_after_times(&mut self, header: &Mp4Box) -> Option<u32> {
        let [version, ..] = self.read::<4>(header.start, header.end)?;
        self.u32_at(header.start + if version == 0 { 12 } else { 20 }, header.end)
    }

    /// The first edit that shows media (-1 is an empty edit), in units of the media's timescale.
    fn first_media_time(&mut self, list: &Mp4Box) -> Option<u64> {
        let [version, ..] = self.read::<4>(list.start, list.end)?;
        let n_edits = self.u32_at(list.start + 4, list.end)?.min(MAX_EDITS);
        (0..u64::from(n_edits)).find_map(|k| {
            let time = if version == 0 {
                i64::from(self.u32_at(list.start + 8 + 12 * k + 4, list.end)? as i32)
            } else {
                i64::from_be_bytes(self.read::<8>(list.start + 8 + 20 * k + 8, list.end)?)
            };
            u64::try_from(time).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn mp4_box(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    fn film(handler: &[u8; 4], edits: &[u8]) -> Vec<u8> {
        let hdlr = mp4_box(b"hdlr", &[&words(&[0, 0]), &handler[..]].concat());
        let mdhd = mp4_box(b"mdhd", &words(&[0, 1, 2, 44_100, 99]));
        let mdia = mp4_box(b"mdia", &[mdhd, hdlr].concat());
        let tkhd = mp4_box(b"tkhd", &words(&[0, 1, 2, 7, 0]));
        let edts = mp4_box(b"edts", &mp4_box(b"elst", edits));
        let trak = mp4_box(b"trak", &[tkhd, edts, mdia].concat());
        [mp4_box(b"ftyp", b"M4A "), mp4_box(b"mdat", &[0; 50]), mp4_box(b"moov", &trak)].concat()
    }

    fn starts(bytes: &[u8]) -> Vec<EditStart> {
        audio_starts(&mut Cursor::new(bytes), 0, bytes.len() as u64)
    }

    #[test]
    fn the_first_edit_that_shows_media_is_the_start() {
        let plain = film(b"soun", &words(&[0, 1, 500, 441, 0x10000]));
        assert_eq!(starts(&plain), [EditStart { track_id: 7, start_sec: 0.01 }]);
        let after_empty_edit = film(b"soun", &words(&[0, 2, 9, u32::MAX, 0x10000, 500, 441, 0x10000]));
        assert_eq!(starts(&after_empty_edit), [EditStart { track_id: 7, start_sec: 0.01 }]);
        let wide = film(b"soun", &words(&[0x0100_0000, 1, 0, 500, 0, 441, 0x10000]));
        assert_eq!(starts(&wide), [EditStart { track_id: 7, start_sec: 0.01 }]);
    }

    #[test]
    fn other_tracks_have_no_start() {
        assert_eq!(starts(&film(b"vide", &words(&[0, 1, 500, 441, 0x10000]))), []);
    }

    #[test]
    fn every_truncation_and_every_wrong_byte_is_survived() {
        let bytes = film(b"soun", &words(&[0, 1, 500, 441, 0x10000]));
        for n in 0..bytes.len() {
            starts(&bytes[..n]);
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = bytes.clone();
                broken[n] = value;
                starts(&broken);
            }
        }
    }
}
