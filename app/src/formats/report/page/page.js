// Puts the page together: figures, tables and exports from the data, and the controls that move picture and player.

const byId = (id) => document.getElementById(id);
const model = new Model(JSON.parse(byId('data').textContent));
const axis = new Axis(model.durationSec);
const lanes = new Lanes(byId('lanes'), model, axis);
const player = new Player(byId('audio'), model, () => showPlayer());
const timeline = byId('timeline');
let pointerX = null;
let isDrawn = false;

function fillHead() {
  const { found } = model;
  const mean = model.beats.reduce((sum, beat) => sum + beat.confidence, 0) / Math.max(1, model.beats.length);
  const figure = (title, value, unit) => element('div', {}, element('dt', {}, title), element('dd', {}, value, element('small', {}, unit)));
  byId('made-by').textContent = `${found.engine_version} · ${found.mode}${found.models.length > 0 ? ` · ${found.models.join(', ')}` : ''}`;
  byId('figures').append(
    figure('Tempo', found.tempo_bpm === null ? '–' : found.tempo_bpm.toFixed(1), 'BPM'),
    figure('Meter', found.beats_per_bar === null ? '–' : String(found.beats_per_bar), 'beats per bar'),
    figure('Beats', String(model.beats.length), `in ${model.bars.at(-1) ?? 0} bars`),
    figure('Length', clock(found.duration_sec, 0), 'min:s'),
    figure('Confidence', model.beats.length > 0 ? String(Math.round(100 * mean)) : '–', '% on average'),
    figure('Transients', String(model.onsets.length), ''),
  );
  byId('doubts').append(...model.data.doubts.map((doubt) => element('li', {}, doubt)));
  byId('doubts').hidden = model.data.doubts.length === 0;
}

/** A button that moves the player there. */
function jump(tSec, digits) {
  const button = element('button', { type: 'button', class: 'jump' }, clock(tSec, digits));
  button.addEventListener('click', () => seek(tSec));
  return button;
}

function table(heads, rows) {
  const head = element('tr', {}, ...heads.map(([name, kind]) => element('th', { scope: 'col', ...(kind && { class: kind }) }, name)));
  const cell = (value, column) => element('td', heads[column][1] ? { class: heads[column][1] } : {}, value);
  const body = rows.map((row) => element('tr', {}, ...row.map(cell)));
  return element('table', {}, element('thead', {}, head), element('tbody', {}, ...body));
}

function swatch(colour) {
  const block = element('span', { class: 'swatch', 'aria-hidden': 'true' });
  block.style.background = colour;
  return block;
}

function fillSections() {
  if (model.sections.length === 0) {
    byId('sections').append(element('p', { class: 'none' }, 'None known.'));
    return;
  }
  const row = (section) => {
    const name = element('span', {}, swatch(model.data.colours[section.label_idx]), model.data.labels[section.label_idx]);
    const [first, last] = [section.start_sec, section.end_sec].map((tSec) => model.beatAt(tSec)?.bar ?? 0);
    return [name, jump(section.start_sec), clock(section.end_sec - section.start_sec), String(Math.max(0, last - first)), percent(section.prob)];
  };
  const heads = [['Name'], ['From'], ['Length', 'number'], ['Bars', 'number'], ['Probability', 'number']];
  byId('sections').append(table(heads, model.sections.map(row)));
}

/** The table of all beats, made when somebody wants to see it. */
function fillBeats() {
  if (byId('beat-table').childElementCount > 0) return;
  const row = (beat, idx) => [String(idx + 1), jump(beat.time_sec, 3), beat.beat_in_bar > 0 ? `${model.bars[idx]}.${beat.beat_in_bar}` : '–', beat.bpm.toFixed(1), percent(beat.confidence)];
  const heads = [['#', 'number'], ['Time'], ['Bar.beat'], ['BPM', 'number'], ['Confidence', 'number']];
  byId('beat-table').append(table(heads, model.beats.map(row)));
}

function fillExports() {
  const stem = model.found.file.split(/[\\/]/).at(-1).replace(/\.[^.]*$/, '');
  const json = { title: 'JSON', suffix: 'beats.json', media_type: 'application/json', bytes: () => `${JSON.stringify(model.found, null, 2)}\n` };
  for (const made of [...model.data.exports, json]) {
    const link = element('a', { download: `${stem}.${made.suffix}`, href: '#', 'data-suffix': made.suffix }, made.title);
    const bytes = made.bytes ?? (() => bytesOf(made.base64));
    link.href = URL.createObjectURL(new Blob([bytes()], { type: made.media_type }));
    byId('exports').append(element('li', {}, link));
  }
}

function fillLegend() {
  const lines = [
    ['Beats', 'thin lines; downbeats are thick, full height, with the number of the bar'],
    ['Transients', 'where something begins to sound; taller is stronger'],
    ['Network', 'filled: a beat, line: a downbeat, as it saw them'],
    ['Tempo', 'beats per minute at each beat, as shown to people'],
    ['Confidence', 'probability that a true beat lies within 70 ms'],
    ['Boundary', 'probability that another section begins within 16, 8 and 4 beats, light to dark'],
  ];
  byId('legend').append(...lines.flatMap(([name, words]) => [element('dt', {}, name), element('dd', {}, words)]));
}

/** Draws once before the next frame of the screen, however often it is asked for. */
function redraw() {
  if (isDrawn) return;
  isDrawn = true;
  requestAnimationFrame(() => {
    isDrawn = false;
    drawNow();
    if (player.isPlaying) redraw();
  });
}

function drawNow() {
  const nowSec = player.nowSec;
  if (player.isPlaying && byId('follow').checked) axis.reveal(nowSec);
  lanes.draw(nowSec);
  drawOverview(byId('overview'), lanes, nowSec);
  showNow(nowSec);
  showReadout();
}

function showNow(nowSec) {
  const section = model.sectionAt(nowSec)?.name ?? '';
  byId('now-time').textContent = clock(nowSec);
  byId('now-bar').textContent = model.placeAt(nowSec);
  byId('now-section').textContent = section;
  timeline.setAttribute('aria-valuenow', nowSec.toFixed(2));
  timeline.setAttribute('aria-valuetext', [clock(nowSec), model.placeAt(nowSec), section].filter(Boolean).join(', '));
}

/** What is known of the moment below the pointer. */
function showReadout() {
  const readout = byId('readout');
  readout.hidden = pointerX === null;
  if (pointerX === null) return;
  const tSec = Math.min(Math.max(axis.sec(pointerX), 0), model.durationSec);
  const beat = model.beatAt(tSec);
  const hazard = model.hazards[lastAt(model.hazards.map((known) => known.time_sec), tSec)];
  const section = model.sectionAt(tSec);
  const lines = [clock(tSec, 3), model.placeAt(tSec)];
  if (beat) lines.push(`${beat.bpm.toFixed(1)} BPM, confidence ${percent(beat.confidence)}`);
  if (section) lines.push(`${section.name}, ${percent(section.prob)}`);
  if (hazard) lines.push(`boundary within 8 beats ${percent(hazard.within[3])}`);
  readout.textContent = lines.filter(Boolean).join('\n');
  const isRight = pointerX > axis.width - readout.offsetWidth - 24;
  readout.style.left = `${isRight ? pointerX - readout.offsetWidth - 14 : pointerX + 14}px`;
}

function showPlayer() {
  const word = player.isPlaying ? 'Pause' : 'Play';
  byId('play').setAttribute('aria-pressed', String(player.isPlaying));
  byId('play-word').textContent = word;
  const { link, is_embedded: isEmbedded } = model.data.audio;
  const isMissing = !player.hasAudio && (player.isMissing || (!link && !isEmbedded));
  byId('audio-note').hidden = !isMissing;
  byId('audio-why').textContent = link && !isEmbedded ? `The audio was not found or cannot be played (${link}); the clicks play alone.` : 'The audio is not in this page; the clicks play alone.';
  redraw();
}

function seek(tSec) {
  player.seek(tSec);
  axis.reveal(player.nowSec);
  redraw();
}

/** To the next beat, or downbeat, before or after now. */
function step(direction, isBar) {
  const wanted = (beat) => !isBar || beat.beat_in_bar === 1;
  const nowSec = player.nowSec;
  const beyond = model.beats.filter((beat) => wanted(beat) && (direction > 0 ? beat.time_sec > nowSec + 0.02 : beat.time_sec < nowSec - 0.02));
  const goal = direction > 0 ? beyond[0] : beyond.at(-1);
  if (goal) seek(goal.time_sec);
  else if (direction < 0) seek(0);
}

function zoomBy(factor) {
  const headX = axis.x(player.nowSec);
  axis.zoom(factor, headX >= 0 && headX <= axis.width ? headX : axis.width / 2);
  redraw();
}

function onKey(event) {
  const isField = event.target.matches('input, summary, a, button');
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const actions = {
    ' ': () => player.toggle(),
    ArrowLeft: () => step(-1, event.shiftKey),
    ArrowRight: () => step(1, event.shiftKey),
    Home: () => seek(0),
    End: () => seek(model.durationSec),
    '+': () => zoomBy(0.6),
    '=': () => zoomBy(0.6),
    '-': () => zoomBy(1 / 0.6),
    0: () => { axis.show(0, model.durationSec); redraw(); },
  };
  // Elsewhere these keys have their own meaning.
  if (!actions[event.key] || isField || (event.target !== timeline && !'+-=0 '.includes(event.key))) return;
  event.preventDefault();
  actions[event.key]();
}

function listen() {
  byId('play').addEventListener('click', () => player.toggle());
  byId('music').addEventListener('input', (event) => { byId('audio').volume = event.target.value / 100; });
  byId('clicks').addEventListener('input', (event) => { player.clickLevel = (event.target.value / 100) ** 2; });
  byId('zoom-in').addEventListener('click', () => zoomBy(0.5));
  byId('zoom-out').addEventListener('click', () => zoomBy(2));
  byId('zoom-fit').addEventListener('click', () => { axis.show(0, model.durationSec); redraw(); });
  byId('pick').addEventListener('change', (event) => {
    const [file] = event.target.files;
    if (file) byId('audio').src = URL.createObjectURL(file);
  });
  byId('all-beats').addEventListener('toggle', fillBeats);
  document.addEventListener('keydown', onKey);
  listenToTimeline(timeline, axis, redraw, seek);
  listenToOverview(byId('overview'), axis, redraw);
  timeline.addEventListener('pointermove', (event) => { pointerX = event.clientX - timeline.getBoundingClientRect().left; redraw(); });
  timeline.addEventListener('pointerleave', () => { pointerX = null; redraw(); });
  const refresh = () => { lanes.refresh(); redraw(); };
  new ResizeObserver(refresh).observe(timeline);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', refresh);
  addEventListener('beforeprint', () => { lanes.refresh(); drawNow(); });
}

fillHead();
fillSections();
fillExports();
fillLegend();
byId('n-beats').textContent = String(model.beats.length);
byId('audio').volume = 0.8;
player.clickLevel = 0.36;
timeline.setAttribute('aria-valuemax', model.durationSec.toFixed(2));
listen();
lanes.refresh();
showPlayer();
