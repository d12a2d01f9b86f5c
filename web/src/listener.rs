//! Takes in connections and speaks HTTP on them, with limits on each. Server threads.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::client::stopped;
use crate::server::Limits;
use crate::stall::StallGuard;

/// Connections that wait to be taken in.
const BACKLOG: u32 = 256;
/// Bytes that the system may keep for a client that is slow to read: about half a second of states at 50 Hz (Linux takes twice
/// that). What is beyond is not sent late but skipped.
const SEND_BUFFER_BYTES: u32 = 16_384;
/// Longest head of a request, bytes, and most lines in it.
const MAX_HEAD_BYTES: usize = 16_384;
const MAX_HEADERS: usize = 64;
/// Pause after the system refused a connection: too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens on the address. Within a runtime.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On Windows this would let two programs share a port.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    // Connections have it from here.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until told to stop. `alive` is held by all that is under way.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    max_connections: usize,
    mut stop: watch::Receiver<bool>,
    alive: mpsc::Sender<()>,
) {
    let places = Arc::new(Semaphore::new(max_connections));
    let service = TowerToHyperService::new(router);
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // None left: the stream is dropped, which closes it.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let connection = connection(stream, service.clone(), limits, stop.clone());
        let alive = alive.clone();
        tokio::spawn(async move {
            connection.await;
            drop((place, alive));
        });
    }
}

async fn connection(stream: TcpStream, service: TowerToHyperService<Router>, limits: Limits, mut stop: watch::Receiver<bool>) {
    // Without it small messages wait for the answer to the one before.
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(StallGuard::new(stream, limits.send_stall));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(stream, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    // Errors here are the client's: gone, too slow, no HTTP.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
