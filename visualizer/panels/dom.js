// Shorthands for elements. Writes only what is new, so that nothing is laid out for nothing 60 times a second.

/** The element with this id. @throws {Error} where the page has none */
export function $(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no element ${id}`);
  return element;
}

/** A new element with attributes (`class`, `text`, `on…` as functions) and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A share of [0, 1] as the width of a bar's filling. */
export function setFill(element, share) {
  const value = `scaleX(${Math.min(1, Math.max(0, share || 0)).toFixed(3)})`;
  if (element.style.transform !== value) element.style.transform = value;
}

export function setVariable(element, name, value) {
  if (element.style.getPropertyValue(name) !== value) element.style.setProperty(name, value);
}

export function percent(share) {
  return `${Math.round(share * 100)} %`;
}
