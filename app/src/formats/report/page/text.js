// Words and numbers for people, and bytes out of base64. Pure.

/** `m:ss.d`, with `digits` decimals. */
function clock(tSec, digits = 1) {
  const scale = 10 ** digits;
  const all = Math.round(Math.max(0, tSec) * scale);
  const minutes = Math.floor(all / (60 * scale));
  const seconds = (all / scale - 60 * minutes).toFixed(digits).padStart(digits > 0 ? 3 + digits : 2, '0');
  return minutes >= 60 ? `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`;
}

function percent(prob) {
  return `${Math.round(100 * prob)} %`;
}

/** Bytes of a base64 text. */
function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let idx = 0; idx < text.length; idx += 1) bytes[idx] = text.charCodeAt(idx);
  return bytes;
}

/** An element with text or children; attributes by name. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

