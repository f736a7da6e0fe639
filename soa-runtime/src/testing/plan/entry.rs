//! What the tests call that `soa::test_plans!` generates.

use std::time::Duration;

use super::parse::parse;
use super::{Failure, Mocks, PlanError, Subject};
use crate::codec::Value;
use crate::server::IntoServer;

/// A file of plans as it was when the test was compiled.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// How it is called in messages.
    pub file: &'static str,
    /// What is in it.
    pub text: &'static str,
}

/// Whether every line of a file is understood.
pub fn check(source: Source) -> Result<(), Failure> {
    let (_, mistakes) = parse(source.file, source.text);
    match mistakes.is_empty() {
        true => Ok(()),
        false => Err(PlanError { mistakes }.into()),
    }
}

/// Runs one case of a file.
///
/// Mistakes in other cases are for the test of the whole file, see [`check`].
pub fn run_case<Fut>(
    source: Source,
    name: &str,
    subject: impl FnOnce() -> Fut,
) -> Result<(), Failure>
where
    Fut: Future<Output = Result<Subject, Failure>>,
{
    let (cases, mut mistakes) = parse(source.file, source.text);
    let case = cases.iter().find(|case| case.name() == name);
    let is_of_other = |line: usize| {
        let mut others = cases.iter().filter(|other| other.name() != name);
        others.any(|other| (other.first_line..=other.last_line).contains(&line))
    };
    mistakes.retain(|mistake| !is_of_other(mistake.line()));
    let case = match case {
        Some(case) if mistakes.is_empty() => case,
        None if mistakes.is_empty() => {
            return Err(Failure::other(format!(
                "{} has no case `{name}`",
                source.file
            )));
        }
        _ => return Err(PlanError { mistakes }.into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::other(format!("no runtime: {error}")))?;
    let result = runtime.block_on(async { case.run(&subject().await?).await });
    // A handler that blocks its thread must not keep the test from ending.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// What is tested: a service in this process.
pub fn subject(service: impl IntoServer, constants: Value) -> Result<Subject, Failure> {
    match Subject::service(service) {
        Ok(subject) => Ok(subject.constants(constants)),
        Err(error) => Err(Failure::other(format!(
            "the service cannot be built: {error}"
        ))),
    }
}

/// The same for a service that is built with mocks.
pub fn mocked_subject<S: IntoServer>(
    service: impl FnOnce(Mocks) -> S,
    constants: Value,
) -> Result<Subject, Failure> {
    let mocks = Mocks::default();
    let subject = subject(service(mocks.clone()), constants)?;
    Ok(subject.mocks(&mocks))
}
