/** A text area with line numbers. Plain, so that the keyboard, screen readers and the browser's own undo do what they always do. */
import { useEffect, useRef } from 'preact/hooks';
import type { Finding } from './finding-list.tsx';

interface Props {
  readonly label: string;
  readonly text: string;
  readonly findings: readonly Finding[];
  /** The place to show; each new object is gone to once. */
  readonly place: { readonly line: number; readonly column: number; readonly span: number } | undefined;
  readonly onEdit: (text: string) => void;
}

export function Editor({ label, text, findings, place, onEdit }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const lines = text.split('\n').length;
  const marks = new Map(findings.toReversed().map(({ source, severity }) => [source.line, severity]));

  useEffect(() => {
    const element = area.current;
    if (place === undefined || element === null) return;
    const start = offsetOf(text, place.line) + place.column - 1;
    element.focus();
    element.setSelectionRange(start, start + place.span);
    element.scrollTop = ((place.line - 4) * element.scrollHeight) / lines;
  }, [place]);

  return (
    <div class="editor">
      <div class="gutter" ref={gutter} aria-hidden="true">
        {Array.from({ length: lines }, (_, i) => i + 1).map(number => (
          <div key={number} class={marks.get(number)}>
            {number}
          </div>
        ))}
      </div>
      <textarea
        ref={area}
        aria-label={label}
        aria-invalid={findings.some(({ severity }) => severity === 'error')}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        wrap="off"
        value={text}
        onInput={event => onEdit(event.currentTarget.value)}
        onScroll={event => {
          if (gutter.current !== null) gutter.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}

/** Where a line begins; lines count from 1. */
function offsetOf(text: string, line: number): number {
  let offset = 0;
  for (let i = 1; i < line; i++) {
    const end = text.indexOf('\n', offset);
    if (end < 0) return text.length;
    offset = end + 1;
  }
  return offset;
}
