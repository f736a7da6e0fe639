// Words for states. Each has a sign of its own, as not everybody sees its colour.
import type { ComponentChildren } from 'preact';
import { escapedLines, moment, shown } from '../format.ts';
import type { Failure } from '../data/ask.ts';
import type { Problem, ServiceState } from '../data/types.ts';

type Tone = 'good' | 'warning' | 'bad' | 'quiet';

/** The sign of a tone. */
function Sign({ tone }: { tone: Tone }) {
  const shape = {
    good: <circle cx="6" cy="6" r="4" />,
    warning: <path d="M6 1.2 11.3 10.6H.7z" />,
    bad: <path d="M1.5 1.5h9v9h-9z" transform="rotate(45 6 6)" />,
    quiet: <circle cx="6" cy="6" r="3.4" fill="none" stroke="currentColor" stroke-width="1.6" />,
  }[tone];
  return (
    <svg class={`sign ${tone}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {shape}
    </svg>
  );
}

export function Badge({
  tone,
  title,
  children,
}: {
  tone: Tone;
  title?: string | undefined;
  children: ComponentChildren;
}) {
  return (
    <span class={`badge ${tone}`} title={title}>
      <Sign tone={tone} />
      {children}
    </span>
  );
}

const STATES: Record<ServiceState, readonly [Tone, string, string]> = {
  up: ['good', 'up', 'Its workers tell records.'],
  paused: ['warning', 'paused', 'Its workers take no requests, until `soa queue resume`.'],
  unattended: ['bad', 'unattended', 'Requests wait, and no worker tells a record.'],
  unknown: ['quiet', 'unknown', 'No worker tells a record, and nothing waits.'],
};

/** The state of a service, or the worst of its problems. */
export function State({ state, problems }: { state: ServiceState; problems: readonly Problem[] }) {
  const [tone, word, about] = STATES[state];
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  const warnings = problems.filter((problem) => problem.severity === 'warning').length;
  const what = problems.map((problem) => escapedLines(problem.what)).join('\n');
  if ((state === 'up' || state === 'unknown') && errors + warnings > 0) {
    const worst = errors > 0 ? 'bad' : 'warning';
    const count = errors > 0 ? errors : warnings;
    const noun = errors > 0 ? 'error' : 'warning';
    return (
      <Badge tone={worst} title={what}>
        {count === 1 ? noun : `${count} ${noun}s`}
      </Badge>
    );
  }
  return (
    <Badge tone={tone} title={what || about}>
      {word}
    </Badge>
  );
}

export function Problems({ problems }: { problems: readonly (Problem & { subject?: ComponentChildren })[] }) {
  if (problems.length === 0) return null;
  return (
    <ul class="problems" aria-label="Problems">
      {problems.map((problem, index) => (
        <li key={index} class={problem.severity}>
          <Sign tone={problem.severity === 'error' ? 'bad' : problem.severity === 'warning' ? 'warning' : 'quiet'} />
          <div>
            {problem.subject && <span class="subject">{problem.subject}</span>}
            <strong>
              <span class="hidden">{problem.severity}: </span>
              <Prose text={problem.what} />
            </strong>
            {problem.advice && (
              <p>
                <Prose text={problem.advice} />
              </p>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}

/** A text of the server. What it has in backticks is code. */
export function Prose({ text }: { text: string }) {
  return (
    <>
      {escapedLines(text)
        .split('`')
        .map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}
    </>
  );
}

/** A refusal, and what to do. */
export function Broken({ failure, retry }: { failure: Failure; retry?: () => void }) {
  return (
    <div class="broken" role="alert">
      <p>
        <strong>
          <Prose text={failure.message} />
        </strong>
      </p>
      {failure.advice.map((advice) => (
        <p key={advice}>
          <Prose text={advice} />
        </p>
      ))}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      Loading {what}…
    </p>
  );
}

/** The place of a resource until it is there: says that it loads, or why it does not. */
export function Missing({ what, failure, retry }: { what: string; failure: Failure | null; retry: () => void }) {
  return failure ? <Broken failure={failure} retry={retry} /> : <Loading what={what} />;
}

/** A place in the page that has nothing to show. */
export function Nothing({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="nothing">
      <p>
        <strong>{title}</strong>
      </p>
      {children}
    </div>
  );
}

/** Facts, each with its name. */
export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A name from the wire. */
export function Name({ text }: { text: string }) {
  return (
    <bdi class="name" title={text.length > 60 ? shown(text, 1000) : undefined}>
      {text === '' ? <em>(no name)</em> : shown(text)}
    </bdi>
  );
}

export function Moment({ at }: { at: number | null | undefined }) {
  return <time dateTime={at == null ? undefined : new Date(at * 1000).toISOString()}>{moment(at)}</time>;
}
