// A table of many rows: sorted by any column, walked by the keyboard. Only the rows in sight are in the document.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type List, register } from '../keys.ts';

export interface Column<Row> {
  key: string;
  title: string;
  /** Explains the column, for who points at its title. */
  about?: string;
  /** Numbers stand to the right, and are sorted from the largest at first. */
  isNumber?: boolean;
  /** A class of the style sheet, which sets the width and hides the column where space is short. */
  className?: string;
  /** The value that rows are sorted by; rows without one come last. */
  by?: (row: Row) => number | string | null | undefined;
  cell: (row: Row) => ComponentChildren;
}

interface Props<Row> {
  /** The name of the table for who cannot see it. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  id: (row: Row) => string;
  /** The column and direction at first. */
  sort?: readonly [key: string, descending: boolean];
  /** A class of each row. */
  rowClass?: (row: Row) => string | undefined;
  /** Content in the place of the rows if there are none. */
  empty: ComponentChildren;
  className?: string;
}

/** Number of rows above and below those in sight. */
const SPARE = 8;

export function Table<Row>(props: Props<Row>) {
  const [sort, setSort] = useState(props.sort);
  const sorted = useSorted(props.rows, props.columns, sort);
  const body = useRef<HTMLTableSectionElement>(null);
  const [height, setHeight] = useState(0);
  const [[from, until], setRange] = useState<readonly [number, number]>([0, 40]);
  const count = sorted.length;

  useLayoutEffect(() => {
    const look = () => {
      const place = body.current;
      if (!place) return;
      const row = place.querySelector<HTMLElement>('tr[data-index]')?.offsetHeight ?? 0;
      if (row === 0) return;
      setHeight(row);
      const top = -place.getBoundingClientRect().top;
      // A few rows are always there, as their height is needed.
      const first = Math.max(0, Math.min(Math.floor(top / row), count) - SPARE);
      const last = Math.max(Math.ceil((top + innerHeight) / row), first) + SPARE;
      setRange((old) => (old[0] === first && old[1] === last ? old : [first, last]));
    };
    look();
    addEventListener('scroll', look, { passive: true });
    addEventListener('resize', look);
    return () => {
      removeEventListener('scroll', look);
      removeEventListener('resize', look);
    };
  }, [count]);

  const state = useRef({ sorted, height, id: props.id });
  state.current = { sorted, height, id: props.id };
  const walk = useRef<Walker | null>(null);
  walk.current ??= walker(body, state);
  const walking = walk.current;
  useLayoutEffect(() => register(walking), []);
  // A row that was not in the document gets the focus as soon as it is.
  useLayoutEffect(walking.arrived);

  const start = Math.min(from, Math.max(0, count - 1));
  const end = Math.min(until, count);
  const choose = (column: Column<Row>) => {
    const isSame = sort?.[0] === column.key;
    setSort([column.key, isSame ? !sort[1] : column.isNumber === true]);
  };
  return (
    <table class={`rows ${props.className ?? ''}`} aria-label={props.label} aria-rowcount={count + 1}>
      <thead>
        <tr aria-rowindex={1}>
          {props.columns.map((column) => (
            <th
              key={column.key}
              scope="col"
              class={`${column.isNumber ? 'number ' : ''}${column.className ?? ''}`}
              aria-sort={sort?.[0] !== column.key ? undefined : sort[1] ? 'descending' : 'ascending'}
              title={column.about}
            >
              {column.by ? (
                <button type="button" onClick={() => choose(column)}>
                  {column.title}
                </button>
              ) : (
                column.title
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body}>
        <Space key="above" height={start * height} />
        {sorted.slice(start, end).map((row, index) => (
          <tr
            key={props.id(row)}
            data-index={start + index}
            data-id={props.id(row)}
            aria-rowindex={start + index + 2}
            class={props.rowClass?.(row)}
            onClick={opened}
          >
            {props.columns.map((column) => (
              <td key={column.key} class={`${column.isNumber ? 'number ' : ''}${column.className ?? ''}`}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
        <Space key="below" height={(count - end) * height} />
        {count === 0 && (
          <tr class="empty">
            <td colSpan={props.columns.length}>{props.empty}</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

/** The space of the rows that are not in the document. */
function Space({ height }: { height: number }) {
  return height > 0 ? <tr aria-hidden="true" class="space" style={{ height: `${height}px` }} /> : null;
}

/** Opens what a row leads to, wherever it is clicked. */
function opened(event: MouseEvent): void {
  const target = event.target as HTMLElement;
  if (target.closest('a, button, input, label') || getSelection()?.toString()) return;
  (event.currentTarget as HTMLElement).querySelector<HTMLElement>('a')?.click();
}

function useSorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: readonly [string, boolean] | undefined,
): readonly Row[] {
  return useMemo(() => {
    const by = columns.find((column) => column.key === sort?.[0])?.by;
    if (!by || !sort) return rows;
    const sign = sort[1] ? -1 : 1;
    return [...rows].sort((a, b) => {
      const [x, y] = [by(a), by(b)];
      if (x == null || y == null) return x == null ? (y == null ? 0 : 1) : -1;
      if (typeof x === 'number' && typeof y === 'number') return sign * (x - y);
      return sign * String(x).localeCompare(String(y));
    });
  }, [rows, columns, sort]);
}

interface Walker extends List {
  /** Gives the focus to the chosen row, if it has waited for that. */
  arrived(): void;
}

/** Moves the focus from row to row, also to those that are not in the document yet. */
function walker<Row>(
  body: { current: HTMLTableSectionElement | null },
  state: { current: { sorted: readonly Row[]; height: number; id: (row: Row) => string } },
): Walker {
  let chosen: string | null = null;
  let isAwaited = false;
  const arrived = () => {
    const row = isAwaited && body.current?.querySelector<HTMLElement>(`tr[data-id="${CSS.escape(chosen ?? '')}"]`);
    if (!row) return;
    isAwaited = false;
    row.querySelector<HTMLElement>('a, button')?.focus({ preventScroll: true });
    row.scrollIntoView({ block: 'nearest' });
  };
  const focus = (index: number) => {
    const { sorted, height, id } = state.current;
    const at = Math.min(Math.max(index, 0), sorted.length - 1);
    const row = sorted[at];
    const place = body.current;
    if (row === undefined || !place) return;
    chosen = id(row);
    isAwaited = true;
    arrived();
    if (isAwaited) scrollTo({ top: place.getBoundingClientRect().top + scrollY + at * height - innerHeight / 2 });
  };
  const place = () => {
    const focused = document.activeElement?.closest<HTMLElement>('tr[data-id]');
    if (focused && body.current?.contains(focused)) chosen = focused.dataset['id'] ?? null;
    const { sorted, id } = state.current;
    return sorted.findIndex((row) => id(row) === chosen);
  };
  return {
    arrived,
    move: (by: number) => {
      const at = place();
      focus(at < 0 ? 0 : at + by);
    },
    end: (last: boolean) => focus(last ? state.current.sorted.length - 1 : 0),
  };
}
