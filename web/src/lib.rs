//! The app's HTTP and WebSocket server: events ahead of time for browsers and scripts, on a thread of its own.
