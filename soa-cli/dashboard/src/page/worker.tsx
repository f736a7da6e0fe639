// One worker: what it is, and the jobs that it runs.
import { path, useResource } from '../data/live.ts';
import type { WorkerDetail } from '../data/types.ts';
import { number, shown, time } from '../format.ts';
import { Badge, Facts, Missing, Moment, Name } from '../part/state.tsx';
import { Stats } from '../part/stats.tsx';
import { Trail } from '../part/trail.tsx';
import { to } from '../route.ts';
import { ms } from './fleet.tsx';
import { Actions, CalledTable, Jobs } from './service.tsx';

export function WorkerPage({ service, id }: { service: string; id: string }) {
  const { answer, failure, reload } = useResource<WorkerDetail>(path('services', service, 'workers', id));
  const title = answer ? `${answer.worker.host} ${answer.worker.pid}` : id.slice(0, 8);
  return (
    <>
      <Trail
        parts={[
          ['Fleet', '#/'],
          [service, to('services', service)],
          ['Workers', to('services', service, 'workers')],
          [title, null],
        ]}
      />
      <header class="head">
        <h1>
          <Name text={title} />
        </h1>
        <span class="muted">
          worker of <Name text={service} />
        </span>
        {answer?.worker.is_paused && <Badge tone="warning">paused</Badge>}
        {failure && answer && <Badge tone="quiet">gone: these are its last numbers</Badge>}
      </header>
      {answer ? (
        <Detail detail={answer} service={service} />
      ) : (
        <Missing what="the worker" failure={failure} retry={reload} />
      )}
    </>
  );
}

function Detail({ detail, service }: { detail: WorkerDetail; service: string }) {
  const { worker } = detail;
  return (
    <>
      <Stats
        stats={[
          [
            'In flight',
            `${number(worker.in_flight)}/${number(worker.concurrency)}`,
            worker.in_flight >= worker.concurrency,
          ],
          ['Calls/s', number(worker.rate)],
          ['Errors/s', number(worker.rate_errors), (worker.rate_errors ?? 0) > 0],
          ['p50', ms(worker.p50_ms)],
          ['p95', ms(worker.p95_ms)],
          ['p99', ms(worker.p99_ms)],
          ['Up for', time(Math.max(0, Math.round(worker.told_at - worker.started)))],
        ]}
      />
      <h2>Jobs in flight</h2>
      <Jobs jobs={worker.oldest} />
      <h2>Actions</h2>
      <Actions service={service} actions={worker.actions} leftOff={0} />
      <h2>Services that it calls</h2>
      <CalledTable called={worker.called} />
      <h2>Process</h2>
      <Facts
        facts={[
          ['Host', <Name text={worker.host} />],
          ['Process id', String(worker.pid)],
          ['Version', <Name text={worker.version} />],
          ['Build', worker.build === null ? 'not told' : <Name text={worker.build} />],
          ['Schemas', worker.schemas === null ? 'not told' : shown(worker.schemas)],
          ['Started', <Moment at={worker.started} />],
          ['Last record', <Moment at={worker.told_at} />],
          ['Jobs since the start', number(worker.jobs)],
          ['Refused', number(worker.refused)],
          ['Dropped', number(worker.dropped)],
          ['Id', <code>{shown(worker.id)}</code>],
        ]}
      />
    </>
  );
}
