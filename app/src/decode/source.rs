//! The bytes under a container: tags in front are skipped, and the position is visible for a progress bar.
//!
//! ID3v2 tags are skipped here rather than parsed: they hold nothing that we want, can be many megabytes of pictures,
//! and would otherwise be searched for something that looks like audio. Any thread.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use symphonia::core::io::{MediaSource, ReadOnlySource};

use super::error::DecodeError;
use super::mp4_edits::{self, EditStart};

/// Bytes that tell containers apart.
const HEAD_BYTES: usize = 12;
/// Length of an ID3v2 header, and of its footer, bytes.
const ID3_HEADER_BYTES: u64 = 10;

/// A source, ready for the container reader, with what had to be learnt before it is given away.
pub(super) struct OpenSource {
    /// What the container reader reads.
    pub(super) media: Box<dyn MediaSource>,
    /// Bytes read so far.
    pub(super) position: Arc<AtomicU64>,
    /// Length of the source, bytes.
    pub(super) n_bytes: Option<u64>,
    /// Where each audio track of an MP4 file begins.
    pub(super) edits: Vec<EditStart>,
}

impl OpenSource {
    /// A source that can be sought in.
    ///
    /// # Errors
    /// Empty, or unreadable.
    pub(super) fn seekable<R: Read + Seek + Send + Sync + 'static>(mut inner: R) -> Result<Self, DecodeError> {
        let n_bytes = inner.seek(SeekFrom::End(0))?;
        if n_bytes == 0 {
            return Err(DecodeError::Empty);
        }
        let mut base = 0;
        let head = loop {
            inner.seek(SeekFrom::Start(base))?;
            let head = read_up_to(&mut inner, HEAD_BYTES)?;
            match id3_bytes(&head) {
                Some(n) if base + n < n_bytes => base += n,
                _ => break head,
            }
        };
        let container = sniff(&head);
        let edits = if container == Head::Mp4 { mp4_edits::audio_starts(&mut inner, base, n_bytes) } else { Vec::new() };
        inner.seek(SeekFrom::Start(base))?;
        let position = Arc::new(AtomicU64::new(base));
        let seekable = container != Head::Other && !is_cut_aiff(&head, n_bytes - base);
        let media = Positioned { inner, base, n_bytes: Some(n_bytes), seekable, position: position.clone() };
        Ok(Self { media: Box::new(media), position, n_bytes: Some(n_bytes), edits })
    }

    /// A source that can only be read forward, such as a pipe.
    ///
    /// # Errors
    /// Empty, or unreadable.
    pub(super) fn stream<R: Read + Send + Sync + 'static>(mut inner: R) -> Result<Self, DecodeError> {
        let head = loop {
            let head = read_up_to(&mut inner, HEAD_BYTES)?;
            match id3_bytes(&head) {
                Some(n) if head.len() == HEAD_BYTES => {
                    // The tag is longer than the head, except an empty one, whose next bytes are in the head already.
                    let rest = n.saturating_sub(HEAD_BYTES as u64);
                    if n < HEAD_BYTES as u64 {
                        break head[n as usize..].to_vec();
                    }
                    io::copy(&mut inner.by_ref().take(rest), &mut io::sink())?;
                }
                _ => break head,
            }
        };
        if head.is_empty() {
            return Err(DecodeError::Empty);
        }
        let position = Arc::new(AtomicU64::new(0));
        let inner = ReadOnlySource::new(Cursor::new(head).chain(inner));
        let media = Positioned { inner, base: 0, n_bytes: None, seekable: false, position: position.clone() };
        Ok(Self { media: Box::new(media), position, n_bytes: None, edits: Vec::new() })
    }
}

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// MP4, M4A, MOV.
    Mp4,
    /// A container with a header that states its length.
    Container,
    /// An elementary stream (MP3, ADTS), or something unknown.
    Other,
}

/// Tells containers from elementary streams.
///
/// NB: the readers of elementary streams guess the length from the bit rate when they can seek, and then cut the
/// audio off where they guessed the end; a source that they cannot seek in is read to its real end.
fn sniff(head: &[u8]) -> Head {
    let at = |range: std::ops::Range<usize>| head.get(range).unwrap_or_default();
    match (at(0..4), at(4..8)) {
        (_, b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip") => Head::Mp4,
        (b"RIFF" | b"FORM" | b"fLaC" | b"OggS" | b"\x1a\x45\xdf\xa3", _) => Head::Container,
        _ => Head::Other,
    }
}

/// True for an AIFF file that is longer than its bytes. The reader looks for chunks behind the sound before it gives
/// the first sample, which fails there, unless it cannot seek.
fn is_cut_aiff(head: &[u8], n_bytes: u64) -> bool {
    let form = head.strip_prefix(b"FORM").and_then(|rest| rest.first_chunk::<4>());
    form.is_some_and(|&size| u64::from(u32::from_be_bytes(size)) + 8 > n_bytes)
}

/// Length of the ID3v2 tag that begins here, bytes (id3v2.4.0-structure, section 3.1).
fn id3_bytes(head: &[u8]) -> Option<u64> {
    let header = head.first_chunk::<10>()?;
    let size = header[6..].iter().try_fold(0u64, |size, &byte| (byte < 0x80).then(|| size << 7 | u64::from(byte)))?;
    let has_footer = header[5] & 0x10 != 0;
    header.starts_with(b"ID3").then(|| ID3_HEADER_BYTES + size + if has_footer { ID3_HEADER_BYTES } else { 0 })
}

/// Reads until `n` bytes are there or the source ends.
fn read_up_to(reader: &mut impl Read, n: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(n);
    reader.by_ref().take(n as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A source whose byte 0 lies behind the tags, and whose position others can see.
struct Positioned<R> {
    inner: R,
    base: u64,
    n_bytes: Option<u64>,
    seekable: bool,
    position: Arc<AtomicU64>,
}

impl<R: Read> Read for Positioned<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.position.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl<R: Seek> Seek for Positioned<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => SeekFrom::Start(at.saturating_add(self.base)),
            other => other,
        };
        let at = self.inner.seek(to)?;
        self.position.store(at, Ordering::Relaxed);
        at.checked_sub(self.base).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the start"))
    }
}

impl<R: Read + Seek + Send + Sync> MediaSource for Positioned<R> {
    fn is_seekable(&self) -> bool {
        self.seekable
    }

    fn byte_len(&self) -> Option<u64> {
        if self.seekable { self.n_bytes.map(|n| n - self.base) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ID3v2.4 tag with `n_body` bytes of body.
    fn tag(n_body: usize) -> Vec<u8> {
        let mut bytes = b"ID3\x04\x00\x00".to_vec();
        bytes.extend((0..4).rev().map(|k| (n_body >> (7 * k)) as u8 & 0x7f));
        bytes.extend(std::iter::repeat_n(0xaa, n_body));
        bytes
    }

    fn all(mut source: OpenSource) -> Vec<u8> {
        let mut bytes = Vec::new();
        source.media.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn tags_in_front_are_skipped_in_files_and_pipes() {
        for n_body in [0, 1, 2, 3, 300] {
            let bytes = [tag(n_body), tag(5), b"RIFF and twelve bytes more".to_vec()].concat();
            assert_eq!(all(OpenSource::seekable(Cursor::new(bytes.clone())).unwrap()), b"RIFF and twelve bytes more", "{n_body}");
            if n_body > 1 {
                assert_eq!(all(OpenSource::stream(Cursor::new(bytes)).unwrap()), b"RIFF and twelve bytes more", "{n_body}");
            }
        }
    }

    #[test]
    fn a_tag_that_claims_more_than_the_file_is_not_skipped() {
        let bytes = tag(300)[..100].to_vec();
        assert_eq!(all(OpenSource::seekable(Cursor::new(bytes.clone())).unwrap()), bytes);
    }

    #[test]
    fn nothing_is_empty() {
        assert!(matches!(OpenSource::seekable(Cursor::new(vec![])), Err(DecodeError::Empty)));
        assert!(matches!(OpenSource::stream(io::empty()), Err(DecodeError::Empty)));
    }

    #[test]
    fn elementary_streams_are_not_sought_in() {
        assert_eq!(sniff(b"\xff\xfb\x90\x00........"), Head::Other);
        assert_eq!(sniff(b"\0\0\0\x1cftypM4A "), Head::Mp4);
        assert_eq!(sniff(b"RIFF"), Head::Container);
        assert_eq!(sniff(b""), Head::Other);
    }
}
