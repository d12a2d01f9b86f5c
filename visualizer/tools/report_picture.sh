#!/bin/sh
# Makes docs/images/report.png: the report of the demo's clip, as a browser shows it. Needs Chromium and `npm ci` in visualizer/.
# ANACRUSIS_BIN names the binary; without it, target/release/anacrusis.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$root/tests/golden/demo/band_112_4.wav" "$folder/"
"${ANACRUSIS_BIN:-$root/target/release/anacrusis}" analyze --quiet --report "$folder/band_112_4.wav"
mkdir -p "$root/docs/images"
node "$root/visualizer/tools/report_screenshot.mjs" "$folder/band_112_4.report.html" "$root/docs/images/report.png" 1280 1120
