// The fleet: all services, with what is wrong with them.
import { useMemo, useState } from 'preact/hooks';
import { useLive } from '../data/live.ts';
import type { Service } from '../data/types.ts';
import { counted, number, percent, time } from '../format.ts';
import { Filter } from '../part/filter.tsx';
import { Sparkline } from '../part/sparkline.tsx';
import { Loading, Name, Nothing, State } from '../part/state.tsx';
import { Stats } from '../part/stats.tsx';
import { type Column, Table } from '../part/table.tsx';
import { to } from '../route.ts';

/** The order of states, worst first. */
function rank(service: Service): number {
  const has = (severity: string) => service.problems.some((problem) => problem.severity === severity);
  if (service.state === 'unattended' || has('error')) return 0;
  if (has('warning')) return 1;
  return { paused: 2, up: 3, unknown: 4, unattended: 0 }[service.state];
}

export function ms(value: number | null): string {
  return value === null ? '–' : time(value / 1000);
}

/** A number that is quiet if it is nothing. */
export function Quiet({ value, text, isBad }: { value: number | null; text: string; isBad?: boolean }) {
  return <span class={!value ? 'quiet' : isBad ? 'bad' : undefined}>{text}</span>;
}

function errorsAbout({ rate, rate_errors }: { rate: number | null; rate_errors: number | null }): string | undefined {
  return rate && rate_errors ? `${percent(rate_errors / rate)} of the calls` : undefined;
}

const COLUMNS: readonly Column<Service>[] = [
  {
    key: 'name',
    title: 'Service',
    className: 'c-name',
    by: (service) => service.name,
    cell: (service) => (
      <a href={to('services', service.name)}>
        <Name text={service.name} />
      </a>
    ),
  },
  {
    key: 'state',
    title: 'State',
    className: 'c-state',
    by: rank,
    cell: (service) => <State state={service.state} problems={service.problems} />,
  },
  {
    key: 'rate',
    title: 'Calls/s',
    about: 'Calls that end in a second, over the last ten to twenty seconds',
    isNumber: true,
    className: 'c-rate',
    by: (service) => service.rate,
    cell: (service) => (
      <>
        <Sparkline values={service.spark} />
        <span class="beside">{number(service.rate)}</span>
      </>
    ),
  },
  {
    key: 'errors',
    title: 'Errors/s',
    isNumber: true,
    className: 'c-errors',
    by: (service) => service.rate_errors,
    cell: (service) => (
      <span title={errorsAbout(service)}>
        <Quiet value={service.rate_errors} text={number(service.rate_errors)} isBad />
      </span>
    ),
  },
  {
    key: 'p50',
    title: 'p50',
    about: 'Half of the calls take less time',
    isNumber: true,
    className: 'c-p50',
    by: (service) => service.p50_ms,
    cell: (service) => ms(service.p50_ms),
  },
  {
    key: 'p95',
    title: 'p95',
    about: '95 % of the calls take less time',
    isNumber: true,
    className: 'c-p95',
    by: (service) => service.p95_ms,
    cell: (service) => ms(service.p95_ms),
  },
  {
    key: 'p99',
    title: 'p99',
    about: '99 % of the calls take less time',
    isNumber: true,
    className: 'c-p99',
    by: (service) => service.p99_ms,
    cell: (service) => ms(service.p99_ms),
  },
  {
    key: 'flight',
    title: 'In flight',
    about: 'Jobs that run, of those that may run at once',
    isNumber: true,
    className: 'c-flight',
    by: (service) => service.in_flight,
    cell: (service) => (
      <>
        <Quiet
          value={service.in_flight}
          text={number(service.in_flight)}
          isBad={service.in_flight >= service.concurrency}
        />
        <span class="quiet">/{number(service.concurrency)}</span>
      </>
    ),
  },
  {
    key: 'depth',
    title: 'Waiting',
    about: 'Requests in the queue',
    isNumber: true,
    className: 'c-depth',
    by: (service) => service.depth,
    cell: (service) => <Quiet value={service.depth} text={number(service.depth)} isBad={service.workers === 0} />,
  },
  {
    key: 'oldest',
    title: 'Oldest',
    about: 'Age of the oldest request in the queue',
    isNumber: true,
    className: 'c-oldest',
    by: (service) => service.oldest_seconds,
    cell: (service) => <Quiet value={service.oldest_seconds} text={time(service.oldest_seconds)} />,
  },
  {
    key: 'workers',
    title: 'Workers',
    isNumber: true,
    className: 'c-workers',
    by: (service) => service.workers,
    cell: (service) => <Quiet value={service.workers} text={number(service.workers)} />,
  },
  {
    key: 'dead',
    title: 'Dead',
    about: 'Dead letters: jobs that are not run any more',
    isNumber: true,
    className: 'c-dead',
    by: (service) => service.dead_letters,
    cell: (service) => <Quiet value={service.dead_letters} text={number(service.dead_letters)} isBad />,
  },
];

export function FleetPage() {
  const fleet = useLive((live) => live.fleet);
  const [filter, setFilter] = useState('');
  const [onlyProblems, setOnlyProblems] = useState(false);
  const services = fleet?.services;
  const rows = useMemo(() => {
    const text = filter.trim().toLowerCase();
    return (services ?? []).filter((service) => {
      const isFound =
        service.name.toLowerCase().includes(text) ||
        service.versions.some(({ version }) => version.toLowerCase().includes(text));
      return isFound && (!onlyProblems || rank(service) < 3);
    });
  }, [services, filter, onlyProblems]);
  if (!fleet || fleet.at === null) {
    return (
      <>
        <h1>Fleet</h1>
        {fleet && !fleet.redis.is_up ? (
          <Nothing title="Redis has not answered yet.">
            <p>The fleet appears here as soon as it does.</p>
          </Nothing>
        ) : (
          <Loading what="the fleet" />
        )}
      </>
    );
  }
  const { totals } = fleet;
  return (
    <>
      <h1>Fleet</h1>
      <Stats
        stats={[
          ['Services', number(totals.services)],
          ['Workers', number(totals.workers)],
          ['Calls/s', number(totals.rate)],
          ['Errors/s', number(totals.rate_errors), (totals.rate_errors ?? 0) > 0],
          ['In flight', `${number(totals.in_flight)}/${number(totals.concurrency)}`],
          ['Waiting', number(totals.depth)],
          ['Dead letters', number(totals.dead_letters), totals.dead_letters > 0],
        ]}
      />
      <div class="tools">
        <Filter label="Filter services" value={filter} change={setFilter} />
        <label class="check">
          <input
            type="checkbox"
            checked={onlyProblems}
            onChange={(event) => setOnlyProblems(event.currentTarget.checked)}
          />
          Only with problems
        </label>
        <span class="muted" role="status">
          {rows.length === totals.services
            ? counted(rows.length, 'service')
            : `${number(rows.length)} of ${counted(totals.services, 'service')}`}
        </span>
      </div>
      <Table
        label="Services"
        className="fleet"
        columns={COLUMNS}
        rows={rows}
        id={(service) => service.name}
        sort={['state', false]}
        rowClass={(service) => (rank(service) === 0 ? 'alarming' : undefined)}
        empty={
          totals.services === 0 ? (
            <Nothing title="No service can be seen in this Redis.">
              <p>
                No queue holds a request, and no worker tells a record. Start a worker; an idle worker of PySOA leaves
                no trace until a request waits.
              </p>
            </Nothing>
          ) : (
            <Nothing title="No service fits.">
              <p>Change the filter, or clear it with Esc.</p>
            </Nothing>
          )
        }
      />
      {(fleet.services_left_off ?? 0) > 0 && (
        <p class="muted">{counted(fleet.services_left_off ?? 0, 'more service')} not shown.</p>
      )}
    </>
  );
}
