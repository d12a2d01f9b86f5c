// Pictures of a report: node tools/report_screenshot.mjs REPORT.html OUT.png [WIDTH HEIGHT [light|dark]]
//
// CHROMIUM names the browser (`/usr/bin/chromium` without it). The picture in docs/images/ is made by `tools/report_picture.sh`.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const [report, out, width = "1280", height = "1100", scheme = "light"] = process.argv.slice(2);
if (!out) {
  console.error("usage: node tools/report_screenshot.mjs REPORT.html OUT.png [WIDTH HEIGHT [light|dark]]");
  process.exit(2);
}
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
try {
  const page = await browser.newPage({ viewport: { width: Number(width), height: Number(height) }, colorScheme: scheme });
  page.on("console", (message) => console.error(message.text()));
  page.on("pageerror", (error) => console.error(String(error)));
  await page.goto(pathToFileURL(resolve(report)).href);
  const timeline = page.locator("#timeline");
  if (await timeline.count()) {
    // Somewhere in the middle, so that played and unplayed differ.
    const box = await timeline.boundingBox();
    await page.mouse.click(box.x + 0.42 * box.width, box.y + 120);
    await page.mouse.move(0, 0);
  }
  await page.waitForTimeout(300);
  await page.screenshot({ path: out });
} finally {
  await browser.close();
}
