//! Sound that is sent, piece by piece into a file: never more than a few pieces in memory, never more than is allowed on the disk.
//! Server threads; the disk is written by a thread of the runtime that may wait.

use std::io::Write;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use web::Progress;

use super::routes::io_error;
use crate::api::error::ApiError;

/// Pieces between network and disk.
const N_PIECES: usize = 8;
/// Bytes in a megabyte.
const MB: u64 = 1_000_000;

/// Writes a body into a new file in `folder`; it is removed again where it does not become a job.
///
/// # Errors
/// More than `max_bytes`, nothing at all, a sender that goes away, a disk that refuses.
pub(super) async fn receive(
    folder: std::path::PathBuf,
    headers: &HeaderMap,
    body: Body,
    max_bytes: u64,
    progress: &Progress,
) -> Result<NamedTempFile, ApiError> {
    let too_large = || ApiError::too_large(format_args!("expected at most {} MB", max_bytes / MB));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n_bytes| n_bytes > max_bytes) {
        return Err(too_large());
    }
    let (pieces_in, pieces) = mpsc::channel(N_PIECES);
    let writing = tokio::task::spawn_blocking(move || write(&folder, pieces));
    let mut body = body.into_data_stream();
    let mut n_bytes = 0;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| ApiError::bad_request("body", format_args!("the body breaks off: {error}")))?;
        n_bytes += piece.len() as u64;
        if n_bytes > max_bytes {
            return Err(too_large());
        }
        progress.made();
        if pieces_in.send(piece).await.is_err() {
            // The disk refuses; why is said below.
            break;
        }
    }
    drop(pieces_in);
    if n_bytes == 0 {
        return Err(ApiError::bad_request("body", "expected the bytes of an audio file, got none"));
    }
    let written = writing.await.map_err(|_| ApiError::unavailable("disk", "the upload could not be written"))?;
    written.map_err(|error| io_error("write the upload", &error))
}

/// Writes pieces until there are no more. Where the sender goes away the file is dropped, and with that removed.
fn write(folder: &std::path::Path, mut pieces: mpsc::Receiver<Bytes>) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(folder)?;
    while let Some(piece) = pieces.blocking_recv() {
        file.write_all(&piece)?;
    }
    file.flush()?;
    Ok(file)
}
