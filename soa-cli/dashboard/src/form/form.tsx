// A form for a body, made from its schema. Every mistake stands beside its field.
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { counted, escapedLines, shown } from '../format.ts';
import type { Mistake, Schema } from '../data/types.ts';
import {
  type Draft,
  ANY,
  empty,
  input,
  isNullable,
  isRequired,
  itemsOf,
  options,
  plain,
  valuesOf,
  word,
} from './draft.ts';

/** Changes a draft as it is by then: several fields may change at once, as when a browser fills them in. */
export type Change = (update: (draft: Draft) => Draft) => void;

interface NodeProps {
  schema: Schema;
  draft: Draft;
  path: string;
  mistakes: ReadonlyMap<string, readonly string[]>;
  change: Change;
}

interface Props {
  schema: Schema;
  draft: Draft;
  mistakes: readonly Mistake[];
  change: Change;
}

export function Form({ schema, draft, mistakes, change }: Props) {
  const byPath = useMemo(() => {
    const found = new Map<string, string[]>();
    for (const { field, message } of mistakes) {
      const path = field ?? '';
      found.set(path, [...(found.get(path) ?? []), message]);
    }
    return found;
  }, [mistakes]);
  const paths = useMemo(() => new Set(pathsOf(schema, draft, '')), [schema, draft]);
  // What is said of the whole, and of fields that the form does not show.
  const others = mistakes.filter(({ field }) => field === null || !paths.has(field));
  return (
    <>
      {others.length > 0 && (
        <ul class="mistakes" role="alert">
          {others.map(({ field, message }) => (
            <li key={`${field}${message}`}>
              {field !== null && <code>{shown(field)}</code>} {escapedLines(message)}
            </li>
          ))}
        </ul>
      )}
      <Fields schema={schema} draft={draft} path="" mistakes={byPath} change={change} />
    </>
  );
}

/** The paths of the fields that a form shows. */
function pathsOf(given: Schema, draft: Draft, path: string): string[] {
  const schema = plain(given);
  const below = (part: string | number) => (path === '' ? String(part) : `${path}.${part}`);
  const own = path === '' ? [] : [path];
  switch (draft.kind) {
    case 'object':
      return Object.entries(schema.properties ?? {}).reduce(
        (all, [name, field]) => all.concat(pathsOf(field, draft.fields[name] ?? { kind: 'absent' }, below(name))),
        own,
      );
    case 'list':
      return draft.items.reduce(
        (all, item, index) => all.concat(pathsOf(schema.prefixItems?.[index] ?? itemsOf(schema), item, below(index))),
        own,
      );
    case 'map':
      return draft.entries.reduce(
        (all, { key, value }) => all.concat(pathsOf(valuesOf(schema), value, below(key))),
        own,
      );
    case 'choice':
      return own.concat(pathsOf(options(schema)[draft.index] ?? ANY, draft.value, path));
    default:
      return own;
  }
}

/** The fields of an object. */
function Fields({ schema: given, draft, path, mistakes, change }: NodeProps) {
  const schema = plain(given);
  if (draft.kind !== 'object')
    return <Leaf schema={schema} draft={draft} path={path} mistakes={mistakes} change={change} />;
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return <p class="muted">It has no fields.</p>;
  const set = (name: string, update: (draft: Draft) => Draft) =>
    change((old) => {
      if (old.kind !== 'object') return old;
      return { kind: 'object', fields: { ...old.fields, [name]: update(old.fields[name] ?? { kind: 'absent' }) } };
    });
  return (
    <>
      {fields.map(([name, field]) => (
        <Field
          key={name}
          name={name}
          isOptional={!isRequired(schema, name)}
          schema={field}
          draft={draft.fields[name] ?? { kind: 'absent' }}
          path={path === '' ? name : `${path}.${name}`}
          mistakes={mistakes}
          change={(update) => set(name, update)}
        />
      ))}
    </>
  );
}

interface FieldProps extends NodeProps {
  name: string;
  isOptional: boolean;
  remove?: () => void;
  /** Content in the place of the name. */
  title?: ComponentChildren;
}

const id = (path: string) => `field-${path}`;

function Field({ name, isOptional, remove, title, ...node }: FieldProps) {
  const { draft, path, change } = node;
  const put = (next: Draft) => change(() => next);
  const schema = plain(node.schema);
  const wrong = node.mistakes.get(path) ?? [];
  const kind = input(schema);
  const isGroup =
    ['object', 'list', 'tuple', 'map', 'choice'].includes(kind) && draft.kind !== 'absent' && draft.kind !== 'null';
  const limits = told(schema);
  const head = (
    <>
      <span class="field-name">{title ?? <code>{shown(name)}</code>}</span>
      <span class="muted">
        {word(schema)}
        {limits && `, ${limits}`}
        {isOptional ? ', optional' : ''}
      </span>
    </>
  );
  const buttons = (
    <span class="field-buttons">
      {isNullable(schema) && draft.kind !== 'absent' && (
        <label class="check">
          <input
            type="checkbox"
            checked={draft.kind === 'null'}
            onChange={(event) => put(event.currentTarget.checked ? { kind: 'null' } : empty(schema))}
          />
          null
        </label>
      )}
      {draft.kind === 'absent' ? (
        <button type="button" class="small" aria-label={`Add ${shown(name)}`} onClick={() => put(empty(schema))}>
          Add
        </button>
      ) : isOptional || remove ? (
        <button
          type="button"
          class="small"
          aria-label={`Remove ${shown(name)}`}
          onClick={() => (remove ? remove() : put({ kind: 'absent' }))}
        >
          Remove
        </button>
      ) : null}
    </span>
  );
  const about = schema.description && <p class="muted about">{escapedLines(schema.description)}</p>;
  const problems = wrong.length > 0 && (
    <ul class="mistakes" id={`${id(path)}-wrong`}>
      {wrong.map((message) => (
        <li key={message}>{escapedLines(message)}</li>
      ))}
    </ul>
  );
  if (isGroup) {
    return (
      <fieldset class={`field group ${wrong.length > 0 ? 'wrong' : ''}`} data-path={path}>
        <legend>{head}</legend>
        {buttons}
        {about}
        {problems}
        <Leaf {...node} schema={schema} />
      </fieldset>
    );
  }
  return (
    <div class={`field ${draft.kind === 'absent' ? 'absent' : ''} ${wrong.length > 0 ? 'wrong' : ''}`} data-path={path}>
      <div class="field-head">
        <label for={id(path)}>{head}</label>
        {buttons}
      </div>
      {about}
      {draft.kind !== 'absent' && draft.kind !== 'null' && <Leaf {...node} schema={schema} />}
      {problems}
    </div>
  );
}

/** The limits of a value, in few words. */
function told(schema: Schema): string {
  const parts: string[] = [];
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, minItems, maxItems } = schema;
  if (minimum !== undefined) parts.push(`≥ ${minimum}`);
  if (exclusiveMinimum !== undefined) parts.push(`> ${exclusiveMinimum}`);
  if (maximum !== undefined) parts.push(`≤ ${maximum}`);
  if (exclusiveMaximum !== undefined) parts.push(`< ${exclusiveMaximum}`);
  if (minLength) parts.push(`at least ${counted(minLength, 'character')}`);
  if (maxLength !== undefined) parts.push(`at most ${counted(maxLength, 'character')}`);
  if (minItems) parts.push(`at least ${counted(minItems, 'item')}`);
  if (maxItems !== undefined) parts.push(`at most ${counted(maxItems, 'item')}`);
  return parts.join(', ');
}

const PLACEHOLDERS: Record<string, string> = {
  decimal: '12.30',
  amount: 'USD 1250',
  bytes: 'aGVsbG8= (base64)',
  time: '08:30:00',
  datetime: '2026-11-21T08:30:00+00:00',
};

/** Length from which a text has an input of several lines, in characters. */
const LONG = 100;

/** The input of a node, without its name. */
function Leaf({ schema, draft, path, mistakes, change }: NodeProps) {
  const put = (next: Draft) => change(() => next);
  const isWrong = (mistakes.get(path)?.length ?? 0) > 0;
  const shared = {
    id: id(path),
    'aria-label': path === '' ? 'Body' : undefined,
    'aria-invalid': isWrong,
    'aria-describedby': isWrong ? `${id(path)}-wrong` : undefined,
  };
  switch (draft.kind) {
    case 'object':
      return <Fields schema={schema} draft={draft} path={path} mistakes={mistakes} change={change} />;
    case 'flag':
      return (
        <label class="check">
          <input
            {...shared}
            type="checkbox"
            checked={draft.value}
            onChange={(event) => put({ kind: 'flag', value: event.currentTarget.checked })}
          />
          {draft.value ? 'true' : 'false'}
        </label>
      );
    case 'constant':
      return (
        <select
          {...shared}
          value={String(draft.index)}
          onChange={(event) => put({ kind: 'constant', index: Number(event.currentTarget.value) })}
        >
          {draft.index < 0 && <option value="-1">Choose…</option>}
          {(schema.enum ?? []).map((value, index) => (
            <option key={index} value={String(index)}>
              {typeof value === 'string' ? shown(value) : JSON.stringify(value)}
            </option>
          ))}
        </select>
      );
    case 'list':
      return <Items schema={schema} draft={draft} path={path} mistakes={mistakes} change={change} />;
    case 'map':
      return <Entries schema={schema} draft={draft} path={path} mistakes={mistakes} change={change} />;
    case 'choice': {
      const all = options(schema);
      return (
        <>
          <select
            aria-label={`Form of ${path}`}
            value={String(draft.index)}
            onChange={(event) => {
              const index = Number(event.currentTarget.value);
              put({ kind: 'choice', index, value: empty(all[index] ?? ANY) });
            }}
          >
            {all.map((option, index) => (
              <option key={index} value={String(index)}>
                {option.description ? shown(option.description, 60) : word(plain(option))}
              </option>
            ))}
          </select>
          <Leaf
            schema={plain(all[draft.index] ?? ANY)}
            draft={draft.value}
            path={path}
            mistakes={mistakes}
            change={(update) => change((old) => (old.kind === 'choice' ? { ...old, value: update(old.value) } : old))}
          />
        </>
      );
    }
    case 'text': {
      const kind = schema['x-soa'] ?? 'any';
      const typed = (event: { currentTarget: { value: string } }) =>
        put({ kind: 'text', text: event.currentTarget.value });
      if (input(schema) === 'any' || (kind === 'text' && (schema.maxLength ?? Infinity) > LONG)) {
        const isJson = input(schema) === 'any';
        return (
          <textarea
            {...shared}
            rows={isJson ? 3 : 1}
            class={isJson ? 'code' : ''}
            spellcheck={!isJson}
            placeholder={isJson ? '{"a": 1}' : ''}
            value={draft.text}
            onInput={typed}
          />
        );
      }
      const isNumber = kind === 'integer' || kind === 'float' || kind === 'decimal';
      const line =
        kind === 'date' ? (
          <input {...shared} type="date" class="code" value={draft.text} onInput={typed} />
        ) : (
          <input
            {...shared}
            type="text"
            inputMode={isNumber ? 'decimal' : undefined}
            autocomplete="off"
            class={kind === 'text' ? '' : 'code'}
            placeholder={PLACEHOLDERS[kind]}
            value={draft.text}
            onInput={typed}
          />
        );
      if (kind !== 'datetime') return line;
      return (
        <span class="with-button">
          {line}
          <button
            type="button"
            class="small"
            onClick={() => put({ kind: 'text', text: `${new Date().toISOString().slice(0, 19)}+00:00` })}
          >
            Now
          </button>
        </span>
      );
    }
    default:
      return null;
  }
}

function Items({ schema, draft, path, mistakes, change }: NodeProps) {
  if (draft.kind !== 'list') return null;
  const isFixed = input(schema) === 'tuple';
  const set = (update: (items: Draft[]) => Draft[]) =>
    change((old) => (old.kind === 'list' ? { kind: 'list', items: update(old.items) } : old));
  return (
    <>
      {draft.items.map((item, index) => (
        <Field
          key={index}
          name={String(index)}
          isOptional={false}
          {...(isFixed ? {} : { remove: () => set((items) => items.toSpliced(index, 1)) })}
          schema={schema.prefixItems?.[index] ?? itemsOf(schema)}
          draft={item}
          path={path === '' ? String(index) : `${path}.${index}`}
          mistakes={mistakes}
          change={(update) => set((items) => items.map((old, place) => (place === index ? update(old) : old)))}
        />
      ))}
      {!isFixed && (
        <button type="button" class="small" onClick={() => set((items) => [...items, empty(itemsOf(schema))])}>
          Add an item
        </button>
      )}
    </>
  );
}

function Entries({ schema, draft, path, mistakes, change }: NodeProps) {
  if (draft.kind !== 'map') return null;
  const { entries } = draft;
  const set = (update: (old: typeof entries) => typeof entries) =>
    change((old) => (old.kind === 'map' ? { kind: 'map', entries: update(old.entries) } : old));
  const setOne = (index: number, update: (old: (typeof entries)[number]) => (typeof entries)[number]) =>
    set((all) => all.map((old, place) => (place === index ? update(old) : old)));
  return (
    <>
      {entries.map((entry, index) => (
        <Field
          key={index}
          name={entry.key || `entry ${index + 1}`}
          title={
            <input
              type="text"
              class="code key"
              aria-label={`Key of entry ${index + 1}`}
              placeholder="key"
              value={entry.key}
              onInput={(event) => {
                const key = event.currentTarget.value;
                setOne(index, (old) => ({ ...old, key }));
              }}
            />
          }
          isOptional={false}
          remove={() => set((all) => all.toSpliced(index, 1))}
          schema={valuesOf(schema)}
          draft={entry.value}
          path={path === '' ? entry.key : `${path}.${entry.key}`}
          mistakes={mistakes}
          change={(update) => setOne(index, (old) => ({ ...old, value: update(old.value) }))}
        />
      ))}
      <button
        type="button"
        class="small"
        onClick={() => set((all) => [...all, { key: '', value: empty(valuesOf(schema)) }])}
      >
        Add an entry
      </button>
    </>
  );
}
