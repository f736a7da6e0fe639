//! The methods of the builder that add hooks.

use std::time::Duration;

use super::builder::ServerBuilder;
use super::handle::Server;
use crate::transport::DeadLetter;

impl ServerBuilder {
    /// Adds a hook that is awaited before the first request is taken, for example to fill caches. Hooks run one after
    /// another. A hook that fails or panics ends [`Server::run`] with its error; no teardown hook runs then.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    ///
    /// use soa::Server;
    ///
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .on_startup(|_| async {
    ///         std::fs::read_dir("/etc")?;
    ///         Ok(())
    ///     })
    ///     .on_idle(Duration::from_secs(5), |_| async { println!("nothing to do") })
    ///     .on_teardown(|server| async move { println!("{} jobs", server.stats().jobs()) })
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn on_startup<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Server) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        self.hooks.on_startup(hook);
        self
    }

    /// Adds a hook that is called once for each run, when the transport waits for requests. It has to be quick.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    ///
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .on_ready(|server| println!("{} {} is ready", server.name(), server.version()))
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn on_ready(mut self, hook: impl Fn(&Server) + Send + Sync + 'static) -> Self {
        self.hooks.on_ready(hook);
        self
    }

    /// Adds a hook that is called when the transport waits for requests, and from then on in this interval (at least 10
    /// ms) until the end. The run loop itself calls it, so the calls stop when a handler blocks its thread: they are a
    /// sign of life. It has to be quick.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    /// use soa::Server;
    ///
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .on_beat(Duration::from_secs(10), |server| {
    ///         let _ = std::fs::write("/run/tools/alive", server.stats().jobs().to_string());
    ///     })
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn on_beat(
        mut self,
        every: Duration,
        hook: impl Fn(&Server) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.on_beat(every, hook);
        self
    }

    /// Adds a hook that runs each time that no job was started for `after` (at least 10 ms). It runs beside requests
    /// that arrive meanwhile, never twice at once, and is given up where it waits when the server has stopped. A panic
    /// is logged.
    #[must_use]
    pub fn on_idle<F, Fut>(mut self, after: Duration, hook: F) -> Self
    where
        F: Fn(Server) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.on_idle(after, hook);
        self
    }

    /// Adds a hook that is awaited when all jobs have ended or were given up, and all responses are sent. The hook that
    /// was added last runs first. A panic is logged.
    #[must_use]
    pub fn on_teardown<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Server) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.on_teardown(hook);
        self
    }

    /// Limits the time of all teardown hooks together; 10 s by default. Hooks that still wait then are given up.
    #[must_use]
    pub fn teardown_grace(mut self, grace: Duration) -> Self {
        self.hooks.teardown_grace(grace);
        self
    }

    /// Adds a hook that is called when this process has made a job a dead letter: it was not run to its end, and is kept for
    /// people. It has to be quick.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use soa::Server;
    ///
    /// let server = Server::untyped("tools", "1.0.0")
    ///     .on_dead(|server, letter| eprintln!("{}: {} is dead: {}", server.name(), letter.id, letter.error))
    ///     .build()?;
    /// # Ok::<(), soa::BuildError>(())
    /// ```
    #[must_use]
    pub fn on_dead(mut self, hook: impl Fn(&Server, &DeadLetter) + Send + Sync + 'static) -> Self {
        self.hooks.on_dead(hook);
        self
    }
}
