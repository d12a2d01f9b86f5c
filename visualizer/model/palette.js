// Colours and signs of the sections. After Okabe and Ito's palette for all kinds of colour vision, lightened for a dark ground;
// no section is told by its colour alone: each has its name and a sign of its own.

/** By name of the label: colour (sRGB, hex), sign, and the name as it is shown. */
const SECTIONS = {
  silence: { colour: "#9aa3b2", sign: "○", name: "Silence" },
  intro: { colour: "#56b4e9", sign: "◁", name: "Intro" },
  verse: { colour: "#2fc79a", sign: "▬", name: "Verse" },
  "pre-chorus": { colour: "#f0e442", sign: "◢", name: "Pre-chorus" },
  chorus: { colour: "#ffb02e", sign: "◆", name: "Chorus" },
  bridge: { colour: "#e08fc0", sign: "⌒", name: "Bridge" },
  inst: { colour: "#6ea8ff", sign: "∿", name: "Instrumental" },
  outro: { colour: "#ff7f50", sign: "▷", name: "Outro" },
};
const UNKNOWN = { colour: "#9aa3b2", sign: "·", name: "–" };

/** What to show of a section. @param {string[]} labels of the greeting @param {number|null} index */
export function sectionLook(labels, index) {
  const label = index === null || index === undefined ? undefined : labels[index];
  if (label === undefined) return UNKNOWN;
  return SECTIONS[label] ?? { ...UNKNOWN, name: label };
}

/** Red, green and blue of a hex colour, sRGB in [0, 1]. */
export function channels(hex) {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
}
