//! Expansions of typed responses.
//!
//! `#[derive(Expand)]` writes [`Expand`] for a struct: a walk over its fields that hands each place to a [`Visit`].
//! Each round makes one walk. A visit fills a place if its object is known, and notes the identifier otherwise. Between
//! two walks it requests the objects that were noted, with one call for each [`Finder`].

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use futures_util::future::join_all;

use super::limit::MAX_ROUNDS;
use super::request::is_answer;
use crate::action::Action;
use crate::client::route::Route;
use crate::client::scope::ExpansionScope;
use crate::codec::Nullable;
use crate::error::ClientError;
use crate::message::{ActionRequest, Body, Name};

/// The maximum number of copies of found objects in one response.
const MAX_COPIES: usize = 1_000_000;

/// A type whose fields take objects of other services, or that contains such types. It is derived; see the guide
/// `soa::docs::expansions`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has nothing to expand",
    label = "does not implement `Expand`",
    note = "derive `soa::Expand` for it, and mark its fields with `#[expand(…)]`"
)]
pub trait Expand {
    /// Shows all places to a visit.
    #[doc(hidden)]
    fn visit_expansions(&mut self, visit: &mut Visit);
}

/// A field that holds the identifier of an object: the identifier itself, or an `Option` or a [`Nullable`] of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the identifier that the action finds objects by",
    label = "not `{Id}`, nor an `Option` or a `Nullable` of it"
)]
pub trait ExpansionSource<Id> {
    #[doc(hidden)]
    fn identifier(&self) -> Option<&Id>;
}

impl<Id> ExpansionSource<Id> for Id {
    fn identifier(&self) -> Option<&Id> {
        Some(self)
    }
}

impl<Id> ExpansionSource<Id> for Option<Id> {
    fn identifier(&self) -> Option<&Id> {
        self.as_ref()
    }
}

impl<Id> ExpansionSource<Id> for Nullable<Id> {
    fn identifier(&self) -> Option<&Id> {
        self.as_ref().into_option()
    }
}

/// A field that takes a found object: an `Option` of it, or of a type that it converts into, such as a `Box`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take the objects that the action finds",
    label = "not an `Option<{Object}>`, nor one of a `Box`",
    note = "not every identifier has an object: the field is an `Option`"
)]
pub trait ExpansionDestination<Object> {
    /// The type inside of the `Option`.
    #[doc(hidden)]
    type Inner;

    #[doc(hidden)]
    fn place(&mut self) -> &mut Option<Self::Inner>;

    #[doc(hidden)]
    fn inner(object: Object) -> Self::Inner;
}

#[diagnostic::do_not_recommend]
impl<Object, Inner: From<Object>> ExpansionDestination<Object> for Option<Inner> {
    type Inner = Inner;

    fn place(&mut self) -> &mut Self {
        self
    }

    fn inner(object: Object) -> Inner {
        object.into()
    }
}

/// The map, from identifiers to objects, in the response of an action that finds objects.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a map from identifiers to objects",
    label = "expansions need a `HashMap` or a `BTreeMap`, whose keys are `Clone`, `Eq` and `Hash`, and whose values are `Clone`"
)]
pub trait FoundObjects: 'static {
    /// The identifier.
    type Id: Clone + Eq + Hash + Send + 'static;
    /// The object.
    type Object: Clone + Send + 'static;

    #[doc(hidden)]
    fn take(&mut self, id: &Self::Id) -> Option<Self::Object>;
}

#[diagnostic::do_not_recommend]
impl<Id, Object, S> FoundObjects for HashMap<Id, Object, S>
where
    Id: Clone + Eq + Hash + Send + 'static,
    Object: Clone + Send + 'static,
    S: BuildHasher + 'static,
{
    type Id = Id;
    type Object = Object;

    fn take(&mut self, id: &Id) -> Option<Object> {
        self.remove(id)
    }
}

#[diagnostic::do_not_recommend]
impl<Id, Object> FoundObjects for BTreeMap<Id, Object>
where
    Id: Clone + Ord + Hash + Send + 'static,
    Object: Clone + Send + 'static,
{
    type Id = Id;
    type Object = Object;

    fn take(&mut self, id: &Id) -> Option<Object> {
        self.remove(id)
    }
}

/// An action that finds objects, with the functions that make its request from identifiers and take the objects from
/// its response.
pub struct Finder<Req, Resp, Ids, Found> {
    service: &'static str,
    action: Action<Req, Resp>,
    /// The source text of the attribute: finders with the same text and types are the same.
    text: &'static str,
    request: fn(Ids) -> Req,
    found: fn(Resp) -> Found,
    raises: bool,
}

impl<Req, Resp, Ids, Found> Finder<Req, Resp, Ids, Found> {
    /// Returns a finder, for generated code.
    pub fn new(
        service: &'static str,
        action: Action<Req, Resp>,
        text: &'static str,
        request: fn(Ids) -> Req,
        found: fn(Resp) -> Found,
    ) -> Self {
        Self {
            service,
            action,
            text,
            request,
            found,
            raises: false,
        }
    }

    /// Turns errors that the service answers into errors of the call.
    #[must_use]
    pub fn raising(mut self) -> Self {
        self.raises = true;
        self
    }
}

impl<Req, Resp, Ids, Found> fmt::Debug for Finder<Req, Resp, Ids, Found> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Finder").field(&self.text).finish()
    }
}

/// All objects of one finder.
struct Slot<Req, Resp, Ids, Found: FoundObjects> {
    finder: Finder<Req, Resp, Ids, Found>,
    /// The number of each identifier.
    numbers: HashMap<Found::Id, usize>,
    /// The found objects, by the number of their identifier.
    objects: Vec<Option<Found::Object>>,
    /// The identifiers for the next request.
    noted: Vec<Found::Id>,
    /// The identifiers of the current request.
    asked: Vec<Found::Id>,
}

/// A slot of any types.
trait AnySlot: Any + Send {
    /// Returns true if there are identifiers for a request.
    fn is_waiting(&self) -> bool;

    /// Makes the request for the identifiers that were noted.
    fn request(&mut self, scope: &ExpansionScope) -> (Arc<Route>, ActionRequest);

    fn take(&mut self, body: &Body) -> Result<(), ClientError>;

    fn raises(&self) -> bool;
}

impl<Req, Resp, Ids, Found> AnySlot for Slot<Req, Resp, Ids, Found>
where
    Req: 'static,
    Resp: 'static,
    Ids: FromIterator<Found::Id> + 'static,
    Found: FoundObjects,
{
    fn is_waiting(&self) -> bool {
        !self.noted.is_empty()
    }

    fn request(&mut self, scope: &ExpansionScope) -> (Arc<Route>, ActionRequest) {
        self.asked = std::mem::take(&mut self.noted);
        let Finder {
            service,
            action,
            request,
            ..
        } = &self.finder;
        let route = scope.route(&Name::from_static(service));
        let request = request(self.asked.iter().cloned().collect());
        let body = (action.request.encode)(route.encoding(), &request);
        let request = ActionRequest::new(action.name(), body)
            .of_variant(action.variant)
            .declared(action.declared)
            .reading_text(action.response.read_text);
        (route, request)
    }

    fn take(&mut self, body: &Body) -> Result<(), ClientError> {
        let Finder {
            service,
            action,
            found,
            ..
        } = &self.finder;
        let response = (action.response.decode)(body).map_err(|error| {
            ClientError::decode(&Name::from_static(service), action.name().into(), error)
        })?;
        let mut found = found(response);
        for id in self.asked.drain(..) {
            let number = self.numbers.get(&id);
            if let Some(place) = number.and_then(|number| self.objects.get_mut(*number)) {
                *place = found.take(&id);
            }
        }
        Ok(())
    }

    fn raises(&self) -> bool {
        self.finder.raises
    }
}

/// The identity of a finder.
#[derive(PartialEq, Eq, Hash)]
struct SlotKey {
    types: TypeId,
    service: &'static str,
    action: &'static str,
    text: &'static str,
}

/// A walk over a value, with the objects that were found for it.
#[derive(Default)]
pub struct Visit {
    slots: Vec<Box<dyn AnySlot>>,
    numbers: HashMap<SlotKey, usize>,
    /// The found objects around the current place: slot, and number in it.
    above: Vec<(usize, usize)>,
    copies: usize,
}

impl Visit {
    /// Handles a place for an object in which nothing is expanded.
    pub fn object<S, D, Req, Resp, Ids, Found>(
        &mut self,
        finder: Finder<Req, Resp, Ids, Found>,
        source: &S,
        destination: &mut D,
    ) where
        Req: 'static,
        Resp: 'static,
        Ids: FromIterator<Found::Id> + 'static,
        Found: FoundObjects,
        S: ExpansionSource<Found::Id>,
        D: ExpansionDestination<Found::Object>,
    {
        self.fill(finder, source, destination);
    }

    /// Handles a place for an object that has places of its own.
    pub fn nested_object<S, D, Req, Resp, Ids, Found>(
        &mut self,
        finder: Finder<Req, Resp, Ids, Found>,
        source: &S,
        destination: &mut D,
    ) where
        Req: 'static,
        Resp: 'static,
        Ids: FromIterator<Found::Id> + 'static,
        Found: FoundObjects,
        S: ExpansionSource<Found::Id>,
        D: ExpansionDestination<Found::Object, Inner: Expand>,
    {
        let entry = self.fill(finder, source, destination);
        let Some(object) = destination.place() else {
            return;
        };
        match entry {
            // An object inside of itself is not expanded.
            Some(entry) if self.above.contains(&entry) || self.above.len() >= MAX_ROUNDS => {}
            Some(entry) => {
                self.above.push(entry);
                object.visit_expansions(self);
                self.above.pop();
            }
            None => object.visit_expansions(self),
        }
    }

    /// Fills the place if its object is known; otherwise notes its identifier, if that is new. Returns the number of
    /// the object that belongs there.
    fn fill<S, D, Req, Resp, Ids, Found>(
        &mut self,
        finder: Finder<Req, Resp, Ids, Found>,
        source: &S,
        destination: &mut D,
    ) -> Option<(usize, usize)>
    where
        Req: 'static,
        Resp: 'static,
        Ids: FromIterator<Found::Id> + 'static,
        Found: FoundObjects,
        S: ExpansionSource<Found::Id>,
        D: ExpansionDestination<Found::Object>,
    {
        let id = source.identifier()?;
        let slot_number = self.slot_number(finder);
        let slot: &mut dyn Any = &mut **self.slots.get_mut(slot_number)?;
        let slot: &mut Slot<Req, Resp, Ids, Found> = slot.downcast_mut()?;
        let place = destination.place();
        let number = match slot.numbers.get(id) {
            Some(number) => *number,
            None if place.is_some() => return None,
            None => {
                slot.objects.push(None);
                slot.noted.push(id.clone());
                slot.numbers.insert(id.clone(), slot.objects.len() - 1);
                return None;
            }
        };
        if place.is_none()
            && self.copies < MAX_COPIES
            && let Some(Some(object)) = slot.objects.get(number)
        {
            self.copies += 1;
            *place = Some(D::inner(object.clone()));
        }
        Some((slot_number, number))
    }

    fn slot_number<Req, Resp, Ids, Found>(&mut self, finder: Finder<Req, Resp, Ids, Found>) -> usize
    where
        Req: 'static,
        Resp: 'static,
        Ids: FromIterator<Found::Id> + 'static,
        Found: FoundObjects,
    {
        let key = SlotKey {
            types: TypeId::of::<Slot<Req, Resp, Ids, Found>>(),
            service: finder.service,
            action: finder.action.name(),
            text: finder.text,
        };
        let slots = &mut self.slots;
        *self.numbers.entry(key).or_insert_with(|| {
            slots.push(Box::new(Slot {
                finder,
                numbers: HashMap::new(),
                objects: Vec::new(),
                noted: Vec::new(),
                asked: Vec::new(),
            }));
            slots.len() - 1
        })
    }

    /// Requests the noted objects, all at once. Returns true if there were any.
    async fn fetch(&mut self, scope: &ExpansionScope) -> Result<bool, ClientError> {
        let mut waiting: Vec<_> = self
            .slots
            .iter_mut()
            .filter(|slot| slot.is_waiting())
            .collect();
        let calls: Vec<_> = waiting.iter_mut().map(|slot| slot.request(scope)).collect();
        let calls = calls
            .into_iter()
            .map(|(route, request)| scope.request(route, request));
        let answers = join_all(calls).await;
        let has_asked = !answers.is_empty();
        for (slot, answer) in waiting.into_iter().zip(answers) {
            match answer {
                Ok(body) => slot.take(&body)?,
                Err(error) if is_answer(&error) && !slot.raises() => scope.log(&error),
                Err(error) => return Err(error),
            }
        }
        Ok(has_asked)
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit")
            .field("finders", &self.slots.len())
            .finish_non_exhaustive()
    }
}

/// Fills all places of a value. `service` is the service that it came from, for errors.
pub(in crate::client) async fn expand<T: Expand + Send + ?Sized>(
    scope: &ExpansionScope,
    service: &Name,
    value: &mut T,
) -> Result<(), ClientError> {
    let mut visit = Visit::default();
    for _ in 0..=MAX_ROUNDS {
        value.visit_expansions(&mut visit);
        if visit.copies >= MAX_COPIES {
            let message = "the response would be too large with all expansions";
            return Err(ClientError::usage(service, message));
        }
        if !visit.fetch(scope).await? {
            break;
        }
    }
    Ok(())
}
