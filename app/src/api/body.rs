//! A file as the body of an answer, piece by piece: however long it is, little of it is in memory. Server threads; the disk is read by
//! threads of the runtime that may wait.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use axum::body::{Body, Bytes};
use futures_util::stream::unfold;

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 65_536;

/// The body, and its length in bytes as the file is now.
///
/// # Errors
/// It cannot be opened.
pub(super) async fn file_body(path: PathBuf) -> io::Result<(Body, u64)> {
    let opened = tokio::task::spawn_blocking(move || {
        let file = File::open(path)?;
        let n_bytes = file.metadata()?.len();
        Ok::<_, io::Error>((file, n_bytes))
    });
    let (file, n_bytes) = opened.await.map_err(io::Error::other)??;
    let pieces = unfold(Some((file, n_bytes)), |state| async move {
        let (mut file, n_left) = state.filter(|(_, n_left)| *n_left > 0)?;
        let read = tokio::task::spawn_blocking(move || {
            // A file that grows meanwhile is sent as long as it was.
            let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(n_left).unwrap_or(PIECE_BYTES))];
            let n_read = file.read(&mut piece)?;
            piece.truncate(n_read);
            if n_read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok((file, piece)) }
        });
        match read.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok((file, piece)) => {
                let n_left = n_left - piece.len() as u64;
                Some((Ok(Bytes::from(piece)), Some((file, n_left))))
            }
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok((Body::from_stream(pieces), n_bytes))
}
