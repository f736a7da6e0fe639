import assert from 'node:assert/strict';
import { test } from 'node:test';
import { key, layout, near } from './layout.ts';

const edge = (from: string, to: string) => ({ from, to });

test('callers stand to the left of what they call', () => {
  const { places, columns } = layout(['a', 'b', 'c'], [edge('a', 'b'), edge('b', 'c'), edge('a', 'c')]);
  assert.deepEqual(
    ['a', 'b', 'c'].map((name) => places.get(name)?.column),
    [0, 1, 2],
  );
  assert.equal(columns, 3);
});

test('an edge over a column has a bend in it, at a place of its own', () => {
  const long = edge('a', 'c');
  const { places, bends } = layout(['a', 'b', 'c'], [edge('a', 'b'), edge('b', 'c'), long]);
  const bend = bends.get(key(long));
  assert.equal(bend?.length, 1);
  assert.equal(bend?.[0]?.column, 1);
  assert.notEqual(bend?.[0]?.row, places.get('b')?.row);
});

test('a circle has an end', () => {
  const { places } = layout(['a', 'b'], [edge('a', 'b'), edge('b', 'a'), edge('a', 'a')]);
  assert.deepEqual(
    ['a', 'b'].map((name) => places.get(name)?.column),
    [0, 1],
  );
});

test('two thousand nodes are laid out in no time', () => {
  const names = Array.from({ length: 2000 }, (_, index) => `service-${index}`);
  const edges = names.slice(1).map((name, index) => edge(names[Math.floor(index / 3)] ?? '', name));
  const begun = performance.now();
  assert.equal(layout(names, edges).places.size, 2000);
  assert.ok(performance.now() - begun < 5000);
});

test('what is near is found along edges in both directions', () => {
  const edges = [edge('a', 'b'), edge('c', 'b'), edge('c', 'd')];
  assert.deepEqual([...near('a', edges, 2)].sort(), ['a', 'b', 'c']);
});
