// Colours and patterns that stay apart for eyes that see fewer colours.

// Okabe and Ito's colours less black, and Tol's wine; each further round of labels adds a pattern to them.
export const PALETTE = ["#e69f00", "#56b4e9", "#cc79a7", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#882255"];
export const PATTERNS = ["plain", "striped", "dotted", "checked"];

/** The look of the nth label: {color: "#rrggbb", rgb: [r, g, b], pattern}. */
export function look(number) {
  const color = PALETTE[number % PALETTE.length], value = parseInt(color.slice(1), 16);
  const pattern = PATTERNS[Math.floor(number / PALETTE.length) % PATTERNS.length];
  return { color, rgb: [value >> 16, (value >> 8) & 255, value & 255], pattern };
}

/** Whether a pattern is dark at a pixel; `step` is its period in pixels. */
export function inked(pattern, x, y, step) {
  switch (pattern) {
    case "striped": return (x + y) % step < step * 0.3;
    case "dotted": return Math.hypot((x % step) - step / 2, (y % step) - step / 2) < step * 0.28;
    case "checked": return x % step < step * 0.25 || y % step < step * 0.25;
    default: return false;
  }
}
