//! The content of a body that is not encoded: the value itself, on its way between two actions of one server, or the
//! error of encoding it.

use std::any::Any;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use super::Body;
use crate::codec::{EncodeError, Encoding};

/// What is there in place of encoded bytes.
pub(super) enum Unencoded {
    Broken(Arc<EncodeError>),
    Held(Box<dyn Hold>),
}

/// A value without its type.
pub(super) trait Hold: Send + Sync {
    /// Moves the value into an empty `Option` of its type. A place of another type stays empty, and the value here.
    fn take(&self, place: &mut dyn Any);

    /// The value as bytes, for who knows it under another type.
    fn bytes(&self, encoding: Encoding) -> Result<&Bytes, &Arc<EncodeError>>;
}

/// A value that is encoded when somebody asks for that.
pub(super) struct Held<T> {
    value: Mutex<Option<T>>,
    encode: fn(Encoding, &T) -> Body,
    encoded: OnceLock<Result<Bytes, Arc<EncodeError>>>,
}

impl<T> Held<T> {
    pub(super) fn new(value: T, encode: fn(Encoding, &T) -> Body) -> Self {
        Self {
            value: Mutex::new(Some(value)),
            encode,
            encoded: OnceLock::new(),
        }
    }
}

impl<T: Send + 'static> Hold for Held<T> {
    fn take(&self, place: &mut dyn Any) {
        if let Some(place) = place.downcast_mut::<Option<T>>() {
            let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
            *place = value.take();
        }
    }

    fn bytes(&self, encoding: Encoding) -> Result<&Bytes, &Arc<EncodeError>> {
        let encoded = self.encoded.get_or_init(|| {
            let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
            match &*value {
                Some(value) => (self.encode)(encoding, value)
                    .bytes()
                    .cloned()
                    .map_err(Arc::clone),
                None => Err(Arc::new(serde::ser::Error::custom(
                    "the body was taken by its action",
                ))),
            }
        });
        encoded.as_ref()
    }
}
