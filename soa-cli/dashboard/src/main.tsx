// The page: its frame, and the part that the address names.
import 'uplot/dist/uPlot.min.css';
import './app.css';
import { render } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { post } from './data/ask.ts';
import { connect, useLive } from './data/live.ts';
import { number, shown } from './format.ts';
import { KEYS, listen } from './keys.ts';
import { ActionPage } from './page/action.tsx';
import { DeadPage, LetterPage } from './page/dead.tsx';
import { FindingsPage } from './page/findings.tsx';
import { FleetPage } from './page/fleet.tsx';
import { GraphPage } from './page/graph.tsx';
import { LoginPage } from './page/login.tsx';
import { ServicePage } from './page/service.tsx';
import { WorkerPage } from './page/worker.tsx';
import { Banners } from './part/banner.tsx';
import { Badge, Nothing } from './part/state.tsx';
import { type Route, useRoute } from './route.ts';
import { type Theme, choose, useTheme } from './theme.ts';

const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

function App() {
  const route = useRoute();
  const needsLogin = useLive((live) => live.needsLogin);
  const theme = useTheme();
  const [hasHelp, setHasHelp] = useState(false);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  const next = () => choose(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system');
  useEffect(
    () =>
      listen({
        help: () => setHasHelp(true),
        go: (hash) => void (location.hash = hash),
        up: () => {
          const trail = document.querySelectorAll<HTMLAnchorElement>('.trail a');
          const parent = trail[trail.length - 1];
          location.hash = parent ? parent.hash : '#/';
        },
        theme: () => document.querySelector<HTMLButtonElement>('.theme')?.click(),
      }),
    [],
  );
  // A new place begins at its top, and gets the focus, so that it is told to who cannot see it. The parts of a service are
  // one place.
  const place = key(route);
  useLayoutEffect(() => {
    document.title = `${title(route)} – soa dashboard`;
    scrollTo(0, 0);
    if (isFirst.current) isFirst.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [place]);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="bar">
        <a class="brand" href="#/">
          <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
            <rect width="16" height="16" rx="4" />
            <path d="M4 5h8M4 8h8M4 11h5" />
          </svg>
          soa
        </a>
        <nav aria-label="Pages">
          <Link href="#/" isHere={route.page === 'fleet'}>
            Fleet
          </Link>
          <Link href="#/graph" isHere={route.page === 'graph'}>
            Graph
          </Link>
          <Link href="#/findings" isHere={route.page === 'findings'}>
            Findings
          </Link>
          <Link href="#/dead" isHere={route.page === 'dead' || route.page === 'letter'}>
            Dead letters <DeadCount />
          </Link>
        </nav>
        <div class="bar-end">
          <Connection />
          <button
            type="button"
            class="icon theme"
            onClick={next}
            aria-label={`Colours: ${theme}. Change`}
            title={`Colours: ${theme} (t)`}
          >
            <ThemeSign theme={theme} />
          </button>
          <button type="button" class="icon" onClick={() => setHasHelp(true)} aria-label="Keys" title="Keys (?)">
            ?
          </button>
        </div>
      </header>
      <Banners />
      <main id="main" ref={main} tabIndex={-1} key={place}>
        {needsLogin ? <LoginPage /> : <Page route={route} />}
      </main>
      <Footer />
      {hasHelp && <Help close={() => setHasHelp(false)} />}
    </>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'fleet':
      return <FleetPage />;
    case 'graph':
      return <GraphPage />;
    case 'findings':
      return <FindingsPage />;
    case 'dead':
      return <DeadPage service={route.service} />;
    case 'letter':
      return <LetterPage service={route.service} id={route.id} />;
    case 'service':
      return <ServicePage service={route.service} tab={route.tab} />;
    case 'action':
      return <ActionPage service={route.service} action={route.action} />;
    case 'worker':
      return <WorkerPage service={route.service} id={route.worker} />;
    case 'unknown':
      return (
        <Nothing title="There is no such page.">
          <p>
            <a href="#/">To the fleet</a>
          </p>
        </Nothing>
      );
  }
}

/** The identity of a place: its views are made anew when it changes. */
function key(route: Route): string {
  const { page, ...rest } = route;
  const part = page === 'service' ? { ...rest, tab: '' } : rest;
  return JSON.stringify([page, part]);
}

function title(route: Route): string {
  switch (route.page) {
    case 'fleet':
      return 'Fleet';
    case 'graph':
      return 'Call graph';
    case 'findings':
      return 'Findings';
    case 'dead':
    case 'letter':
      return 'Dead letters';
    case 'service':
      return shown(route.service, 60);
    case 'action':
      return `${shown(route.service, 60)}.${shown(route.action, 60)}`;
    case 'worker':
      return `A worker of ${shown(route.service, 60)}`;
    case 'unknown':
      return 'No such page';
  }
}

function Link({ href, isHere, children }: { href: string; isHere: boolean; children: preact.ComponentChildren }) {
  return (
    <a href={href} aria-current={isHere ? 'page' : undefined}>
      {children}
    </a>
  );
}

function DeadCount() {
  const count = useLive((live) => live.fleet?.totals.dead_letters ?? 0);
  return count > 0 ? <span class="count bad">{number(count)}</span> : null;
}

function Connection() {
  const isConnected = useLive((live) => live.isConnected);
  const isLost = useLive((live) => live.lostSince !== null);
  const isUp = useLive((live) => live.fleet?.redis.is_up ?? true);
  const session = useLive((live) => live.session);
  const mode =
    session?.is_signed_in && session.allow_changes === false ? 'Calls and changes need --allow-changes' : undefined;
  return (
    <span class="connection">
      {mode && (
        <span class="mode" title={mode}>
          read-only
        </span>
      )}
      {isLost ? (
        <Badge tone="bad">no connection</Badge>
      ) : !isConnected ? (
        <Badge tone="quiet">connecting</Badge>
      ) : isUp ? (
        <Badge tone="good">live</Badge>
      ) : (
        <Badge tone="bad">no Redis</Badge>
      )}
    </span>
  );
}

function ThemeSign({ theme }: { theme: Theme }) {
  const path = {
    light:
      'M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M13 3l-1.2 1.2M4.2 11.8 3 13',
    dark: 'M13.5 9.7A6 6 0 0 1 6.3 2.5a6 6 0 1 0 7.2 7.2z',
    system: 'M2 3h12v8H2zM5.5 14h5M8 11v3',
  }[theme];
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" class="line">
      <path d={path} />
    </svg>
  );
}

function Footer() {
  const session = useLive((live) => live.session);
  if (!session?.is_signed_in) return null;
  const leave = async () => {
    await post('api/logout', {}).catch(() => undefined);
    await connect();
  };
  return (
    <footer>
      <span>soa {session.version}</span>
      {session.redis && <span>Redis at {shown(session.redis)}</span>}
      {session.interval_seconds !== undefined && <span>looks every {number(session.interval_seconds)} s</span>}
      <a href="LICENSES">Licences</a>
      {session.login === 'token' && (
        <button type="button" class="link" onClick={() => void leave()}>
          Sign out
        </button>
      )}
    </footer>
  );
}

function Help({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="keys" onClose={close}>
      <h2 id="keys">Keys</h2>
      <dl class="keys">
        {KEYS.map(([name, does]) => (
          <div key={name}>
            <dt>
              <kbd>{name}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <div class="buttons">
        <button type="button" class="primary" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}

const app = document.getElementById('app');
if (app) {
  app.replaceChildren();
  render(<App />, app);
  void connect();
}
