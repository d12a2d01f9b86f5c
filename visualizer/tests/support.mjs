// A browser, and the real app, for the tests. Everything is on loopback; what is started here is ended here.
//
// ANACRUSIS_BIN names the binary, CHROMIUM the browser (`/usr/bin/chromium` without it); `cargo xtask view-test` sets both.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** How long anything may take on a busy machine. */
export const PATIENCE_MS = 60_000;
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const ROOT = resolve(import.meta.dirname, "../..");
/** 28 s of a band at 112 BPM, 4 beats a bar (tests/golden/demo/). */
export const CLIP = join(ROOT, "tests/golden/demo/band_112_4.wav");
export const CLIP_BPM = 112;

/** Why tests with a browser are left out; `false` where they run. */
export const skip = !existsSync(CHROMIUM) ? `no browser at ${CHROMIUM}; set CHROMIUM` : !process.env.ANACRUSIS_BIN ? "ANACRUSIS_BIN names no binary" : false;

/** A browser that is closed with the test. */
export async function browser(t) {
  const { chromium } = await import("playwright-core");
  const running = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  t.after(() => running.close());
  return running;
}

/** A page at `address`, or with `null` a blank one, that remembers what went wrong in it: `page.problems`. Warnings of the graphics driver are none. */
export async function openPage(running, address, options = {}) {
  const context = await running.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.problems = [];
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  page.on("pageerror", (error) => page.problems.push(String(error)));
  if (options.picture === false) await page.addInitScript(() => localStorage.setItem("anacrusis.picture", "off"));
  if (address !== null) await page.goto(address);
  return page;
}

/** What was started and may not outlive these tests, however they end. */
const children = new Set();
process.once("exit", () => children.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

/** The app, listening to a file over and over, until the test is over or `stop` is called. */
export class App {
  static async start(t, { file = CLIP, cwd = undefined, port = null, more = [] } = {}) {
    const app = new App();
    app.folder = await mkdtemp(join(tmpdir(), "anacrusis-view-"));
    app.port = port ?? (await freePort());
    app.address = `http://127.0.0.1:${app.port}/`;
    const env = { ...process.env, ANACRUSIS_CONFIG_DIR: app.folder, ANACRUSIS_FEED_DIR: join(app.folder, "feeds") };
    app.child = spawn(process.env.ANACRUSIS_BIN, ["live", "--file", file, "--repeat", "--no-feed", "--quiet", "--web", `127.0.0.1:${app.port}`, ...more], { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
    children.add(app.child);
    app.said = "";
    app.child.stderr.on("data", (text) => (app.said += text));
    app.ended = new Promise((ended) => app.child.once("exit", ended));
    t.after(() => app.stop());
    await until("the app serves", async () => {
      assert.equal(app.child.exitCode, null, app.said);
      return (await fetch(`${app.address}health`).catch(() => null))?.ok;
    });
    return app;
  }

  async stop() {
    this.child.kill("SIGKILL");
    await this.ended;
    children.delete(this.child);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A TCP port of loopback that nobody uses now. */
export function freePort() {
  return new Promise((found, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

/** Waits until `isSo` says yes. */
export async function until(what, isSo) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    assert.ok(Date.now() < deadline, `${what}: not within ${PATIENCE_MS} ms`);
    await new Promise((pause) => setTimeout(pause, 50));
  }
}

/** Waits until the page has seen so many beats fall. */
export function beats(page, n) {
  return page.waitForFunction((wanted) => window.anacrusis.flashes.length >= wanted, n);
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
