import type { Answer } from '../api/routes.ts';

export type Finding = Answer<'checkPolicies'>['findings'][number];

interface Props {
  readonly findings: readonly Finding[];
  /** What is said when there are none. */
  readonly none: string;
  /** Goes to the place of one; left out, it is only named. */
  readonly onShow?: (finding: Finding) => void;
}

export function FindingList({ findings, none, onShow }: Props) {
  if (findings.length === 0) return none === '' ? null : <p class="dim">{none}</p>;
  return (
    <ul class="findings">
      {findings.map(finding => {
        const { severity, code, message, hint, source } = finding;
        const place = `${source.file}:${source.line}:${source.column}`;
        return (
          <li key={`${place} ${code} ${message}`}>
            <span class={`severity ${severity === 'error' ? 'error' : 'warn'}`}>{severity}</span>{' '}
            {onShow === undefined ? (
              <code>{place}</code>
            ) : (
              <button type="button" class="link" onClick={() => onShow(finding)}>
                {place}
              </button>
            )}{' '}
            {message} <code class="dim">{code}</code>
            {hint !== undefined && <div class="dim">{hint}</div>}
          </li>
        );
      })}
    </ul>
  );
}
