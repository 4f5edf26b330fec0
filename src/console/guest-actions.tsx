import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { messageOf, post } from './api.ts';
import { size } from './format.ts';
import { announce, type GuestRow, mayWrite, readStatus } from './store.ts';

const PAUSES = [
  ['', 'until it is resumed'],
  ['900', 'for 15 minutes'],
  ['3600', 'for an hour'],
  ['14400', 'for 4 hours'],
  ['86400', 'for a day'],
] as const;

function textIn(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}

/** What may be done to a guest. Where the caller may only read, it says so. */
export function GuestActions({ guest }: { readonly guest: GuestRow }) {
  const wish = useSignal<'pause' | 'release'>('pause');
  const problem = useSignal('');
  const busy = useSignal(false);
  const dialog = useRef<HTMLDialogElement>(null);
  if (!mayWrite.value) return <p class="dim actions">Read only: to change something, use a write token.</p>;

  const { name, uuid, pause, maxBytes } = guest;

  function open(next: 'pause' | 'release'): void {
    wish.value = next;
    problem.value = '';
    dialog.current?.showModal();
  }

  async function carryOut(work: () => Promise<string>): Promise<void> {
    busy.value = true;
    try {
      announce(await work());
      problem.value = '';
      await readStatus();
    } catch (error) {
      problem.value = messageOf(error);
    } finally {
      busy.value = false;
    }
  }

  function submit(event: SubmitEvent): void {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const form = new FormData(event.currentTarget);
    const [reason, seconds] = [textIn(form, 'reason'), textIn(form, 'seconds')];
    void carryOut(async () => {
      if (wish.value === 'pause') {
        await post(
          'pause',
          { reason, ...(seconds !== '' && { seconds: Number(seconds) }) },
          { domain: uuid },
        );
        dialog.current?.close();
        return `${name} is paused`;
      }
      const { items } = await post('release', { domains: [uuid], reason });
      const failed = items.find(({ status }) => status === 'failed');
      if (failed !== undefined) throw new Error(failed.problem ?? 'it was not released');
      dialog.current?.close();
      return `${name} is released and paused`;
    });
  }

  return (
    <div class="actions">
      {pause === undefined ? (
        <button type="button" onClick={() => open('pause')}>
          Pause…
        </button>
      ) : (
        <button
          type="button"
          disabled={busy.value}
          onClick={() =>
            void carryOut(async () => {
              await post('resume', {}, { domain: uuid });
              return `${name} is managed again`;
            })
          }
        >
          Resume
        </button>
      )}
      <button type="button" onClick={() => open('release')}>
        Release…
      </button>
      {problem.value !== '' && dialog.current?.open !== true && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <dialog ref={dialog} class="dialog" aria-labelledby="action-title">
        <form onSubmit={submit}>
          <h2 id="action-title">{wish.value === 'pause' ? `Pause ${name}` : `Release ${name}`}</h2>
          <p>
            {wish.value === 'pause'
              ? 'It is neither shrunk nor grown while it is paused.'
              : `It gets all of its ${size(maxBytes)} back now, and is paused from then on.`}
          </p>
          <label>
            Reason, for the log
            <input name="reason" required maxLength={500} autocomplete="off" />
          </label>
          {wish.value === 'pause' && (
            <label>
              How long
              <select name="seconds">
                {PAUSES.map(([seconds, text]) => (
                  <option key={seconds} value={seconds}>
                    {text}
                  </option>
                ))}
              </select>
            </label>
          )}
          {problem.value !== '' && (
            <p class="problem" role="alert">
              {problem}
            </p>
          )}
          <div class="buttons">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="main" disabled={busy.value}>
              {wish.value === 'pause' ? 'Pause' : 'Release'}
            </button>
          </div>
        </form>
      </dialog>
    </div>
  );
}
