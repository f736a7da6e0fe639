// Troubles of the dashboard itself: no connection, no Redis, not everything seen.
import { useLive } from '../data/live.ts';
import { clock, shown } from '../format.ts';
import { Prose } from './state.tsx';

export function Banners() {
  const lostSince = useLive((live) => live.lostSince);
  const redis = useLive((live) => live.fleet?.redis ?? null);
  const at = useLive((live) => live.fleet?.at ?? null);
  const notes = useLive((live) => live.fleet?.notes ?? null);
  return (
    <div class="banners" role="status">
      {lostSince !== null && (
        <div class="banner bad">
          <strong>No connection to the dashboard since {clock(lostSince)}.</strong>{' '}
          {at === null ? 'See if it runs.' : `The numbers are those of ${clock(at)}.`} The page tries again by itself.
        </div>
      )}
      {lostSince === null && redis && !redis.is_up && (
        <div class="banner bad">
          <strong>
            Redis at {shown(redis.address)} does not answer since{' '}
            {redis.down_since === null ? 'the start' : clock(redis.down_since)}.
          </strong>{' '}
          {at !== null && `The numbers are those of ${clock(at)}. `}
          {redis.problem && (
            <div class="muted">
              <Prose text={redis.problem} />
            </div>
          )}
        </div>
      )}
      {lostSince === null &&
        notes?.map((note) => (
          <div key={note} class="banner">
            <Prose text={note} />
          </div>
        ))}
    </div>
  );
}
