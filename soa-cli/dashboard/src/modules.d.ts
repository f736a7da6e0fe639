// The modules that are no TypeScript, and what the tests use of Node.

declare module '*.css';

declare module 'node:test' {
  export function test(name: string, run: () => void): void;
}

declare module 'node:assert/strict' {
  const assert: {
    ok(value: unknown): asserts value;
    equal(actual: unknown, expected: unknown): void;
    notEqual(actual: unknown, expected: unknown): void;
    deepEqual(actual: unknown, expected: unknown): void;
  };
  export default assert;
}
