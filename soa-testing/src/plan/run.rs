//! How a case is run: its actions one after another, each a job of its own.
//!
//! In the test's own process the job goes straight to the server, past frames and queues, with what a plan may change of
//! its surroundings: the clock, the stubs, the mocks. Over a client it is a call like any other, of whatever service
//! answers there, and a case that needs more than calls is refused.

use std::fmt;

use super::case::{ActionCase, Case, Freeze};
use super::compare::{Mismatch, missing, present, unwanted};
use super::mock::Mocks;
use super::report::{Failure, Problem, answered};
use super::stub::Stubs;
use super::template::{Answered, Sources};
use super::tree::{Leaf, Tree};
use super::typed::Typed;
use soa_runtime::BuildError;
use soa_runtime::client::Client;
use soa_runtime::codec::{Encoding, Map, UtcDateTime, Value};
use soa_runtime::internal::Frozen;
use soa_runtime::message::{
    ActionRequest, Body, ContextHeader, Control, JobRequest, JobResponse, Name, WireError,
};
use soa_runtime::server::{IntoServer, Server};

/// What the cases of a plan call, and what they know of the test.
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
    target: Target,
    constants: Map,
    mocks: Mocks,
}

#[derive(Clone)]
enum Target {
    Local(Server),
    Live(Client, Name),
}

impl Subject {
    /// A service in this process. All that a plan can say works with it.
    ///
    /// # Errors
    /// A server that cannot be built.
    pub fn service(service: impl IntoServer) -> Result<Self, BuildError> {
        Ok(Self::new(Target::Local(service.into_server()?)))
    }

    /// A service wherever the client finds it, under this name. Cases that freeze the clock, stub or mock fail.
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

    /// What `[[name]]` refers to where no action has that name: a map, which other values leave empty.
    #[must_use]
    pub fn constants(mut self, constants: impl Into<Value>) -> Self {
        if let Value::Map(constants) = constants.into() {
            self.constants = constants;
        }
        self
    }

    /// The mocks that the service was built with. Cases of subjects with the same mocks run one after another.
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

/// Where a case is while it runs.
pub(super) struct Scene<'a> {
    case: &'a Case,
    subject: &'a Subject,
    responses: &'a [Answered],
    now: UtcDateTime,
}

impl Scene<'_> {
    /// A tree with everything in it known.
    pub(super) fn resolve(&self, tree: &Tree) -> Result<Tree, Problem> {
        let sources = Sources {
            responses: self.responses,
            constants: &self.subject.constants,
        };
        tree.try_map(&mut |leaf: &Leaf| {
            let value = match &leaf.typed {
                Typed::Moment(moment) => moment.at(self.now),
                Typed::Template(template) => template.resolve(&sources),
                _ => return Ok(Tree::Leaf(leaf.clone())),
            };
            match value {
                Ok(value) => Ok(Tree::of(value, leaf.line)),
                Err(what) => Err(self.problem(leaf.line, what)),
            }
        })
    }

    pub(super) fn problem(&self, line: usize, what: impl Into<String>) -> Problem {
        let source = line
            .checked_sub(1)
            .and_then(|line| self.case.source.get(line));
        Problem::new(line, source.cloned().unwrap_or_default(), what.into())
    }
}

/// Whether stubs and mocks may still be called: what is not called yet is no problem then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calling {
    GoesOn,
    IsOver,
}

/// What finds where a response is not as a tree says.
type Look = fn(&Tree, &Value) -> Vec<Mismatch>;

/// What came back of an action.
pub(super) struct Answer {
    pub(super) body: Value,
    pub(super) errors: Vec<WireError>,
    pub(super) job_errors: Vec<WireError>,
    /// Whether the action ran at all.
    has_run: bool,
}

impl Case {
    /// Runs the case. It waits while another one runs whose service has the same [`Mocks`].
    ///
    /// # Errors
    /// All expectations of the first action that does not fulfil its own, and those of the case that calls have broken
    /// until then; a service that cannot be called; a line that this subject cannot do.
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
            let what = "the clock, stubs and mocks are for a service in the test's own process";
            return failed(vec![start.problem(line, what)], None);
        }
        let case_stubs = Stubs::new(&self.fixtures);
        if let Err(problem) = subject.mocks.start_case(&self.fixtures, &start) {
            return failed(vec![problem], None);
        }
        for action in &self.actions {
            let of_action = action.fixtures.freeze.map(|(_, freeze)| freeze);
            let clock = frozen(of_action, case_now).or(of_case);
            let now = clock.unwrap_or(began);
            // What is not there yet is told by the stub that is called without it.
            let _ = case_stubs.look_up(&self.scene(subject, &answers, case_now));
            let before = self.scene(subject, &answers, now);
            let called = call(action, &before, clock, &case_stubs).await;
            let (answer, stubs) = match called {
                Ok(called) => called,
                Err(problem) => {
                    let mut problems = vec![problem];
                    problems.extend(case_stubs.problems(&before, Calling::GoesOn));
                    problems.extend(subject.mocks.end_case(&before, Calling::GoesOn));
                    return failed(problems, None);
                }
            };
            let shown = answered(&format!("{}.{}", action.action, action.index), &answer);
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
                // What the whole case expects of calls may well be the cause.
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
            subject,
            responses,
            now,
        }
    }
}

/// Where the clock is stopped, if it is; without, it would stand at `now`.
fn frozen(freeze: Option<Freeze>, now: UtcDateTime) -> Option<UtcDateTime> {
    Some(match freeze? {
        Freeze::Now => now,
        Freeze::At(moment) => moment,
    })
}

/// Calls an action, among its stubs and mocks; gives back what it answered, and its stubs.
async fn call(
    action: &ActionCase,
    scene: &Scene<'_>,
    clock: Option<UtcDateTime>,
    case_stubs: &Stubs,
) -> Result<(Answer, Stubs), Problem> {
    let at = |what: String| scene.problem(action.line, what);
    let body = scene.resolve(&action.body)?.to_value();
    let entries = |tree: &Tree| {
        let pairs = match scene.resolve(tree)?.to_value() {
            Value::Map(map) => map.into_pairs(),
            _ => Vec::new(),
        };
        let pairs = pairs.into_iter();
        Ok(pairs.filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value))))
    };
    let (context, control) = (entries(&action.context)?, entries(&action.control)?);
    let stubs = Stubs::new(&action.fixtures);
    stubs.look_up(scene)?;
    scene.subject.mocks.start_action(&action.fixtures, scene)?;
    let name = Name::from(action.action.clone());
    let response = match &scene.subject.target {
        Target::Live(client, service) => {
            let mut call = client.call_job(service.clone(), [(name, body)]);
            for (key, value) in context {
                call = call.context(key, value);
            }
            for (key, value) in control {
                call = call.control(key, value);
            }
            call.await.map_err(|error| at(with_causes(&error)))?
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
            let body = Body::encode(Encoding::MessagePack, &body);
            if let Err(error) = body.bytes() {
                return Err(at(format!("the request cannot be sent: {error}")));
            }
            let actions = vec![ActionRequest::new(name, body)];
            let mut job = JobRequest::new(header, control_header, actions);
            if let Some(now) = clock {
                job.extensions.insert(Frozen(now));
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

/// An error with all that it comes from.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

impl Answer {
    fn of(response: JobResponse) -> Result<Self, String> {
        let job_errors = response.errors;
        let Some(action) = response.actions.into_iter().next() else {
            return Ok(Self {
                body: Value::Map(Map::new()),
                errors: Vec::new(),
                job_errors,
                has_run: false,
            });
        };
        let body = action.body.to_value();
        Ok(Self {
            body: body.map_err(|error| format!("the response cannot be decoded: {error}"))?,
            errors: action.errors,
            job_errors,
            has_run: true,
        })
    }
}

impl ActionCase {
    /// What is not as expected.
    fn problems(&self, answer: &Answer, scene: &Scene<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(line) = self.no_errors {
            let errors = answer.job_errors.iter().chain(&answer.errors);
            let errors: Vec<&WireError> = errors.collect();
            if !errors.is_empty() {
                let what = format!("there should be no errors, but there are{}", lines(errors));
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
                        format!("there should be such an error, but {}", listed(actual))
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
                        listed(actual)
                    ),
                    others => format!(
                        "there should be no other errors than those expected, but {}",
                        listed(others)
                    ),
                };
                problems.push(scene.problem(line, what));
            }
        }
        let looks: [(&Tree, Look); 3] = [
            (&self.expected, missing),
            (&self.not_expected, unwanted),
            (&self.absent, present),
        ];
        for (tree, look) in looks {
            if tree.is_empty() {
                continue;
            }
            let first = tree
                .leaves()
                .first()
                .map_or(self.line, |(_, leaf)| leaf.line);
            if !answer.has_run {
                problems.push(scene.problem(
                    first,
                    format!(
                        "the action has not answered: {}",
                        listed(&answer.job_errors)
                    ),
                ));
                continue;
            }
            match scene.resolve(tree) {
                Ok(tree) => {
                    let found = look(&tree, &answer.body).into_iter();
                    problems.extend(found.map(|mismatch| {
                        scene.problem(mismatch.line.unwrap_or(first), mismatch.shown())
                    }));
                }
                Err(problem) => problems.push(problem),
            }
        }
        problems.sort_by_key(Problem::line);
        problems
    }
}

fn listed(errors: &[WireError]) -> String {
    match errors {
        [] => "there is none".to_owned(),
        errors => format!("there is{}", lines(errors)),
    }
}

/// A line for each error, and not more than can be read.
fn lines<'a>(errors: impl IntoIterator<Item = &'a WireError>) -> String {
    const SHOWN: usize = 20;
    let mut errors = errors.into_iter();
    let shown = errors.by_ref().take(SHOWN);
    let mut lines: String = shown.map(|error| format!("\n{error}")).collect();
    match errors.count() {
        0 => lines,
        more => {
            lines.push_str(&format!("\n… and {more} more"));
            lines
        }
    }
}
