//! Expansions by types.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::client::{ClientRequest, Outstanding};
use soa::message::TraceParent;
use soa::middleware::{ClientStage, Next, from_fn};
use soa::testing::Stub;
use soa::{
    ActionError, Client, Context, ErrorKind, Expand, LocalTransport, Nullable, Server, Switch,
    service,
};

type Id = String;

#[derive(
    Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Expand,
)]
#[garde(allow_unvalidated)]
struct Person {
    id: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boss_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expand(
        from = boss_id,
        with = PeopleClient::FIND,
        request = FindPeople { ids, loudly: false },
        found = people,
        nested,
    )]
    boss: Option<Box<Person>>,
}

#[derive(Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct FindPeople {
    ids: Vec<Id>,
    loudly: bool,
}

#[derive(Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct FoundPeople {
    people: HashMap<Id, Person>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct FindTags {
    numbers: BTreeSet<i64>,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct FoundTags {
    tags: BTreeMap<i64, String>,
}

/// What was asked: action, how many identifiers, correlation id, switches.
type Asked = Arc<Mutex<Vec<(&'static str, usize, String, Vec<i64>)>>>;

#[derive(Clone, Default)]
struct People {
    people: Arc<HashMap<Id, Person>>,
    asked: Asked,
}

impl People {
    fn note(&self, action: &'static str, count: usize, cx: &Context) {
        let switches = cx.header().switches.iter().map(|switch| switch.number());
        let note = (
            action,
            count,
            cx.header().correlation_id.to_string(),
            switches.collect(),
        );
        self.asked.lock().unwrap().push(note);
    }
}

#[service(name = "people", version = "1.0.0")]
impl People {
    #[action]
    async fn find(&self, request: FindPeople, cx: &Context) -> Result<FoundPeople, ActionError> {
        self.note("find", request.ids.len(), cx);
        let person = |id: &Id| Some((id.clone(), self.people.get(id)?.clone()));
        let people = request.ids.iter().filter_map(person).collect();
        Ok(FoundPeople { people })
    }

    #[action(idempotent)]
    async fn tags(&self, request: FindTags, cx: &Context) -> Result<FoundTags, ActionError> {
        self.note("tags", request.numbers.len(), cx);
        if request.numbers.contains(&13) {
            return Err(ActionError::caller("UNLUCKY", "No such number"));
        }
        let tags = request
            .numbers
            .iter()
            .map(|number| (*number, format!("#{number}")));
        Ok(FoundTags {
            tags: tags.collect(),
        })
    }

    #[action]
    async fn wait(&self, request: FindTags) -> Result<FoundTags, ActionError> {
        let _ = request;
        std::future::pending().await
    }
}

#[derive(
    Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Expand,
)]
#[garde(allow_unvalidated)]
struct Thing {
    owner_id: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expand(
        from = owner_id,
        with = PeopleClient::FIND,
        request = FindPeople { ids, loudly: false },
        found = people,
        nested,
    )]
    owner: Option<Person>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<Nullable<i64>>,
}

#[derive(
    Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Expand,
)]
#[garde(allow_unvalidated)]
struct Tagged {
    number: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expand(from = number, with = PeopleClient::TAGS, request = FindTags { numbers }, found = tags)]
    tag: Option<String>,
}

#[derive(
    Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Expand,
)]
#[garde(allow_unvalidated)]
struct Strict {
    number: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expand(
        from = number, with = PeopleClient::TAGS, request = FindTags { numbers }, found = tags, raise_action_errors,
    )]
    tag: Option<String>,
}

#[derive(
    Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Expand,
)]
#[garde(allow_unvalidated)]
struct Slow {
    number: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expand(from = number, with = PeopleClient::WAIT, request = FindTags { numbers }, found = tags)]
    tag: Option<String>,
}

/// Things in all kinds of places.
#[derive(
    Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Expand,
)]
#[garde(allow_unvalidated)]
struct Everything {
    #[expand(nested)]
    list: Vec<Thing>,
    #[expand(nested)]
    map: BTreeMap<String, Vec<Thing>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expand(nested)]
    maybe: Option<Box<Thing>>,
    #[expand(nested)]
    tagged: Vec<Tagged>,
}

/// A page of anything.
#[derive(Debug, Expand)]
struct Page<T> {
    #[expand(nested)]
    items: Vec<T>,
}

#[derive(Clone)]
struct Main(Everything);

#[service(name = "main", version = "1.0.0")]
impl Main {
    #[action]
    async fn get(&self) -> Result<Everything, ActionError> {
        Ok(self.0.clone())
    }

    #[action]
    async fn strict(&self) -> Result<Strict, ActionError> {
        Ok(Strict {
            number: 13,
            tag: None,
        })
    }

    #[action]
    async fn slow(&self) -> Result<Slow, ActionError> {
        Ok(Slow {
            number: 1,
            tag: None,
        })
    }
}

fn person(id: &str) -> Person {
    Person {
        id: id.to_owned(),
        ..Person::default()
    }
}

fn under(id: &str, boss: &str) -> Person {
    Person {
        boss_id: Some(boss.to_owned()),
        ..person(id)
    }
}

fn with_boss(mut person: Person, boss: Person) -> Person {
    person.boss = Some(Box::new(boss));
    person
}

fn thing(owner: &str) -> Thing {
    Thing {
        owner_id: owner.to_owned(),
        ..Thing::default()
    }
}

fn owned(owner: &Person) -> Thing {
    Thing {
        owner: Some(owner.clone()),
        ..thing(&owner.id)
    }
}

fn clients(people: &[Person], everything: Everything) -> (Client, Asked) {
    let people = people
        .iter()
        .map(|person| (person.id.clone(), person.clone()));
    let people = People {
        people: Arc::new(people.collect()),
        asked: Asked::default(),
    };
    let asked = Arc::clone(&people.asked);
    let people = Server::builder(people).build().unwrap();
    let main = Server::builder(Main(everything)).build().unwrap();
    let client = Client::builder()
        .service("people", LocalTransport::new(people))
        .service("main", LocalTransport::new(main))
        .build()
        .unwrap();
    (client, asked)
}

fn counts(asked: &Asked) -> Vec<(&'static str, usize)> {
    let asked = asked.lock().unwrap();
    let mut counts: Vec<_> = asked
        .iter()
        .map(|(action, count, ..)| (*action, *count))
        .collect();
    counts.sort_unstable();
    counts
}

#[tokio::test]
async fn every_place_takes_its_object_by_one_call_of_each_action_a_round() {
    let everything = Everything {
        list: vec![thing("a"), thing("b"), thing("missing")],
        map: BTreeMap::from([("x".to_owned(), vec![thing("a")])]),
        maybe: Some(Box::new(thing("c"))),
        tagged: vec![
            Tagged {
                number: Some(7),
                tag: None,
            },
            Tagged::default(),
        ],
    };
    let (client, asked) = clients(&[person("a"), under("b", "c"), person("c")], everything);
    let expanded = MainClient::new(&client).get().expand().await.unwrap();
    let b = with_boss(under("b", "c"), person("c"));
    assert_eq!(
        expanded,
        Everything {
            list: vec![owned(&person("a")), owned(&b), thing("missing")],
            map: BTreeMap::from([("x".to_owned(), vec![owned(&person("a"))])]),
            maybe: Some(Box::new(owned(&person("c")))),
            tagged: vec![
                Tagged {
                    number: Some(7),
                    tag: Some("#7".to_owned())
                },
                Tagged::default(),
            ],
        }
    );
    // The boss of b is known already.
    assert_eq!(counts(&asked), [("find", 4), ("tags", 1)]);
}

#[tokio::test]
async fn an_expanded_call_has_every_form_of_a_call() {
    let everything = Everything {
        list: vec![thing("a")],
        ..Everything::default()
    };
    let (client, asked) = clients(&[person("a")], everything);
    let main = MainClient::new(&client);
    let expanded = |response: Everything| response.list == [owned(&person("a"))];

    let pending = main.get().expand().send().await.unwrap();
    assert!(expanded(pending.await.unwrap()));

    let both = client.parallel([main.get().expand(), main.get().expand()]);
    assert!(both.await.unwrap().into_iter().all(expanded));

    let mut outstanding = Outstanding::new();
    outstanding.send(main.get().expand()).await.unwrap();
    let (_, response) = outstanding.next().await.unwrap();
    assert!(expanded(response.unwrap()));
    assert_eq!(counts(&asked), [("find", 1); 4]);
}

/// A client that shows every call before it is sent.
fn noticing(
    everything: Everything,
    notice: impl Fn(&ClientRequest) + Send + Sync + 'static,
) -> Client {
    let main = Server::builder(Main(everything)).build().unwrap();
    let people = Server::builder(People::default()).build().unwrap();
    let client = Client::builder()
        .service("people", LocalTransport::new(people))
        .service("main", LocalTransport::new(main))
        .middleware(from_fn(
            move |request: ClientRequest, next: Next<ClientStage>| {
                notice(&request);
                next.run(request)
            },
        ));
    client.build().unwrap()
}

#[tokio::test]
async fn calls_that_find_objects_have_what_is_declared_of_their_action() {
    let noted: Arc<Mutex<Vec<(String, bool)>>> = Arc::default();
    let notes = Arc::clone(&noted);
    let everything = Everything {
        list: vec![thing("a")],
        tagged: vec![Tagged {
            number: Some(7),
            tag: None,
        }],
        ..Everything::default()
    };
    let client = noticing(everything, move |request| {
        let actions = request.job.actions.iter();
        let actions = actions.map(|one| (one.action.to_string(), one.is_idempotent()));
        notes.lock().unwrap().extend(actions);
    });
    MainClient::new(&client).get().expand().await.unwrap();
    let mut noted = noted.lock().unwrap().clone();
    noted.sort_unstable();
    let expected = [("find", false), ("get", false), ("tags", true)];
    let expected = expected.map(|(action, is_idempotent)| (action.to_owned(), is_idempotent));
    assert_eq!(noted, expected);
}

/// Alone in this process has it something to do with traces, so it may set the share.
#[test]
fn an_expansion_belongs_to_the_trace_of_its_call_also_where_that_is_not_recorded() {
    soa::observe::sample_traces(0.0);
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().build().unwrap();
    let noted: Arc<Mutex<Vec<TraceParent>>> = Arc::default();
    let notes = Arc::clone(&noted);
    let everything = Everything {
        list: vec![thing("a")],
        ..Everything::default()
    };
    let client = noticing(everything, move |request| {
        let parent = request.job.context.trace_parent;
        notes.lock().unwrap().extend(parent);
    });
    tracing::subscriber::with_default(tracing_subscriber::registry(), || {
        let call = MainClient::new(&client).get().expand();
        runtime.block_on(call.into_future()).unwrap();
    });
    let noted = noted.lock().unwrap();
    assert_eq!(noted.len(), 2);
    assert_eq!(noted[0].trace_id(), noted[1].trace_id());
    assert!(!noted[0].is_sampled() && !noted[1].is_sampled());
}

#[tokio::test]
async fn circles_of_types_end() {
    let everything = Everything {
        list: vec![thing("a"), thing("self")],
        ..Everything::default()
    };
    let people = [under("a", "b"), under("b", "a"), under("self", "self")];
    let (client, asked) = clients(&people, everything);
    let expanded = MainClient::new(&client).get().expand().await.unwrap();
    let a = with_boss(under("a", "b"), with_boss(under("b", "a"), under("a", "b")));
    let itself = with_boss(under("self", "self"), under("self", "self"));
    assert_eq!(expanded.list, [owned(&a), owned(&itself)]);
    assert_eq!(counts(&asked), [("find", 1), ("find", 2)]);
}

#[tokio::test]
async fn what_is_there_already_stays_and_its_own_places_are_filled() {
    let there = owned(&under("stranger", "a"));
    let everything = Everything {
        list: vec![there.clone()],
        ..Everything::default()
    };
    let (client, asked) = clients(&[person("a")], everything);
    let expanded = MainClient::new(&client).get().expand().await.unwrap();
    let owner = with_boss(under("stranger", "a"), person("a"));
    assert_eq!(expanded.list, [owned(&owner)]);
    assert_eq!(counts(&asked), [("find", 1)]);
}

#[tokio::test]
async fn jobs_parallel_calls_and_values_of_ones_own_are_expanded_as_a_whole() {
    let everything = Everything {
        list: vec![thing("a")],
        ..Everything::default()
    };
    let (client, asked) = clients(&[person("a")], everything);
    let main = MainClient::new(&client);
    let is_expanded = |everything: &Everything| everything.list[0].owner.is_some();

    let (one, two) = client.job((main.get(), main.get())).expand().await.unwrap();
    assert!(is_expanded(&one) && is_expanded(&two));
    let both = client.job(vec![main.get(), main.get()]);
    let both = both.continue_on_error().expand().await.unwrap();
    assert!(both.iter().all(|one| is_expanded(one.as_ref().unwrap())));
    let mut all = client.parallel([main.get(), main.get()]).await.unwrap();
    client.expand(&mut all).await.unwrap();
    assert!(all.iter().all(is_expanded));
    let mut page = Page {
        items: vec![thing("a"), thing("a")],
    };
    client.expand(&mut page).await.unwrap();
    assert!(page.items.iter().all(|thing| thing.owner.is_some()));
    assert_eq!(counts(&asked), [("find", 1); 4]);
}

#[tokio::test]
async fn the_calls_of_typed_expansions_are_in_the_context_of_the_call() {
    let everything = Everything {
        list: vec![thing("a")],
        ..Everything::default()
    };
    let (client, asked) = clients(&[under("a", "b"), person("b")], everything);
    let call = MainClient::new(&client).get().switch(Switch::new(5));
    call.correlation_id("mine").expand().await.unwrap();
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    for (_, _, correlation_id, switches) in asked.iter() {
        assert_eq!((&**correlation_id, &**switches), ("mine", &[5][..]));
    }
}

#[tokio::test]
async fn errors_of_typed_expansions_are_told_where_the_attribute_says_so() {
    let everything = Everything {
        tagged: vec![Tagged {
            number: Some(13),
            tag: None,
        }],
        ..Everything::default()
    };
    let (client, _) = clients(&[], everything.clone());
    let main = MainClient::new(&client);
    assert_eq!(main.get().expand().await.unwrap(), everything);
    let error = main.strict().expand().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.service()),
        (ErrorKind::Action, "people")
    );
    assert_eq!(error.errors()[0].code, "UNLUCKY");

    let alone = MainClient::local(Main(everything));
    let error = alone.get().expand().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownService);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_call_is_for_its_typed_expansions_as_well() {
    let (client, _) = clients(&[], Everything::default());
    let call = MainClient::new(&client)
        .slow()
        .timeout(Duration::from_secs(3));
    let start = tokio::time::Instant::now();
    let error = call.expand().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.service()),
        (ErrorKind::Timeout, "people")
    );
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn ten_thousand_typed_objects_are_one_call() {
    let stub = Stub::new().on(PeopleClient::FIND, |request: FindPeople| {
        let people = request.ids.into_iter().map(|id| (id.clone(), person(&id)));
        Ok(FoundPeople {
            people: people.collect(),
        })
    });
    let client = Client::builder().service("people", stub.clone());
    let client = client.build().unwrap();
    let mut things: Vec<Thing> = (0..10_000).map(|id| thing(&id.to_string())).collect();
    client.expand(&mut things).await.unwrap();
    for thing in things {
        assert_eq!(thing.owner.unwrap().id, thing.owner_id);
    }
    assert_eq!(stub.calls(PeopleClient::FIND).len(), 1);
}

#[tokio::test]
async fn a_typed_chain_without_an_end_comes_to_one() {
    let stub = Stub::new().on(PeopleClient::FIND, |request: FindPeople| {
        let next = |id: &Id| under(id, &(id.parse::<u64>().unwrap() + 1).to_string());
        let people = request.ids.iter().map(|id| (id.clone(), next(id)));
        Ok(FoundPeople {
            people: people.collect(),
        })
    });
    let client = Client::builder().service("people", stub);
    let client = client.build().unwrap();
    let mut first = thing("1");
    client.expand(&mut first).await.unwrap();
    let mut depth = 0;
    let mut next = first.owner.map(Box::new);
    while let Some(person) = next {
        depth += 1;
        next = person.boss;
    }
    assert_eq!(depth, 64);
}

#[tokio::test]
async fn typed_copies_without_number_are_an_error() {
    #[derive(Debug, Clone, Serialize, Deserialize, Validate, JsonSchema, Expand)]
    #[garde(allow_unvalidated)]
    struct Child {
        mother_id: i64,
        father_id: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[expand(from = mother_id, with = FamilyClient::FIND, request = FindTags { numbers }, found = found, nested)]
        mother: Option<Box<Child>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[expand(from = father_id, with = FamilyClient::FIND, request = FindTags { numbers }, found = found, nested)]
        father: Option<Box<Child>>,
    }

    #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
    #[garde(allow_unvalidated)]
    struct Found {
        found: BTreeMap<i64, Child>,
    }

    fn child(id: i64) -> Child {
        Child {
            mother_id: id + 1,
            father_id: id + 2,
            mother: None,
            father: None,
        }
    }

    struct Family;

    #[service(name = "family", version = "1")]
    impl Family {
        #[action]
        async fn find(&self, request: FindTags) -> Result<Found, ActionError> {
            let found = request.numbers.into_iter().map(|id| (id, child(id)));
            Ok(Found {
                found: found.collect(),
            })
        }
    }

    let server = Server::builder(Family).build().unwrap();
    let client = Client::builder().service("family", LocalTransport::new(server));
    let client = client.build().unwrap();
    let error = client.expand(&mut child(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(
        error.to_string(),
        "invalid call: the response would be too large with all expansions"
    );
}
