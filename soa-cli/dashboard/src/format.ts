// Numbers, times and foreign text, as people read them.

/** Longest name that is shown in full, in characters. */
const NAME_LENGTH = 120;

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** Writes a number with few digits: 0.25, 3.4, 128, 12,400, 1.2M. */
export function number(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1e13) return value.toExponential(1);
  if (size >= 1e9) return `${(value / 1e9).toFixed(1)}G`;
  if (size >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (size >= 100 || Number.isInteger(value)) return grouped.format(value);
  if (size >= 1) return value.toFixed(1);
  if (size >= 0.01) return value.toFixed(2);
  return '<0.01';
}

/** Writes a share of a whole: 0 %, 0.3 %, 12 %. */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0) return '0 %';
  if (value < 0.1) return '<0.1 %';
  return value < 10 ? `${value.toFixed(1)} %` : `${value.toFixed(0)} %`;
}

/** Writes a time of seconds with its unit: 850 µs, 12 ms, 3.2 s, 4 min 10 s, 2 h 5 min, 3 d 4 h. */
export function time(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return '–';
  if (seconds < 0) return `−${time(-seconds)}`;
  if (seconds === 0) return '0 s';
  if (seconds < 0.001) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 0.01) return `${(seconds * 1e3).toFixed(1)} ms`;
  if (seconds < 0.9995) return `${(seconds * 1e3).toFixed(0)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${seconds.toFixed(0)} s`;
  const two = (large: number, unit: string, small: number, part: string) =>
    small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${part}`;
  const whole = Math.round(seconds);
  if (whole < 3600) return two(Math.floor(whole / 60), 'min', whole % 60, 's');
  if (whole < 86400) return two(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min');
  return two(Math.floor(whole / 86400), 'd', Math.floor((whole % 86400) / 3600), 'h');
}

const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

/** Writes the time of day of a Unix time in seconds. */
export function clock(at: number): string {
  return clockFormat.format(at * 1000);
}

/** Writes the day and the time of day of a Unix time in seconds. */
export function moment(at: number | null | undefined): string {
  return at == null ? '–' : `${dayFormat.format(at * 1000)}, ${clock(at)}`;
}

/** Writes a count with its noun: 1 worker, 2 workers. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped.format(count)} ${count === 1 ? noun : plural}`;
}

/**
 * Makes a foreign text harmless to look at: control characters and those that turn the direction of writing are written as
 * escapes, and what is too long for a line is cut.
 */
export function shown(text: string, length = NAME_LENGTH): string {
  // Half of a character that takes two places is left out.
  const cut = text.length > length ? `${text.slice(0, length).replace(/[\ud800-\udbff]$/, '')}…` : text;
  return escaped(cut);
}

/** Writes control characters, line ends among them, and those that turn the direction of writing, as escapes. */
function escaped(text: string): string {
  return text.replace(/[\p{Cc}\u00ad\u061c\u180e\u{e0000}-\u{e007f}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, escape);
}

/** The same for text of several lines. */
export function escapedLines(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\u00ad\u061c\u180e\u{e0000}-\u{e007f}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, escape);
}

function escape(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
