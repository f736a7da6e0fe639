// The keyboard. A page that has a list registers what moves and opens its rows; the newest registration has the keys.

export interface List {
  /** Moves the choice by some rows. */
  move(by: number): void;
  /** Moves to the first or to the last row. */
  end(last: boolean): void;
}

export const KEYS: readonly (readonly [string, string])[] = [
  ['/', 'filter the table'],
  ['j or ↓', 'next row'],
  ['k or ↑', 'previous row'],
  ['Home, End', 'first row, last row'],
  ['Enter', 'open the row'],
  ['Esc', 'leave the filter, close this list'],
  ['g then f', 'fleet'],
  ['g then c', 'call graph'],
  ['g then i', 'findings'],
  ['g then d', 'dead letters'],
  ['u', 'one level up'],
  ['t', 'light, dark, or as the system'],
  ['?', 'show the keys'],
];

const lists: List[] = [];

/** Gives the keys of movement to a list, until the returned function is called. */
export function register(list: List): () => void {
  lists.push(list);
  return () => {
    const index = lists.indexOf(list);
    if (index >= 0) lists.splice(index, 1);
  };
}

export interface Actions {
  help(): void;
  go(hash: string): void;
  up(): void;
  theme(): void;
}

/** Time that the second key of a pair may take, in milliseconds. */
const PAIR_WAIT = 1000;

/** Listens to the keys of the page. Returns the way to end that. */
export function listen(actions: Actions): () => void {
  let begun = 0;
  const pressed = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target instanceof HTMLElement ? event.target : document.body;
    if (document.querySelector('dialog[open]')) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(field.tagName)) {
      if (event.key === 'Escape') field.blur();
      // From the filter, the arrow goes on into the rows.
      else if (event.key === 'ArrowDown' && field.matches('[type=search]')) act(event, () => lists.at(-1)?.end(false));
      return;
    }
    if (begun > event.timeStamp - PAIR_WAIT) {
      begun = 0;
      const places: Record<string, string> = { f: '#/', c: '#/graph', i: '#/findings', d: '#/dead' };
      const place = places[event.key];
      if (place !== undefined) {
        act(event, () => actions.go(place));
        return;
      }
    }
    const list = lists.at(-1);
    // The rows have the arrows while the choice is in them; elsewhere they move the page.
    const hasRow = field.closest('tbody') !== null;
    switch (event.key) {
      case 'j':
        return act(event, () => list?.move(1));
      case 'k':
        return act(event, () => list?.move(-1));
      case 'ArrowDown':
        return hasRow ? act(event, () => list?.move(1)) : undefined;
      case 'ArrowUp':
        return hasRow ? act(event, () => list?.move(-1)) : undefined;
      case 'Home':
        return hasRow ? act(event, () => list?.end(false)) : undefined;
      case 'End':
        return hasRow ? act(event, () => list?.end(true)) : undefined;
      case '/':
        return act(event, () => document.querySelector<HTMLInputElement>('input[type=search]')?.focus());
      case '?':
        return act(event, actions.help);
      case 'u':
        return act(event, actions.up);
      case 't':
        return act(event, actions.theme);
      case 'g':
        begun = event.timeStamp;
        return undefined;
      default:
        return undefined;
    }
  };
  addEventListener('keydown', pressed);
  return () => removeEventListener('keydown', pressed);
}

function act(event: KeyboardEvent, run: () => void): void {
  event.preventDefault();
  run();
}
