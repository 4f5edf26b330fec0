/** Light or dark: as the system says, unless somebody has chosen. */
import { computed, effect, signal } from '@preact/signals';

export type Choice = 'auto' | 'light' | 'dark';

const KEY = 'ballonet.theme';
const dark = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(dark.matches);

dark.addEventListener('change', ({ matches }) => {
  systemDark.value = matches;
});

function kept(): Choice {
  const text = localStorage.getItem(KEY);
  return text === 'light' || text === 'dark' ? text : 'auto';
}

export const choice = signal<Choice>(kept());

export const theme = computed(() =>
  choice.value === 'auto' ? (systemDark.value ? 'dark' : 'light') : choice.value,
);

// Before the first paint, so that a page that is dark never flashes.
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function choose(next: Choice): void {
  if (next === 'auto') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  choice.value = next;
}

/** A colour of style.css, for what is drawn on a canvas. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
