// What this browser remembers of the page from visit to visit. Where it may not remember, nothing is lost but that.

/** The remembered text; `null` = nothing. */
export function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function remember(name, text) {
  try {
    localStorage.setItem(name, text);
  } catch {
    // Blocked by the browser's settings: it holds for this visit.
  }
}
