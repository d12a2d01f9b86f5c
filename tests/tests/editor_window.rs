//! The plugin's window, opened for real: in hosts and in the standalone, on a display without a screen.
//!
//! Passes, aloud, without an X server or a bundle. Software OpenGL renders a picture in some ten milliseconds; nothing is claimed
//! about time. `cargo xtask editor-pictures` has the pictures written in place of compared.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use editor::layout::{DEFAULT_SIZE, Layout};
use integration_tests::golden::{Manifest, files_in};
use integration_tests::host::audio::Audio;
use integration_tests::host::checks::{render, setup};
use integration_tests::host::clap::ClapHost;
use integration_tests::host::picture::{BLOCK_TOLERANCE, Picture};
use integration_tests::host::player::{Cuts, Player};
use integration_tests::host::stored_picture::{check_picture, tolerances};
use integration_tests::host::vst3::Vst3TestHost;
use integration_tests::host::window::{Screen, until, within_display};
use integration_tests::host::{Mode, Said, TestHost, Timed, bundle, param_id};
use integration_tests::resources::{n_descriptors, n_threads_running, resident_bytes};
use integration_tests::{golden_dir, say};

const WIDTH: u16 = DEFAULT_SIZE.x as u16;
const HEIGHT: u16 = DEFAULT_SIZE.y as u16;
const RATE_HZ: f64 = 48_000.0;
/// Places of buttons and values in their rows.
const DOUBLE: usize = 2;
const SLOWEST: usize = 1;
/// The median of resident memory may grow by this much from windows 11 to 40 to windows 71 to 100, bytes: 270 kB a window, of which
/// the framework's keyboard map, that is never given back, takes 50 (baseview 0.4.2, `XkbcommonState`).
const MEMORY_TOLERANCE_BYTES: u64 = 16 << 20;

/// Calls the host's loop until the picture stays as it is and is of more than one colour.
fn settle(screen: &Screen, idle: impl FnMut()) -> Picture {
    settle_at(screen, WIDTH, HEIGHT, idle)
}

fn settle_at(screen: &Screen, width: u16, height: u16, mut idle: impl FnMut()) -> Picture {
    let mut last = screen.picture(width, height);
    let mut n_same = 0;
    until("a picture that stays", || {
        idle();
        std::thread::sleep(std::time::Duration::from_millis(40));
        let picture = screen.picture(width, height);
        n_same = if picture == last && picture.n_colours() > 20 { n_same + 1 } else { 0 };
        last = picture;
        n_same >= 5
    });
    last
}

fn middle(rect: editor::egui::Rect) -> (i16, i16) {
    (rect.center().x as i16, rect.center().y as i16)
}

/// Where the Double button is, pixels.
fn double() -> (i16, i16) {
    let layout = Layout::new(DEFAULT_SIZE, 1.0);
    middle(layout.parts(layout.buttons, 8)[DOUBLE])
}

/// A block of silence through the host; what the plugin said.
fn block(host: &mut dyn TestHost) -> Vec<Said> {
    let (mut output, mut events) = (Default::default(), Vec::<Timed<u32>>::new());
    host.process([&[0.0; 512], &[0.0; 512]], None, &mut output, &mut events);
    events.into_iter().map(|event| event.said).collect()
}

/// A saved state with another size and zoom of the window. nice-plug's states in CLAP: the length, then JSON.
fn with_window(state: &[u8], width: u16, height: u16, zoom_percent: u16) -> Vec<u8> {
    let mut all: serde_json::Value = serde_json::from_slice(&state[8..]).expect("JSON");
    let field = all["fields"]["anacrusis"].as_str().expect("our field");
    let mut ours: serde_json::Value = serde_json::from_str(field).expect("JSON");
    ours["window"] = serde_json::json!({ "width": width, "height": height, "zoom_percent": zoom_percent });
    all["fields"]["anacrusis"] = ours.to_string().into();
    let json = all.to_string().into_bytes();
    [&(json.len() as u64).to_le_bytes()[..], &json].concat()
}

/// Renders the clip to a moment within it, and leaves the host active: what is shown follows from the samples alone.
fn play_some(host: &mut ClapHost) {
    let audio = Audio::clip(RATE_HZ).first(18.3);
    Player::start(host, &setup(RATE_HZ, Mode::Offline)).play(&audio, &mut Cuts::Fixed(480));
}

#[test]
fn stored_pictures_are_those_of_their_manifest() {
    let folder = golden_dir().join("editor");
    let text = std::fs::read_to_string(folder.join("MANIFEST.json")).expect("a golden manifest");
    let manifest: Manifest = serde_json::from_str(&text).expect("a manifest of our format");
    assert_eq!((manifest.files, manifest.tolerance), (files_in(&folder), tolerances()));
}

#[test]
fn a_click_is_a_gesture_that_the_clap_host_hears() {
    if !within_display("a_click_is_a_gesture_that_the_clap_host_hears") {
        return;
    }
    let Some(mut host) = ClapHost::load() else { return };
    host.activate(&setup(RATE_HZ, Mode::Offline));
    let screen = Screen::open(WIDTH, HEIGHT);
    assert_eq!(host.open_window(screen.parent()), (u32::from(WIDTH), u32::from(HEIGHT)));
    settle(&screen, || host.idle());

    let id = param_id("double");
    let (x, y) = double();
    screen.move_to(x, y);
    let mut said = Vec::new();
    let mine = |said: &Said| matches!(said, Said::Gesture { .. }) || matches!(said, Said::Value { id: of, .. } if *of == id);
    screen.button(true);
    until("the button is down", || {
        said.extend(block(&mut host).into_iter().filter(mine));
        said.len() >= 2
    });
    assert_eq!(host.value(id), 1.0);
    screen.button(false);
    until("the button is up", || {
        said.extend(block(&mut host).into_iter().filter(mine));
        said.len() >= 4
    });
    let value = |said: &Said| if let Said::Value { normalized, .. } = said { Some(*normalized) } else { None };
    assert_eq!((said[0], said[3]), (Said::Gesture { id, begins: true }, Said::Gesture { id, begins: false }));
    assert_eq!((value(&said[1]), value(&said[2]), said.len()), (Some(1.0), Some(0.0), 4));
    assert_eq!(host.value(id), 0.0);
    host.close_window();
    host.deactivate();
}

#[test]
fn a_window_that_is_shown_late_is_drawn() {
    if !within_display("a_window_that_is_shown_late_is_drawn") {
        return;
    }
    let Some(mut host) = ClapHost::load() else { return };
    let screen = Screen::open(WIDTH, HEIGHT);
    host.open_window_slowly(screen.parent(), std::time::Duration::from_millis(300));
    settle(&screen, || host.idle());
    // Another one of the same instance.
    host.close_window();
    host.open_window_slowly(screen.parent(), std::time::Duration::from_millis(300));
    settle(&screen, || host.idle());
    host.close_window();
}

#[test]
fn automation_of_the_host_moves_the_control() {
    if !within_display("automation_of_the_host_moves_the_control") {
        return;
    }
    let Some(mut host) = ClapHost::load() else { return };
    let screen = Screen::open(WIDTH, HEIGHT);
    host.open_window(screen.parent());
    let before = settle(&screen, || host.idle());
    host.set(param_id("tempo_min"), 0.5);
    let part = |picture: &Picture, place: editor::egui::Rect| {
        picture.part(place.left() as usize, place.top() as usize, place.width() as usize, place.height() as usize)
    };
    let layout = Layout::new(DEFAULT_SIZE, 1.0);
    let places = layout.weighted(layout.tracking, &[0.9, 1.0, 1.0, 0.7, 1.15, 0.9, 1.6]);
    until("the control shows the new value", || {
        host.idle();
        part(&screen.picture(WIDTH, HEIGHT), places[SLOWEST]) != part(&before, places[SLOWEST])
    });
    let after = settle(&screen, || host.idle());
    for (n, place) in places.iter().enumerate() {
        assert_eq!(part(&after, *place) == part(&before, *place), n != SLOWEST, "value {n}");
    }
    host.close_window();
}

#[test]
fn pictures_are_as_stored() {
    if !within_display("pictures_are_as_stored") {
        return;
    }
    let Some(mut host) = ClapHost::load() else { return };
    let screen = Screen::open(2 * WIDTH, 2 * HEIGHT);
    host.open_window(screen.parent());
    let stopped = settle(&screen, || host.idle());
    check_picture("editor-stopped", &stopped);

    play_some(&mut host);
    let playing = settle(&screen, || host.idle());
    check_picture("editor", &playing);

    // The same, restarted while the window is open: it follows the new instance.
    host.deactivate();
    let again = settle(&screen, || host.idle());
    assert!(again.difference(&stopped) <= BLOCK_TOLERANCE, "stopped: {}", again.difference(&stopped));
    host.close_window();
}

#[test]
fn a_zoom_of_200_percent_is_twice_as_large_and_as_stored() {
    if !within_display("a_zoom_of_200_percent_is_twice_as_large_and_as_stored") {
        return;
    }
    let Some(mut host) = ClapHost::load() else { return };
    let bytes = with_window(&host.save(), 2 * WIDTH, 2 * HEIGHT, 200);
    assert!(host.load(&bytes));
    play_some(&mut host);
    let screen = Screen::open(2 * WIDTH, 2 * HEIGHT);
    assert_eq!(host.open_window(screen.parent()), (2 * u32::from(WIDTH), 2 * u32::from(HEIGHT)));
    let last = settle_at(&screen, 2 * WIDTH, 2 * HEIGHT, || host.idle());
    check_picture("editor-200", &last);
    host.close_window();
    host.deactivate();
}

#[test]
fn the_host_resizes_it_and_it_asks_the_host_for_a_zoom() {
    if !within_display("the_host_resizes_it_and_it_asks_the_host_for_a_zoom") {
        return;
    }
    let Some(mut host) = ClapHost::load() else { return };
    let screen = Screen::open(1_400, 900);
    host.open_window(screen.parent());
    settle(&screen, || host.idle());
    let outside = |width: u16, height: u16| {
        let ground = editor::theme::BACKGROUND;
        let picture = screen.picture(width, height);
        picture.rgb[picture.rgb.len() - 3..] != [ground.r(), ground.g(), ground.b()]
    };
    assert!(outside(WIDTH + 1, HEIGHT + 1));
    host.resize_window(1_200, 700);
    until("the window has its new size", || {
        host.idle();
        !outside(1_200, 700)
    });
    assert!(outside(1_201, 701));

    // The first of the list is 75 %.
    let layout = Layout::new(editor::egui::vec2(1_200.0, 700.0), 1.0);
    let (x, y) = (layout.header.right() as i16 - 40, layout.header.center().y as i16);
    for y in [y, y + 26] {
        screen.move_to(x, y);
        for is_down in [true, false] {
            screen.button(is_down);
            for _ in 0..30 {
                host.idle();
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
    let mut wanted = None;
    until("a size for the zoom", || {
        host.idle();
        wanted = host.wanted_size();
        wanted.is_some()
    });
    assert_eq!(wanted, Some((900, 525)));
    host.close_window();
}

/// Threads that run, file descriptors and resident bytes of this process.
fn held() -> (usize, usize, u64) {
    (n_threads_running().expect("Linux"), n_descriptors().expect("Linux"), resident_bytes().expect("Linux"))
}

#[test]
fn a_hundred_windows_leave_nothing_behind() {
    if !within_display("a_hundred_windows_leave_nothing_behind") {
        return;
    }
    let Some(mut host) = ClapHost::load() else { return };
    host.activate(&setup(RATE_HZ, Mode::Realtime));
    let screen = Screen::open(WIDTH, HEIGHT);
    let before = held();
    let (mut warm, mut resident_bytes) = (before, Vec::new());
    for n in 0..100 {
        host.open_window(screen.parent());
        // Some are closed before their first picture, some after.
        if n % 4 == 0 {
            until("a picture", || {
                block(&mut host);
                screen.picture(WIDTH, HEIGHT).n_colours() > 20
            });
        }
        host.close_window();
        // At once: what still ran would be unloaded with the plugin by a host that removes it now.
        let now = held();
        assert_eq!(now.0, before.0, "threads after window {n}");
        resident_bytes.push(now.2);
        if n == 9 {
            warm = now;
        }
    }
    let after = held();
    // The driver keeps and drops some ten MiB as it likes, so that a single look says little.
    let median_of = |windows: std::ops::Range<usize>| {
        let mut bytes = resident_bytes[windows].to_vec();
        bytes.sort_unstable();
        bytes[bytes.len() / 2]
    };
    let (early, late) = (median_of(10..40), median_of(70..100));
    say(format_args!("a hundred windows: threads, descriptors, bytes: {before:?} before, {warm:?} after ten, {after:?} after all"));
    say(format_args!("resident, medians: {early} bytes after windows 11 to 40, {late} after 71 to 100"));
    assert!(after.1 <= warm.1, "{before:?}, {warm:?}, {after:?}");
    assert!(late <= early + MEMORY_TOLERANCE_BYTES, "{early}, {late}");
    host.deactivate();
}

#[test]
fn a_window_changes_nothing_of_what_is_said() {
    if !within_display("a_window_changes_nothing_of_what_is_said") {
        return;
    }
    let audio = Audio::clip(RATE_HZ).first(12.0);
    let Some(mut without) = ClapHost::load() else { return };
    let expected = render(&mut without, &audio, Cuts::Fixed(512));
    let mut host = ClapHost::load().expect("there is a bundle");
    let screen = Screen::open(WIDTH, HEIGHT);
    host.activate(&setup(RATE_HZ, Mode::Offline));
    let (mut output, mut said): ([Vec<f32>; 2], Vec<Timed<u64>>) = Default::default();
    let (mut at, mut is_open) = (0, false);
    let (mut block_out, mut events): ([Vec<f32>; 2], Vec<Timed<u32>>) = Default::default();
    while at < audio.n_samples() {
        let to = audio.n_samples().min(at + 512);
        // Opened and closed again and again while it renders.
        match (at / 512) % 200 {
            20 => {
                host.open_window(screen.parent());
                is_open = true;
            }
            160 => {
                host.close_window();
                is_open = false;
            }
            _ => {}
        }
        events.clear();
        host.process([&audio.channels[0][at..to], &audio.channels[1][at..to]], None, &mut block_out, &mut events);
        said.extend(events.iter().map(|event| Timed { at: at as u64 + u64::from(event.at), said: event.said }));
        for (all, block) in output.iter_mut().zip(&block_out) {
            all.extend_from_slice(block);
        }
        at = to;
    }
    host.deactivate();
    if is_open {
        host.close_window();
    }
    assert!(said == expected.events, "{} events with a window, {} without", said.len(), expected.events.len());
    assert!(output == expected.output);
}

#[test]
fn a_vst3_host_opens_it_hears_a_click_and_closes_it() {
    if !within_display("a_vst3_host_opens_it_hears_a_click_and_closes_it") {
        return;
    }
    let Some(mut host) = Vst3TestHost::load() else { return };
    let screen = Screen::open(WIDTH, HEIGHT);
    for _ in 0..3 {
        assert_eq!(host.open_window(screen.parent()), (i32::from(WIDTH as i16), i32::from(HEIGHT as i16)));
        settle(&screen, || host.idle());
        let (x, y) = double();
        screen.move_to(x, y);
        let mut edits = Vec::new();
        screen.button(true);
        until("the button is down", || {
            host.idle();
            edits.extend(host.take_edits());
            edits.len() >= 2
        });
        screen.button(false);
        until("the button is up", || {
            host.idle();
            edits.extend(host.take_edits());
            edits.len() >= 4
        });
        assert!(edits.iter().all(|edit| edit.id == param_id("double")));
        assert_eq!(edits.iter().map(|edit| edit.value).collect::<Vec<_>>(), [None, Some(1.0), Some(0.0), None]);
        screen.move_to(1_990, 1_190);
        host.close_window();
    }
}

#[test]
fn the_standalone_has_a_window() {
    if !within_display("the_standalone_has_a_window") {
        return;
    }
    let Some(standalone) = bundle(xtask::bundle::STANDALONE) else { return };
    let screen = Screen::open(1, 1);
    let mut command = Command::new(standalone);
    let mut child =
        command.args(["--backend", "dummy"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
    until("a window with a title and a picture", || {
        screen.titles().iter().any(|title| title == "Anacrusis") && screen.picture(WIDTH, HEIGHT).n_colours() > 20
    });
    let ended = child.try_wait().expect("a child");
    // One that has ended already is as good.
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(ended, None, "it runs on while its window is open");
}
