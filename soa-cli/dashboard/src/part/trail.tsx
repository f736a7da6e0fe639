// The way to a page: Fleet / books / find.
import { Name } from './state.tsx';

export function Trail({ parts }: { parts: readonly (readonly [name: string, href: string | null])[] }) {
  return (
    <nav class="trail" aria-label="You are here">
      <ol>
        {parts.map(([name, href], index) => (
          <li key={index}>
            {href === null ? (
              <span aria-current="page">
                <Name text={name} />
              </span>
            ) : (
              <a href={href}>
                <Name text={name} />
              </a>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
