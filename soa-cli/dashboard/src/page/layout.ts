// Places of the call graph: callers to the left, those that they call to the right.

export interface Edge {
  from: string;
  to: string;
}

export interface Place {
  name: string;
  column: number;
  row: number;
}

export interface Layout {
  places: Map<string, Place>;
  columns: number;
  rows: number;
}

/** Number of times that the rows are put into a better order. */
const SWEEPS = 6;

/** Lays out the nodes that have edges. */
export function layout(names: readonly string[], edges: readonly Edge[]): Layout {
  const columns = layers(names, edges);
  const lists: string[][] = [];
  for (const name of names) (lists[columns.get(name) ?? 0] ??= []).push(name);
  const filled = lists.filter((list) => list !== undefined);
  order(filled, edges);
  const places = new Map<string, Place>();
  const rows = Math.max(0, ...filled.map((list) => list.length));
  filled.forEach((list, column) => {
    // A short column stands in the middle.
    const above = (rows - list.length) / 2;
    list.forEach((name, row) => places.set(name, { name, column, row: above + row }));
  });
  return { places, columns: filled.length, rows };
}

/** The column of each node: one more than those of its callers. Edges that close a circle are left out. */
function layers(names: readonly string[], edges: readonly Edge[]): Map<string, number> {
  const called = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const { from, to } of edges) if (from !== to && called.has(to)) called.get(from)?.push(to);
  const state = new Map<string, 'open' | 'done'>();
  const finished: string[] = [];
  const back = new Set<string>();
  const key = (from: string, to: string) => JSON.stringify([from, to]);
  // Callers of nobody's come first, so that the circles are opened where a program would enter them.
  const isCalled = new Set(edges.filter(({ from, to }) => from !== to).map(({ to }) => to));
  const roots = [...names].sort((a, b) => Number(isCalled.has(a)) - Number(isCalled.has(b)) || a.localeCompare(b));
  for (const root of roots) {
    if (state.has(root)) continue;
    const stack: { name: string; next: number }[] = [{ name: root, next: 0 }];
    state.set(root, 'open');
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { name: string; next: number };
      const to = called.get(top.name)?.[top.next];
      top.next += 1;
      if (to === undefined) {
        state.set(top.name, 'done');
        finished.push(top.name);
        stack.pop();
      } else if (state.get(to) === 'open') back.add(key(top.name, to));
      else if (!state.has(to)) {
        state.set(to, 'open');
        stack.push({ name: to, next: 0 });
      }
    }
  }
  const columns = new Map<string, number>(names.map((name) => [name, 0]));
  for (const from of finished.reverse()) {
    for (const to of called.get(from) ?? []) {
      if (!back.has(key(from, to))) columns.set(to, Math.max(columns.get(to) ?? 0, (columns.get(from) ?? 0) + 1));
    }
  }
  return columns;
}

/** Puts each node near the middle of its neighbours. */
function order(lists: string[][], edges: readonly Edge[]): void {
  const neighbours = new Map<string, string[]>();
  const join = (a: string, b: string) => void neighbours.set(a, [...(neighbours.get(a) ?? []), b]);
  for (const { from, to } of edges) {
    join(from, to);
    join(to, from);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const rows = new Map<string, number>();
    for (const list of lists) list.forEach((name, row) => rows.set(name, row - list.length / 2));
    for (const list of sweep % 2 === 0 ? lists : [...lists].reverse()) {
      const middle = (name: string) => {
        const near = (neighbours.get(name) ?? []).map((other) => rows.get(other) ?? 0);
        return near.length === 0 ? (rows.get(name) ?? 0) : near.reduce((sum, row) => sum + row, 0) / near.length;
      };
      const middles = new Map(list.map((name) => [name, middle(name)]));
      list.sort((a, b) => (middles.get(a) ?? 0) - (middles.get(b) ?? 0));
      list.forEach((name, row) => rows.set(name, row - list.length / 2));
    }
  }
}

/** The nodes within some steps of one, along edges in any direction. */
export function near(name: string, edges: readonly Edge[], steps: number): Set<string> {
  const found = new Set([name]);
  let border = [name];
  for (let step = 0; step < steps; step += 1) {
    const next: string[] = [];
    for (const { from, to } of edges) {
      for (const [one, other] of [[from, to], [to, from]] as const) {
        if (border.includes(one) && !found.has(other)) {
          found.add(other);
          next.push(other);
        }
      }
    }
    border = next;
  }
  return found;
}
