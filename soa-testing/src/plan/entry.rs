//! The functions that tests made by `soa::test_plans!` call.

use std::time::Duration;

use soa_runtime::codec::Value;
use soa_runtime::server::IntoServer;
use soa_wire::redact::chain;

use super::case::Case;
use super::mistake::PlanError;
use super::mock::Mocks;
use super::parse::parse;
use super::report::Failure;
use super::subject::Subject;

/// A file of plans as it was when the test was compiled.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The name of the file in messages.
    pub file: &'static str,
    /// The text of the file.
    pub text: &'static str,
}

/// Fails with all mistakes of a file.
pub fn check(source: Source) -> Result<(), Failure> {
    let (_, mistakes) = parse(source.file, source.text);
    match mistakes.is_empty() {
        true => Ok(()),
        false => Err(PlanError { mistakes }.into()),
    }
}

/// Runs one case of a file.
///
/// Only the mistakes of this case prevent its run. Those of other cases, and of lines outside of all cases, fail the test
/// of the whole file, see [`check`].
pub fn run_case<Fut>(
    source: Source,
    name: &str,
    subject: impl FnOnce() -> Fut,
) -> Result<(), Failure>
where
    Fut: Future<Output = Result<Subject, Failure>>,
{
    let (cases, mut mistakes) = parse(source.file, source.text);
    let has = |case: &Case, line| (case.first_line..=case.last_line).contains(&line);
    let Some(case) = cases.iter().find(|case| case.name() == name) else {
        // The name of the case is not understood, so its mistakes are among those outside of all cases.
        mistakes.retain(|mistake| !cases.iter().any(|case| has(case, mistake.line())));
        let nothing = || Failure::other(format!("{} has no case `{name}`", source.file));
        return Err(match mistakes.is_empty() {
            true => nothing(),
            false => PlanError { mistakes }.into(),
        });
    };
    mistakes.retain(|mistake| {
        let mut own = cases.iter().filter(|case| case.name() == name);
        own.any(|case| has(case, mistake.line()))
    });
    if !mistakes.is_empty() {
        return Err(PlanError { mistakes }.into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime
        .map_err(|error| Failure::other(format!("the tokio runtime cannot be started: {error}")))?;
    let result = runtime.block_on(async { case.run(&subject().await?).await });
    // A handler that blocks its thread must not prevent the end of the test.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Any error of an expression of the user.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Evaluates an expression of the user, which may await and fail.
pub async fn made<T>(make: impl AsyncFnOnce() -> Result<T, BoxError>) -> Result<T, Failure> {
    make().await.map_err(not_made)
}

/// Calls a closure of the user, which takes the mocks and may await and fail.
pub async fn made_with<T>(
    mocks: &Mocks,
    make: impl AsyncFnOnce(Mocks) -> Result<T, BoxError>,
) -> Result<T, Failure> {
    make(mocks.clone()).await.map_err(not_made)
}

/// Creates the subject of a test from a service in this process.
pub fn subject(service: impl IntoServer, constants: Value) -> Result<Subject, Failure> {
    let subject = Subject::service(service).map_err(|error| not_made(error.into()))?;
    Ok(subject.constants(constants))
}

fn not_made(error: BoxError) -> Failure {
    Failure::other(format!(
        "the subject of the test cannot be built: {}",
        chain(&*error, usize::MAX)
    ))
}

#[cfg(test)]
mod tests {
    use soa_runtime::server::Server;
    use soa_runtime::value;

    use super::*;

    fn run(text: &'static str, name: &str) -> Result<(), Failure> {
        let source = Source {
            file: "some.pysoa",
            text,
        };
        run_case(source, name, async || {
            subject(Server::untyped("empty", "1.0.0"), value!({}))
        })
    }

    #[test]
    fn a_mistake_fails_the_test_of_its_own_case_and_no_other() {
        let text = "test name: t-7\ntest description: x\na: expect: error: code=UNKNOWN\n\n\
                    test name: parted\n\ntest description: x\na: expect: error: code=UNKNOWN\n\n\
                    test name: wrong\ntest description: x\na: expct: no errors\n\n\
                    test name: right\ntest description: x\na: expect: error: code=UNKNOWN\n";
        run(text, "right").unwrap();
        let told = |name| run(text, name).unwrap_err().to_string();
        assert!(told("wrong").contains("some.pysoa:12:4: expected"));
        assert!(!told("wrong").contains("some.pysoa:1:"));
        assert!(told("parted").starts_with("some.pysoa:5:1: the case has no description"));
        let unnamed = told("t-7");
        assert!(
            unnamed.starts_with("some.pysoa:1:13: expected the end of the name"),
            "{unnamed}"
        );
    }

    #[tokio::test]
    async fn what_cannot_be_made_is_told_with_its_causes() {
        let server = || Server::untyped("a server", "1");
        let failed = made(async || Ok(server().build()?)).await.unwrap_err();
        let failure = failed.to_string();
        assert_eq!(
            failure,
            subject(server(), value!({})).unwrap_err().to_string()
        );
        assert!(
            failure.starts_with("the subject of the test cannot be built: "),
            "{failure}"
        );
        assert!(failure.contains("a server"), "{failure}");
    }
}
