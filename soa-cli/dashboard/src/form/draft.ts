// The value of a form while somebody writes it, and the JSON that it becomes.
//
// A draft has the shape of its schema. Leaves are the text as typed, so that half a number is kept, and a number of the wire
// keeps all of its digits.
import { Digits } from '../data/json.ts';
import type { Mistake, Schema } from '../data/types.ts';
import { counted } from '../format.ts';

export type Draft =
  /** An optional field that is not sent. */
  | { kind: 'absent' }
  | { kind: 'null' }
  | { kind: 'text'; text: string }
  | { kind: 'flag'; value: boolean }
  /** One of the values of an enum, by its place; -1 before the choice. */
  | { kind: 'constant'; index: number }
  | { kind: 'list'; items: Draft[] }
  | { kind: 'object'; fields: Record<string, Draft> }
  | { kind: 'map'; entries: { key: string; value: Draft }[] }
  | { kind: 'choice'; index: number; value: Draft };

/** The form of input that a node gets. */
export type Input =
  'text' | 'number' | 'flag' | 'constant' | 'list' | 'tuple' | 'object' | 'map' | 'choice' | 'any' | 'null';

export const ANY: Schema = { 'x-soa': 'any' };

export function isNullable(schema: Schema): boolean {
  return schema['x-nullable'] === true && input(schema) !== 'any';
}

/** The alternatives of a choice, without the one that is null. */
export function options(schema: Schema): Schema[] {
  return (schema.anyOf ?? []).filter((option) => option.type !== 'null');
}

/** The schema without an `anyOf` that only says that it may be null. */
export function plain(schema: Schema): Schema {
  const left = options(schema);
  const only = left[0];
  if (schema.anyOf === undefined || only === undefined || left.length !== 1) return schema;
  return {
    ...only,
    ...(schema.description ? { description: schema.description } : {}),
    ...(schema['x-nullable'] ? { 'x-nullable': true } : {}),
  };
}

export function input(schema: Schema): Input {
  if (schema.enum) return 'constant';
  switch (schema['x-soa']) {
    case 'boolean':
      return 'flag';
    case 'integer':
    case 'float':
      return 'number';
    case 'list':
    case 'set':
      return 'list';
    case 'tuple':
      return schema.prefixItems ? 'tuple' : 'list';
    case 'object':
      return 'object';
    case 'map':
      return 'map';
    case 'choice':
      return options(schema).length > 0 ? 'choice' : 'any';
    case 'null':
      return 'null';
    case 'text':
    case 'decimal':
    case 'amount':
    case 'bytes':
    case 'date':
    case 'time':
    case 'datetime':
      return 'text';
    default:
      return 'any';
  }
}

/** The word for the type of a node. */
export function word(schema: Schema): string {
  switch (input(schema)) {
    case 'constant':
      return 'one of several values';
    case 'list':
      return `${schema['x-soa'] === 'set' ? 'set' : 'list'} of ${word(plain(itemsOf(schema)))}`;
    case 'choice':
      return 'one of several forms';
    case 'any':
      return 'JSON';
    default:
      return schema['x-soa'] ?? 'JSON';
  }
}

export function isRequired(schema: Schema, name: string): boolean {
  return schema.required?.includes(name) ?? false;
}

/** Largest number of items that an empty list begins with. */
const FIRST_ITEMS = 20;

/**
 * The draft of an empty form. Lists within lists begin with one item at most: a service may tell of lists that have twenty
 * items at least, five deep, and a browser has no room for millions of inputs.
 */
export function empty(given: Schema, room = FIRST_ITEMS): Draft {
  const schema = plain(given);
  switch (input(schema)) {
    case 'flag':
      return { kind: 'flag', value: false };
    case 'constant':
      return { kind: 'constant', index: schema.enum?.length === 1 ? 0 : -1 };
    case 'list':
      return {
        kind: 'list',
        items: Array.from({ length: Math.min(schema.minItems ?? 0, room) }, () => empty(itemsOf(schema), 1)),
      };
    case 'tuple':
      return { kind: 'list', items: (schema.prefixItems ?? []).map((part) => empty(part, room)) };
    case 'map':
      return { kind: 'map', entries: [] };
    case 'null':
      return { kind: 'null' };
    case 'choice':
      return { kind: 'choice', index: 0, value: empty(options(schema)[0] ?? ANY, room) };
    case 'object': {
      const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => {
        return [name, isRequired(schema, name) ? empty(field, room) : ({ kind: 'absent' } as Draft)] as const;
      });
      return { kind: 'object', fields: Object.fromEntries(fields) };
    }
    default:
      return { kind: 'text', text: '' };
  }
}

export function itemsOf(schema: Schema): Schema {
  return typeof schema.items === 'object' ? schema.items : ANY;
}

export function valuesOf(schema: Schema): Schema {
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : ANY;
}

/** Reads a draft: the value to send, and every mistake. */
export function read(schema: Schema, draft: Draft): { value: unknown; mistakes: Mistake[] } {
  const mistakes: Mistake[] = [];
  const value = readNode(schema, draft, '', mistakes);
  return { value, mistakes };
}

function readNode(given: Schema, draft: Draft, path: string, mistakes: Mistake[]): unknown {
  const schema = plain(given);
  const wrong = (message: string) => void mistakes.push({ field: path === '' ? null : path, message });
  const below = (part: string | number) => (path === '' ? String(part) : `${path}.${part}`);
  switch (draft.kind) {
    case 'absent':
      return undefined;
    case 'null':
      return null;
    case 'flag':
      return draft.value;
    case 'constant': {
      if (draft.index < 0) wrong('Choose a value.');
      return schema.enum?.[draft.index];
    }
    case 'choice':
      return readNode(options(schema)[draft.index] ?? ANY, draft.value, path, mistakes);
    case 'object': {
      const read: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
      for (const [name, field] of Object.entries(schema.properties ?? {})) {
        const value = readNode(field, draft.fields[name] ?? { kind: 'absent' }, below(name), mistakes);
        if (value !== undefined) read[name] = value;
      }
      return read;
    }
    case 'map': {
      const read: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
      for (const { key, value } of draft.entries) {
        if (key in read) mistakes.push({ field: below(key), message: `There are two entries with the key “${key}”.` });
        read[key] = readNode(valuesOf(schema), value, below(key), mistakes);
      }
      return read;
    }
    case 'list': {
      const { minItems, maxItems } = schema;
      const count = draft.items.length;
      if (input(schema) === 'list' && minItems !== undefined && count < minItems)
        wrong(`Needs at least ${counted(minItems, 'item')}.`);
      if (input(schema) === 'list' && maxItems !== undefined && count > maxItems)
        wrong(`Takes at most ${counted(maxItems, 'item')}.`);
      return draft.items.map((item, index) =>
        readNode(schema.prefixItems?.[index] ?? itemsOf(schema), item, below(index), mistakes),
      );
    }
    case 'text':
      return readText(schema, draft.text, wrong);
  }
}

const FORMS: Record<string, readonly [RegExp, string]> = {
  decimal: [/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/, 'Write a decimal, as 12.30.'],
  amount: [/^[A-Z]{3} -?\d+$/, 'Write the currency and the minor units, as USD 1250.'],
  bytes: [/^[A-Za-z0-9+/]*={0,2}$/, 'Write base64, as aGVsbG8=.'],
  date: [/^\d{4}-\d\d-\d\d$/, 'Write a date, as 2026-11-21.'],
  time: [/^\d\d:\d\d(:\d\d(\.\d{1,6})?)?$/, 'Write a time, as 08:30:00.'],
  datetime: [
    /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?$/,
    'Write a date and a time, as 2026-11-21T08:30:00+00:00.',
  ],
};

function readText(schema: Schema, text: string, wrong: (message: string) => void): unknown {
  const kind = schema['x-soa'] ?? 'any';
  if (input(schema) === 'any') {
    try {
      return text.trim() === '' ? (wrong('Write JSON, as "text", 12 or {"a": 1}.'), null) : exact(text);
    } catch (error) {
      wrong(`This is not JSON: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }
  if (kind === 'text') {
    const length = [...text].length;
    if (schema.minLength !== undefined && length < schema.minLength)
      wrong(`Needs at least ${counted(schema.minLength, 'character')}.`);
    if (schema.maxLength !== undefined && length > schema.maxLength)
      wrong(`Takes at most ${counted(schema.maxLength, 'character')}; there are ${length}.`);
    return text;
  }
  const typed = text.trim();
  if (typed === '' && kind !== 'bytes') {
    wrong('A value is needed.');
    return null;
  }
  if (kind === 'integer') {
    if (!/^[+-]?\d+$/.test(typed)) return (wrong('Write a whole number.'), null);
    limits(schema, Number(typed), wrong);
    const digits = BigInt(typed.replace(/^\+/, '')).toString();
    return Number.isSafeInteger(Number(digits)) ? Number(digits) : new Digits(digits);
  }
  if (kind === 'float') {
    if (/^(NaN|-?Infinity)$/.test(typed)) return typed;
    const value = Number(typed);
    if (!Number.isFinite(value)) return (wrong('Write a number, as 1.5.'), null);
    limits(schema, value, wrong);
    return value;
  }
  const form = FORMS[kind];
  if (form && !form[0].test(typed)) wrong(form[1]);
  if (kind === 'decimal') limits(schema, Number(typed), wrong);
  return typed;
}

/** Parses JSON as it is written: large integers keep their digits. */
function exact(text: string): unknown {
  const value = JSON.parse(text) as unknown;
  return /\d{16}/.test(text) ? new Digits(text.trim()) : value;
}

function limits(schema: Schema, value: number, wrong: (message: string) => void): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (minimum !== undefined && value < minimum) wrong(`It must be at least ${minimum}.`);
  if (maximum !== undefined && value > maximum) wrong(`It must be at most ${maximum}.`);
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) wrong(`It must be more than ${exclusiveMinimum}.`);
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) wrong(`It must be less than ${exclusiveMaximum}.`);
}
