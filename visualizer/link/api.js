// The HTTP interface below `/api/v1`, as promises. Every failure is an `ApiError` with a sentence for people.

import { tokenQuery } from "./connection.js";

const PATIENCE_MS = 5000;

export class ApiError extends Error {
  /** @param {string} code one word for programs; `unreachable` where there was no answer, `missing` where there is no such route */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export class Api {
  state() {
    return ask("GET", "state");
  }

  async outputs() {
    return (await ask("GET", "outputs")).outputs;
  }

  hint(text) {
    return ask("POST", "hints", { hint: text });
  }

  setOffset(id, offset_ms) {
    return ask("PATCH", `outputs/${encodeURIComponent(id)}`, { offset_ms });
  }
}

async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}${tokenQuery()}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new ApiError("unreachable", "the app does not answer");
  }
  const said = await answer.json().catch(() => null);
  if (answer.ok) return said;
  // Errors of routes have `error`; those of the door are messages themselves.
  const error = said?.error ?? said ?? {};
  const code = answer.status === 404 && error.code === "not_found" && path.split("/").length === 1 ? "missing" : error.code ?? "failed";
  throw new ApiError(code, error.message ?? `the app answered with ${answer.status}`);
}
