// The charts of a service or an action, with the choice of their time.
import { useState } from 'preact/hooks';
import { path, useResource } from '../data/live.ts';
import type { History, Span } from '../data/types.ts';
import { Chart, type Series, type Unit } from './chart.tsx';
import { Missing } from './state.tsx';

const SPANS: readonly (readonly [Span, string])[] = [
  ['5m', '5 minutes'],
  ['1h', '1 hour'],
  ['1d', '1 day'],
];

type Values = readonly (number | null)[];

export function Charts({ parts }: { parts: readonly string[] }) {
  const [span, setSpan] = useState<Span>('5m');
  const pause = span === '5m' ? 0 : span === '1h' ? 14 : 55;
  const { answer, failure, reload } = useResource<History>(`${path(...parts, 'history')}?span=${span}`, pause);
  return (
    <section aria-label="Charts">
      <div class="tools">
        <div class="choice" role="group" aria-label="Time of the charts">
          {SPANS.map(([value, name]) => (
            <button key={value} type="button" aria-pressed={span === value} onClick={() => setSpan(value)}>
              {name}
            </button>
          ))}
        </div>
      </div>
      {answer ? (
        <div class="charts">{charts(answer)}</div>
      ) : (
        <div class="charts empty">
          <Missing what="the history" failure={failure} retry={reload} />
        </div>
      )}
    </section>
  );
}

function charts(history: History) {
  const { time, from, to, step_seconds: step } = history;
  const chart = (title: string, unit: Unit, series: readonly (Series & { values: Values | undefined })[]) => {
    const isKnown = series.every((one) => one.values !== undefined);
    return (
      isKnown && (
        <Chart key={title} title={title} unit={unit} time={time} from={from} to={to} step={step} series={series} />
      )
    );
  };
  const line = (label: string, values: Values | undefined, colour = 'accent') =>
    ({ label, values, colour, isFilled: true }) as Series & { values: Values | undefined };
  return (
    <>
      {chart('Calls a second', 'rate', [line('calls', history.rate)])}
      {chart('Errors a second', 'rate', [line('errors', history.rate_errors, 'error')])}
      {chart('Latency', 'ms', [
        { label: 'p50', values: history.p50_ms, colour: 'accent', isFilled: true },
        { label: 'p95', values: history.p95_ms, colour: 'second', isFilled: true, dash: [6, 3] },
        { label: 'p99', values: history.p99_ms, colour: 'third', isFilled: true, dash: [2, 3] },
      ])}
      {chart('Jobs in flight', 'count', [line('in flight', history.in_flight)])}
      {chart('Requests waiting', 'count', [line('waiting', history.depth)])}
      {chart('Age of the oldest request', 'seconds', [line('age', history.age_seconds)])}
    </>
  );
}
