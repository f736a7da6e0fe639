import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, write } from './json.ts';

test('an integer that is larger than those of JavaScript is written as it was read', () => {
  const text = '{"small":12,"large":9223372036854775808,"list":[-9223372036854775809]}';
  const tellsSource =
    JSON.parse('1', ((_key: string, _value: unknown, context?: { source?: string }) => context?.source) as never) ===
    '1';
  if (tellsSource) assert.equal(write(parse(text)), text);
  else assert.equal(write(parse('{"small":12}')), '{"small":12}');
});

test('a margin puts each field on a line of its own', () => {
  assert.equal(
    write({ a: [1, { b: null }], c: {} }, 2),
    '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": {}\n}',
  );
});
