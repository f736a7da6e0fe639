// One service: charts, actions, workers, callers and the queue.
import { useMemo, useState } from 'preact/hooks';
import { path, useResource } from '../data/live.ts';
import type {
  Action,
  Called,
  Caller,
  Description,
  Job,
  QueueDetail,
  Request,
  Service,
  ServiceDetail,
  Worker,
} from '../data/types.ts';
import { counted, escapedLines, number, percent, shown, time } from '../format.ts';
import { Charts } from '../part/charts.tsx';
import { Filter } from '../part/filter.tsx';
import { Badge, Missing, Name, Nothing, Problems, Prose, State } from '../part/state.tsx';
import { Stats } from '../part/stats.tsx';
import { type Column, Table } from '../part/table.tsx';
import { type Tab, to } from '../route.ts';
import { Quiet, ms } from './fleet.tsx';
import { Trail } from '../part/trail.tsx';

export function ServicePage({ service, tab }: { service: string; tab: Tab }) {
  const { answer, failure, reload } = useResource<ServiceDetail>(path('services', service));
  const head = (
    <Trail
      parts={[
        ['Fleet', '#/'],
        [service, null],
      ]}
    />
  );
  if (!answer) {
    return (
      <>
        {head}
        <h1>
          <Name text={service} />
        </h1>
        <Missing what="the service" failure={failure} retry={reload} />
      </>
    );
  }
  const tabs: readonly (readonly [Tab, string, number | null])[] = [
    ['overview', 'Overview', null],
    ['actions', 'Actions', null],
    ['workers', 'Workers', answer.service.workers],
    ['callers', 'Callers', answer.callers.length],
    ['queue', 'Queue', answer.service.depth],
  ];
  return (
    <>
      {head}
      <Head service={answer.service} />
      <nav class="tabs" aria-label="Parts of the service">
        {tabs.map(([key, title, count]) => (
          <a
            key={key}
            href={key === 'overview' ? to('services', service) : to('services', service, key)}
            aria-current={tab === key ? 'page' : undefined}
          >
            {title}
            {count !== null && <span class="count">{number(count)}</span>}
          </a>
        ))}
      </nav>
      {tab === 'overview' && <Overview detail={answer} />}
      {tab === 'actions' && <AllActions detail={answer} />}
      {tab === 'workers' && <Workers detail={answer} />}
      {tab === 'callers' && <Callers detail={answer} />}
      {tab === 'queue' && <Queue service={service} replyLists={answer.reply_lists} />}
    </>
  );
}

function Head({ service }: { service: Service }) {
  const versions = service.versions.map(({ version, workers }) => `${shown(version, 40)} (${workers})`);
  return (
    <header class="head">
      <h1>
        <Name text={service.name} />
      </h1>
      <State state={service.state} problems={[]} />
      {service.is_paused && service.state !== 'paused' && <Badge tone="warning">paused</Badge>}
      {versions.length > 0 && (
        <span class="muted" title={versions.join(', ')}>
          {versions.length === 1
            ? `version ${shown(service.versions[0]?.version ?? '', 40)}`
            : `versions ${versions.slice(0, 3).join(', ')}`}
        </span>
      )}
      {service.dead_letters > 0 && (
        <a href={to('dead', service.name)}>{counted(service.dead_letters, 'dead letter')}</a>
      )}
    </header>
  );
}

function Overview({ detail }: { detail: ServiceDetail }) {
  const { service } = detail;
  return (
    <>
      <Problems problems={service.problems} />
      <Stats
        stats={[
          ['Calls/s', number(service.rate)],
          ['Errors/s', number(service.rate_errors), (service.rate_errors ?? 0) > 0],
          ['p50', ms(service.p50_ms)],
          ['p95', ms(service.p95_ms)],
          ['p99', ms(service.p99_ms)],
          ['In flight', `${number(service.in_flight)}/${number(service.concurrency)}`],
          ['Waiting', number(service.depth)],
        ]}
      />
      <Charts parts={['services', service.name]} />
      <h2>Actions</h2>
      <Actions service={service.name} actions={detail.actions} leftOff={detail.actions_left_off} />
    </>
  );
}

/** The columns of calls and times, which tables of several things have. */
function latelyColumns<
  Row extends {
    rate: number | null;
    rate_errors: number | null;
    p50_ms: number | null;
    p95_ms: number | null;
    p99_ms: number | null;
  },
>(): Column<Row>[] {
  return [
    {
      key: 'rate',
      title: 'Calls/s',
      isNumber: true,
      className: 'c-number',
      by: (row) => row.rate,
      cell: (row) => <Quiet value={row.rate} text={number(row.rate)} />,
    },
    {
      key: 'errors',
      title: 'Errors/s',
      isNumber: true,
      className: 'c-number c-errors',
      by: (row) => row.rate_errors,
      cell: (row) => <Quiet value={row.rate_errors} text={number(row.rate_errors)} isBad />,
    },
    {
      key: 'p50',
      title: 'p50',
      isNumber: true,
      className: 'c-number c-wide',
      by: (row) => row.p50_ms,
      cell: (row) => ms(row.p50_ms),
    },
    {
      key: 'p95',
      title: 'p95',
      isNumber: true,
      className: 'c-number c-wide',
      by: (row) => row.p95_ms,
      cell: (row) => ms(row.p95_ms),
    },
    {
      key: 'p99',
      title: 'p99',
      isNumber: true,
      className: 'c-number c-last',
      by: (row) => row.p99_ms,
      cell: (row) => ms(row.p99_ms),
    },
  ];
}

/** The actions with calls, and those that the service describes and nobody has called. */
function AllActions({ detail }: { detail: ServiceDetail }) {
  const service = detail.service.name;
  const { answer, failure } = useResource<Description>(path('services', service, 'description'), Infinity);
  const rows = useMemo(() => {
    const known = new Set(detail.actions.map((action) => action.name));
    const others = (answer?.actions ?? []).map((action) => action.action).filter((name) => !known.has(name));
    return [...detail.actions, ...[...new Set(others)].map(uncalled)];
  }, [detail, answer]);
  return (
    <>
      {answer?.documentation && <p class="about">{escapedLines(answer.documentation)}</p>}
      <Actions service={service} actions={rows} leftOff={detail.actions_left_off} />
      {failure && (
        <p class="muted">
          Actions without calls are not shown: <Prose text={failure.message} />
        </p>
      )}
    </>
  );
}

function uncalled(name: string): Action {
  const unknown = { rate: null, rate_errors: null, p50_ms: null, p95_ms: null, p99_ms: null, max_ms: null };
  return { name, calls: 0, errors: {}, callers: {}, shortest_patience_ms: null, ...unknown };
}

export function Actions({
  service,
  actions,
  leftOff,
}: {
  service: string;
  actions: readonly Action[];
  leftOff: number;
}) {
  const columns = useMemo<Column<Action>[]>(
    () => [
      {
        key: 'name',
        title: 'Action',
        className: 'c-name',
        by: (action) => action.name,
        cell: (action) => (
          <a href={to('services', service, 'actions', action.name)}>
            <Name text={action.name} />
          </a>
        ),
      },
      ...latelyColumns<Action>(),
      {
        key: 'max',
        title: 'Max',
        isNumber: true,
        className: 'c-number c-wide',
        by: (action) => action.max_ms,
        cell: (action) => ms(action.max_ms),
      },
      {
        key: 'calls',
        title: 'Calls',
        about: 'Since the workers started',
        isNumber: true,
        className: 'c-number c-wide',
        by: (action) => action.calls,
        cell: (action) => number(action.calls),
      },
    ],
    [service],
  );
  return (
    <>
      <Table
        label="Actions"
        columns={columns}
        rows={actions}
        id={(action) => action.name}
        sort={['rate', true]}
        empty={
          <Nothing title="No worker has told of a call yet.">
            <p>Actions appear here after their first call.</p>
          </Nothing>
        }
      />
      {leftOff > 0 && <p class="muted">{counted(leftOff, 'more action')} not shown.</p>}
    </>
  );
}

const WORKERS: readonly Column<Worker & { service: string }>[] = [
  {
    key: 'host',
    title: 'Worker',
    className: 'c-name',
    by: (worker) => `${worker.host} ${worker.pid}`,
    cell: (worker) => (
      <a href={to('services', worker.service, 'workers', worker.id)}>
        <Name text={worker.host} /> <span class="muted">{worker.pid}</span>
      </a>
    ),
  },
  {
    key: 'version',
    title: 'Version',
    className: 'c-text c-wide',
    by: (worker) => worker.version,
    cell: (worker) => <Name text={worker.version} />,
  },
  {
    key: 'flight',
    title: 'In flight',
    isNumber: true,
    className: 'c-number',
    by: (worker) => worker.in_flight,
    cell: (worker) => (
      <>
        <Quiet
          value={worker.in_flight}
          text={number(worker.in_flight)}
          isBad={worker.in_flight >= worker.concurrency}
        />
        <span class="quiet">/{number(worker.concurrency)}</span>
      </>
    ),
  },
  ...latelyColumns<Worker & { service: string }>(),
  {
    key: 'up',
    title: 'Up for',
    isNumber: true,
    className: 'c-number c-wide',
    by: (worker) => -worker.started,
    cell: (worker) => time(Math.max(0, Math.round(worker.told_at - worker.started))),
  },
];

function Workers({ detail }: { detail: ServiceDetail }) {
  const [filter, setFilter] = useState('');
  const rows = useMemo(() => {
    const text = filter.trim().toLowerCase();
    const fits = (worker: Worker) => `${worker.host} ${worker.pid} ${worker.version}`.toLowerCase().includes(text);
    return detail.workers.filter(fits).map((worker) => ({ ...worker, service: detail.service.name }));
  }, [detail, filter]);
  const jobs = useMemo(
    () => detail.workers.flatMap((worker) => worker.oldest.map((job) => ({ ...job, worker }))),
    [detail],
  );
  return (
    <>
      <div class="tools">
        <Filter label="Filter workers" value={filter} change={setFilter} />
        <span class="muted">{counted(rows.length, 'worker')}</span>
      </div>
      <Table
        label="Workers"
        className="workers"
        columns={WORKERS}
        rows={rows}
        id={(worker) => worker.id}
        sort={['flight', true]}
        empty={
          filter ? (
            <Nothing title="No worker fits.">
              <p>Change the filter, or clear it with Esc.</p>
            </Nothing>
          ) : (
            <Nothing title="No worker tells a record.">
              <p>Start one. Workers of PySOA tell no records, and are not seen here.</p>
            </Nothing>
          )
        }
      />
      {detail.workers_left_off > 0 && (
        <p class="muted">{counted(detail.workers_left_off, 'more worker')} not shown: the busiest are here.</p>
      )}
      {jobs.length > 0 && (
        <>
          <h2>Jobs in flight</h2>
          <Jobs jobs={jobs.slice(0, 50)} />
        </>
      )}
    </>
  );
}

/** The jobs that run, with the time that they have left. */
export function Jobs({ jobs }: { jobs: readonly Job[] }) {
  if (jobs.length === 0) return <Nothing title="No job runs." />;
  const sorted = [...jobs].sort((a, b) => (a.left_ms ?? Infinity) - (b.left_ms ?? Infinity));
  return (
    <table class="plain jobs" aria-label="Jobs in flight">
      <thead>
        <tr>
          <th scope="col">Action</th>
          <th scope="col">Caller</th>
          <th scope="col" class="number">
            Runs for
          </th>
          <th scope="col" class="number">
            Time left
          </th>
        </tr>
      </thead>
      <tbody>
        {sorted.map((job, index) => (
          <tr key={index}>
            <td>
              <Name text={job.action} />
            </td>
            <td>{job.caller === null ? <span class="muted">a program</span> : <Name text={job.caller} />}</td>
            <td class="number">{time(job.running_ms / 1000)}</td>
            <td class="number">
              <Left ms={job.left_ms} of={job.running_ms} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Left({ ms: left, of }: { ms: number | null; of: number }) {
  if (left === null) return <span class="muted">no deadline</span>;
  if (left < 0) return <Badge tone="bad">over by {time(-left / 1000)}</Badge>;
  const share = left / Math.max(1, left + of);
  return (
    <span class="left">
      <meter min={0} max={1} low={0.25} value={share} aria-label="share of the time that is left" />
      <span class={share < 0.25 ? 'bad' : undefined}>{time(left / 1000)}</span>
    </span>
  );
}

const CALLERS: readonly Column<Caller>[] = [
  {
    key: 'name',
    title: 'Caller',
    className: 'c-name',
    by: (caller) => caller.name,
    cell: (caller) => <Who name={caller.name} />,
  },
  {
    key: 'rate',
    title: 'Calls/s',
    isNumber: true,
    className: 'c-number',
    by: (caller) => caller.rate,
    cell: (caller) => number(caller.rate),
  },
  {
    key: 'calls',
    title: 'Calls',
    about: 'Since the workers started',
    isNumber: true,
    className: 'c-number',
    by: (caller) => caller.calls,
    cell: (caller) => number(caller.calls),
  },
];

const CALLED: readonly Column<Called>[] = [
  {
    key: 'name',
    title: 'Service',
    className: 'c-name',
    by: (called) => called.name,
    cell: (called) => <Who name={called.name} />,
  },
  {
    key: 'rate',
    title: 'Calls/s',
    isNumber: true,
    className: 'c-number',
    by: (called) => called.rate,
    cell: (called) => number(called.rate),
  },
  {
    key: 'failed',
    title: 'Failed',
    isNumber: true,
    className: 'c-number',
    by: (called) => called.failed,
    cell: (called) => (
      <span title={called.calls > 0 ? percent(called.failed / called.calls) : undefined}>
        <Quiet value={called.failed} text={number(called.failed)} isBad />
      </span>
    ),
  },
  {
    key: 'calls',
    title: 'Calls',
    isNumber: true,
    className: 'c-number',
    by: (called) => called.calls,
    cell: (called) => number(called.calls),
  },
];

/** The name of a caller: of a service, which has a page, or of others. */
export function Who({ name }: { name: string }) {
  if (name === 'program')
    return (
      <span class="muted" title="Callers that are no services">
        programs
      </span>
    );
  if (name === 'other')
    return (
      <span class="muted" title="Callers too many to be counted one by one">
        others
      </span>
    );
  return (
    <a href={to('services', name)}>
      <Name text={name} />
    </a>
  );
}

function Callers({ detail }: { detail: ServiceDetail }) {
  return (
    <div class="columns">
      <section>
        <h2>Callers</h2>
        <Table
          label="Callers"
          columns={CALLERS}
          rows={detail.callers}
          id={(caller) => caller.name}
          sort={['calls', true]}
          empty={<Nothing title="No caller is known." />}
        />
      </section>
      <section>
        <h2>Services that it calls</h2>
        <CalledTable called={detail.called} />
      </section>
    </div>
  );
}

export function CalledTable({ called }: { called: readonly Called[] }) {
  return (
    <Table
      label="Called services"
      columns={CALLED}
      rows={called}
      id={(one) => one.name}
      sort={['calls', true]}
      empty={<Nothing title="It has called no other service." />}
    />
  );
}

function Queue({ service, replyLists }: { service: string; replyLists: number }) {
  const { answer, failure, reload } = useResource<QueueDetail>(`${path('services', service, 'queue')}?count=50`, 3);
  if (!answer) return <Missing what="the queue" failure={failure} retry={reload} />;
  return (
    <>
      <Stats
        stats={[
          ['Waiting', number(answer.depth)],
          ['Oldest', time(answer.oldest_seconds)],
          ['Reply lists', number(replyLists)],
        ]}
      />
      {answer.is_paused && (
        <p class="notice">
          The queue is paused: workers take nothing from it. <code>soa queue resume {shown(service)}</code> ends that.
        </p>
      )}
      {answer.requests.length === 0 ? (
        <Nothing title="No request waits.">
          <p>Requests are here from the moment that a caller sends them until a worker takes them.</p>
        </Nothing>
      ) : (
        <table class="plain requests" aria-label="Requests">
          <thead>
            <tr>
              <th scope="col">Actions</th>
              <th scope="col">Caller</th>
              <th scope="col" class="number">
                Age
              </th>
              <th scope="col" class="number">
                Time left
              </th>
              <th scope="col" class="number c-wide">
                Bytes
              </th>
              <th scope="col">Body</th>
            </tr>
          </thead>
          <tbody>
            {answer.requests.map((request, index) => (
              <QueueRow key={index} request={request} />
            ))}
          </tbody>
        </table>
      )}
      {answer.left_off > 0 && (
        <p class="muted">{counted(answer.left_off, 'more request')} not shown: the oldest are here.</p>
      )}
    </>
  );
}

function QueueRow({ request }: { request: Request }) {
  return (
    <tr>
      <td>
        {request.actions.map((action, index) => (
          <div key={index}>
            <Name text={action} />
          </div>
        ))}
        {request.problem && <Badge tone="bad">{escapedLines(request.problem)}</Badge>}
      </td>
      <td>{request.caller === null ? <span class="muted">a program</span> : <Name text={request.caller} />}</td>
      <td class="number" data-label="age">
        {time(request.age_seconds)}
      </td>
      <td class="number" data-label="time left">
        {request.left_seconds !== null && request.left_seconds < 0 ? (
          <Badge tone="bad">over</Badge>
        ) : (
          time(request.left_seconds)
        )}
      </td>
      <td class="number c-wide">{number(request.bytes)}</td>
      <td class="body">
        {request.bodies.map((body, index) => (
          <code key={index}>{shown(body, 400)}</code>
        ))}
      </td>
    </tr>
  );
}
