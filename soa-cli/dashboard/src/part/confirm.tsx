// A question before a change.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  title: string;
  children: ComponentChildren;
  /** The word on the button that does it. */
  word: string;
  isDangerous?: boolean;
  isBusy: boolean;
  run: () => void;
  close: () => void;
}

export function Confirm({ title, children, word, isDangerous, isBusy, run, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="confirm" onClose={close}>
      <h2 id="confirm">{title}</h2>
      {children}
      <div class="buttons">
        <button type="button" class={isDangerous ? 'danger' : 'primary'} disabled={isBusy} onClick={run}>
          {word}
        </button>
        <button type="button" autofocus={isDangerous ?? false} onClick={() => dialog.current?.close()}>
          Cancel
        </button>
      </div>
    </dialog>
  );
}
