import { useEffect, useRef, useState } from 'preact/hooks';
import { noteRefusal, setToken, tokenState } from './token.ts';

/** Asks for the bearer token whenever the daemon wants one. */
export function TokenDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const state = tokenState.value;

  useEffect(() => {
    if (state === 'fine') dialog.current?.close();
    else if (dialog.current?.open === false) dialog.current.showModal();
  }, [state]);

  function submit(event: Event): void {
    event.preventDefault();
    const value = text.trim();
    if (value === '') return;
    setText('');
    // What cannot be in a header can be no token.
    if (/^[\x21-\x7e]+$/.test(value)) setToken(value);
    else noteRefusal('refused');
  }

  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="token-title"
      onCancel={event => event.preventDefault()}
    >
      <form onSubmit={submit}>
        <h2 id="token-title">This daemon wants a token</h2>
        {state === 'refused' && (
          <p class="problem" role="alert">
            The daemon refused that token.
          </p>
        )}
        <p>
          It is in the file that <code>--read-token-file</code> or <code>--token-file</code> names. The token
          is kept in this tab only.
        </p>
        <label>
          Token
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={text}
            aria-invalid={state === 'refused'}
            onInput={event => setText(event.currentTarget.value)}
          />
        </label>
        <div class="buttons">
          <button type="submit" class="main">
            Use token
          </button>
        </div>
      </form>
    </dialog>
  );
}
