// Input and outputs: what they are doing, what went wrong last, and each output's offset, which can be changed.

import { $, make, setText } from "./dom.js";

/** How a phase is shown: a sign beside the word, so that colour is not alone. */
const PHASES = { open: ["●", "good"], starting: ["◌", ""], waiting: ["◌", "bad"], off: ["○", "bad"] };
const LARGEST_OFFSET_MS = 500;

export class IoPanel {
  /** @param {import("../link/api.js").Api} api @param {(text: string) => void} onError */
  constructor(api, onError) {
    this.api = api;
    this.onError = onError;
    this.rows = new Map();
  }

  input(source) {
    const { input } = source;
    const line = $("input");
    if (input === null || input === undefined) {
      setText(line, source.description || "no input of its own");
      return;
    }
    const rate = input.rate_hz ? ` at ${input.rate_hz} Hz` : "";
    const [sign, word] = input.is_over ? ["○", "over"] : input.is_open ? ["●", "open"] : ["◌", "closed, waited for"];
    const lost = input.n_xruns > 0 ? `, samples lost ${input.n_xruns} ${input.n_xruns === 1 ? "time" : "times"}` : "";
    const again = input.n_opened > 1 ? `, opened ${input.n_opened} times` : "";
    line.replaceChildren(make("span", { class: input.is_open ? "sign good" : "sign bad", text: `${sign} ` }), `${input.name}${rate}: ${word}${lost}${again}`);
    if (input.last_error) line.append(make("span", { class: "error", text: ` ${input.last_error}` }));
  }

  outputs(list) {
    this.#note(list.length === 0 ? "No output is on." : null);
    const body = $("outputs").tBodies[0];
    for (const output of list) {
      if (!this.rows.has(output.id)) this.rows.set(output.id, this.#row(output, body));
      this.#fill(this.rows.get(output.id), output);
    }
    for (const [id, row] of this.rows) {
      if (list.some((output) => output.id === id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
  }

  /** Nothing can be asked. */
  lost(error) {
    this.#note(error.code === "missing" ? "This app does not say what its outputs do." : "Not connected.");
  }

  #note(text) {
    $("outputs-note").hidden = text === null;
    setText($("outputs-note"), text ?? "");
  }

  #row(output, body) {
    const cells = { name: make("th", { scope: "row" }), state: make("td"), late: make("td", { class: "wide number" }) };
    const offset = make("input", { type: "number", step: 1, min: -LARGEST_OFFSET_MS, max: LARGEST_OFFSET_MS, "aria-label": `offset of ${output.id}, ms, negative = earlier` });
    offset.addEventListener("change", () => this.#setOffset(output.id, offset));
    const element = make("tr", {}, cells.name, cells.state, cells.late, make("td", { class: "number" }, offset));
    body.append(element);
    return { element, offset, ...cells };
  }

  #fill(row, output) {
    setText(row.name, output.name);
    const [sign, mood] = PHASES[output.phase] ?? ["·", ""];
    const again = output.retry_sec ? ` again in ${Math.ceil(output.retry_sec)} s` : "";
    const text = `${sign} ${output.phase}${again}${output.n_beats > 0 ? `, ${output.n_beats} beats` : ""}${output.detail ? `, ${output.detail}` : ""}`;
    if (row.text !== `${text}|${output.last_error}`) {
      row.text = `${text}|${output.last_error}`;
      row.state.replaceChildren(make("span", { class: mood, text }));
      if (output.last_error) row.state.append(make("span", { class: "error", text: output.last_error }));
    }
    const late = output.late_p50_us === null || output.late_p50_us === undefined ? "–" : `${(output.late_p50_us / 1000).toFixed(1)} / ${(output.late_p99_us / 1000).toFixed(1)}`;
    setText(row.late, late);
    row.late.title = "median / 99 of 100";
    // What is being typed is the user's.
    if (document.activeElement !== row.offset && !row.isBusy) row.offset.value = String(output.offset_ms);
  }

  async #setOffset(id, field) {
    const row = this.rows.get(id);
    if (field.value.trim() === "" || !Number.isFinite(Number(field.value))) {
      this.onError(`offset of ${id}: expected a number of milliseconds`);
      return;
    }
    row.isBusy = true;
    field.setAttribute("aria-invalid", "false");
    try {
      const output = await this.api.setOffset(id, Number(field.value));
      if (output) this.#fill(row, output);
    } catch (error) {
      field.setAttribute("aria-invalid", "true");
      this.onError(`offset of ${id}: ${error.message}`);
    } finally {
      row.isBusy = false;
    }
  }
}
