import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapedLines, number, percent, shown, time } from './format.ts';
import { read, to } from './route.ts';

test('times have the unit that suits them', () => {
  const times = [0, 0.0000004, 0.00123, 0.0123, 0.9996, 9.97, 59.6, 60, 250, 7500, 90000, null];
  assert.deepEqual(times.map(time), [
    '0 s',
    '0 µs',
    '1.2 ms',
    '12 ms',
    '1.0 s',
    '10 s',
    '1 min',
    '1 min',
    '4 min 10 s',
    '2 h 5 min',
    '1 d 1 h',
    '–',
  ]);
});

test('numbers have few digits', () => {
  const numbers = [0, 0.004, 0.25, 3.14, 12, 128.4, 12_400, 1_250_000, 3e18, null];
  assert.deepEqual(numbers.map(number), ['0', '<0.01', '0.25', '3.1', '12', '128', '12,400', '1.3M', '3.0e+18', '–']);
  assert.deepEqual([0, 0.0004, 0.034, 0.5].map(percent), ['0 %', '<0.1 %', '3.4 %', '50 %']);
});

test('foreign text cannot turn the line, break it or fill the page', () => {
  assert.equal(shown('a\u202eb\nc\u0007'), 'a\\u{202e}b\\u{a}c\\u{7}');
  assert.equal(shown('x'.repeat(10_000)).length, 121);
  assert.equal(escapedLines('a\nb\u001b[2J'), 'a\nb\\u{1b}[2J');
});

test('an address holds any name', () => {
  const name = '<script>/..%2F#?\u0000';
  assert.deepEqual(read(to('services', name, 'actions', 'a/b')), { page: 'action', service: name, action: 'a/b' });
  assert.deepEqual(read('#/services/%E0%A4%A'), { page: 'unknown' });
  assert.deepEqual(read(''), { page: 'fleet' });
});
