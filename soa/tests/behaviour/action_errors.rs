//! A service's own errors as an enum: from the handler to the caller and back into the enum.

use example_service::types::FailRequest;
use example_service::{ExampleClient, ExampleService};
use soa::testing::Stub;
use soa::{
    ActionError, ActionErrors, Context, ErrorKind, JobResponse, UtcDateTime, Value, WireError,
    service, value,
};

#[derive(Debug, PartialEq, ActionErrors)]
enum LoanError {
    /// There is no such
    /// book.
    ///
    /// Not even in the cellar.
    #[action_error(field = "isbn")]
    NoSuchBook,
    #[action_error(message = "Lent to {reader}", field = "books.{index}")]
    Lent {
        reader: String,
        index: usize,
        until: Option<UtcDateTime>,
    },
    /// The catalogue does not answer.
    #[action_error(server, code = "catalogue.down")]
    CatalogueDown,
}

/// A caller that is older than the service.
#[derive(Debug, PartialEq, ActionErrors)]
enum OldLoanError {
    /// There is no such book.
    NoSuchBook,
    #[action_error(other)]
    Other(WireError),
}

struct Library;

#[service(name = "library", version = "1.0.0")]
impl Library {
    #[action]
    async fn lend(&self, request: Value) -> Result<Value, LoanError> {
        match request.get("isbn").and_then(Value::as_str) {
            None => Err(LoanError::NoSuchBook),
            Some("down") => Err(LoanError::CatalogueDown),
            Some(_) => Err(lent()),
        }
    }

    /// Returns `ActionError`, and uses `?`.
    #[action]
    async fn lend_all(&self, cx: &Context) -> Result<Value, ActionError> {
        match cx.call_local(LibraryClient::LEND, value!({})).await {
            Err(error) if error.find() == Some(LoanError::NoSuchBook) => Err(lent())?,
            outcome => outcome,
        }
    }

    #[action]
    async fn check_all(&self) -> Result<(), ActionError> {
        let unknown = WireError::caller("DUSTY", "Dusty");
        let mut error = ActionError::from(unknown).and(LoanError::NoSuchBook.into_wire());
        error = error.and(lent().into_wire());
        Err(error)
    }
}

fn lent() -> LoanError {
    LoanError::Lent {
        reader: "Ada".into(),
        index: 2,
        until: None,
    }
}

fn library() -> LibraryClient {
    LibraryClient::local(Library)
}

#[tokio::test]
async fn a_variant_is_an_error_on_the_wire() {
    let error = library().lend(value!({ "isbn": "1" })).await.unwrap_err();
    let [wire] = error.errors() else {
        panic!("{error}")
    };
    assert_eq!((&*wire.code, &*wire.message), ("LENT", "Lent to Ada"));
    assert_eq!(wire.field.as_deref(), Some("books.2"));
    assert!(wire.is_caller_error);
    let variables = value!({ "reader": "Ada", "index": 2, "until": nil });
    assert_eq!(wire.variables.clone().map(Value::Map), Some(variables));
    let error = library().lend(value!({})).await.unwrap_err();
    let [wire] = error.errors() else {
        panic!("{error}")
    };
    assert_eq!(
        (&*wire.code, &*wire.message),
        ("NO_SUCH_BOOK", "There is no such book")
    );
    assert_eq!(
        (wire.field.as_deref(), wire.variables.is_none()),
        (Some("isbn"), true)
    );
    let error = library()
        .lend(value!({ "isbn": "down" }))
        .await
        .unwrap_err();
    assert!(!error.errors()[0].is_caller_error);
    assert_eq!(LoanError::CODES, ["NO_SUCH_BOOK", "LENT", "catalogue.down"]);
}

#[tokio::test]
async fn the_caller_gets_the_variant_back_with_its_fields() {
    let error = library().lend(value!({ "isbn": "1" })).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Action);
    assert_eq!(error.find(), Some(lent()));
    let error = library()
        .lend(value!({ "isbn": "down" }))
        .await
        .unwrap_err();
    assert_eq!(error.find(), Some(LoanError::CatalogueDown));
}

#[tokio::test]
async fn a_handler_finds_and_makes_errors_by_question_marks() {
    let error = library().lend_all().await.unwrap_err();
    assert_eq!(error.find(), Some(lent()));
}

#[tokio::test]
async fn codes_that_nobody_knows_stay_data() {
    let error = library().lend(value!({ "isbn": "1" })).await.unwrap_err();
    let Some(OldLoanError::Other(wire)) = error.find() else {
        panic!("{error}")
    };
    assert_eq!(&wire, &error.errors()[0]);
    // It goes on as it came.
    let error = ActionError::from(OldLoanError::Other(wire.clone()));
    assert_eq!(error.errors(), [wire]);
    // Without a place for it, there is nothing to find.
    let fails = ExampleClient::local(ExampleService::new()).fail(FailRequest::default());
    let error = fails.await.unwrap_err();
    assert_eq!(error.find::<LoanError>(), None);
    assert_eq!(error.errors()[0].code, "EXAMPLE_FAILURE");
}

#[tokio::test]
async fn of_several_errors_the_known_are_found_first_and_all_in_their_order() {
    let error = library().check_all().await.unwrap_err();
    assert_eq!(error.find(), Some(LoanError::NoSuchBook));
    assert_eq!(
        error.find_all::<LoanError>(),
        [LoanError::NoSuchBook, lent()]
    );
    assert_eq!(
        error.find(),
        Some(OldLoanError::NoSuchBook),
        "not the unknown one before it"
    );
    let all = error.find_all::<OldLoanError>();
    assert!(matches!(
        &all[..],
        [OldLoanError::Other(dusty), OldLoanError::NoSuchBook, OldLoanError::Other(lent)]
            if dusty.code == "DUSTY" && lent.code == "LENT"
    ));
}

#[test]
fn variables_that_do_not_fit_are_no_reason_to_fail() {
    let mut wire = lent().into_wire();
    assert_eq!(LoanError::from_wire(&wire), Some(lent()));
    wire.variables.as_mut().unwrap().remove("until");
    assert_eq!(
        LoanError::from_wire(&wire),
        Some(lent()),
        "an absent one is nil"
    );
    wire.variables.as_mut().unwrap().insert("index", "two");
    assert_eq!(LoanError::from_wire(&wire), None);
    wire.variables = None;
    assert_eq!(LoanError::from_wire(&wire), None);
}

#[tokio::test]
async fn a_stub_answers_with_variants_and_jobs_that_failed_have_them_too() {
    let stub = Stub::new().on(LibraryClient::LEND, |_| Err(lent().into()));
    let error = LibraryClient::stubbed(stub)
        .lend(value!({}))
        .await
        .unwrap_err();
    assert_eq!(error.find(), Some(lent()));
    let refuse = soa::middleware::from_fn(
        |_: soa::JobRequest, _: soa::middleware::Next<soa::middleware::JobStage>| async {
            Ok(JobResponse::failed(vec![
                LoanError::CatalogueDown.into_wire(),
            ]))
        },
    );
    let library = LibraryClient::local(soa::Server::builder(Library).job_middleware(refuse));
    let error = library.lend(value!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Job);
    assert_eq!(error.find(), Some(LoanError::CatalogueDown));
}
