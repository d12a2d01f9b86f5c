//! What a client that never reads costs the server, counted where memory is given out.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use outputs::event::{Beat, Event, Moment};
use outputs::view::View;
use web::{Clock, Limits, WebConfig, WebServer};

/// Bytes in use.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator as it came; counting touches no memory of the caller's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Clients that never read, and what is published to them.
const N_STALLED: usize = 20;
const N_PUBLISHED: u64 = 30_000;
/// The ring holds 256 events of some 400 bytes, twice that with their frame, and each client one message on its way.
const BOUND_BYTES: usize = 1_000_000;

#[test]
fn clients_that_never_read_cost_no_more_the_longer_it_lasts() {
    let hour = Duration::from_secs(3600);
    let limits = Limits { send_stall: hour, ping: hour, silence: hour, ..Limits::default() };
    let config = WebConfig { listen: "127.0.0.1:0".to_owned(), ..WebConfig::default() };
    let server = WebServer::start_limited(config, Router::new(), limits, Clock::new()).unwrap();
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address()
    );
    let clients: Vec<TcpStream> = (0..N_STALLED)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    while server.clients() < N_STALLED {
        std::thread::sleep(Duration::from_millis(2));
    }
    let before = IN_USE.load(Ordering::Relaxed);
    let mut most = before;
    for number in 0..N_PUBLISHED {
        let at = Moment { mono_ns: 1 << 50, unix_ns: 1 << 60 };
        server.publish_event(&Event::Beat(Beat { at, number, ..Beat::default() }));
        server.publish_state(&View::default());
        most = most.max(IN_USE.load(Ordering::Relaxed));
        if number % 100 == 0 {
            // So that the server's threads write until no client takes any more.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert!(most - before < BOUND_BYTES, "{} bytes more", most - before);
    assert_eq!(server.clients(), N_STALLED, "nobody was cut off, so all of them were held");
    drop(clients);
}
