// A line of a few numbers, as small as a word.

const WIDTH = 84;
const HEIGHT = 20;

export function Sparkline({ values, label }: { values: readonly (number | null)[]; label: string }) {
  const most = Math.max(0, ...values.map((value) => value ?? 0));
  const step = WIDTH / Math.max(1, values.length - 1);
  const y = (value: number) => HEIGHT - 1.5 - (most === 0 ? 0 : (value / most) * (HEIGHT - 3));
  let path = '';
  let isOpen = false;
  values.forEach((value, index) => {
    if (value == null) {
      isOpen = false;
      return;
    }
    path += `${isOpen ? 'L' : 'M'}${(index * step).toFixed(1)} ${y(value).toFixed(1)}`;
    isOpen = true;
  });
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={label}
    >
      <path d={path} />
    </svg>
  );
}
