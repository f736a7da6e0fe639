// JSON in which numbers keep their digits: integers of the wire are larger than those of JavaScript.

/** A piece of JSON as it is written. */
export class Digits {
  constructor(readonly text: string) {}
}

interface ReviverContext {
  source?: string;
}

/** Parses JSON. Numbers that would lose digits are {@link Digits}, if the browser tells how they were written. */
export function parse(text: string): unknown {
  const revive = (_key: string, value: unknown, context?: ReviverContext): unknown => {
    const source = context?.source;
    if (typeof value !== 'number' || source === undefined || !/^-?\d{16,}$/.test(source)) return value;
    return String(value) === source ? value : new Digits(source);
  };
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown);
}

/** Writes JSON, in lines if they have a margin. */
export function write(value: unknown, margin = 0, depth = 0): string {
  if (value instanceof Digits) return value.text;
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((item) => write(item, margin, depth + 1))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => `${JSON.stringify(key)}:${margin ? ' ' : ''}${write(item, margin, depth + 1)}`);
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  if (parts.length === 0) return open + close;
  if (margin === 0) return open + parts.join(',') + close;
  const line = `\n${' '.repeat(margin * (depth + 1))}`;
  return `${open}${line}${parts.join(`,${line}`)}\n${' '.repeat(margin * depth)}${close}`;
}
