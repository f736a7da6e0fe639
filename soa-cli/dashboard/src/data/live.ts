// The fleet as it is now. One stream of events feeds all views; a page that nobody sees has none.
import { useEffect, useRef, useState } from 'preact/hooks';
import { Failure, get, onSignedOut, path } from './ask.ts';
import type { Fleet, Session } from './types.ts';

export interface Live {
  session: Session | null;
  fleet: Fleet | null;
  /** True while the fleet arrives. */
  isConnected: boolean;
  /** The time from which nothing arrives, as a Unix time in seconds. */
  lostSince: number | null;
  needsLogin: boolean;
}

/** Pause before the next attempt to connect, in milliseconds. */
const RETRY_PAUSE = 1500;

/** Time without any event after which the stream counts as lost, in milliseconds. The server comments every 15 s. */
const SILENCE_LIMIT = 20_000;

/** Time for which an unseen page stays connected, in milliseconds. */
const UNSEEN_LIMIT = 60_000;

let state: Live = { session: null, fleet: null, isConnected: false, lostSince: null, needsLogin: false };
const watchers = new Set<() => void>();

function set(change: Partial<Live>): void {
  state = { ...state, ...change };
  watchers.forEach((watcher) => watcher());
}

/** Returns the part of the state that a view shows, anew when it has changed. */
export function useLive<Part>(select: (live: Live) => Part): Part {
  const [part, setPart] = useState(() => select(state));
  useEffect(() => {
    const look = () => setPart(() => select(state));
    watchers.add(look);
    look();
    return () => void watchers.delete(look);
  }, []);
  return part;
}

let events: EventSource | null = null;
let attempts = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let silence: ReturnType<typeof setTimeout> | undefined;

/** Begins, and goes on after each loss. */
export async function connect(): Promise<void> {
  attempts += 1;
  const attempt = attempts;
  clearTimeout(timer);
  disconnect();
  try {
    const session = await get<Session>('api/session');
    // A later attempt has begun meanwhile.
    if (attempt !== attempts) return;
    set({ session, needsLogin: !session.is_signed_in });
    if (!session.is_signed_in) return;
  } catch (error) {
    failed(error);
    return;
  }
  listen();
}

function disconnect(): void {
  clearTimeout(silence);
  events?.close();
  events = null;
}

function listen(): void {
  const source = new EventSource('api/events');
  events = source;
  heard();
  source.addEventListener('fleet', (event) => {
    heard();
    set({ fleet: JSON.parse(event.data as string) as Fleet, isConnected: true, lostSince: null });
  });
  source.onerror = () => {
    disconnect();
    // The stream does not tell why it was refused. This does, and it has the fleet if there are too many listeners.
    void poll();
  };
}

function heard(): void {
  clearTimeout(silence);
  silence = setTimeout(
    () => {
      lost();
      void connect();
    },
    Math.max(SILENCE_LIMIT, 5000 * (state.fleet?.interval_seconds ?? 0)),
  );
}

async function poll(): Promise<void> {
  try {
    const fleet = await get<Fleet>('api/fleet');
    set({ fleet, isConnected: true, lostSince: null });
    again();
  } catch (error) {
    failed(error);
  }
}

function failed(error: unknown): void {
  if (error instanceof Failure && error.status === 401) return;
  lost();
  again();
}

function lost(): void {
  if (state.lostSince === null || state.isConnected) set({ isConnected: false, lostSince: Date.now() / 1000 });
}

function again(): void {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(() => void connect(), RETRY_PAUSE);
}

onSignedOut(() => {
  clearTimeout(timer);
  disconnect();
  set({ needsLogin: true });
});

let unseen: ReturnType<typeof setTimeout> | undefined;
document.addEventListener('visibilitychange', () => {
  clearTimeout(unseen);
  if (document.hidden) {
    unseen = setTimeout(() => {
      clearTimeout(timer);
      disconnect();
    }, UNSEEN_LIMIT);
  } else if (events === null && !state.needsLogin) {
    void connect();
  }
});

/** An answer of the server, as a view shows it. */
export interface Resource<Answer> {
  answer: Answer | null;
  failure: Failure | null;
  reload: () => void;
}

/**
 * Asks for a path, and again after each look of the server at the fleet, but not more often than `pause` seconds. The last
 * answer stays while a new one is on its way. A pause of `Infinity` asks once.
 */
export function useResource<Answer>(url: string | null, pause = 0): Resource<Answer> {
  const at = useLive((live) => (live.isConnected ? (live.fleet?.at ?? 0) : null));
  const [got, setGot] = useState<{ url: string; answer: Answer | null; failure: Failure | null } | null>(null);
  const [count, setCount] = useState(0);
  const current = useRef<{ url: string | null; asked: number; abort: AbortController | null; count: number }>({
    url: null,
    asked: 0,
    abort: null,
    count: 0,
  });
  useEffect(() => () => current.current.abort?.abort(), []);
  useEffect(() => {
    const now = current.current;
    const isOther = now.url !== url || now.count !== count;
    if (url === null) return;
    if (!isOther && (now.abort !== null || Date.now() - now.asked < pause * 1000)) return;
    now.abort?.abort();
    const abort = new AbortController();
    Object.assign(now, { url, abort, count, asked: Date.now() });
    get<Answer>(url, abort.signal).then(
      (answer) => done({ url, answer, failure: null }),
      (error: unknown) => {
        if (!(error instanceof Failure)) return;
        done(null, error);
      },
    );
    function done(found: { url: string; answer: Answer; failure: null } | null, failure?: Failure) {
      if (now.abort !== abort) return;
      now.abort = null;
      if (found) setGot(found);
      else if (failure && url !== null) {
        setGot((old) => ({ url, answer: old?.url === url ? old.answer : null, failure }));
      }
    }
  }, [url, at, count, pause]);
  const fresh = got?.url === url ? got : null;
  return { answer: fresh?.answer ?? null, failure: fresh?.failure ?? null, reload: () => setCount((old) => old + 1) };
}

export { path };
