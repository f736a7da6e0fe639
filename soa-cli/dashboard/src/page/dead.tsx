// Dead letters: jobs that are not run any more, as they ended too many processes.
import { useMemo, useState } from 'preact/hooks';
import { Failure, post } from '../data/ask.ts';
import { useLive, useResource } from '../data/live.ts';
import type { Letter, LetterDetail, Letters } from '../data/types.ts';
import { counted, escapedLines, number, shown } from '../format.ts';
import { Confirm } from '../part/confirm.tsx';
import { Copied } from '../part/copy.tsx';
import { Filter } from '../part/filter.tsx';
import { Broken, Facts, Missing, Moment, Name, Nothing } from '../part/state.tsx';
import { type Column, Table } from '../part/table.tsx';
import { Trail } from '../part/trail.tsx';
import { to } from '../route.ts';

/** Pause between two readings of the letters, in seconds. */
const PAUSE = 3;

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}

export function DeadPage({ service }: { service: string | null }) {
  const url = service === null ? 'api/dead' : `api/dead?service=${encodeURIComponent(service)}`;
  const { answer, failure, reload } = useResource<Letters>(url, PAUSE);
  const mayChange = useLive((live) => live.session?.allow_changes === true);
  const [filter, setFilter] = useState('');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [said, setSaid] = useState<string | null>(null);
  const key = (letter: Letter) => `${letter.service}\n${letter.id}`;
  const rows = useMemo(() => {
    const text = filter.trim().toLowerCase();
    const fits = (letter: Letter) =>
      [letter.service, ...letter.actions, letter.reason, letter.error ?? ''].some((part) =>
        part.toLowerCase().includes(text),
      );
    return (answer?.letters ?? []).filter(fits);
  }, [answer, filter]);
  const columns = useMemo<Column<Letter>[]>(() => {
    const choose = (letter: Letter, isChosen: boolean) => {
      setChosen((old) => {
        const next = new Set(old);
        if (isChosen) next.add(key(letter));
        else next.delete(key(letter));
        return next;
      });
    };
    const choice: Column<Letter> = {
      key: 'choice',
      title: '',
      className: 'c-choice',
      cell: (letter) => (
        <input
          type="checkbox"
          aria-label={`Choose the letter ${shown(letter.id)}`}
          checked={chosen.has(key(letter))}
          onChange={(event) => choose(letter, event.currentTarget.checked)}
        />
      ),
    };
    return mayChange ? [choice, ...COLUMNS] : [...COLUMNS];
  }, [mayChange, chosen]);
  const picked = rows.filter((letter) => chosen.has(key(letter)));
  const changed = (text: string) => {
    setSaid(text);
    setChosen(new Set());
    reload();
  };
  return (
    <>
      {service !== null && (
        <Trail
          parts={[
            ['Dead letters', '#/dead'],
            [service, null],
          ]}
        />
      )}
      <h1>
        Dead letters
        {service === null ? (
          ''
        ) : (
          <>
            {' of '}
            <Name text={service} />
          </>
        )}
      </h1>
      <p class="muted">
        Jobs that are not run any more, as they ended too many processes. Run them again when the cause is gone.
      </p>
      {!answer ? (
        <Missing what="the dead letters" failure={failure} retry={reload} />
      ) : (
        <>
          {failure && <Broken failure={failure} />}
          {service === null && <Counts counts={answer.counts} />}
          <div class="tools">
            <Filter label="Filter letters" value={filter} change={setFilter} />
            {mayChange ? (
              <Changes letters={picked} done={changed} />
            ) : (
              answer.letters.length > 0 && (
                <span class="muted">
                  To run or drop letters, start the dashboard with <code>--allow-changes</code>.
                </span>
              )
            )}
            <span class="muted" role="status">
              {said}
            </span>
          </div>
          <Table
            label="Dead letters"
            className="letters"
            columns={columns}
            rows={rows}
            id={key}
            sort={['died', true]}
            empty={
              answer.letters.length === 0 ? (
                <Nothing title="There are no dead letters.">
                  <p>A job comes here when processes die while they run it, again and again.</p>
                </Nothing>
              ) : (
                <Nothing title="No letter fits.">
                  <p>Change the filter, or clear it with Esc.</p>
                </Nothing>
              )
            }
          />
          {answer.left_off > 0 && <p class="muted">{counted(answer.left_off, 'older letter')} not shown.</p>}
        </>
      )}
    </>
  );
}

function Counts({ counts }: { counts: Record<string, number> }) {
  const services = Object.entries(counts).filter(([, count]) => count > 0);
  if (services.length < 2) return null;
  return (
    <ul class="chips" aria-label="By service">
      {services
        .sort((a, b) => b[1] - a[1])
        .slice(0, 20)
        .map(([name, count]) => (
          <li key={name}>
            <a href={to('dead', name)}>
              <Name text={name} /> <span class="count">{number(count)}</span>
            </a>
          </li>
        ))}
    </ul>
  );
}

const COLUMNS: readonly Column<Letter>[] = [
  {
    key: 'actions',
    title: 'Job',
    className: 'c-name',
    by: (letter) => `${letter.service}.${letter.actions.join(' ')}`,
    cell: (letter) => (
      <a href={to('dead', letter.service, letter.id)}>
        <Name text={letter.service} />
        <span class="muted">.</span>
        {letter.actions.length === 0 ? <span class="muted">?</span> : <Name text={letter.actions.join(', ')} />}
      </a>
    ),
  },
  {
    key: 'reason',
    title: 'Reason',
    className: 'c-text',
    by: (letter) => letter.reason,
    cell: (letter) => <Name text={letter.reason} />,
  },
  {
    key: 'error',
    title: 'Error',
    className: 'c-text c-wide',
    by: (letter) => letter.error,
    cell: (letter) => (letter.error ? <Name text={letter.error} /> : <span class="quiet">–</span>),
  },
  {
    key: 'attempts',
    title: 'Attempts',
    isNumber: true,
    className: 'c-number c-wide',
    by: (letter) => letter.attempts,
    cell: (letter) => number(letter.attempts),
  },
  {
    key: 'died',
    title: 'Died',
    isNumber: true,
    className: 'c-moment',
    by: (letter) => letter.died_ms,
    cell: (letter) => <Moment at={seconds(letter.died_ms)} />,
  },
];

/** The buttons that change letters, and their question. */
function Changes({ letters, done }: { letters: readonly Letter[]; done: (said: string) => void }) {
  const [asked, setAsked] = useState<'retry' | 'drop' | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const count = counted(letters.length, 'letter');
  const run = async (change: 'retry' | 'drop') => {
    setIsBusy(true);
    setFailure(null);
    try {
      let changed = 0;
      for (const request of requests(letters)) {
        changed += (await post<{ changed: number }>(`api/dead/${change}`, request)).changed;
      }
      setAsked(null);
      const verb =
        change === 'retry'
          ? changed === 1
            ? 'runs again'
            : 'run again'
          : changed === 1
            ? 'is dropped'
            : 'are dropped';
      done(`${counted(changed, 'letter')} ${verb}.`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      setFailure(error);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <>
      <button type="button" disabled={letters.length === 0} onClick={() => setAsked('retry')}>
        Run again
      </button>
      <button type="button" disabled={letters.length === 0} onClick={() => setAsked('drop')}>
        Drop
      </button>
      {asked === 'retry' && (
        <Confirm
          title={`Run ${count} again?`}
          word="Run again"
          isBusy={isBusy}
          run={() => void run('retry')}
          close={() => setAsked(null)}
        >
          <p>
            What runs again is put into the queue as if it had never run. The callers are gone, and nobody takes the
            answers.
          </p>
          {failure && <Broken failure={failure} />}
        </Confirm>
      )}
      {asked === 'drop' && (
        <Confirm
          title={`Drop ${count}?`}
          word="Drop"
          isDangerous
          isBusy={isBusy}
          run={() => void run('drop')}
          close={() => setAsked(null)}
        >
          <p>What is dropped is forgotten, and cannot be had back.</p>
          {failure && <Broken failure={failure} />}
        </Confirm>
      )}
    </>
  );
}

/** Most letters of one request. */
const AT_ONCE = 100;

/** The ids of letters, in as many requests as they need. */
function requests(letters: readonly Letter[]): { service: string; ids: string[] }[] {
  const found: { service: string; ids: string[] }[] = [];
  for (const { service, id } of letters) {
    const open = found.find((request) => request.service === service && request.ids.length < AT_ONCE);
    if (open) open.ids.push(id);
    else found.push({ service, ids: [id] });
  }
  return found;
}

export function LetterPage({ service, id }: { service: string; id: string }) {
  const url = `api/dead/letter?service=${encodeURIComponent(service)}&id=${encodeURIComponent(id)}`;
  const { answer, failure, reload } = useResource<{ letter: LetterDetail }>(url, PAUSE);
  const mayChange = useLive((live) => live.session?.allow_changes === true);
  const [said, setSaid] = useState<string | null>(null);
  const head = (
    <Trail
      parts={[
        ['Dead letters', '#/dead'],
        [service, to('dead', service)],
        [id, null],
      ]}
    />
  );
  if (said !== null) {
    return (
      <>
        {head}
        <h1>Dead letter</h1>
        <div class="notice" role="status">
          <p>
            {said}{' '}
            <a href={to('dead', service)}>
              Back to the dead letters of <Name text={service} />
            </a>
          </p>
        </div>
      </>
    );
  }
  if (!answer) {
    return (
      <>
        {head}
        <h1>Dead letter</h1>
        <Missing what="the letter" failure={failure} retry={reload} />
      </>
    );
  }
  const { letter } = answer;
  return (
    <>
      {head}
      <header class="head">
        <h1>
          <Name text={letter.actions.length === 0 ? 'Dead letter' : letter.actions.join(', ')} />
        </h1>
        <span class="muted">
          dead letter of <Name text={service} />
        </span>
      </header>
      <div class="tools">
        {mayChange ? (
          <Changes letters={[letter]} done={setSaid} />
        ) : (
          <span class="muted">
            To run or drop it, start the dashboard with <code>--allow-changes</code>.
          </span>
        )}
      </div>
      <Facts
        facts={[
          ['Reason', <Name text={letter.reason} />],
          ['Error', letter.error ? escapedLines(letter.error) : 'none told'],
          ['Attempts', `${number(letter.attempts)}, of which ${number(letter.strikes)} ended a process`],
          ['Caller', letter.caller === null ? 'a program' : <Name text={letter.caller} />],
          ['Correlation id', letter.correlation_id === null ? 'none' : <code>{shown(letter.correlation_id)}</code>],
          ['Sent', <Moment at={seconds(letter.born_ms)} />],
          ['Died', <Moment at={seconds(letter.died_ms)} />],
          ['Size', counted(letter.bytes, 'byte')],
          ['Id', <code>{shown(letter.id)}</code>],
        ]}
      />
      {letter.problem && <p class="notice">{escapedLines(letter.problem)}</p>}
      <h2>{letter.bodies.length > 1 ? 'Bodies' : 'Body'}</h2>
      <p class="muted">Shortened, and without secrets.</p>
      {letter.bodies.map((body, index) => (
        <Copied key={index} label={shown(letter.actions[index] ?? 'Body')} text={escapedLines(body)} />
      ))}
      {letter.bodies.length === 0 && <p class="muted">It has none.</p>}
    </>
  );
}
