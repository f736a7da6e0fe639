// Charts over time. uPlot draws them; all charts of a page show the same moment under the pointer.
import uPlot from 'uplot';
import { useEffect, useRef } from 'preact/hooks';
import { clock, number, time as duration } from '../format.ts';
import { colour, onTheme } from '../theme.ts';

export interface Series {
  label: string;
  values: readonly (number | null)[];
  /** The name of a colour of the style sheet. */
  colour: string;
  /** True if the space below, down to the series before, is filled. */
  isFilled?: boolean;
  /** The pattern of the line: colours alone do not tell lines apart. */
  dash?: number[];
}

export type Unit = 'count' | 'rate' | 'ms' | 'seconds';

interface Props {
  title: string;
  unit: Unit;
  time: readonly number[];
  from: number;
  to: number;
  step: number;
  series: readonly Series[];
}

const HEIGHT = 150;

/** Distances between two times of an axis, in seconds. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** Distances between two counts of an axis: half a job does not run. */
const COUNT_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7];

/** Writes a value of a chart with its unit. */
function written(unit: Unit, value: number | null | undefined): string {
  if (value == null) return '–';
  if (unit === 'ms') return duration(value / 1000);
  if (unit === 'seconds') return duration(value);
  return number(value);
}

export function Chart(props: Props) {
  const place = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLDListElement>(null);
  const current = useRef<{ plot: uPlot | null; props: Props }>({ plot: null, props });
  current.current.props = props;

  useEffect(() => {
    const now = current.current;
    const host = place.current;
    if (!host) return;
    const make = () => {
      now.plot?.destroy();
      now.plot = new uPlot(options(now, host.clientWidth, legend), columns(now.props), host);
      bound(now.plot, now.props);
    };
    make();
    const observer = new ResizeObserver(() => {
      if (now.plot && host.clientWidth > 0 && host.clientWidth !== now.plot.width) {
        now.plot.setSize({ width: host.clientWidth, height: HEIGHT });
      }
    });
    observer.observe(host);
    const end = onTheme(make);
    return () => {
      end();
      observer.disconnect();
      now.plot?.destroy();
      now.plot = null;
    };
  }, []);

  useEffect(() => {
    const { plot } = current.current;
    if (!plot) return;
    plot.batch(() => {
      plot.setData(columns(props), false);
      bound(plot, props);
    });
  }, [props.time, props.from, props.to]);

  const last = (series: Series) => written(props.unit, series.values.at(-1));
  const told = props.series.map((series) => `${series.label} ${last(series)}${most(series, props.unit)}`).join('; ');
  return (
    <figure class="chart">
      <figcaption>
        <h3>{props.title}</h3>
        <dl ref={legend} class="legend" aria-hidden="true">
          {props.series.map((series) => (
            <div key={series.label} class={`key-${series.colour}`}>
              <dt>{series.label}</dt>
              <dd>{last(series)}</dd>
            </div>
          ))}
        </dl>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${props.title}. Now: ${told}`} />
      {props.time.length === 0 && <p class="nothing">No numbers for this time yet.</p>}
    </figure>
  );
}

function most(series: Series, unit: Unit): string {
  const known = series.values.filter((value) => value != null);
  return known.length === 0 ? '' : `, at most ${written(unit, Math.max(...known))}`;
}

function bound(plot: uPlot, { from, to }: Props): void {
  plot.setScale('x', { min: from, max: Math.max(to, from + 1) });
}

/** The columns, with a hole where the server has not looked. */
function columns({ time, series, step }: Props): uPlot.AlignedData {
  const times: number[] = [];
  const values: (number | null)[][] = series.map(() => []);
  time.forEach((at, index) => {
    const before = time[index - 1];
    if (before !== undefined && at - before > 2 * step) {
      times.push(before + step);
      values.forEach((column) => column.push(null));
    }
    times.push(at);
    values.forEach((column, number) => column.push(series[number]?.values[index] ?? null));
  });
  return [times, ...values];
}

function options(now: { props: Props }, width: number, legend: { current: HTMLDListElement | null }): uPlot.Options {
  const { unit, series } = now.props;
  const [line, ink] = [colour('line'), colour('muted')];
  const font = '11px system-ui, sans-serif';
  const axis = { stroke: ink, font, ticks: { show: false }, grid: { stroke: line, width: 1 } };
  // The filled space of a band ends at the line before it, that of a first line at zero.
  const bands = series.flatMap((one, index) =>
    one.isFilled && index > 0
      ? [{ series: [index + 1, index] as [number, number], fill: faint(colour(one.colour)) }]
      : [],
  );
  return {
    width,
    height: HEIGHT,
    padding: [10, 6, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: 'moment' }, y: false, points: { size: 6 }, drag: { x: false, y: false } },
    bands,
    scales: {
      x: { time: true, auto: false },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.12 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        space: 64,
        incrs: TIME_STEPS,
        values: (_plot, splits, _axis, _space, step) => times(splits, step),
      },
      {
        ...axis,
        size: 52,
        space: 36,
        incrs: unit === 'count' ? COUNT_STEPS : undefined,
        values: (_plot, splits) => splits.map((split) => (split === 0 ? '0' : written(unit, split))),
      } as uPlot.Axis,
    ],
    series: [
      {},
      ...series.map((one, index) => ({
        stroke: colour(one.colour),
        width: 1.5,
        ...(one.dash ? { dash: one.dash } : {}),
        ...(one.isFilled && index === 0 ? { fill: faint(colour(one.colour)) } : {}),
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [(plot) => told(plot, now.props, legend.current)] },
  };
}

/** Writes the values of the moment under the pointer into the legend, or the newest ones. */
function told(plot: uPlot, { unit, series }: Props, legend: HTMLDListElement | null): void {
  const index = plot.cursor.idx;
  const at = index == null ? undefined : plot.data[0][index];
  legend?.querySelectorAll('dd').forEach((place, number) => {
    const value = at === undefined || index == null ? series[number]?.values.at(-1) : plot.data[number + 1]?.[index];
    // The node stays: the view changes it, too.
    if (place.firstChild) place.firstChild.nodeValue = written(unit, value);
  });
  legend?.setAttribute('data-at', at === undefined ? '' : clock(at));
}

function times(splits: number[], step: number): string[] {
  return splits.map((split) => (step < 60 ? clock(split) : clock(split).slice(0, 5)));
}

/** The colour of a filled space. A registered colour of the style sheet is read as `rgb(…)`. */
function faint(solid: string): string {
  return solid.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.16)');
}
