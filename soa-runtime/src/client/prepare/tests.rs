use super::*;
use crate::codec::Encoding;
use crate::error::ErrorKind;
use crate::exchange::ClientRequest;
use crate::expansion::{Expansion, ExpansionRoute};
use crate::message::{Body, Switch, SwitchSet, Variant};
use crate::transport::{ClientTransport, ReplyFuture};
use crate::value;

/// A transport with a default timeout, to which nothing is sent.
struct Unused(Option<Duration>);

impl ClientTransport for Unused {
    fn default_timeout(&self) -> Option<Duration> {
        self.0
    }

    fn call(&self, _: ClientRequest) -> ReplyFuture {
        panic!("the preparation of a call has sent it");
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// The facts that a test prepares a call from.
struct Setup {
    base: ContextHeader,
    time_left: Option<Duration>,
    default_timeout: Option<Duration>,
    expansions: Expansions,
    now: Instant,
}

impl Setup {
    fn new() -> Self {
        Self {
            base: ContextHeader::new(""),
            time_left: None,
            default_timeout: None,
            expansions: Expansions::new(),
            now: Instant::now(),
        }
    }

    fn prepare(&self, options: CallOptions) -> Result<PreparedCall, ClientError> {
        self.prepare_actions(vec![action()], Some(options))
    }

    fn prepare_actions(
        &self,
        actions: Vec<ActionRequest>,
        options: Option<CallOptions>,
    ) -> Result<PreparedCall, ClientError> {
        let route = Route::new("books".into(), Arc::new(Unused(self.default_timeout)));
        let origin = CallOrigin {
            base: &self.base,
            deadline: self.time_left.map(|left| self.now + left),
            expansions: &self.expansions,
            now: &|| self.now,
        };
        prepare(&origin, &route, actions, options.map(Box::new))
    }

    /// The limits of a call, and the timeout that its server is told.
    fn limits(&self, options: CallOptions) -> (CallLimits, Option<Duration>) {
        let call = self.prepare(options).unwrap();
        (call.limits, call.job.control.timeout())
    }
}

fn action() -> ActionRequest {
    ActionRequest::new("find", Body::encode(Encoding::MessagePack, &value!({})))
}

fn with_timeout(timeout: Duration) -> CallOptions {
    CallOptions {
        timeout: Some(timeout),
        ..CallOptions::default()
    }
}

fn forgotten(timeout: Option<Duration>) -> CallOptions {
    CallOptions {
        timeout,
        is_forgotten: true,
        ..CallOptions::default()
    }
}

fn both(time: Duration) -> CallLimits {
    CallLimits {
        timeout: Some(time),
        limit: Some(time),
    }
}

#[test]
fn a_call_without_options_has_no_limits_and_wants_a_response() {
    let call = Setup::new().prepare_actions(vec![action()], None).unwrap();
    assert_eq!(call.limits, CallLimits::default());
    assert_eq!(call.job.control.suppress_response, Some(false));
    assert_eq!(call.job.control.timeout(), None);
    assert_eq!(call.job.actions.len(), 1);
    assert!(call.expansion.is_none());
}

#[test]
fn the_own_timeout_limits_the_call_and_is_told_to_the_server() {
    let (limits, told) = Setup::new().limits(with_timeout(3 * SECOND));
    assert_eq!(limits, both(3 * SECOND));
    assert_eq!(told, Some(3 * SECOND));
}

#[test]
fn the_default_of_the_transport_is_left_to_it_where_there_is_no_deadline() {
    let setup = Setup {
        default_timeout: Some(5 * SECOND),
        ..Setup::new()
    };
    let (limits, told) = setup.limits(CallOptions::default());
    assert_eq!(limits, CallLimits::default());
    assert_eq!(told, None);
}

#[test]
fn a_deadline_that_is_earlier_than_the_timeout_replaces_it() {
    let setup = Setup {
        time_left: Some(2 * SECOND),
        ..Setup::new()
    };
    let (limits, told) = setup.limits(with_timeout(3 * SECOND));
    assert_eq!(limits, both(2 * SECOND));
    assert_eq!(told, Some(2 * SECOND));
}

#[test]
fn a_timeout_that_is_earlier_than_the_deadline_stays() {
    let setup = Setup {
        time_left: Some(9 * SECOND),
        ..Setup::new()
    };
    let (limits, told) = setup.limits(with_timeout(3 * SECOND));
    assert_eq!(limits, both(3 * SECOND));
    assert_eq!(told, Some(3 * SECOND));
}

#[test]
fn beside_a_deadline_the_default_of_the_transport_counts_unless_the_call_has_a_timeout() {
    let setup = Setup {
        time_left: Some(9 * SECOND),
        default_timeout: Some(5 * SECOND),
        ..Setup::new()
    };
    assert_eq!(setup.limits(CallOptions::default()).0, both(5 * SECOND));
    assert_eq!(setup.limits(with_timeout(7 * SECOND)).0, both(7 * SECOND));
}

#[test]
fn a_deadline_limits_the_sending_of_a_forgotten_call_and_not_its_work() {
    let setup = Setup {
        time_left: Some(2 * SECOND),
        ..Setup::new()
    };
    let (limits, told) = setup.limits(forgotten(None));
    assert_eq!((limits.timeout, limits.limit), (None, Some(2 * SECOND)));
    assert_eq!(told, None);
    let (limits, told) = setup.limits(forgotten(Some(3 * SECOND)));
    assert_eq!(
        (limits.timeout, limits.limit),
        (Some(3 * SECOND), Some(2 * SECOND))
    );
    assert_eq!(told, Some(3 * SECOND));
}

#[test]
fn a_forgotten_call_asks_for_no_response_and_expands_nothing() {
    let mut options = forgotten(None);
    // It is not even looked up.
    options.add_expansions("book".to_owned(), vec!["author".to_owned()]);
    let call = Setup::new().prepare(options).unwrap();
    assert_eq!(call.job.control.suppress_response, Some(true));
    assert!(call.expansion.is_none());
}

#[test]
fn a_deadline_that_has_passed_is_a_timeout() {
    let setup = Setup {
        time_left: Some(Duration::ZERO),
        ..Setup::new()
    };
    for options in [CallOptions::default(), forgotten(None)] {
        let error = setup.prepare(options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.service(), "books");
    }
}

#[test]
fn a_body_that_cannot_be_encoded_is_an_error_of_its_action() {
    let bad = ActionRequest::new("save", Body::encode(Encoding::MessagePack, &5));
    let calls = vec![action(), bad];
    let error = Setup::new().prepare_actions(calls, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert!(error.to_string().contains("`save`"), "{error}");
}

#[test]
fn a_correlation_id_is_made_where_there_is_none() {
    let setup = Setup::new();
    let id = |options| {
        let call = setup.prepare(options).unwrap();
        call.job.context.correlation_id
    };
    let (first, second) = (id(CallOptions::default()), id(CallOptions::default()));
    assert!(!first.is_empty());
    assert_ne!(first, second);
    let own = CallOptions {
        correlation_id: Some("order-17".into()),
        ..CallOptions::default()
    };
    assert_eq!(&*id(own), "order-17");
    let chained = Setup {
        base: ContextHeader::new("inherited"),
        ..Setup::new()
    };
    let call = chained.prepare(CallOptions::default()).unwrap();
    assert_eq!(&*call.job.context.correlation_id, "inherited");
}

#[test]
fn the_switches_of_the_base_the_options_and_the_variants_add_up() {
    static FAMILY: [Option<Switch>; 2] = [Some(Switch::new(5)), None];
    static VARIANT: Variant = Variant {
        switch: FAMILY[0],
        family: &FAMILY,
    };
    let mut setup = Setup::new();
    setup.base.switches = SwitchSet::default().with(1);
    let mut options = CallOptions::default();
    options.add_switch(Switch::new(3));
    let actions = vec![action(), action().of_variant(Some(&VARIANT))];
    let call = setup.prepare_actions(actions, Some(options)).unwrap();
    let mut switches: Vec<_> = call.job.context.switches.iter().collect();
    switches.sort_by_key(|switch| switch.number());
    assert_eq!(switches, [1, 3, 5].map(Switch::new));
    assert_eq!(
        setup.base.switches,
        SwitchSet::default().with(1),
        "the base stays as it is"
    );
}

#[test]
fn an_idempotent_call_has_repeatable_actions() {
    let options = CallOptions {
        is_idempotent: true,
        ..CallOptions::default()
    };
    let call = Setup::new().prepare(options).unwrap();
    assert!(call.job.actions.iter().all(ActionRequest::is_idempotent));
    let call = Setup::new().prepare(CallOptions::default()).unwrap();
    assert!(!call.job.actions.iter().any(ActionRequest::is_idempotent));
}

#[test]
fn a_wrong_option_is_an_error_of_usage() {
    let mut options = CallOptions::default();
    options.add_control("suppress_response".to_owned(), value!(true));
    let error = Setup::new().prepare(options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let mut options = CallOptions::default();
    options.add_context("switches".to_owned(), value!("five"));
    let error = Setup::new().prepare(options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[test]
fn expansions_are_looked_up_before_anything_is_sent() {
    let author = Expansion::new("authors")
        .source_field("author_id")
        .destination_field("author");
    let route = ExpansionRoute::new("library", "get_authors")
        .request_field("ids")
        .response_field("authors");
    let setup = Setup {
        expansions: Expansions::new()
            .route("authors", route)
            .expansion("book", "author", author),
        ..Setup::new()
    };
    let asking = |name: &str| {
        let mut options = with_timeout(3 * SECOND);
        options.add_expansions("book".to_owned(), vec![name.to_owned()]);
        options.add_control("tenant".to_owned(), value!(7));
        options
    };
    let expansion = setup.prepare(asking("author")).unwrap().expansion.unwrap();
    assert_eq!(expansion.deadline, Some(setup.now + 3 * SECOND));
    assert_eq!(expansion.control, [("tenant".to_owned(), value!(7))]);
    assert_eq!(expansion.plan.unwrap().steps.len(), 1);
    let error = setup.prepare(asking("publisher")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("`publisher`"), "{error}");
}

#[test]
fn a_typed_expansion_has_a_place_for_the_scope_and_no_plan() {
    let options = CallOptions {
        scope_slot: Some(ScopeSlot::default()),
        ..CallOptions::default()
    };
    let expansion = Setup::new().prepare(options).unwrap().expansion.unwrap();
    assert!(expansion.slot.is_some());
    assert!(expansion.plan.is_none());
}
