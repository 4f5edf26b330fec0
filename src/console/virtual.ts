/** Which rows of a long list are worth having in the page. */
export interface Window {
  readonly first: number;
  /** One past the last. */
  readonly end: number;
}

/** Rows beyond the edge, so that a step of the keyboard or a flick of the wheel finds them there. */
const BEYOND = 8;

export function visibleWindow(count: number, rowHeight: number, scrolled: number, height: number): Window {
  const first = Math.max(0, Math.min(count, Math.floor(scrolled / rowHeight)) - BEYOND);
  const end = Math.min(count, Math.ceil((scrolled + height) / rowHeight) + BEYOND);
  return { first, end: Math.max(first, end) };
}
