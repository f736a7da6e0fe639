// Places of the call graph: callers to the left, those that they call to the right.
//
// Nodes get columns by the longest way to them. An edge over several columns has a bend in each column between, so that no
// box stands in its way. Then each column is sorted, again and again, by the middle of what its nodes are joined to.

export interface Edge {
  from: string;
  to: string;
}

/** A place: the column, and the distance from the top in heights of a node. */
export interface Place {
  column: number;
  row: number;
}

export interface Layout {
  places: Map<string, Place>;
  /** The bends of edges that cross columns, by {@link key}. */
  bends: Map<string, Place[]>;
  columns: number;
  rows: number;
}

/** Number of times that the columns are sorted. */
const SWEEPS = 8;

/** The height of a bend, in heights of a node. */
const BEND = 0.45;

export function key({ from, to }: Edge): string {
  return JSON.stringify([from, to]);
}

/** A part of a column: a node, or a bend of an edge. */
interface Item {
  name: string;
  height: number;
  row: number;
  near: Item[];
}

export function layout(names: readonly string[], edges: readonly Edge[]): Layout {
  const columns = layers(names, edges);
  const lists: Item[][] = [];
  const add = (name: string, height: number, column: number): Item => {
    const item: Item = { name, height, row: 0, near: [] };
    (lists[column] ??= []).push(item);
    return item;
  };
  const nodes = new Map(names.map((name) => [name, add(name, 1, columns.get(name) ?? 0)]));
  const chains = new Map<string, Item[]>();
  for (const edge of edges) {
    const [from, to] = [nodes.get(edge.from), nodes.get(edge.to)];
    const [start, end] = [columns.get(edge.from) ?? 0, columns.get(edge.to) ?? 0];
    if (!from || !to || start >= end) continue;
    const chain: Item[] = [];
    for (let column = start + 1; column < end; column += 1) chain.push(add('', BEND, column));
    [from, ...chain, to].reduce((before, item) => {
      before.near.push(item);
      item.near.push(before);
      return item;
    });
    if (chain.length > 0) chains.set(key(edge), chain);
  }
  const rows = order(lists);
  const places = new Map<string, Place>();
  const spots = new Map<Item, Place>();
  lists.forEach((list, column) => list.forEach((item) => spots.set(item, { column, row: item.row })));
  for (const [name, item] of nodes) places.set(name, spots.get(item) ?? { column: 0, row: 0 });
  const bends = new Map(
    [...chains].map(([edge, chain]) => [edge, chain.map((item) => spots.get(item) ?? { column: 0, row: 0 })]),
  );
  return { places, bends, columns: lists.length, rows };
}

/** The column of each node: one more than those of its callers. Edges that close a circle are left out. */
function layers(names: readonly string[], edges: readonly Edge[]): Map<string, number> {
  const called = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const { from, to } of edges) if (from !== to && called.has(to)) called.get(from)?.push(to);
  const state = new Map<string, 'open' | 'done'>();
  const finished: string[] = [];
  const back = new Set<string>();
  // Those that nobody calls come first, so that circles are opened where a program would enter them.
  const isCalled = new Set(edges.filter(({ from, to }) => from !== to).map(({ to }) => to));
  const roots = [...names].sort((a, b) => Number(isCalled.has(a)) - Number(isCalled.has(b)) || a.localeCompare(b));
  for (const root of roots) {
    if (state.has(root)) continue;
    const stack = [{ name: root, next: 0 }];
    state.set(root, 'open');
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const to = called.get(top.name)?.[top.next];
      top.next += 1;
      if (to === undefined) {
        state.set(top.name, 'done');
        finished.push(top.name);
        stack.pop();
      } else if (state.get(to) === 'open') {
        back.add(key({ from: top.name, to }));
      } else if (!state.has(to)) {
        state.set(to, 'open');
        stack.push({ name: to, next: 0 });
      }
    }
  }
  const columns = new Map<string, number>(names.map((name) => [name, 0]));
  for (const from of finished.reverse()) {
    for (const to of called.get(from) ?? []) {
      if (!back.has(key({ from, to }))) columns.set(to, Math.max(columns.get(to) ?? 0, (columns.get(from) ?? 0) + 1));
    }
  }
  return columns;
}

/** Sorts the columns, and gives each item its row. Returns the height of the highest column. */
function order(lists: Item[][]): number {
  const height = (list: Item[]) => list.reduce((sum, item) => sum + item.height, 0);
  const most = Math.max(0, ...lists.map(height));
  const place = (list: Item[]) => {
    // A short column stands in the middle.
    let row = (most - height(list)) / 2;
    for (const item of list) {
      item.row = row;
      row += item.height;
    }
  };
  const middle = (item: Item) => item.row + item.height / 2;
  const wanted = (item: Item) =>
    item.near.length === 0 ? middle(item) : item.near.reduce((sum, other) => sum + middle(other), 0) / item.near.length;
  lists.forEach(place);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const list of sweep % 2 === 0 ? lists : [...lists].reverse()) {
      const wishes = new Map(list.map((item) => [item, wanted(item)]));
      list.sort((a, b) => (wishes.get(a) ?? 0) - (wishes.get(b) ?? 0));
      place(list);
    }
  }
  return most;
}

/** The nodes within some steps of one, along edges in any direction. */
export function near(name: string, edges: readonly Edge[], steps: number): Set<string> {
  const found = new Set([name]);
  for (let step = 0; step < steps; step += 1) {
    const before = new Set(found);
    for (const { from, to } of edges) {
      if (before.has(from)) found.add(to);
      if (before.has(to)) found.add(from);
    }
  }
  return found;
}
