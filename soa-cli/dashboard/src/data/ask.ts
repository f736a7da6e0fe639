// Requests to the server, and its refusals.
import { parse } from './json.ts';

/** A request that has failed: the server has refused it, or did not answer. */
export class Failure extends Error {
  constructor(
    /** The status of HTTP; 0 if there was no answer. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly advice: readonly string[],
    /** The whole answer. */
    readonly answer: unknown = null,
  ) {
    super(message);
  }
}

const signedOut = new Set<() => void>();

/** Calls a function when the server asks for a login. */
export function onSignedOut(watcher: () => void): void {
  signedOut.add(watcher);
}

/** Builds a path of the API. */
export function path(...parts: string[]): string {
  return `api/${parts.map(encodeURIComponent).join('/')}`;
}

export async function get<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  return answer(path, signal ? { signal } : {});
}

/** Sends a change. The body is JSON already if it is text. */
export async function post<Answer>(path: string, body: unknown, signal?: AbortSignal): Promise<Answer> {
  return answer(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Soa-Dashboard': '1' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

async function answer<Answer>(path: string, options: RequestInit): Promise<Answer> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, { credentials: 'same-origin', cache: 'no-store', ...options });
    text = await response.text();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Failure(0, 'NO_CONNECTION', 'The dashboard does not answer.', [
      'See if `soa dashboard` runs; the page goes on by itself.',
    ]);
  }
  let body: unknown = null;
  if (text !== '') {
    try {
      body = parse(text);
    } catch {
      throw new Failure(response.status, 'NOT_JSON', `The answer of the dashboard (${response.status}) is not JSON.`, [
        'A proxy between may have answered in its place.',
      ]);
    }
  }
  if (response.ok) return body as Answer;
  const said = (body as { error?: { code?: string; message?: string; advice?: string[] } } | null)?.error;
  if (response.status === 401) signedOut.forEach((watcher) => watcher());
  throw new Failure(
    response.status,
    said?.code ?? 'REFUSED',
    said?.message ?? `The dashboard has answered ${response.status}.`,
    said?.advice ?? [],
    body,
  );
}
