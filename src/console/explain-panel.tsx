import { useSignal } from '@preact/signals';
import { get, messageOf } from './api.ts';
import { fullTime } from './format.ts';
import { Scroll } from './scroll.tsx';

/** Why the guest stands where it does now, and what would move it. The daemon looks for that, which takes a while: on request. */
export function ExplainPanel({ domain }: { readonly domain: string }) {
  const text = useSignal<string | undefined>(undefined);
  const at = useSignal('');
  const problem = useSignal('');
  const busy = useSignal(false);

  async function ask(): Promise<void> {
    busy.value = true;
    try {
      const answer = await get('explain', { domain });
      text.value = answer.text;
      at.value = new Date(answer.at * 1000).toISOString();
      problem.value = '';
    } catch (error) {
      problem.value = messageOf(error);
    } finally {
      busy.value = false;
    }
  }

  return (
    <section class="card">
      <div class="tools">
        <h2>Why it stands where it does</h2>
        <button type="button" aria-busy={busy.value} disabled={busy.value} onClick={() => void ask()}>
          {busy.value ? 'Working it out…' : text.value === undefined ? 'Explain' : 'Explain again'}
        </button>
      </div>
      {problem.value !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {text.value !== undefined && (
        <>
          <p class="dim">As of {fullTime(at.value)}</p>
          <Scroll label="Explanation">
            <pre class="explanation">{text}</pre>
          </Scroll>
        </>
      )}
    </section>
  );
}
