import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Answer } from '../api/routes.ts';
import { get, messageOf, post } from './api.ts';
import { Source } from './decisions.tsx';
import { FindingList } from './finding-list.tsx';
import { route } from './route.ts';
import { Scroll } from './scroll.tsx';
import { generation, mayWrite } from './store.ts';

type Policies = Answer<'policies'>;
type Tested = Answer<'testPolicies'>;

export function PoliciesView() {
  const policies = useSignal<Policies | undefined>(undefined);
  const tested = useSignal<Tested | undefined>(undefined);
  const problem = useSignal('');

  useEffect(() => {
    const { signal, abort } = newAbort();
    async function read(): Promise<void> {
      try {
        policies.value = await get('policies', { signal });
        tested.value = await post('testPolicies', {}, { signal });
        problem.value = '';
      } catch (error) {
        if (!signal.aborted) problem.value = messageOf(error);
      }
    }
    void read();
    return abort;
  }, [generation.value]);

  const known = policies.value;
  return (
    <>
      <h1>Policies</h1>
      {problem.value !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {known === undefined ? (
        <p class="dim">Reading the policies…</p>
      ) : (
        <>
          <PolicyTable policies={known} />
          <section class="card">
            <h2>Lints</h2>
            <FindingList findings={known.lints} none="Nothing in this set looks like a mistake." />
          </section>
          <section class="card">
            <h2>Tests</h2>
            <TestList tested={tested.value} />
          </section>
          {known.files.map(({ file, text }) => (
            <SourceFile key={file} file={file} text={text} lints={known.lints} />
          ))}
        </>
      )}
      {mayWrite.value && (
        <p class="dim">A change in these files is taken up by itself once it is free of errors.</p>
      )}
    </>
  );
}

function newAbort() {
  const ending = new AbortController();
  return { signal: ending.signal, abort: () => ending.abort() };
}

function PolicyTable({ policies: { hostPolicy, guestPolicies } }: { readonly policies: Policies }) {
  return (
    <section class="card">
      <div class="tools">
        <h2>The set in force</h2>
        <a class="button" href="#/what-if">
          Try a change
        </a>
      </div>
      <Scroll label="Policies of the set">
        <table class="policies">
          <thead>
            <tr>
              <th scope="col">Policy</th>
              <th scope="col">For</th>
              <th scope="col">Mode</th>
              <th scope="col" class="number">
                Precedence
              </th>
              <th scope="col">Where</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">{hostPolicy.name}</th>
              <td>the host</td>
              <td>{hostPolicy.mode}</td>
              <td class="number">–</td>
              <td>
                <Source source={hostPolicy.source} />
              </td>
            </tr>
            {guestPolicies.map(({ name, description, mode, precedence, source }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{description ?? 'guests'}</td>
                <td>{mode}</td>
                <td class="number">{precedence}</td>
                <td>
                  <Source source={source} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

export function TestList({ tested }: { readonly tested: Tested | undefined }) {
  if (tested === undefined) return <p class="dim">The tests run…</p>;
  const { tests, findings } = tested;
  const failed = tests.filter(({ passed }) => !passed);
  return (
    <>
      <p class={failed.length > 0 || findings.length > 0 ? 'problem' : undefined}>
        {tests.length === 0
          ? 'No test stands beside these files.'
          : `${tests.length - failed.length} passed, ${failed.length} failed`}
      </p>
      <FindingList findings={findings} none="" />
      <ul class="tests">
        {[...failed, ...tests.filter(({ passed }) => passed)].map(({ name, passed, problems, source }) => (
          <li key={`${source.file} ${name}`}>
            <span class={passed ? 'verdict passed' : 'verdict failed'}>
              {passed ? '✓ passed' : '✗ failed'}
            </span>{' '}
            {name}
            {problems.map(text => (
              <pre key={text}>{text}</pre>
            ))}
          </li>
        ))}
      </ul>
    </>
  );
}

interface SourceFileProps {
  readonly file: string;
  readonly text: string;
  readonly lints: Policies['lints'];
}

/** A file with its lines numbered; the one that the address names is shown. */
function SourceFile({ file, text, lints }: SourceFileProps) {
  const { query } = route.value;
  const wanted = query.get('file') === file ? Number(query.get('line')) : undefined;
  const isWarned = new Map(
    lints.filter(({ source }) => source.file === file).map(({ source, message }) => [source.line, message]),
  );

  useEffect(() => {
    if (wanted !== undefined)
      document.getElementById(lineId(file, wanted))?.scrollIntoView({ block: 'center' });
  }, [wanted]);

  return (
    <section class="card">
      <h2>
        <code>{file}</code>
      </h2>
      <Scroll label={`Text of ${file}`}>
        <ol class="source">
          {linesOf(text).map(({ number, line }) => (
            <li
              key={number}
              id={lineId(file, number)}
              class={number === wanted ? 'wanted' : isWarned.has(number) ? 'warned' : undefined}
              title={isWarned.get(number)}
            >
              <code>{line}</code>
            </li>
          ))}
        </ol>
      </Scroll>
    </section>
  );
}

function linesOf(text: string) {
  const lines = text.replace(/\n$/, '').split('\n');
  return lines.map((line, i) => ({ number: i + 1, line }));
}

function lineId(file: string, line: number): string {
  return `line ${file} ${line}`;
}
