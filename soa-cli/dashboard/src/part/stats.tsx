// A row of numbers with their names.

export function Stats({ stats }: { stats: readonly (readonly [name: string, value: string, isBad?: boolean])[] }) {
  return (
    <dl class="stats">
      {stats.map(([name, value, isBad]) => (
        <div key={name} class={isBad ? 'bad' : undefined}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
