// Light and dark: as the system says, or as a person has chosen. The choice stays in this browser.
import { useEffect, useState } from 'preact/hooks';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'soa-dashboard-theme';

function stored(): Theme {
  // A browser may refuse to keep anything.
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}

const watchers = new Set<() => void>();
let current: Theme = stored();

function apply(): void {
  if (current === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = current;
}

export function choose(theme: Theme): void {
  current = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It holds until the page is closed.
  }
  apply();
  watchers.forEach((watcher) => watcher());
}

/** Calls a function after each change of the colours. Returns the way to end that. */
export function onTheme(watcher: () => void): () => void {
  const media = matchMedia('(prefers-color-scheme: dark)');
  watchers.add(watcher);
  media.addEventListener('change', watcher);
  return () => {
    watchers.delete(watcher);
    media.removeEventListener('change', watcher);
  };
}

export function useTheme(): Theme {
  const [theme, setTheme] = useState(current);
  useEffect(() => onTheme(() => setTheme(current)), []);
  return theme;
}

apply();

/** Returns a colour of the style sheet as the canvas reads it. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
