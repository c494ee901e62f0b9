// How numbers and things are said.

export const percent = (share) => `${Math.round(100 * share)} %`;

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

/** A share of the picture: one digit behind the point where it is small. */
export function share(area, { width, height }) {
  const value = 100 * area / (width * height);
  return value >= 9.95 ? `${Math.round(value)} %` : value >= 0.05 ? `${value.toFixed(1)} %` : "< 0.1 %";
}

export function span(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** An element with a class and text or children. */
export function element(tag, className = "", ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}
