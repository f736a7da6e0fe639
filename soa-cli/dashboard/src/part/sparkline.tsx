// A line of a few numbers, as small as a word.

const WIDTH = 84;
const HEIGHT = 20;

/** Number of values of a full line. A shorter one grows from the right. */
const FULL = 30;

/** Draws values, whose last one stands beside it as a number. */
export function Sparkline({ values }: { values: readonly (number | null)[] }) {
  const most = Math.max(0, ...values.map((value) => value ?? 0));
  const count = Math.max(values.length, FULL);
  const step = WIDTH / (count - 1);
  const x = (index: number) => (count - values.length + index) * step;
  const y = (value: number) => HEIGHT - 1.5 - (most === 0 ? 0 : (value / most) * (HEIGHT - 3));
  let path = '';
  let isOpen = false;
  values.forEach((value, index) => {
    if (value == null) {
      isOpen = false;
      return;
    }
    path += `${isOpen ? 'L' : 'M'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    isOpen = true;
  });
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path d={path} />
    </svg>
  );
}
