import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Answer } from '../api/routes.ts';
import { ApiError, get, messageOf, post } from './api.ts';
import { Editor } from './editor.tsx';
import { type Finding, FindingList } from './finding-list.tsx';
import { TestList } from './policies-view.tsx';
import { announce } from './store.ts';
import { edits } from './what-if-edits.ts';
import { Played } from './what-if-result.tsx';

/** Nobody types slower within a word. */
const CHECK_AFTER_MS = 400;
const AGAIN_MS = 1500;

const RANGES = [
  ['300', 'the last 5 minutes'],
  ['900', 'the last 15 minutes'],
  ['3600', 'the last hour'],
] as const;

export function WhatIfView() {
  const files = useSignal<Answer<'policies'>['files']>([]);
  const file = useSignal('');
  const check = useSignal<Answer<'checkPolicies'> | undefined>(undefined);
  const place = useSignal<{ line: number; column: number; span: number } | undefined>(undefined);
  const tested = useSignal<Answer<'testPolicies'> | undefined>(undefined);
  const played = useSignal<Answer<'whatIf'> | undefined>(undefined);
  const seconds = useSignal('3600');
  const busy = useSignal<'' | 'test' | 'replay'>('');
  const problem = useSignal('');

  useEffect(() => {
    const ending = new AbortController();
    get('policies', { signal: ending.signal }).then(
      answer => {
        files.value = answer.files;
        file.value = answer.files[0]?.file ?? '';
      },
      error => {
        if (!ending.signal.aborted) problem.value = messageOf(error);
      },
    );
    return () => ending.abort();
  }, []);

  const original = files.value.find(item => item.file === file.value)?.text;
  const text = edits.value.get(file.value) ?? original ?? '';
  const changes = changesOf(files.value);

  useEffect(() => {
    if (files.value.length === 0) return;
    const ending = new AbortController();
    const later = setTimeout(() => void checkNow(ending.signal), CHECK_AFTER_MS);
    return () => {
      clearTimeout(later);
      ending.abort();
    };
  }, [edits.value, files.value]);

  async function checkNow(signal: AbortSignal): Promise<void> {
    try {
      const answer = await post('checkPolicies', { changes: changesOf(files.value) }, { signal });
      const wasOk = check.value?.ok;
      check.value = answer;
      problem.value = '';
      if (wasOk !== answer.ok) announce(verdictOf(answer));
    } catch (error) {
      if (signal.aborted) return;
      problem.value = messageOf(error);
      // The daemon is busy: without a verdict nothing here can go on.
      if (error instanceof ApiError && error.code === 'REQUEST_LIMITED')
        setTimeout(() => void (signal.aborted || checkNow(signal)), AGAIN_MS);
    }
  }

  async function work(kind: 'test' | 'replay', ask: () => Promise<string>): Promise<void> {
    busy.value = kind;
    try {
      announce(await ask());
      problem.value = '';
    } catch (error) {
      problem.value = messageOf(error);
    } finally {
      busy.value = '';
    }
  }

  const test = () =>
    work('test', async () => {
      const answer = await post('testPolicies', { changes });
      tested.value = answer;
      return `${answer.tests.filter(({ passed }) => passed).length} of ${answer.tests.length} tests passed`;
    });
  const replay = () =>
    work('replay', async () => {
      const answer = await post('whatIf', { changes, seconds: Number(seconds.value) });
      played.value = answer;
      return `Replayed ${answer.ticks} ticks, ${answer.differencesInAll} differences`;
    });

  function show({ source, span = 1 }: Finding): void {
    file.value = source.file;
    place.value = { line: source.line, column: source.column, span };
  }

  const own = check.value?.findings.filter(({ source }) => source.file === file.value) ?? [];
  const isEdited = edits.value.has(file.value);
  return (
    <>
      <h1>What if</h1>
      <p class="dim">
        Edit the policies and see what they would have done. Nothing here changes what is in force.
      </p>
      <section class="card" aria-label="Edit">
        <div class="tools">
          <label>
            File
            <select
              value={file.value}
              onChange={event => {
                file.value = event.currentTarget.value;
              }}
            >
              {files.value.map(item => (
                <option key={item.file} value={item.file}>
                  {item.file}
                  {edits.value.has(item.file) ? ' (edited)' : ''}
                </option>
              ))}
            </select>
          </label>
          <button type="button" disabled={!isEdited} onClick={() => setText(file.value, original, original)}>
            Undo all edits
          </button>
          <p class={check.value?.ok === false ? 'verdict failed' : 'verdict passed'}>
            {check.value === undefined ? '' : verdictOf(check.value)}
          </p>
        </div>
        <Editor
          label={`Text of ${file.value}`}
          text={text}
          findings={own}
          place={place.value}
          onEdit={next => setText(file.value, next, original)}
        />
        <FindingList findings={check.value?.findings ?? []} none="" onShow={show} />
        <div class="tools">
          <button
            type="button"
            class="main"
            aria-busy={busy.value === 'replay'}
            disabled={busy.value !== '' || check.value?.ok !== true}
            onClick={() => void replay()}
          >
            {busy.value === 'replay' ? 'Replaying…' : 'Replay'}
          </button>
          <label>
            Over
            <select
              value={seconds.value}
              onChange={event => {
                seconds.value = event.currentTarget.value;
              }}
            >
              {RANGES.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <button
            type="button"
            aria-busy={busy.value === 'test'}
            disabled={busy.value !== ''}
            onClick={() => void test()}
          >
            {busy.value === 'test' ? 'Testing…' : 'Run its tests'}
          </button>
        </div>
        {problem.value !== '' && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
      </section>
      {tested.value !== undefined && (
        <section class="card">
          <h2>Tests</h2>
          <TestList tested={tested.value} />
        </section>
      )}
      {played.value !== undefined && <Played answer={played.value} />}
    </>
  );
}

function verdictOf({ ok, findings }: Answer<'checkPolicies'>): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  const more = warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
  return ok ? `✓ sound${more}` : `✗ ${errors} ${errors === 1 ? 'error' : 'errors'}${more}`;
}

function changesOf(files: Answer<'policies'>['files']): { file: string; text: string }[] {
  return files.flatMap(({ file }) => {
    const text = edits.value.get(file);
    return text === undefined ? [] : [{ file, text }];
  });
}

/** A text that is as it was is no edit. */
function setText(file: string, text: string | undefined, original: string | undefined): void {
  const next = new Map(edits.value);
  if (text === undefined || text === original) next.delete(file);
  else next.set(file, text);
  edits.value = next;
}
