// The call graph: who calls whom, and how often. A large one is a table, with the picture of what is near to a service.
import { useMemo, useState } from 'preact/hooks';
import { useResource } from '../data/live.ts';
import type { Graph, GraphEdge, GraphNode } from '../data/types.ts';
import { counted, number, shown } from '../format.ts';
import { Filter } from '../part/filter.tsx';
import { Missing, Name, Nothing } from '../part/state.tsx';
import { type Column, Table } from '../part/table.tsx';
import { to } from '../route.ts';
import { Quiet } from './fleet.tsx';
import { type Place, key, layout, near } from './layout.ts';

/** Number of nodes up to which all of them are drawn. */
const DRAWN = 40;

export function GraphPage() {
  const { answer, failure, reload } = useResource<Graph>('api/graph', 2);
  const [filter, setFilter] = useState('');
  const [chosen, setChosen] = useState<string | null>(null);
  const seen = useMemo(() => (answer ? selected(answer, chosen) : null), [answer, chosen]);
  const edges = useMemo(() => {
    const text = filter.trim().toLowerCase();
    return (answer?.edges ?? []).filter(
      ({ from, to }) => from.toLowerCase().includes(text) || to.toLowerCase().includes(text),
    );
  }, [answer, filter]);
  if (!answer || !seen) {
    return (
      <>
        <h1>Call graph</h1>
        <Missing what="the graph" failure={failure} retry={reload} />
      </>
    );
  }
  const linked = new Set(answer.edges.flatMap((edge) => [edge.from, edge.to]));
  const alone = answer.nodes.filter((node) => !linked.has(node.name));
  return (
    <>
      <h1>Call graph</h1>
      {answer.edges.length === 0 ? (
        <Nothing title="No calls among services are known.">
          <p>The graph is of the records of workers: it appears after the first calls.</p>
        </Nothing>
      ) : (
        <>
          <div class="tools">
            <label>
              Near to{' '}
              <select value={chosen ?? ''} onChange={(event) => setChosen(event.currentTarget.value || null)}>
                <option value="">{linked.size > DRAWN ? 'choose a service' : 'all services'}</option>
                {[...linked].sort().map((name) => (
                  <option key={name} value={name}>
                    {shown(name, 60)}
                  </option>
                ))}
              </select>
            </label>
            <span class="muted">Numbers are calls a second.</span>
          </div>
          {seen.nodes.length > 0 ? (
            <Picture nodes={seen.nodes} edges={seen.edges} />
          ) : (
            <p class="notice">
              These are {counted(linked.size, 'service')}, too many for one picture. Choose one to see what is near to
              it.
            </p>
          )}
          <h2>Calls</h2>
          <div class="tools">
            <Filter label="Filter calls" value={filter} change={setFilter} />
            <span class="muted">{counted(edges.length, 'edge')}</span>
          </div>
          <Table
            label="Calls"
            columns={COLUMNS}
            rows={edges}
            id={(edge) => `${edge.from}\n${edge.to}`}
            sort={['rate', true]}
            empty={<Nothing title="No call fits." />}
          />
          {answer.edges_left_off > 0 && (
            <p class="muted">
              {counted(answer.edges_left_off, 'more edge')} not shown: those with the most calls are here.
            </p>
          )}
        </>
      )}
      {alone.length > 0 && (
        <>
          <h2>Without calls</h2>
          <ul class="chips">
            {alone.slice(0, 100).map(({ name }) => (
              <li key={name}>
                <a href={to('services', name)}>
                  <Name text={name} />
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** Selects the part that is drawn: all of it, if it is not too much, or the surroundings of a service. */
function selected(graph: Graph, chosen: string | null): { nodes: GraphNode[]; edges: GraphEdge[] } {
  const linked = new Set(graph.edges.flatMap((edge) => [edge.from, edge.to]));
  let names = linked;
  if (chosen !== null && linked.has(chosen)) {
    names = near(chosen, graph.edges, 2);
    if (names.size > DRAWN) names = near(chosen, graph.edges, 1);
  }
  if (names.size > DRAWN && chosen === null) return { nodes: [], edges: [] };
  return {
    nodes: graph.nodes.filter((node) => names.has(node.name)),
    edges: graph.edges.filter((edge) => names.has(edge.from) && names.has(edge.to)),
  };
}

const COLUMNS: readonly Column<GraphEdge>[] = [
  {
    key: 'from',
    title: 'Caller',
    className: 'c-half',
    by: (edge) => edge.from,
    cell: (edge) => <NodeLink name={edge.from} />,
  },
  {
    key: 'to',
    title: 'Calls',
    className: 'c-half',
    by: (edge) => edge.to,
    cell: (edge) => <NodeLink name={edge.to} />,
  },
  {
    key: 'rate',
    title: 'Calls/s',
    isNumber: true,
    className: 'c-number',
    by: (edge) => edge.rate,
    cell: (edge) => number(edge.rate),
  },
  {
    key: 'failed',
    title: 'Failed/s',
    isNumber: true,
    className: 'c-number c-last',
    by: (edge) => edge.rate_failed,
    cell: (edge) => <Quiet value={edge.rate_failed} text={number(edge.rate_failed)} isBad />,
  },
  {
    key: 'calls',
    title: 'In all',
    isNumber: true,
    className: 'c-number c-wide',
    by: (edge) => edge.calls,
    cell: (edge) => number(edge.calls),
  },
];

function isService(name: string): boolean {
  return !name.startsWith('(');
}

function NodeLink({ name }: { name: string }) {
  if (!isService(name)) return <span class="muted">{name}</span>;
  return (
    <a href={to('services', name)}>
      <Name text={name} />
    </a>
  );
}

/** Sizes of the picture, in pixels. */
const BOX = { width: 152, height: 44 };
const GAP = { width: 100, height: 22 };
const MARGIN = 16;

/** Longest name in a box, in characters. */
const LETTERS = 18;

type Point = readonly [number, number];

function Picture({ nodes, edges }: { nodes: readonly GraphNode[]; edges: readonly GraphEdge[] }) {
  // The layout stays while the same services call each other; only the numbers change.
  const shape = JSON.stringify([nodes.map((node) => node.name), edges.map((edge) => [edge.from, edge.to])]);
  const placed = useMemo(
    () =>
      layout(
        nodes.map((node) => node.name),
        edges,
      ),
    [shape],
  );
  const step = BOX.height + GAP.height;
  const spot = ({ column, row }: Place): Point => [MARGIN + column * (BOX.width + GAP.width), MARGIN + row * step];
  const of = (name: string) => spot(placed.places.get(name) ?? { column: 0, row: 0 });
  const curves = edges.map((edge) => {
    const bends = (placed.bends.get(key(edge)) ?? []).map((place): Point => {
      const [x, y] = spot(place);
      return [x, y + BEND_MIDDLE];
    });
    return { edge, ...curve(of(edge.from), bends, of(edge.to)) };
  });
  const width = 2 * MARGIN + placed.columns * (BOX.width + GAP.width) - GAP.width;
  const height = 2 * MARGIN + placed.rows * step;
  const most = Math.max(1e-9, ...edges.map((edge) => edge.rate ?? 0));
  return (
    <div
      class="picture"
      tabIndex={0}
      role="group"
      aria-label="Picture of the call graph. The table below has the same numbers."
    >
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        <defs>
          {(['arrow', 'arrow-bad'] as const).map((name) => (
            <marker
              key={name}
              id={name}
              class={name}
              viewBox="0 0 8 8"
              refX="7.5"
              refY="4"
              markerWidth="8"
              markerHeight="8"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path d="M0 0.5 8 4 0 7.5z" />
            </marker>
          ))}
        </defs>
        {curves.map(({ edge, path }) => (
          <Line key={key(edge)} edge={edge} path={path} share={(edge.rate ?? 0) / most} />
        ))}
        {nodes.map((node) => (
          <Box key={node.name} node={node} at={of(node.name)} />
        ))}
        {curves.map(({ edge, label }) => (
          <Label key={key(edge)} edge={edge} at={label} />
        ))}
      </svg>
    </div>
  );
}

/** The distance of a bend from the top of its place, in pixels. */
const BEND_MIDDLE = 8;

/** The curve of an edge through its bends. One that leads back runs below its boxes. */
function curve([fromX, fromY]: Point, bends: readonly Point[], [toX, toY]: Point): { path: string; label: Point } {
  const [startX, startY] = [fromX + BOX.width, fromY + BOX.height / 2];
  if (toX <= fromX) {
    const low = Math.max(fromY, toY) + BOX.height + GAP.height * 0.7;
    const [outX, inX] = [fromX + BOX.width - 24, toX + 24];
    return {
      path: `M${outX} ${fromY + BOX.height}C${outX} ${low} ${inX} ${low} ${inX} ${toY + BOX.height + 2}`,
      label: [(outX + inX) / 2, low - 4],
    };
  }
  let path = `M${startX} ${startY}`;
  let [x, y] = [startX, startY];
  const half = GAP.width / 2;
  const bend = (nextX: number, nextY: number) => {
    path += `C${x + half} ${y} ${nextX - half} ${nextY} ${nextX} ${nextY}`;
    [x, y] = [nextX, nextY];
  };
  for (const [bendX, bendY] of bends) {
    bend(bendX, bendY);
    x += BOX.width;
    path += `H${x}`;
  }
  const endY = toY + BOX.height / 2;
  // The label stands before the end, as edges that begin in one box end in several.
  const last: Point = [x, y];
  bend(toX - 2, endY);
  const first = bends[0];
  return { path, label: first ? [first[0] + BOX.width / 2, first[1]] : between(last, [toX, endY]) };
}

/** The point of a curve at two thirds of its way. */
function between([startX, startY]: Point, [endX, endY]: Point): Point {
  const t = 0.6;
  const half = GAP.width / 2;
  const at = (a: number, b: number, c: number, d: number) =>
    (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d;
  return [at(startX, startX + half, endX - half, endX), at(startY, startY, endY, endY)];
}

function Line({ edge, path, share }: { edge: GraphEdge; path: string; share: number }) {
  const isBad = (edge.rate_failed ?? 0) > 0;
  return (
    <path
      class={isBad ? 'edge bad' : edge.rate ? 'edge' : 'edge idle'}
      d={path}
      stroke-width={1 + 2 * share}
      marker-end={`url(#${isBad ? 'arrow-bad' : 'arrow'})`}
    />
  );
}

function Label({ edge, at: [x, y] }: { edge: GraphEdge; at: Point }) {
  const isBad = (edge.rate_failed ?? 0) > 0;
  return (
    <text class={isBad ? 'rate bad' : 'rate'} x={x} y={y + 4} text-anchor="middle">
      {number(edge.rate)}
      {isBad && ` (${number(edge.rate_failed)} fail)`}
      <title>{`${shown(edge.from, 60)} calls ${shown(edge.to, 60)}: ${number(edge.calls)} calls, ${number(edge.failed)} failed`}</title>
    </text>
  );
}

function Box({ node, at: [x, y] }: { node: GraphNode; at: Point }) {
  const isBad = (node.rate_errors ?? 0) > 0;
  const box = (
    <>
      <rect
        x={x}
        y={y}
        width={BOX.width}
        height={BOX.height}
        rx="7"
        class={node.kind === 'service' ? 'box' : 'box other'}
      />
      <svg x={x} y={y} width={BOX.width - 6} height={BOX.height}>
        <text class="box-name" x="12" y="18">
          {shown(node.name, LETTERS) || '(no name)'}
        </text>
      </svg>
      <text class={isBad ? 'box-about bad' : 'box-about'} x={x + 12} y={y + 34}>
        {node.rate === null ? (node.kind === 'service' ? 'no records' : 'callers') : `${number(node.rate)}/s`}
        {isBad && `, ${number(node.rate_errors)} errors/s`}
      </text>
      <title>{shown(node.name, 200)}</title>
    </>
  );
  return node.kind === 'service' ? (
    <a href={to('services', node.name)} aria-label={shown(node.name) || '(no name)'}>
      {box}
    </a>
  ) : (
    <g>{box}</g>
  );
}
