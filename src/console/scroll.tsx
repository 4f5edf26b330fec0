import type { ComponentChildren, Ref } from 'preact';

interface Props {
  readonly label: string;
  readonly className?: string;
  readonly onScroll?: () => void;
  readonly place?: Ref<HTMLElement>;
  readonly children: ComponentChildren;
}

/** What may be wider or longer than its place. It takes the focus, since else the keyboard could not scroll it. */
export function Scroll({ label, className = '', onScroll, place, children }: Props) {
  return (
    <section
      class={`scroll ${className}`}
      aria-label={label}
      tabIndex={0}
      {...(onScroll && { onScroll })}
      {...(place && { ref: place })}
    >
      {children}
    </section>
  );
}
