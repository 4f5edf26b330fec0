/** What has been edited, by file; kept while the page is open, so that looking at a guest meanwhile loses nothing. */
import { signal } from '@preact/signals';

export const edits = signal<ReadonlyMap<string, string>>(new Map());
