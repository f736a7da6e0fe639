//! The subject of test plans: the service that cases call.

use std::fmt;

use soa_runtime::BuildError;
use soa_runtime::client::Client;
use soa_runtime::codec::{Map, Value};
use soa_runtime::message::Name;
use soa_runtime::server::{IntoServer, Server};

use super::mock::Mocks;

/// The service that the cases of a plan call, with the constants and mocks of the test.
///
/// ```
/// use soa::testing::plan::{Plan, Subject};
/// use soa::{ActionError, Context, Server, Value, value};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::untyped("tools", "1.0.0")
///     .action("echo", |body: Value, _cx: Context| async { Ok::<_, ActionError>(body) });
/// let subject = Subject::service(server)?.constants(value!({"user": {"name": "Ada"}}));
/// let plan = Plan::parse("echo.pysoa", "\
/// test name: what_is_sent_comes_back
/// test description: The answer is the question
/// echo: input: name: [[user.name]]
/// echo: expect: no errors
/// echo: expect: attribute value: name: Ada
/// ")?;
/// for case in plan.cases() {
///     case.run(&subject).await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Subject {
    pub(super) target: Target,
    pub(super) constants: Map,
    pub(super) mocks: Mocks,
}

#[derive(Clone)]
pub(super) enum Target {
    Local(Server),
    Live(Client, Name),
}

impl Subject {
    /// Creates a subject from a service in this process, which supports every line of a plan.
    ///
    /// # Errors
    /// If the server cannot be built.
    pub fn service(service: impl IntoServer) -> Result<Self, BuildError> {
        // Plans are those of the reference, which tells the texts of internal errors.
        Ok(Self::new(Target::Local(
            service.into_server()?.under_test(),
        )))
    }

    /// Creates a subject from a service that the client reaches under this name. Cases that freeze the clock, stub or mock
    /// fail.
    pub fn live(client: Client, service: impl Into<Name>) -> Self {
        Self::new(Target::Live(client, service.into()))
    }

    fn new(target: Target) -> Self {
        Self {
            target,
            constants: Map::new(),
            mocks: Mocks::default(),
        }
    }

    /// Sets the constants: the values that `[[name]]` refers to, unless an action has that name. Values other than a map
    /// set nothing.
    #[must_use]
    pub fn constants(mut self, constants: impl Into<Value>) -> Self {
        if let Value::Map(constants) = constants.into() {
            self.constants = constants;
        }
        self
    }

    /// Sets the mocks that the service was built with. Cases of subjects with the same mocks run one after another.
    #[must_use]
    pub fn mocks(mut self, mocks: &Mocks) -> Self {
        self.mocks = mocks.clone();
        self
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: &dyn fmt::Debug = match &self.target {
            Target::Local(server) => server,
            Target::Live(_, name) => name,
        };
        f.debug_struct("Subject")
            .field("target", name)
            .finish_non_exhaustive()
    }
}
