import { render } from 'preact';
import { Dashboard } from './data/dashboard.ts';
import type { Socket, SocketEvents } from './data/stream.ts';
import { App } from './view/app.tsx';

/** Prices may change a thousand times a second; four times can be read. */
const DRAW_EVERY_MS = 250;
/** A look at another tab does not end the connection. */
const HIDDEN_MAX_MS = 3_000;

const { intervals = '', version = '', stream } = document.documentElement.dataset;
const container = document.getElementById('dashboard');
if (container !== null) run(container);

function run(root: HTMLElement): void {
  const dashboard = new Dashboard(intervals.split(' ').filter(Boolean), stream === 'none' ? null : openSocket);
  let timer: ReturnType<typeof setTimeout> | null = null;
  let drawnAtMs = Number.NEGATIVE_INFINITY;
  const draw = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    drawnAtMs = performance.now();
    render(<App dashboard={dashboard} version={version} />, root);
  };
  dashboard.onChange = (urgency) => {
    if (urgency === 'now') queueMicrotask(draw);
    else if (document.visibilityState === 'visible') {
      timer ??= setTimeout(draw, Math.max(0, drawnAtMs + DRAW_EVERY_MS - performance.now()));
    }
  };
  root.replaceChildren();
  draw();
  // Ages grow without news.
  setInterval(() => dashboard.onChange('soon'), 1_000);
  addEventListener('hashchange', () => dashboard.followUrl());
  addEventListener('popstate', () => dashboard.followUrl());
  addEventListener('online', () => dashboard.retryNow());
  followVisibility(dashboard);
}

function followVisibility(dashboard: Dashboard): void {
  let pause: ReturnType<typeof setTimeout> | null = null;
  const follow = (): void => {
    if (pause !== null) clearTimeout(pause);
    pause = null;
    if (document.visibilityState === 'visible') {
      dashboard.start();
      dashboard.onChange('now');
    } else pause = setTimeout(() => dashboard.pause(), HIDDEN_MAX_MS);
  };
  document.addEventListener('visibilitychange', follow);
  follow();
}

function openSocket({ onText, onClose }: SocketEvents): Socket {
  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/v1/stream`);
  socket.onmessage = ({ data }) => onText(String(data));
  socket.onclose = onClose;
  return {
    send: (text) => socket.send(text),
    close: () => {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    },
  };
}
