//! `anacrusis live`: listens to an input and says what it hears through every output, ahead of time. Main thread.

pub mod feed_source;
pub mod file_input;
pub mod look;
pub mod system_clock;
