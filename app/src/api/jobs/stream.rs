//! What a job says as Server-Sent Events: beats and sections with numbers, progress without, and the end. Server threads.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::watch;

use super::feed::JobProgress;
use super::record::Job;
use super::work::Run;

/// Events that are taken at a time.
const BATCH: usize = 256;
/// So often a comment says that the connection lives.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// One listener.
struct Listener {
    run: Arc<Run>,
    changes: watch::Receiver<u64>,
    /// Number of the next event.
    next: usize,
    told: Option<JobProgress>,
    waiting: VecDeque<Event>,
    is_over: bool,
}

/// Which event a listener heard last: it goes on with the one after.
pub(super) fn resume_at(headers: &HeaderMap) -> usize {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    last.map_or(0, |last| last.saturating_add(1))
}

/// All that a job says from number `from` on, to its end.
pub(super) fn events(run: Arc<Run>, from: usize) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = run.feed.changes();
    let listener = Listener { run, changes, next: from, told: None, waiting: VecDeque::new(), is_over: false };
    let stream = unfold(listener, |mut listener| async move {
        let event = listener.next_event().await?;
        Some((Ok(event), listener))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

impl Listener {
    async fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            self.changes.mark_unchanged();
            if !self.collect() && self.changes.changed().await.is_err() {
                return None;
            }
        }
    }

    /// Takes what is new; false where nothing is.
    fn collect(&mut self) -> bool {
        let news = self.run.feed.news(self.next, BATCH);
        for event in &news.events {
            let said = Event::default().id(self.next.to_string()).event(event.name()).data(event.data());
            self.waiting.push_back(said);
            self.next += 1;
        }
        if self.told != Some(news.progress) {
            self.told = Some(news.progress);
            self.waiting.push_back(Event::default().event("progress").data(json(&news.progress)));
        }
        if let Some(job) = news.end {
            self.waiting.push_back(Event::default().event("end").data(json::<Job>(&job)));
            self.is_over = true;
        }
        !self.waiting.is_empty()
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data becomes JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn who_heard_one_goes_on_with_the_next() {
        let with =
            |text: &'static str| resume_at(&HeaderMap::from_iter([("last-event-id".parse().unwrap(), HeaderValue::from_static(text))]));
        assert_eq!([with("7"), with("x"), with("-1"), resume_at(&HeaderMap::new())], [8, 0, 0, 0]);
    }
}
