// Addresses within the page: `#/services/NAME/actions/ACTION`. Each part is encoded, as names may hold anything.
import { useEffect, useState } from 'preact/hooks';

/** A place of the page. */
export type Route =
  | { page: 'fleet' }
  | { page: 'graph' }
  | { page: 'findings' }
  | { page: 'dead'; service: string | null }
  | { page: 'letter'; service: string; id: string }
  | { page: 'service'; service: string; tab: Tab }
  | { page: 'action'; service: string; action: string }
  | { page: 'worker'; service: string; worker: string }
  | { page: 'unknown' };

/** A part of the page of a service. */
export type Tab = 'overview' | 'actions' | 'workers' | 'callers' | 'queue';

const TABS: readonly string[] = ['overview', 'actions', 'workers', 'callers', 'queue'];

/** Builds the address of a place. */
export function to(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

/** Reads an address; one that is malformed is an unknown place. */
export function read(hash: string): Route {
  let parts: string[];
  try {
    parts = hash
      .replace(/^#\/?/, '')
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
  } catch {
    return { page: 'unknown' };
  }
  const [first, second, third, fourth] = parts;
  if (first === undefined) return { page: 'fleet' };
  if (first === 'graph' && parts.length === 1) return { page: 'graph' };
  if (first === 'findings' && parts.length === 1) return { page: 'findings' };
  if (first === 'dead') {
    if (second === undefined) return { page: 'dead', service: null };
    if (third === undefined) return { page: 'dead', service: second };
    if (parts.length === 3) return { page: 'letter', service: second, id: third };
  }
  if (first === 'services' && second !== undefined) {
    if (third === undefined) return { page: 'service', service: second, tab: 'overview' };
    if (fourth === undefined && TABS.includes(third)) return { page: 'service', service: second, tab: third as Tab };
    if (third === 'actions' && fourth !== undefined) return { page: 'action', service: second, action: fourth };
    if (third === 'workers' && fourth !== undefined) return { page: 'worker', service: second, worker: fourth };
  }
  return { page: 'unknown' };
}

/** Returns the place that the address bar names, anew after each change. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return read(hash);
}
