// The findings of a check of the fleet, as of `soa check`.
import { useLive, useResource } from '../data/live.ts';
import type { Finding, Findings } from '../data/types.ts';
import { counted } from '../format.ts';
import { Broken, Missing, Name, Nothing, Problems } from '../part/state.tsx';
import { to } from '../route.ts';

/** Pause between two checks, in seconds. */
const PAUSE = 10;

const ORDER = { error: 0, warning: 1, note: 2 };

export function FindingsPage() {
  const { answer, failure, reload } = useResource<Findings>('api/check', PAUSE);
  const services = useLive((live) => live.fleet?.services ?? null);
  if (!answer) {
    return (
      <>
        <h1>Findings</h1>
        <Missing what="the findings" failure={failure} retry={reload} />
      </>
    );
  }
  const names = new Set(services?.map((service) => service.name));
  const subject = (finding: Finding) => {
    if (finding.subject === null || finding.subject === '') return null;
    const name = <Name text={finding.subject} />;
    return names.has(finding.subject) ? <a href={to('services', finding.subject)}>{name}</a> : name;
  };
  const findings = [...answer.findings].sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
  return (
    <>
      <h1>Findings</h1>
      <p class="muted">
        What <code>soa check</code> finds in {counted(answer.services, 'service')} and{' '}
        {counted(answer.masters, 'Redis', 'Redis')}.
      </p>
      {failure && <Broken failure={failure} />}
      {findings.length === 0 ? (
        <Nothing title="Nothing is wrong.">
          <p>Queues, workers, versions and the settings of Redis have been checked.</p>
        </Nothing>
      ) : (
        <Problems problems={findings.map((finding) => ({ ...finding, subject: subject(finding) }))} />
      )}
    </>
  );
}
