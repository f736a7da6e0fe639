// The form for the token, which the dashboard may ask for.
import { useState } from 'preact/hooks';
import { Failure, post } from '../data/ask.ts';
import { connect } from '../data/live.ts';
import { Broken } from '../part/state.tsx';

export function LoginPage() {
  const [token, setToken] = useState('');
  const [failure, setFailure] = useState<Failure | null>(null);
  const signIn = async () => {
    try {
      await post('api/login', { token });
      setFailure(null);
      await connect();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      setFailure(error);
    }
  };
  return (
    <form
      class="login"
      onSubmit={(event) => {
        event.preventDefault();
        void signIn();
      }}
    >
      <h1>Sign in</h1>
      <p class="muted">
        The token is that of <code>--token</code> or <code>SOA_DASHBOARD_TOKEN</code>.
      </p>
      <div class="field">
        <label for="token">
          <span class="field-name">Token</span>
        </label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          autofocus
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </div>
      {failure && <Broken failure={failure} />}
      <div class="buttons">
        <button type="submit" class="primary" disabled={token === ''}>
          Sign in
        </button>
      </div>
    </form>
  );
}
