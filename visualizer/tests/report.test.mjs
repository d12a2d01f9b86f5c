// The report and the index of a folder, opened from disk as people do: they draw, play, zoom and export, ask nobody for anything, and can be
// read without eyes.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { browser, CLIP, openPage, skip, until } from "./support.mjs";

const run = promisify(execFile);

/** A folder with the clip, a file that is no audio, and their reports; removed with the test. */
async function reports(t, ...more) {
  const folder = await mkdtemp(join(tmpdir(), "anacrusis-report-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await copyFile(CLIP, join(folder, "band.wav"));
  await writeFile(join(folder, "broken.wav"), "no audio at all");
  const ended = await run(process.env.ANACRUSIS_BIN, ["analyze", "--quiet", "-f", "report,json,beats,csv,mid", ...more, folder]).catch((error) => error);
  assert.equal(ended.code, 1, "the broken file fails, and no other");
  const address = (name) => pathToFileURL(join(folder, name)).href;
  return { folder, address, document: JSON.parse(await readFile(join(folder, "band.beats.json"), "utf8")) };
}

/** A page from disk that writes down what it asks for. */
async function openFile(running, address, options = {}) {
  const page = await openPage(running, "about:blank", options);
  page.asked = [];
  page.on("request", (request) => page.asked.push(request.url()));
  await page.goto(address);
  return page;
}

/** How many different colours a canvas shows. */
const colours = (page, selector) =>
  page.$eval(selector, (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });

const picture = (page, selector) => page.$eval(selector, (canvas) => canvas.toDataURL());

async function accessible(page) {
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`), []);
}

test("a report draws, zooms, seeks and exports what the analysis found", { skip }, async (t) => {
  const { folder, address, document } = await reports(t);
  const page = await openFile(await browser(t), address("band.report.html"));
  assert.equal(Number(await page.textContent("#n-beats")), document.beats.length);
  await page.waitForFunction(() => !document.getElementById("now-time").textContent.includes("–"));
  await until("something is drawn", async () => (await colours(page, "#lanes")) > 20 && (await colours(page, "#overview")) > 3);

  const whole = await picture(page, "#lanes");
  await page.click("#zoom-in");
  await until("it is drawn closer", async () => (await picture(page, "#lanes")) !== whole);
  const closer = await picture(page, "#lanes");
  await page.focus("#timeline");
  await page.keyboard.press("+");
  await until("keys zoom too", async () => (await picture(page, "#lanes")) !== closer);
  await page.keyboard.press("0");
  await page.keyboard.press("ArrowRight");
  const atFirstBeat = async () => (await page.getAttribute("#timeline", "aria-valuenow")) === document.beats[0].time_sec.toFixed(2);
  await until("the first beat is reached", atFirstBeat);
  const box = await page.locator("#lanes").boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + 100);
  await page.waitForFunction((half) => Math.abs(Number(document.getElementById("timeline").getAttribute("aria-valuenow")) - half) < 0.2, document.duration_sec / 2);
  assert.match(await page.textContent("#readout"), /BPM/);

  for (const suffix of ["beats", "beats.csv", "beats.mid"]) {
    const download = page.waitForEvent("download");
    await page.click(`[data-suffix="${suffix}"]`);
    const bytes = await readFile(await (await download).path());
    assert.ok(bytes.equals(await readFile(join(folder, `band.${suffix}`))), `${suffix} is the file that analyze writes`);
  }
  const download = page.waitForEvent("download");
  await page.click('[data-suffix="beats.json"]');
  assert.deepEqual(JSON.parse(await readFile(await (await download).path(), "utf8")), document);
  await page.click("#all-beats summary");
  assert.equal(await page.locator("#beat-table tbody tr").count(), document.beats.length);
  assert.deepEqual(page.problems, []);
  assert.deepEqual(page.asked.filter((url) => !url.startsWith("blob:")), [address("band.report.html"), address("band.wav")], "nothing but itself and the audio");
});

test("a report plays the audio beside it, with its head moving", { skip }, async (t) => {
  const { address } = await reports(t);
  const page = await openFile(await browser(t), address("band.report.html"));
  await page.waitForFunction(() => document.getElementById("audio").readyState >= 2);
  assert.ok(await page.isHidden("#audio-note"));
  await page.click("#play");
  await page.waitForFunction(() => document.getElementById("audio").currentTime > 1 && document.getElementById("now-bar").textContent.includes("beat"));
  assert.equal(await page.getAttribute("#play", "aria-pressed"), "true");
  await page.keyboard.press("Tab");
  await page.click("#play");
  assert.ok(await page.$eval("#audio", (audio) => audio.paused));
  assert.deepEqual(page.problems, []);
});

test("a report whose audio is gone plays the clicks and takes another file", { skip }, async (t) => {
  const { folder, address } = await reports(t);
  await rm(join(folder, "band.wav"));
  const page = await openFile(await browser(t), address("band.report.html"));
  await page.waitForSelector("#audio-note:not([hidden])");
  await page.click("#play");
  await page.waitForFunction(() => Number(document.getElementById("timeline").getAttribute("aria-valuenow")) > 0.5);
  await page.click("#play");
  await page.setInputFiles("#pick", CLIP);
  await page.waitForSelector("#audio-note", { state: "hidden" });
});

test("a report with its audio inside needs no other file", { skip }, async (t) => {
  const { folder, address } = await reports(t, "--embed-audio");
  await rm(join(folder, "band.wav"));
  const page = await openFile(await browser(t), address("band.report.html"));
  await page.waitForFunction(() => document.getElementById("audio").readyState >= 2);
  assert.ok(await page.isHidden("#audio-note"));
  assert.deepEqual(page.problems, []);
  assert.deepEqual(page.asked.filter((url) => url.startsWith("file:")), [address("band.report.html")]);
});

test("report and index can be read without eyes, by day and by night, on a phone", { skip }, async (t) => {
  const { address } = await reports(t);
  const running = await browser(t);
  for (const options of [{ colorScheme: "light" }, { colorScheme: "dark", viewport: { width: 390, height: 844 } }]) {
    for (const name of ["band.report.html", "index.html"]) {
      // The checker is brought in from outside, which the page's own policy would refuse.
      const page = await openFile(running, address(name), { ...options, bypassCSP: true });
      await accessible(page);
      const isWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.ok(!isWide, `${name} is no wider than the screen`);
      assert.deepEqual(page.problems, []);
    }
  }
});

test("the index lists, sorts and finds files, the failed one with its reason", { skip }, async (t) => {
  const { address } = await reports(t);
  const page = await openFile(await browser(t), address("index.html"));
  assert.equal(await page.locator("tbody tr").count(), 2);
  assert.match(await page.textContent("tbody tr:has-text('broken.wav')"), /failed/);
  const first = () => page.textContent("tbody tr:first-child th");
  assert.equal(await first(), "band.wav");
  await page.click("thead button:has-text('State')");
  assert.match(await first(), /broken/);
  await page.click("thead button:has-text('State')");
  assert.equal(await first(), "band.wav");
  await page.fill("#filter", "broken failed");
  assert.equal(await page.locator("tbody tr:visible").count(), 1);
  await page.fill("#filter", "");
  await page.click("tbody a");
  await page.waitForSelector("#timeline");
  assert.deepEqual(page.problems, []);
});
