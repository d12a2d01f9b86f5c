//! The status page's script, run against a real server with just enough of a document under it.

use std::process::Command;

use outputs::event::{Beat, Event, Moment};
use outputs::view::View;

use crate::receivers::{Receiver, is_there};
use crate::support::*;

/// A document that remembers texts and classes, and the page's own script fetched from the server. Prints what is shown once
/// beat and state are.
const BROWSER: &str = r#"
const element = () => ({
  textContent: "", className: "", style: {}, children: [],
  get childElementCount() { return this.children.length; },
  append(...more) { this.children.push(...more); },
  replaceChildren(...all) { this.children = all; },
});
const elements = {};
globalThis.document = { getElementById: (id) => elements[id] ??= element(), createElement: element };
globalThis.location = { search: "", origin: ORIGIN };
globalThis.requestAnimationFrame = (draw) => setTimeout(draw, 5);
fetch(ORIGIN).then((answer) => answer.text()).then((page) => {
  const ids = [...page.matchAll(/ id="(\w+)"/g)].map((match) => match[1]);
  const script = page.match(/<script[^>]*>([^]*)<\/script>/)[1];
  (0, eval)(script);
  const missing = Object.keys(elements).filter((id) => !ids.includes(id));
  console.log(`missing: ${missing}`);
  const greeted = setInterval(() => {
    if (!elements.foot?.textContent) return;
    clearInterval(greeted);
    console.log(elements.foot.textContent);
  }, 5);
  setInterval(() => {
    if (!elements.bar?.textContent.includes(".") || !elements.bpm?.textContent.includes(".") || !elements.next?.textContent) return;
    const shown = ["bpm", "bar", "section", "phrase", "lock", "link", "next"].map((id) => elements[id].textContent);
    const dots = elements.beats.children.map((dot) => dot.className || "-");
    const label = elements.labels.children[4];
    console.log([...shown, dots.join(" "), label.children[0].textContent, label.className, label.children[2].textContent].join("|"));
    process.exit(0);
  }, 10);
});
"#;

#[test]
fn the_page_shows_what_it_is_told() {
    let probe = ["--experimental-websocket", "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)"];
    if !is_there("node", &probe) {
        return;
    }
    let server = server();
    let script = BROWSER.replace("ORIGIN", &format!("\"http://{}\"", server.address()));
    let mut browser = Receiver::start(Command::new("node").args(["--no-warnings", "--experimental-websocket", "-e", &script]));
    assert_eq!(browser.next_line(), "missing: ", "every element that the script uses is in the page");
    assert!(browser.next_line().ends_with("beats 500 ms ahead."));
    let Event::Beat(fallen) = beat(8) else { unreachable!() };
    server.publish_event(&lock(true, "locked"));
    server.publish_event(&Event::Approach(outputs::event::Approach { within_beats: 8, next: Some(5), ..Default::default() }));
    let mut section_probs = [0.0; 8];
    section_probs[4] = 0.75;
    let view = View { bpm: 127.96, locked: true, reason: "locked", confidence: 0.9, section: Some(4), section_probs, ..View::default() };
    server.publish_state(&view);
    // Due as soon as the page knows the server's clock.
    server.publish_event(&Event::Beat(Beat { at: Moment { mono_ns: START.mono_ns, ..START }, ..fallen }));
    let shown = browser.next_line();
    let expected =
        "128.0|3.1|chorus|bar 3 of 8 · phrase 1|locked, confidence 90 %|locked|bridge within 8 beats|on one - - -|chorus|bar now|75 %";
    assert_eq!(shown, expected);
}
