//! The run of a case: its actions one after another, each as a job of its own.
//!
//! A service in the test's own process gets the job directly, without frames and queues, with the clock, the stubs and the
//! mocks of the case. Over a client, the call is like any other, and a case that needs the clock, stubs or mocks fails.

use soa_runtime::codec::{Encoding, UtcDateTime, Value};
use soa_runtime::internal::FrozenTime;
use soa_runtime::message::{
    ActionRequest, Body, ContextHeader, Control, JobRequest, Name, WireError,
};
use soa_runtime::text::Plain;
use soa_wire::redact::chain;

use super::answer::Answer;
use super::case::{ActionCase, Case, Freeze};
use super::compare::{Mismatch, missing, present, unwanted};
use super::report::{Failure, Problem};
use super::scene::{Calling, Scene};
use super::stub::Stubs;
use super::subject::{Subject, Target};
use super::template::Answered;
use super::tree::Tree;
use super::written::Written;

/// The greatest number of errors that one problem lists.
const MAX_LISTED_ERRORS: usize = 20;

/// A function that finds the differences of a response from a tree.
type Comparison = fn(&Tree, &Value) -> Vec<Mismatch>;

impl Case {
    /// Runs the case. Waits while another case runs whose subject has the same [`Mocks`](super::Mocks).
    ///
    /// # Errors
    /// If expectations do not hold. The failure has all of the first action with a problem, and those about the calls of
    /// the case's stubs and mocks until then. Also if the service cannot be called, or the subject does not support a
    /// line.
    pub async fn run(&self, subject: &Subject) -> Result<(), Failure> {
        let _turn = subject.mocks.turn().await;
        let began = UtcDateTime::now();
        let mut answers: Vec<Answered> = Vec::new();
        let failed = |problems, answer| {
            let Self {
                file,
                first_line,
                name,
                description,
                ..
            } = self;
            let heading = format!("{file}:{first_line}: case `{name}` failed: {description}");
            Err(Failure::new(heading, problems, answer))
        };
        let of_case = frozen(self.fixtures.freeze.map(|(_, freeze)| freeze), began);
        let case_now = of_case.unwrap_or(began);
        let start = self.scene(subject, &[], case_now);
        if let (Target::Live(..), Some(line)) = (&subject.target, self.local_only_line()) {
            let what = "a frozen clock, stubs and mocks need a service in the test's own process";
            return failed(vec![start.problem(line, what)], None);
        }
        let case_stubs = Stubs::new(&self.fixtures, &subject.target);
        if let Err(problem) = subject.mocks.start_case(&self.fixtures, &start) {
            return failed(vec![problem], None);
        }
        for action in &self.actions {
            let of_action = action.fixtures.freeze.map(|(_, freeze)| freeze);
            let clock = frozen(of_action, case_now).or(of_case);
            let now = clock.unwrap_or(began);
            // A reference to a later response is reported by the stub, if it is called without the value.
            let _ = case_stubs.look_up(&self.scene(subject, &answers, case_now));
            let before = self.scene(subject, &answers, now);
            let called = call(action, subject, &before, clock, &case_stubs).await;
            let (answer, stubs) = match called {
                Ok(called) => called,
                Err(problem) => {
                    let mut problems = vec![problem];
                    problems.extend(case_stubs.problems(&before, Calling::GoesOn));
                    problems.extend(subject.mocks.end_case(&before, Calling::GoesOn));
                    return failed(problems, None);
                }
            };
            let shown = answer.describe(&format!("{}.{}", action.action, action.index));
            answers.push(Answered {
                action: action.action.clone(),
                index: action.index,
                body: answer.body.clone(),
            });
            let after = self.scene(subject, &answers, now);
            let mut problems = action.problems(&answer, &after);
            problems.extend(stubs.problems(&after, Calling::IsOver));
            problems.extend(subject.mocks.end_action(&after));
            if !problems.is_empty() {
                // The calls of the case's stubs and mocks may be the cause.
                problems.extend(case_stubs.problems(&after, Calling::GoesOn));
                problems.extend(subject.mocks.end_case(&after, Calling::GoesOn));
                return failed(problems, Some(shown));
            }
        }
        let end = self.scene(subject, &answers, case_now);
        let mut problems = case_stubs.problems(&end, Calling::IsOver);
        problems.extend(case_stubs.look_up(&end).err());
        problems.extend(subject.mocks.end_case(&end, Calling::IsOver));
        match problems.is_empty() {
            true => Ok(()),
            false => failed(problems, None),
        }
    }
}

impl Case {
    fn scene<'a>(
        &'a self,
        subject: &'a Subject,
        responses: &'a [Answered],
        now: UtcDateTime,
    ) -> Scene<'a> {
        Scene {
            case: self,
            constants: &subject.constants,
            responses,
            now,
        }
    }
}

/// Returns the time at which the clock is stopped, if it is. `now` is the present time.
fn frozen(freeze: Option<Freeze>, now: UtcDateTime) -> Option<UtcDateTime> {
    Some(match freeze? {
        Freeze::Now => now,
        Freeze::At(moment) => moment,
    })
}

/// Calls an action, with its stubs and mocks. Returns its answer and its stubs.
async fn call(
    action: &ActionCase,
    subject: &Subject,
    scene: &Scene<'_>,
    clock: Option<UtcDateTime>,
    case_stubs: &Stubs,
) -> Result<(Answer, Stubs), Problem> {
    let at = |what: String| scene.problem(action.line, what);
    let body = scene.resolve(&action.body)?;
    let entries = |tree: &Tree| {
        let pairs = match scene.resolve(tree)?.to_value() {
            Value::Map(map) => map.into_pairs(),
            _ => Vec::new(),
        };
        let pairs = pairs.into_iter();
        Ok(pairs.filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value))))
    };
    let (context, control) = (entries(&action.context)?, entries(&action.control)?);
    let stubs = Stubs::new(&action.fixtures, &subject.target);
    stubs.look_up(scene)?;
    subject.mocks.start_action(&action.fixtures, scene)?;
    let name = Name::from(action.action.clone());
    let response = match &subject.target {
        Target::Live(client, service) => {
            let mut call = client.call_job(service.clone(), [(name, body.to_value())]);
            for (key, value) in context {
                call = call.context(key, value);
            }
            for (key, value) in control {
                call = call.control(key, value);
            }
            call.await.map_err(|error| at(chain(&error, usize::MAX)))?
        }
        Target::Local(server) => {
            let mut header = ContextHeader::fresh();
            for (key, value) in context {
                header.set(key, value).map_err(at)?;
            }
            let mut control_header = Control::default();
            control_header.suppress_response = Some(false);
            for (key, value) in control {
                control_header.set(key, value).map_err(at)?;
            }
            let schema = server.request_schema(&action.action, &header.switches);
            let body = match schema {
                Some(schema) => Written::new(&body)
                    .unless_refused(action)
                    .read(|body| Plain::from_value(body).read_misfits(&schema)),
                None => body.to_value(),
            };
            let body = Body::encode(Encoding::MessagePack, &body);
            if let Err(error) = body.bytes() {
                return Err(at(format!("the request cannot be sent: {error}")));
            }
            let actions = vec![ActionRequest::new(name, body)];
            let mut job = JobRequest::new(header, control_header, actions);
            if let Some(now) = clock {
                job.extensions.insert(FrozenTime(now));
            }
            if let Some(layer) = stubs.layer(case_stubs) {
                job.extensions.insert(layer);
            }
            server.execute(job).await
        }
    };
    let answer = Answer::of(response).map_err(at)?;
    Ok((answer, stubs))
}

impl ActionCase {
    /// Returns the expectations that do not hold.
    fn problems(&self, answer: &Answer, scene: &Scene<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(line) = self.no_errors {
            let errors = answer.job_errors.iter().chain(&answer.errors);
            let errors: Vec<&WireError> = errors.collect();
            if !errors.is_empty() {
                let what = format!("there should be no errors, but there are{}", list(errors));
                problems.push(scene.problem(line, what));
            }
        }
        for (set, expected) in &self.errors {
            let actual = if set.of_job {
                &answer.job_errors
            } else {
                &answer.errors
            };
            for error in expected {
                let found = actual.iter().find(|actual| error.accepts(actual));
                let what = match (set.is_not, found) {
                    (true, Some(found)) => {
                        format!("there should be no such error, but there is\n{found}")
                    }
                    (false, None) => {
                        format!(
                            "there should be such an error, but {}",
                            found_errors(actual)
                        )
                    }
                    _ => continue,
                };
                problems.push(scene.problem(error.line, what));
            }
            if set.is_exact && !set.is_not && expected.len() != actual.len() {
                let line = expected.last().map_or(self.line, |error| error.line);
                let is_other =
                    |actual: &&WireError| !expected.iter().any(|error| error.accepts(actual));
                let others: Vec<WireError> = actual.iter().filter(is_other).cloned().collect();
                let what = match others.as_slice() {
                    [] => format!(
                        "there should be as many errors as are expected, but {}",
                        found_errors(actual)
                    ),
                    others => format!(
                        "there should be no other errors than those expected, but {}",
                        found_errors(others)
                    ),
                };
                problems.push(scene.problem(line, what));
            }
        }
        let comparisons: [(&Tree, Comparison); 3] = [
            (&self.expected, missing),
            (&self.not_expected, unwanted),
            (&self.absent, present),
        ];
        for (tree, compare) in comparisons {
            if tree.is_empty() {
                continue;
            }
            let first = tree
                .leaves()
                .first()
                .map_or(self.line, |(_, leaf)| leaf.line);
            if !answer.has_run {
                let what = match answer.job_errors.as_slice() {
                    [] => "the action did not run".to_owned(),
                    errors => format!("the action did not run: the job failed{}", list(errors)),
                };
                problems.push(scene.problem(first, what));
                continue;
            }
            match scene.resolve(tree) {
                Ok(tree) => {
                    let found = compare(&tree, &answer.body).into_iter();
                    problems.extend(found.map(|mismatch| {
                        scene.problem(mismatch.line.unwrap_or(first), mismatch.describe())
                    }));
                }
                Err(problem) => problems.push(problem),
            }
        }
        problems.sort_by_key(Problem::line);
        problems
    }
}

fn found_errors(errors: &[WireError]) -> String {
    match errors {
        [] => "there is none".to_owned(),
        errors => format!("there is{}", list(errors)),
    }
}

/// Returns a line for each of the first errors, and the number of the others.
fn list<'a>(errors: impl IntoIterator<Item = &'a WireError>) -> String {
    let mut errors = errors.into_iter();
    let shown = errors.by_ref().take(MAX_LISTED_ERRORS);
    let mut lines: String = shown.map(|error| format!("\n{error}")).collect();
    match errors.count() {
        0 => lines,
        more => {
            lines.push_str(&format!("\n… and {more} more"));
            lines
        }
    }
}
