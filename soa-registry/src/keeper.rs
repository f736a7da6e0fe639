//! The keeper of a registration: it makes an instance known, keeps it known, and makes it unknown in the end.
//!
//! A registration is repeated at each [interval](Registry::renewal) of the registry: so one that was forgotten, as by an
//! agent that was restarted empty, is known again. While the registry is away, pauses grow up to ten seconds. Serving goes on
//! in any case. A stop takes at most two seconds, whatever the registry does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use soa_runtime::observe::names;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::error::RegistryError;
use crate::instance::Registration;
use crate::pause::Pauses;
use crate::registry::Registry;
use crate::trouble::Trouble;

/// Time limit of one registration.
const REGISTER_LIMIT: Duration = Duration::from_secs(10);

/// Time limit of a stop: of a registration that runs, and of what makes it undone.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// Keeps an instance known to a registry. Clones are the same keeper.
///
/// Start it when the instance can be called, and [stop](Self::stop) it before the instance stops serving. A keeper that is
/// dropped without a stop leaves the instance to the checks of the registry.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::net::SocketAddr;
/// use std::sync::Arc;
/// use soa_registry::{
///     Address, HealthEndpoint, Instance, Keeper, MemoryRegistry, Registration, Registry,
/// };
///
/// let registry = MemoryRegistry::new();
/// let host: SocketAddr = "127.0.0.1:8000".parse()?;
/// let keeper = Keeper::start(Arc::new(registry.clone()), Registration {
///     component: "shop".into(),
///     instance: Instance {
///         id: format!("{host}:shop"),
///         addresses: vec![Address::new("dispatch-json", format!("http://{host}"))?],
///         weight: 1,
///     },
///     host,
///     health: HealthEndpoint::new(format!("http://{host}/health")),
///     tags: Vec::new(),
/// });
/// while !keeper.is_registered() {
///     tokio::task::yield_now().await;
/// }
/// assert_eq!(registry.look_up("shop").await?.instances.len(), 1);
/// keeper.stop().await;
/// assert!(registry.look_up("shop").await?.instances.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Keeper(Arc<Holders>);

/// Everybody who holds the keeper.
struct Holders {
    kept: Arc<Kept>,
    task: AbortHandle,
}

struct Kept {
    registry: Arc<dyn Registry>,
    registration: Registration,
    phase: watch::Sender<Phase>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Stopping,
    Stopped,
}

#[derive(Clone, Debug)]
enum State {
    /// Not yet registered, or not any more.
    Unknown,
    Registered,
    Trouble(Trouble),
}

impl Keeper {
    /// Starts to keep an instance known, in the caller's runtime of tokio.
    ///
    /// # Panics
    /// Outside of a runtime of tokio.
    pub fn start(registry: Arc<dyn Registry>, registration: Registration) -> Self {
        let kept = Arc::new(Kept {
            registry,
            registration,
            phase: watch::Sender::new(Phase::Running),
            state: watch::Sender::new(State::Unknown),
        });
        let keeping = Keeping(Arc::clone(&kept));
        let task = tokio::spawn(async move { keeping.run().await }).abort_handle();
        Self(Arc::new(Holders { kept, task }))
    }

    /// Makes the instance unknown, and ends the keeper. It takes two seconds at most, even if the registry hangs: then the
    /// log tells that the instance is left to the checks of the registry.
    pub async fn stop(&self) {
        let kept = &self.0.kept;
        kept.phase.send_if_modified(|phase| {
            let is_running = *phase == Phase::Running;
            if is_running {
                *phase = Phase::Stopping;
            }
            is_running
        });
        let mut phase = kept.phase.subscribe();
        // The sender lives as long as `self`.
        let _ = phase.wait_for(|phase| *phase == Phase::Stopped).await;
    }

    /// Returns true if the registry took the instance when it was last told.
    pub fn is_registered(&self) -> bool {
        matches!(*self.0.kept.state.borrow(), State::Registered)
    }

    /// Returns the reason why the registry may not know the instance; none if it knows it, and before the first attempt.
    pub fn trouble(&self) -> Option<String> {
        match &*self.0.kept.state.borrow() {
            State::Trouble(trouble) => Some(trouble.to_string()),
            _ => None,
        }
    }

    /// Returns what is kept.
    pub fn registration(&self) -> &Registration {
        &self.0.kept.registration
    }

    /// Returns the registry.
    pub fn registry(&self) -> &Arc<dyn Registry> {
        &self.0.kept.registry
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = &self.0.kept;
        f.debug_struct("Keeper")
            .field("registry", &kept.registry)
            .field("instance", &kept.registration.instance.id)
            .field("state", &*kept.state.borrow())
            .finish()
    }
}

impl Drop for Holders {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kept {
    /// Changes the state, and returns the one before.
    fn set(&self, new: State) -> State {
        let component = [&*self.registration.component];
        let is_known = matches!(new, State::Registered);
        let before = self.state.send_replace(new);
        let was_known = matches!(before, State::Registered);
        if is_known && !was_known {
            names::SERVER_REGISTRY_KNOWN.gauge(component).increment(1.0);
        } else if was_known && !is_known {
            names::SERVER_REGISTRY_KNOWN.gauge(component).decrement(1.0);
        }
        before
    }

    fn registered(&self) {
        let before = self.set(State::Registered);
        let (component, registry) = (&self.registration.component, self.registry.shown_address());
        let id = &self.registration.instance.id;
        match before {
            State::Unknown => {
                tracing::info!("component `{component}` is registered at {registry} as `{id}`");
            }
            State::Trouble(Trouble { since, .. }) => {
                let seconds = since.elapsed().as_secs();
                tracing::info!(
                    "component `{component}`: {registry} takes the registration of `{id}` again, after {seconds} s"
                );
            }
            State::Registered => {}
        }
    }

    fn refused(&self, error: &RegistryError) {
        let component = &self.registration.component;
        names::SERVER_REGISTRY_ERROR
            .counter([component])
            .increment(1);
        let (registry, id) = (
            self.registry.shown_address(),
            &self.registration.instance.id,
        );
        let text = format!(
            "`{id}` cannot be registered at {registry}: {}",
            error.told()
        );
        let before = match &*self.state.borrow() {
            State::Trouble(trouble) => Some(trouble.clone()),
            _ => None,
        };
        match &before {
            None => tracing::warn!(
                "component `{component}`: {text}; it serves on, and the registration is tried again"
            ),
            Some(_) => tracing::debug!("component `{component}`: {text}"),
        }
        self.set(State::Trouble(Trouble::new(before.as_ref(), text)));
    }

    async fn register(&self) -> Result<(), RegistryError> {
        let registering = self.registry.register(&self.registration);
        match timeout(REGISTER_LIMIT, registering).await {
            Ok(outcome) => outcome,
            Err(_) => Err(RegistryError::new(format!(
                "no answer within {} s",
                REGISTER_LIMIT.as_secs()
            ))),
        }
    }

    async fn deregister(&self) {
        let (component, registry) = (&self.registration.component, self.registry.shown_address());
        let id = &self.registration.instance.id;
        let deregistering = self.registry.deregister(&self.registration);
        let problem = match timeout(STOP_LIMIT / 2, deregistering).await {
            Ok(Ok(())) => {
                tracing::info!("component `{component}`: `{id}` is deregistered from {registry}");
                return;
            }
            Ok(Err(error)) => error.told(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(
            "component `{component}`: `{id}` cannot be deregistered from {registry}: {problem}; its checks will find out"
        );
    }
}

/// Waits for the stop.
async fn stopping(phase: &mut watch::Receiver<Phase>) {
    // The task that waits holds the sender.
    let _ = phase.wait_for(|phase| *phase == Phase::Stopping).await;
}

/// The task of a keeper.
struct Keeping(Arc<Kept>);

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.set(State::Unknown);
        self.0.phase.send_replace(Phase::Stopped);
    }
}

impl Keeping {
    async fn run(&self) {
        let kept = &*self.0;
        let mut phase = kept.phase.subscribe();
        let mut pauses = Pauses::default();
        loop {
            let mut registering = Box::pin(kept.register());
            let outcome = tokio::select! {
                outcome = &mut registering => outcome,
                () = stopping(&mut phase) => {
                    // A registration that is given up might arrive after its end.
                    let _ = timeout(STOP_LIMIT / 2, registering).await;
                    break;
                }
            };
            let pause = match outcome {
                Ok(()) => {
                    kept.registered();
                    pauses.reset();
                    kept.registry.renewal()
                }
                Err(error) => {
                    kept.refused(&error);
                    pauses.next()
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = stopping(&mut phase) => break,
            }
        }
        kept.deregister().await;
    }
}
