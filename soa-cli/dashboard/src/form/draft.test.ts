import assert from 'node:assert/strict';
import { test } from 'node:test';
import { write } from '../data/json.ts';
import type { Schema } from '../data/types.ts';
import { type Draft, empty, read } from './draft.ts';

const book: Schema = {
  'x-soa': 'object',
  required: ['id', 'tags', 'kind'],
  properties: {
    id: { 'x-soa': 'integer', minimum: 1 },
    title: { 'x-soa': 'text', type: ['string', 'null'], 'x-nullable': true, maxLength: 5 },
    tags: { 'x-soa': 'list', minItems: 1, items: { 'x-soa': 'date' } },
    kind: { enum: ['paper', 7] },
    prices: { 'x-soa': 'map', additionalProperties: { 'x-soa': 'decimal' } },
  },
};

const text = (text: string): Draft => ({ kind: 'text', text });

function filled(fields: Record<string, Draft>): Draft {
  const draft = empty(book);
  assert.equal(draft.kind, 'object');
  return draft.kind === 'object' ? { kind: 'object', fields: { ...draft.fields, ...fields } } : draft;
}

test('an empty form has its required fields, and the fewest items of a list', () => {
  assert.deepEqual(empty(book), {
    kind: 'object',
    fields: {
      id: text(''),
      title: { kind: 'absent' },
      tags: { kind: 'list', items: [text('')] },
      kind: { kind: 'constant', index: -1 },
      prices: { kind: 'absent' },
    },
  });
});

test('all mistakes are told at once, with their paths', () => {
  const draft = filled({ id: text('0'), title: text('too long'), tags: { kind: 'list', items: [text('today')] } });
  const fields = read(book, draft).mistakes.map(({ field }) => field);
  assert.deepEqual(fields, ['id', 'title', 'tags.0', 'kind']);
});

test('a number of the wire keeps all of its digits', () => {
  const draft = filled({
    id: text('170141183460469231731687303715884105727'),
    tags: { kind: 'list', items: [text('2026-11-21')] },
    kind: { kind: 'constant', index: 1 },
    prices: { kind: 'map', entries: [{ key: 'a', value: text('12.30') }] },
  });
  const { value, mistakes } = read(book, draft);
  assert.deepEqual(mistakes, []);
  assert.equal(
    write(value),
    '{"id":170141183460469231731687303715884105727,"tags":["2026-11-21"],"kind":7,"prices":{"a":"12.30"}}',
  );
});

test('what is absent is not sent, and null is', () => {
  const draft = filled({
    id: text('1'),
    title: { kind: 'null' },
    tags: { kind: 'list', items: [] },
    kind: { kind: 'constant', index: 0 },
  });
  const { value, mistakes } = read(book, draft);
  assert.equal(write(value), '{"id":1,"title":null,"tags":[],"kind":"paper"}');
  assert.deepEqual(mistakes, [{ field: 'tags', message: 'Needs at least 1 item.' }]);
});

test('two entries of a map with one key are a mistake', () => {
  const twice = { key: 'a', value: text('1') };
  const { mistakes } = read(book, filled({ prices: { kind: 'map', entries: [twice, twice] } }));
  assert.ok(mistakes.some(({ field }) => field === 'prices.a'));
});

test('a field that is named like a part of every object is a field as others', () => {
  const schema: Schema = { 'x-soa': 'map', additionalProperties: { 'x-soa': 'text' } };
  const { value } = read(schema, { kind: 'map', entries: [{ key: '__proto__', value: text('a') }] });
  assert.equal(write(value), '{"__proto__":"a"}');
});

test('lists within lists begin with few items, so that no type makes millions of them', () => {
  let schema: Schema = { 'x-soa': 'integer' };
  for (let depth = 0; depth < 10; depth += 1) schema = { 'x-soa': 'list', minItems: 1000, items: schema };
  const count = (draft: Draft): number => (draft.kind === 'list' ? draft.items.reduce((sum, item) => sum + count(item), 1) : 1);
  assert.equal(count(empty(schema)), 1 + 20 * 10);
});

test('a schema without end is an input of JSON', () => {
  assert.deepEqual(empty({}), text(''));
  const { value, mistakes } = read({}, text('{"a": 12345678901234567890}'));
  assert.equal(write(value), '{"a": 12345678901234567890}');
  assert.deepEqual(mistakes, []);
  assert.equal(read({}, text('{')).mistakes.length, 1);
});
