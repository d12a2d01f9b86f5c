// The page: brings link, model and panels together, and draws once a picture.
//
// WebSocket -> Score (what is known) ; once a picture: what holds at the moment at which it will be seen -> panels, picture.

import { Api, ApiError } from "./link/api.js";
import { Connection, tokenQuery } from "./link/connection.js";
import { Demo, DemoApi } from "./link/demo.js";
import { recall, remember } from "./link/memory.js";
import { Score } from "./model/score.js";
import { sectionLook } from "./model/palette.js";
import { Pace } from "./pace.js";
import { ControlsPanel } from "./panels/controls_panel.js";
import { $, setText } from "./panels/dom.js";
import { FactsPanel } from "./panels/facts_panel.js";
import { IoPanel } from "./panels/io_panel.js";
import { KeysPanel } from "./panels/keys_panel.js";
import { StagePanel } from "./panels/stage_panel.js";
import { TimelinePanel } from "./panels/timeline_panel.js";
import { Visuals } from "./visuals.js";

const POLL_MS = 1000;
const TOAST_MS = 6000;
/** Beats that are later than this when they are first seen are shown as where the music is, and not as falling. */
const LATE_MS = 150;
const N_FLASHES = 512;
const PICTURE = "anacrusis.picture";

const query = new URLSearchParams(location.search);
const isDemo = query.has("demo");
const score = new Score();
const pace = new Pace();
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const api = isDemo ? new DemoApi() : new Api();
const link = isDemo ? new Demo({ onMessage, onLink }, Number(query.get("demo")) || 0) : new Connection({ onMessage, onLink });
const stagePanel = new StagePanel();
const facts = new FactsPanel();
const timeline = new TimelinePanel();
const controls = new ControlsPanel(api);
const io = new IoPanel(api, toast);
const picture = $("picture-on");
let isUp = false;
/** Whether the app has the interface below `/api/v1`; one that has not is not asked again. */
let hasApi = true;
let fallen_ms = -Infinity;
let visuals = null;
let toastTimer = null;
let newsText = "";

/** For measurements and for the curious. Of each flash, in page milliseconds: when the beat was due, when its picture began, is seen and was painted,
 *  and how long after the one before it. */
window.anacrusis = { flashes: [], score, get clock() { return link.clock; }, get visuals() { return visuals; }, pace };

function onMessage(message) {
  const isOther = score.take(message);
  if (message.type === "hello") {
    facts.greet(score);
    setText($("foot"), `Anacrusis ${score.program_version}, beats ${score.lead_ms} ms ahead.`);
    if (isOther) toast("The app was started anew.");
    stagePanel.rest();
    fallen_ms = -Infinity;
    hasApi = true;
    poll();
  }
  if (message.type === "error") toast(message.message);
}

function onLink(isUpNow) {
  isUp = isUpNow;
  if (!isUp) {
    stagePanel.rest();
    const error = new ApiError("unreachable", "not connected");
    controls.know(null, error);
    io.lost(error);
  }
  showLink();
}

function showLink() {
  const { state } = score;
  const isAlive = isUp && state !== null && score.isAlive(link.clock.serverTime(performance.now()));
  const [text, mood] = !isUp ? ["not connected, trying again", "bad"] : isDemo ? ["demo", ""] : !isAlive ? ["connected, no input", ""]
    : state.locked ? ["locked", "good"] : [state.reason, ""];
  setText($("link"), text);
  $("link").className = `pill ${mood}`;
}

function draw(begin_ms) {
  requestAnimationFrame(draw);
  const { seen_ms, dt_sec } = pace.begin(begin_ms);
  if (!link.clock.isKnown) return;
  const now_ms = link.clock.serverTime(seen_ms);
  fall(now_ms, begin_ms, seen_ms, dt_sec);
  if (score.position(now_ms) === null || !score.isAlive(now_ms)) stagePanel.rest();
  stagePanel.draw(score, now_ms, dt_sec, calm.matches);
  facts.draw(score, now_ms);
  controls.draw(score.state);
  showLink();
  tellNews();
  if (!document.body.classList.contains("performing")) timeline.draw(score, now_ms, calm.matches);
  if (visuals?.isThere && picture.checked && !calm.matches && score.state !== null) visuals.draw(score, now_ms, begin_ms);
}

/** Shows the beats that are due in this picture; of several the last. */
function fall(now_ms, begin_ms, seen_ms, dt_sec) {
  const due = score.fallen(fallen_ms, now_ms);
  const beat = due.at(-1);
  if (beat === undefined) return;
  const isFirst = fallen_ms === -Infinity;
  fallen_ms = beat.at_ms;
  stagePanel.fall(beat);
  if (isFirst || now_ms - beat.at_ms > LATE_MS) return;
  const flash = { number: beat.number, at_ms: beat.at_ms - (now_ms - seen_ms), begin_ms, seen_ms, gap_ms: dt_sec * 1000, drawn_ms: null };
  const { flashes } = window.anacrusis;
  flashes.push(flash);
  if (flashes.length > N_FLASHES) flashes.shift();
  // The first task after this picture has been laid out and painted.
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    flash.drawn_ms = performance.now();
  };
  channel.port2.postMessage(null);
}

/** For those who hear the page: lock and section, when they change. */
function tellNews() {
  const { state } = score;
  if (state === null) return;
  const section = sectionLook(score.labels, state.section).name;
  const text = state.locked ? `${state.reason}, ${Math.round(state.bpm)} BPM${state.section === null ? "" : `, ${section}`}` : state.reason;
  // The number alone is no news.
  if (text.replace(/\d+/, "") === newsText.replace(/\d+/, "")) return;
  newsText = text;
  setText($("news"), text);
}

async function poll() {
  if (document.hidden || !isUp || !hasApi) return;
  try {
    const { source } = await api.state();
    controls.know(source, null);
    io.input(source);
    setText($("source"), source.description ?? "");
  } catch (error) {
    hasApi = error.code !== "missing";
    controls.know(null, error);
  }
  try {
    io.outputs(await api.outputs());
  } catch (error) {
    io.lost(error);
  }
}

function toast(text) {
  const line = $("toast");
  line.hidden = false;
  setText(line, text);
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    line.hidden = true;
  }, TOAST_MS);
}

/** Full screen where the browser lets us; the layout changes in any case. */
async function perform(isOn) {
  document.body.classList.toggle("performing", isOn);
  $("perform").setAttribute("aria-pressed", String(isOn));
  if (!isOn) {
    if (document.fullscreenElement) await document.exitFullscreen();
    return;
  }
  try {
    await document.documentElement.requestFullscreen();
  } catch {
    // A window will do.
  }
}

/** Makes the picture, or says why there is none. */
function makePicture() {
  picture.checked = recall(PICTURE) !== "off";
  const show = () => $("stage").classList.toggle("still", !picture.checked || calm.matches || !visuals?.isThere);
  picture.addEventListener("change", () => {
    remember(PICTURE, picture.checked ? "on" : "off");
    show();
  });
  calm.addEventListener("change", show);
  try {
    visuals = new Visuals($("picture"));
  } catch (error) {
    toast(`No moving picture: ${error.message}`);
  }
  show();
}

function showKeys() {
  $("keys").showModal();
}

makePicture();
$("schema").href = `schema${tokenQuery()}`;
$("openapi").href = `api/v1/openapi.json${tokenQuery()}`;
$("perform").addEventListener("click", () => perform(true));
$("leave").addEventListener("click", () => perform(false));
$("help").addEventListener("click", showKeys);
$("keys-close").addEventListener("click", () => $("keys").close());
document.addEventListener("fullscreenchange", () => document.fullscreenElement || perform(false));
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("performing")) perform(false);
});
new KeysPanel({
  ...controls.actions,
  perform: () => perform(!document.body.classList.contains("performing")),
  picture: () => picture.click(),
  help: showKeys,
});
setInterval(poll, POLL_MS);
link.start();
requestAnimationFrame(draw);
