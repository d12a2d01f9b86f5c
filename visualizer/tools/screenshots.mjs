// Makes the pictures of docs/images/: the page with the app behind it, listening to the demo clip. `cargo xtask screenshots` runs it.
//
// Real time, real messages: two runs differ in where the music is. The moving picture is drawn as large as its place is before a still
// is taken, however slow this machine draws it; the animation is what a screen recording sees. Needs ffmpeg.

import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

import { App, beats, browser, CLIP, openPage } from "../tests/support.mjs";

const OUT = resolve(import.meta.dirname, "../../docs/images");
const ANIMATION_SEC = 20;
const ANIMATION_HZ = 8;
/** Bytes that a file may have. */
const MOST_STILL = 300_000;
const MOST_ANIMATION = 3_000_000;
/** Widths that are tried, pixels, until the animation is small enough. */
const WIDTHS = [560, 480, 420];
const STILLS = [
  { name: "web-view", viewport: { width: 1440, height: 1180 } },
  { name: "web-view-performance", viewport: { width: 1280, height: 720 }, performs: true },
  { name: "web-view-phone", viewport: { width: 390, height: 844 } },
];

const ends = [];
const t = { after: (end) => ends.unshift(end) };
try {
  await mkdir(OUT, { recursive: true });
  // By its name alone: the page shows it as it was given.
  const app = await App.start(t, { cwd: dirname(CLIP), file: basename(CLIP), more: ["--osc", "127.0.0.1:7000", "--osc-preset", "resolume", "--wled", "127.0.0.1:11988"] });
  const running = await browser(t);
  for (const still of STILLS) await takeStill(running, app, still);
  await record(running, app);
} finally {
  for (const end of ends) await end();
}

async function takeStill(running, app, { name, viewport, performs }) {
  const page = await openPage(running, app.address, { viewport });
  await page.waitForFunction(() => window.anacrusis.score.beats.length >= 16 && window.anacrusis.score.state.bar > 0);
  if (performs) await page.keyboard.press("f");
  // As sharp as its place: a still need not keep up with music.
  await page.evaluate(async () => {
    const { HEIGHTS } = await import("/view/stage/scale.js");
    const { scale, canvas } = window.anacrusis.visuals.stage;
    scale.index = HEIGHTS.findLastIndex((height) => height <= canvas.clientHeight);
    scale.observe = () => {};
  });
  // A limiter that must be slow needs some pictures to get there.
  await page.evaluate(() => new Promise((done) => {
    let left = 40;
    const next = () => (left-- > 0 ? requestAnimationFrame(next) : done());
    next();
  }));
  await beats(page, (await page.evaluate(() => window.anacrusis.flashes.length)) + 1);
  const path = join(OUT, `${name}.png`);
  const raw = join(OUT, `.${name}.png`);
  await page.screenshot({ path: raw });
  // 192 colours of its own: a third of the bytes.
  const filter = "split[a][b];[a]palettegen=max_colors=192:reserve_transparent=0[p];[b][p]paletteuse=dither=none";
  execFileSync("ffmpeg", ["-y", "-loglevel", "error", "-i", raw, "-filter_complex", filter, path]);
  await rm(raw);
  await report(path, MOST_STILL);
  await page.context().close();
}

async function record(running, app) {
  const page = await openPage(running, app.address, { viewport: { width: 960, height: 720 } });
  await page.waitForFunction(() => window.anacrusis.score.beats.length >= 16);
  const folder = await mkdtemp(join(tmpdir(), "anacrusis-frames-"));
  const session = await page.context().newCDPSession(page);
  const frames = [];
  const writes = [];
  session.on("Page.screencastFrame", ({ data, metadata, sessionId }) => {
    const path = join(folder, `${frames.length}.jpg`);
    frames.push({ path, at_sec: metadata.timestamp });
    writes.push(writeFile(path, Buffer.from(data, "base64")));
    session.send("Page.screencastFrameAck", { sessionId }).catch(() => {});
  });
  await session.send("Page.startScreencast", { format: "jpeg", quality: 92, everyNthFrame: 2 });
  await page.waitForTimeout(ANIMATION_SEC * 1000 + 500);
  await session.send("Page.stopScreencast");
  await Promise.all(writes);
  const list = frames.map(({ path, at_sec }, i) => `file '${path}'\nduration ${((frames[i + 1]?.at_sec ?? at_sec + 0.05) - at_sec).toFixed(4)}`).join("\n");
  await writeFile(join(folder, "list.txt"), list);
  const path = join(OUT, "web-view.gif");
  for (const width of WIDTHS) {
    // One palette for all, and only what changed from frame to frame.
    const filter = `fps=${ANIMATION_HZ},scale=${width}:-2:flags=lanczos,split[a][b];[a]palettegen=max_colors=48:stats_mode=full[p];[b][p]paletteuse=dither=none:diff_mode=rectangle`;
    execFileSync("ffmpeg", ["-y", "-loglevel", "error", "-f", "concat", "-safe", "0", "-i", join(folder, "list.txt"), "-t", String(ANIMATION_SEC), "-filter_complex", filter, "-loop", "0", path]);
    if ((await stat(path)).size <= MOST_ANIMATION) break;
  }
  console.log(`${frames.length} pictures in ${ANIMATION_SEC} s`);
  await report(path, MOST_ANIMATION);
  await rm(folder, { recursive: true });
}

async function report(path, most) {
  const { size } = await stat(path);
  console.log(`${path}: ${size} bytes`);
  if (size > most) throw new Error(`${path}: expected at most ${most} bytes, got ${size}`);
}
