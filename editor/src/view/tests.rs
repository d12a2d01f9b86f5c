//! The window without a window: what egui is told to paint, and what comes of clicks and drags.

use egui::{Context, Event, FullOutput, Modifiers, PointerButton, Pos2, RawInput, Rect, Shape, Vec2, vec2};

use super::*;
use crate::control::Control;
use crate::layout::DEFAULT_SIZE;
use crate::snapshot::{BeatView, ControlView, Light, LightState, Mark, Run, ScopePoint, SectionView, TempoView};
use Action::{Begin, End, Set};

/// Rounding to pixels.
const SLACK: f32 = 1.0;

/// Everything that can be shown, in long words.
fn busy() -> Snapshot {
    let text = |control: Control| match control {
        Control::Model => "Automatic: Pulse",
        Control::TempoMin | Control::TempoMax => "240.0 BPM",
        Control::ManualBpm => "120.00 BPM",
        Control::Offset => "-500.0 ms",
        Control::OnSilence => "Keep ticking",
        Control::Relock => "Restart on downbeat",
        Control::ClockSource => "Host transport",
        Control::Meter => "7 beats",
        _ => "127",
    };
    let light = |name, state, word, control| Light { name, state, word, control, tip: "What it is.".to_owned() };
    Snapshot {
        run: Run::Live,
        beat: BeatView {
            is_locked: true,
            reason: "ambiguous octave",
            conf: 0.87,
            tempo_bpm: 171.4,
            beat_number: 42,
            phase: 0.3,
            beat_in_bar: 1,
            beats_per_bar: 7,
        },
        tempi: [(171.4, 0.61), (85.7, 0.22), (114.3, 0.1)].map(|(bpm, prob)| TempoView { bpm, prob }).to_vec(),
        section: SectionView { now: Some(("pre-chorus", 0.74)), horizons_beats: [1, 2, 4, 8, 16], hazard_probs: [0.1, 0.2, 0.3, 0.6, 0.9] },
        scope: (0..300).map(|n| ScopePoint { at_sec: (n - 300) as f32 * 0.02, beat_prob: 0.5, downbeat_prob: 0.2 }).collect(),
        marks: (-15..6).map(|n| Mark { at_sec: 0.35 * n as f32 + 0.1, is_downbeat: n % 4 == 0, is_predicted: n >= 0 }).collect(),
        level_db: -18.0,
        peak_db: -6.0,
        hints: "hold, tempo, level, range, meter, one, nudge".to_owned(),
        trouble: String::new(),
        lights: vec![
            light("Beat notes", LightState::On, "bypassed", Some(Control::Notes)),
            light("Clock to host", LightState::Off, "not in VST3", Some(Control::HostClock)),
            light("Clock to port", LightState::Fault, "no port", Some(Control::PortClock)),
            light("Shared feed", LightState::Idle, "none", None),
        ],
        controls: Control::ALL
            .map(|control| ControlView {
                normalized: 0.25,
                default_normalized: 0.5,
                text: text(control).to_owned(),
                choices: ["one", "two", "three"].map(str::to_owned).into(),
            })
            .to_vec(),
    }
}

/// A window that is driven.
struct Driver {
    context: Context,
    view: View,
    size: Vec2,
    zoom_percent: u16,
    time_sec: f64,
}

impl Driver {
    fn new(size: Vec2, zoom_percent: u16) -> Self {
        Self { context: Context::default(), view: View::default(), size, zoom_percent, time_sec: 0.0 }
    }

    fn frame(&mut self, snapshot: &Snapshot, events: Vec<Event>) -> (FullOutput, Vec<Action>) {
        self.time_sec += 0.02;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, self.size)),
            time: Some(self.time_sec),
            events,
            ..RawInput::default()
        };
        let mut actions = Vec::new();
        let Self { context, view, zoom_percent, .. } = self;
        let mut output = context.run_ui(input, |ui| actions.extend(view.show(ui, snapshot.clone(), *zoom_percent)));
        // There is no graphics card that textures could go to.
        output.textures_delta.clear();
        (output, actions)
    }

    /// Moves there, presses, waits, lets go, waits; all that the user did by that.
    fn click(&mut self, snapshot: &Snapshot, at: Pos2) -> Vec<Action> {
        let button = |pressed| Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
        let mut actions = Vec::new();
        for events in [vec![Event::PointerMoved(at)], vec![button(true)], vec![], vec![button(false)]] {
            actions.extend(self.frame(snapshot, events).1);
        }
        for _ in 0..10 {
            actions.extend(self.frame(snapshot, vec![]).1);
        }
        actions
    }
}

/// Texts with their places as they are seen.
fn texts(output: &FullOutput) -> Vec<(String, Rect, bool)> {
    fn collect(shape: &Shape, clip: Rect, list: &mut Vec<(String, Rect, bool)>) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, clip, list)),
            Shape::Text(text) => {
                let place = Rect::from_min_size(text.pos, text.galley.size());
                if clip.intersects(place) {
                    list.push((text.galley.text().to_owned(), place, text.galley.elided));
                }
            }
            _ => {}
        }
    }
    let mut list = Vec::new();
    output.shapes.iter().for_each(|shape| collect(&shape.shape, shape.clip_rect, &mut list));
    list
}

/// Coordinates of everything that is painted.
fn bounds(output: &FullOutput) -> Vec<Rect> {
    output.shapes.iter().map(|shape| shape.shape.visual_bounding_rect()).filter(|rect| *rect != Rect::NOTHING).collect()
}

/// The middle of the place of a text.
fn place_of(output: &FullOutput, text: &str) -> Pos2 {
    let found = texts(output).into_iter().find(|(shown, ..)| shown == text);
    found.unwrap_or_else(|| panic!("{text} is shown: {:?}", texts(output))).1.center()
}

#[test]
fn no_text_is_cut_or_lies_on_another_at_any_size_and_zoom() {
    for zoom_percent in [100, 150, 200] {
        for (width, height) in [(600.0, 400.0), (860.0, 460.0), (1_600.0, 700.0)] {
            let size = vec2(width, height) * f32::from(zoom_percent) / 100.0;
            let mut driver = Driver::new(size, zoom_percent);
            driver.frame(&busy(), vec![]);
            let (output, _) = driver.frame(&busy(), vec![]);
            let window = Rect::from_min_size(Pos2::ZERO, size).expand(SLACK);
            let all = texts(&output);
            assert!(all.len() > 50, "{} texts", all.len());
            for (n, (text, place, is_cut)) in all.iter().enumerate() {
                assert!(!is_cut, "{width} x {height} at {zoom_percent} %: {text:?} is cut");
                assert!(window.contains_rect(*place), "{width} x {height} at {zoom_percent} %: {text:?} at {place:?}");
                for (other, other_place, _) in &all[n + 1..] {
                    // Line heights have room above and below the letters.
                    let core = place.shrink2(vec2(0.5, 0.25 * place.height()));
                    let overlaps = core.intersects(other_place.shrink2(vec2(0.5, 0.25 * other_place.height())));
                    // Ones of the scroll are where the beats are.
                    assert!(!overlaps || text == "1" || other == "1", "{width} x {height} at {zoom_percent} %: {text:?} on {other:?}");
                }
            }
            let letter_height = all.iter().map(|(_, place, _)| place.height()).fold(f32::INFINITY, f32::min);
            assert!(letter_height >= 7.5 * f32::from(zoom_percent) / 100.0, "{letter_height} points");
        }
    }
}

#[test]
fn empty_and_extreme_snapshots_are_painted_with_numbers_only() {
    let nan = f32::NAN;
    let mut broken = busy();
    broken.beat =
        BeatView { conf: nan, tempo_bpm: nan, phase: nan, beat_number: i64::MIN, beat_in_bar: 255, beats_per_bar: 255, ..broken.beat };
    broken.tempi = vec![TempoView { bpm: nan, prob: nan }, TempoView { bpm: f32::INFINITY, prob: -1.0 }];
    broken.section.hazard_probs = [nan; 5];
    broken.section.now = Some(("", f32::INFINITY));
    broken.scope.iter_mut().step_by(3).for_each(|point| *point = ScopePoint { at_sec: nan, beat_prob: nan, downbeat_prob: 1e30 });
    broken.marks.push(Mark { at_sec: nan, ..Mark::default() });
    (broken.level_db, broken.peak_db) = (nan, f32::INFINITY);
    broken.controls.iter_mut().for_each(|control| (control.normalized, control.text) = (nan, "x".repeat(500)));
    for snapshot in [Snapshot::default(), broken, Snapshot { run: Run::Live, ..Snapshot::default() }] {
        for size in [DEFAULT_SIZE, vec2(40.0, 30.0), vec2(6_000.0, 200.0)] {
            let mut driver = Driver::new(size, 300);
            driver.frame(&snapshot, vec![]);
            let (output, actions) = driver.frame(&snapshot, vec![]);
            assert!(bounds(&output).iter().all(|rect| rect.is_finite()), "{:?}", bounds(&output));
            assert_eq!(actions, []);
        }
    }
}

#[test]
fn a_stopped_plugin_says_so_in_words() {
    let mut driver = Driver::new(DEFAULT_SIZE, 100);
    let (output, _) = driver.frame(&Snapshot { run: Run::Stopped, ..busy() }, vec![]);
    let all: Vec<String> = texts(&output).into_iter().map(|(text, ..)| text).collect();
    assert!(all.iter().any(|text| text == "STOPPED") && all.iter().any(|text| text.starts_with("not running")), "{all:?}");
    assert!(!all.iter().any(|text| text == "171.4"), "a tempo of nothing that runs");
}

#[test]
fn a_click_on_a_button_is_one_whole_gesture() {
    let mut driver = Driver::new(DEFAULT_SIZE, 100);
    let (output, _) = driver.frame(&busy(), vec![]);
    for (label, control) in [("DOUBLE", Control::Double), ("TAP", Control::Tap), ("THIS IS 1", Control::ThisIsOne)] {
        let actions = driver.click(&busy(), place_of(&output, label));
        assert_eq!(actions, [Begin(control), Set(control, 1.0), Set(control, 0.0), End(control)]);
    }
}

#[test]
fn a_click_on_a_switch_or_light_turns_it() {
    let mut driver = Driver::new(DEFAULT_SIZE, 100);
    let (output, _) = driver.frame(&busy(), vec![]);
    assert_eq!(driver.click(&busy(), place_of(&output, "HOLD off")), Action::whole(Control::Hold, 1.0));
    assert_eq!(driver.click(&busy(), place_of(&output, "Clock to port")), Action::whole(Control::PortClock, 1.0));
    let mut on = busy();
    on.controls[Control::Hold as usize].normalized = 1.0;
    let (output, _) = driver.frame(&on, vec![]);
    assert_eq!(driver.click(&on, place_of(&output, "HOLD on")), Action::whole(Control::Hold, 0.0));
}

#[test]
fn the_chip_of_half_the_tempo_presses_half() {
    let mut driver = Driver::new(DEFAULT_SIZE, 100);
    let (output, _) = driver.frame(&busy(), vec![]);
    let actions = driver.click(&busy(), place_of(&output, "85.7 half 22 %"));
    assert_eq!(actions, [Begin(Control::Half), Set(Control::Half, 1.0), Set(Control::Half, 0.0), End(Control::Half)]);
    assert_eq!(driver.click(&busy(), place_of(&output, "114.3 2/3 10 %")), []);
}

#[test]
fn a_drag_is_begun_set_and_ended_and_a_double_click_is_the_default() {
    let mut driver = Driver::new(DEFAULT_SIZE, 100);
    let (output, _) = driver.frame(&busy(), vec![]);
    let at = place_of(&output, "-500.0 ms");
    let button = |pos, pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
    let to = at + vec2(60.0, 0.0);
    let mut actions = Vec::new();
    for events in [
        vec![Event::PointerMoved(at)],
        vec![button(at, true)],
        vec![Event::PointerMoved(at + vec2(30.0, 0.0))],
        vec![Event::PointerMoved(to)],
        vec![button(to, false)],
        vec![],
    ] {
        actions.extend(driver.frame(&busy(), events).1);
    }
    assert_eq!((actions.first(), actions.last()), (Some(&Begin(Control::Offset)), Some(&End(Control::Offset))));
    let values: Vec<f32> =
        actions.iter().filter_map(|action| if let Set(Control::Offset, value) = action { Some(*value) } else { None }).collect();
    assert_eq!(values.len() + 2, actions.len(), "{actions:?}");
    // 60 of 300 units.
    assert!(values.is_sorted() && (values[values.len() - 1] - 0.45).abs() < 1e-4, "{values:?}");

    driver.time_sec += 2.0;
    let both = driver.click(&busy(), at);
    assert_eq!(both, []);
    let mut actions = Vec::new();
    for pressed in [true, false, true, false] {
        actions.extend(driver.frame(&busy(), vec![button(at, pressed)]).1);
    }
    actions.extend(driver.frame(&busy(), vec![]).1);
    assert_eq!(actions, Action::whole(Control::Offset, 0.5));
}

#[test]
fn a_list_opens_and_its_values_are_chosen() {
    let mut driver = Driver::new(DEFAULT_SIZE, 100);
    let (output, _) = driver.frame(&busy(), vec![]);
    assert_eq!(driver.click(&busy(), place_of(&output, "7 beats")), []);
    let (output, _) = driver.frame(&busy(), vec![]);
    let actions = driver.click(&busy(), place_of(&output, "three"));
    assert_eq!(actions, Action::whole(Control::Meter, 1.0));
    let (output, _) = driver.frame(&busy(), vec![]);
    assert!(!texts(&output).iter().any(|(text, ..)| text == "three"), "the list is closed");
}

#[test]
fn the_zoom_is_chosen_from_its_list() {
    let mut driver = Driver::new(DEFAULT_SIZE, 100);
    let (output, _) = driver.frame(&busy(), vec![]);
    driver.click(&busy(), place_of(&output, "100 %"));
    let (output, _) = driver.frame(&busy(), vec![]);
    assert_eq!(driver.click(&busy(), place_of(&output, "200 %")), [Action::Zoom(200)]);
}

#[test]
fn keys_do_nothing() {
    let mut driver = Driver::new(DEFAULT_SIZE, 100);
    let keys = [egui::Key::Space, egui::Key::Enter, egui::Key::Tab, egui::Key::ArrowUp];
    let press = |key, pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers: Modifiers::NONE };
    for key in keys {
        for pressed in [true, false] {
            assert_eq!(driver.frame(&busy(), vec![press(key, pressed)]).1, [], "{key:?}");
        }
    }
    assert!(!driver.context.egui_wants_keyboard_input());
}
