// One action: its charts, and a form that calls it.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Failure, get, post } from '../data/ask.ts';
import { parse, write } from '../data/json.ts';
import { path, useLive, useResource } from '../data/live.ts';
import type {
  Action,
  ActionDescription,
  CallAnswer,
  Description,
  Mistake,
  Schema,
  ServiceDetail,
} from '../data/types.ts';
import { type Draft, empty, input, plain, read } from '../form/draft.ts';
import { Form } from '../form/form.tsx';
import { counted, escapedLines, number, shown, time } from '../format.ts';
import { Charts } from '../part/charts.tsx';
import { Copied } from '../part/copy.tsx';
import { Badge, Broken, Facts, Missing, Name, Prose } from '../part/state.tsx';
import { Stats } from '../part/stats.tsx';
import { Trail } from '../part/trail.tsx';
import { to } from '../route.ts';
import { ms } from './fleet.tsx';
import { Who } from './service.tsx';

/** A body of which the service tells nothing: any object. */
const ANY_OBJECT: Schema = { 'x-soa': 'any' };

export function ActionPage({ service, action }: { service: string; action: string }) {
  const { answer: detail } = useResource<ServiceDetail>(path('services', service));
  const description = useResource<Description>(path('services', service, 'description'), Infinity);
  const numbers = detail?.actions.find((one) => one.name === action);
  const variants = description.answer?.actions.filter((one) => one.action === action || one.name === action) ?? [];
  const about = variants[0]?.documentation;
  return (
    <>
      <Trail
        parts={[
          ['Fleet', '#/'],
          [service, to('services', service)],
          [action, null],
        ]}
      />
      <header class="head">
        <h1>
          <Name text={action} />
        </h1>
        <span class="muted">
          action of <Name text={service} />
        </span>
      </header>
      {about && <p class="about">{escapedLines(about)}</p>}
      {numbers && <Numbers action={numbers} />}
      <Charts parts={['services', service, 'actions', action]} />
      <section aria-labelledby="call">
        <h2 id="call">Call</h2>
        {description.answer === null ? (
          <Missing what="the description of the action" failure={description.failure} retry={description.reload} />
        ) : variants.length === 0 ? (
          <Caller
            service={service}
            description={{ name: action, action, switch: null, documentation: null, request: null, response: null }}
            note="The service does not describe this action: any object can be sent."
          />
        ) : (
          <Variants service={service} variants={variants} />
        )}
      </section>
    </>
  );
}

function Numbers({ action }: { action: Action }) {
  const list = (counts: Record<string, number>) => Object.entries(counts).sort((a, b) => b[1] - a[1]);
  const [errors, callers] = [list(action.errors), list(action.callers)];
  return (
    <>
      <Stats
        stats={[
          ['Calls/s', number(action.rate)],
          ['Errors/s', number(action.rate_errors), (action.rate_errors ?? 0) > 0],
          ['p50', ms(action.p50_ms)],
          ['p95', ms(action.p95_ms)],
          ['p99', ms(action.p99_ms)],
          ['Max', ms(action.max_ms)],
          ['Calls', number(action.calls)],
        ]}
      />
      <Facts
        facts={[
          [
            'Callers',
            callers.length === 0
              ? 'none known'
              : callers.slice(0, 12).map(([name, calls]) => (
                  <span key={name} class="item">
                    <Who name={name} /> <span class="muted">{number(calls)}</span>
                  </span>
                )),
          ],
          [
            'Errors',
            errors.length === 0
              ? 'none'
              : errors.slice(0, 12).map(([code, count]) => (
                  <span key={code} class="item">
                    <Name text={code} /> <span class="muted">{number(count)}</span>
                  </span>
                )),
          ],
          ['Shortest time limit', ms(action.shortest_patience_ms)],
        ]}
      />
    </>
  );
}

/** The choice among the variants that switches select. */
function Variants({ service, variants }: { service: string; variants: readonly ActionDescription[] }) {
  const [index, setIndex] = useState(0);
  const chosen = variants[Math.min(index, variants.length - 1)];
  if (!chosen) return null;
  return (
    <>
      {variants.length > 1 && (
        <div class="field">
          <label for="variant">
            <span class="field-name">Variant</span>
          </label>
          <select id="variant" value={String(index)} onChange={(event) => setIndex(Number(event.currentTarget.value))}>
            {variants.map((variant, place) => (
              <option key={variant.name} value={String(place)}>
                {shown(variant.name)}
              </option>
            ))}
          </select>
        </div>
      )}
      <Caller key={chosen.name} service={service} description={chosen} />
    </>
  );
}

type Outcome = { answer: CallAnswer; isCheck: boolean } | null;

/** Longest time that a call may take, in milliseconds, as it is at first. */
const TIMEOUT = '5000';

function Caller({ service, description, note }: { service: string; description: ActionDescription; note?: string }) {
  const session = useLive((live) => live.session);
  const schema = useMemo(() => plain(description.request ?? ANY_OBJECT), [description]);
  const isObject = input(schema) === 'object';
  const [draft, setDraft] = useState<Draft>(() => (isObject ? empty(schema) : { kind: 'text', text: '{}' }));
  const [raw, setRaw] = useState<string | null>(null);
  const [timeout, setTimeout] = useState(TIMEOUT);
  const [mistakes, setMistakes] = useState<readonly Mistake[]>([]);
  const [commands, setCommands] = useState<{ command: string; curl: string } | null>(null);
  const [outcome, setOutcome] = useState<Outcome>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const mayCall = session?.allow_changes === true;

  // A form in which something was wrong says at once what is still wrong.
  const [isChecked, setIsChecked] = useState(false);
  useEffect(() => {
    if (isChecked) setMistakes(read(schema, draft).mistakes);
  }, [draft]);
  useEffect(() => {
    if (mistakes.length > 0 && isBusy === false) document.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [isBusy]);

  const body = (): unknown => {
    if (raw !== null) {
      try {
        return parse(raw);
      } catch (error) {
        setMistakes([
          { field: null, message: `This is not JSON: ${error instanceof Error ? error.message : String(error)}` },
        ]);
        return undefined;
      }
    }
    const found = read(schema, draft);
    setMistakes(found.mistakes);
    setIsChecked(true);
    return found.mistakes.length > 0 ? undefined : found.value;
  };
  const send = async (isCheck: boolean) => {
    setFailure(null);
    setOutcome(null);
    const value = body();
    if (value === undefined) {
      setCommands(null);
      setIsBusy(true);
      queueMicrotask(() => setIsBusy(false));
      return;
    }
    setMistakes([]);
    setIsBusy(true);
    const request = {
      service,
      action: description.action,
      body: value,
      ...(typeof description.switch === 'number' ? { switches: [description.switch] } : {}),
      timeout_ms: Number(timeout) || Number(TIMEOUT),
      is_check: isCheck,
    };
    try {
      const answer = await (isCheck ? check(request) : post<CallAnswer>('api/call', write(request)));
      setOutcome({ answer, isCheck });
      setCommands(answer);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const told = error.answer as { mistakes?: Mistake[]; command?: string; curl?: string } | null;
      if (error.code === 'MISTAKES' && told?.mistakes) setMistakes(told.mistakes);
      else setFailure(error);
      setCommands(told?.command ? { command: told.command, curl: told.curl ?? '' } : null);
    } finally {
      setIsBusy(false);
    }
  };
  const asJson = (wanted: boolean) => {
    setMistakes([]);
    setRaw(wanted ? write(read(schema, draft).value ?? {}, 2) : null);
  };
  return (
    <div class="call">
      <form
        noValidate
        aria-label={`Body of ${shown(description.name)}`}
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy) void send(!mayCall);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
        }}
      >
        {note && <p class="muted">{note}</p>}
        {isObject && (
          <div class="choice" role="group" aria-label="How the body is written">
            <button type="button" aria-pressed={raw === null} onClick={() => asJson(false)}>
              Form
            </button>
            <button type="button" aria-pressed={raw !== null} onClick={() => raw === null && asJson(true)}>
              JSON
            </button>
          </div>
        )}
        {raw !== null ? (
          <div class="field">
            <Whole mistakes={mistakes} />
            <label for="raw">
              <span class="field-name">Body</span>
            </label>
            <textarea
              id="raw"
              class="code"
              rows={10}
              spellcheck={false}
              value={raw}
              onInput={(event) => setRaw(event.currentTarget.value)}
            />
          </div>
        ) : (
          <Form schema={schema} draft={draft} mistakes={mistakes} change={setDraft} />
        )}
        <div class="field">
          <label for="timeout">
            <span class="field-name">Time limit</span> <span class="muted">milliseconds, at most 60,000</span>
          </label>
          <input
            id="timeout"
            type="text"
            class="code short"
            inputMode="numeric"
            value={timeout}
            onInput={(event) => setTimeout(event.currentTarget.value)}
          />
        </div>
        <div class="buttons">
          {mayCall && (
            <button type="submit" class="primary" disabled={isBusy}>
              {isBusy ? 'Waiting…' : 'Call'}
            </button>
          )}
          <button
            type={mayCall ? 'button' : 'submit'}
            disabled={isBusy}
            {...(mayCall ? { onClick: () => void send(true) } : {})}
          >
            Check, and show the command
          </button>
        </div>
        {!mayCall && (
          <p class="muted">
            Nothing is sent from here: the dashboard was started without <code>--allow-changes</code>.
          </p>
        )}
        {mistakes.length > 0 && (
          <p class="bad" role="status">
            {counted(mistakes.length, 'mistake')}. Nothing was sent.
          </p>
        )}
      </form>
      <div class="outcome" aria-live="polite">
        {failure && <Broken failure={failure} />}
        {outcome && <Answered {...outcome} />}
        {commands && (
          <>
            <Copied label="In a terminal" text={commands.command} />
            <Copied label="With curl" text={commands.curl} />
          </>
        )}
        {!failure && !outcome && !commands && <p class="muted">The answer appears here, with the call as a command.</p>}
      </div>
    </div>
  );
}

/** Largest request that an address carries, in bytes. */
const ADDRESS_SIZE = 24_000;

/** Has a call checked, which changes nothing: a dashboard without changes answers it too. */
function check(request: unknown): Promise<CallAnswer> {
  const asked = encodeURIComponent(write(request));
  return asked.length <= ADDRESS_SIZE ? get(`api/call/check?request=${asked}`) : post('api/call', write(request));
}

/** The mistakes of a body that is written as JSON. */
function Whole({ mistakes }: { mistakes: readonly Mistake[] }) {
  if (mistakes.length === 0) return null;
  return (
    <ul class="mistakes" role="alert">
      {mistakes.map(({ field, message }) => (
        <li key={`${field}${message}`}>
          {field !== null && <code>{shown(field)}</code>} {escapedLines(message)}
        </li>
      ))}
    </ul>
  );
}

function Answered({ answer, isCheck }: { answer: CallAnswer; isCheck: boolean }) {
  if (isCheck) {
    return (
      <p>
        <Badge tone="good">The body fits. Nothing was sent.</Badge>
      </p>
    );
  }
  const took = answer.took_ms === null ? '' : ` after ${time(answer.took_ms / 1000)}`;
  if (answer.error) {
    const { error } = answer;
    return (
      <div class="broken answer">
        <p>
          <Badge tone="bad">
            {error.kind === 'action' ? `The action has answered with an error${took}` : `The call has failed${took}`}
          </Badge>
        </p>
        {error.message && (
          <p>
            <Prose text={error.message} />
          </p>
        )}
        {error.errors.length > 0 && (
          <ul>
            {error.errors.map((one, index) => (
              <li key={index}>
                <code>{shown(one.code)}</code> {one.field && <code>{shown(one.field)}</code>}{' '}
                {escapedLines(one.message)}
              </li>
            ))}
          </ul>
        )}
        {error.advice.map((advice) => (
          <p key={advice} class="muted">
            <Prose text={advice} />
          </p>
        ))}
      </div>
    );
  }
  return (
    <div class="answer">
      <p>
        <Badge tone="good">Answered{took}</Badge>
      </p>
      <Copied label="Answer" text={escapedLines(write(answer.response, 2))} />
    </div>
  );
}
