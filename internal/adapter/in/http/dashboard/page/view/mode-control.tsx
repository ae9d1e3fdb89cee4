import { useRef } from 'preact/hooks';
import type { Mode } from '../../../../../../domain/model/mode.ts';
import type { Dashboard } from '../data/dashboard.ts';
import { Time } from './time.tsx';

const WHAT_HAPPENS: Readonly<Record<Mode, string>> = {
  live: 'The feeds of test mode are left and those of live mode connected. History is kept apart; nothing is deleted.',
  test: 'The feeds of live mode are left: while test mode lasts, live prices are not recorded. Nothing is deleted.',
};

/** The mode in force, a switch that asks first, and what came of it. */
export function ModeControl({ dashboard }: { readonly dashboard: Dashboard }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { mode, switchResult } = dashboard;
  const other: Mode = mode?.mode === 'live' ? 'test' : 'live';
  const isPending = switchResult?.kind === 'pending';
  const confirm = (): void => {
    dialog.current?.close();
    void dashboard.switchMode(other);
  };
  return (
    <div class="mode">
      <span class={`mode-name ${mode?.mode ?? ''}`}>
        <span class="hidden">Mode: </span>
        {mode?.mode ?? '…'}
      </span>
      {mode !== null && (
        <button type="button" disabled={isPending} onClick={() => dialog.current?.showModal()}>
          Switch to {other}…
        </button>
      )}
      <span role="status" class={`mode-result ${switchResult === null ? 'calm' : ''}`}>
        {resultText(dashboard)}
      </span>
      <dialog ref={dialog} aria-labelledby="mode-question">
        <h2 id="mode-question">Switch to {other} mode?</h2>
        <p>{WHAT_HAPPENS[other]}</p>
        <div class="choices">
          <button type="button" class="primary" onClick={confirm}>
            Switch to {other}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            Stay in {mode?.mode}
          </button>
        </div>
      </dialog>
    </div>
  );
}

function resultText({ switchResult, mode }: Dashboard) {
  switch (switchResult?.kind) {
    case 'pending':
      return `Switching to ${switchResult.mode}…`;
    case 'failed':
      return `Not switched: ${switchResult.detail}`;
    default:
      if (mode === null || mode.since === null) return null;
      return (
        <>
          {switchResult?.kind === 'done' ? `Now in ${mode.mode} mode, ` : ''}since <Time atMs={mode.since} />
        </>
      );
  }
}
