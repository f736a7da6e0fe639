// The field that filters a table. The key `/` leads here.

export function Filter({ label, value, change }: { label: string; value: string; change: (value: string) => void }) {
  return (
    <input
      type="search"
      class="filter"
      aria-label={label}
      placeholder={`${label}  ( / )`}
      value={value}
      autocomplete="off"
      spellcheck={false}
      onInput={(event) => change(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && value !== '') {
          change('');
          event.stopPropagation();
        }
      }}
    />
  );
}
