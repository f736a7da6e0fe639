//! The content of a body without bytes: the value itself, on its way between two actions of one server or from a door, or the
//! error of encoding it.

use std::any::Any;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use crate::codec::{EncodeError, Encoding, Value};

/// The content of a body that has no encoded bytes.
pub(super) enum Unencoded {
    Broken(Arc<EncodeError>),
    Held(Box<dyn Hold>),
    Dynamic(Dynamic),
}

/// A dynamic value that is encoded as MessagePack when its bytes are needed.
pub(super) struct Dynamic {
    pub(super) value: Value,
    encoded: OnceLock<Result<Bytes, Arc<EncodeError>>>,
}

impl Dynamic {
    pub(super) const fn new(value: Value) -> Self {
        Self {
            value,
            encoded: OnceLock::new(),
        }
    }

    pub(super) fn bytes(&self) -> Result<&Bytes, &Arc<EncodeError>> {
        let encoded = self.encoded.get_or_init(|| {
            let bytes = Encoding::MessagePack.encode_value(&self.value);
            bytes.map(Bytes::from).map_err(Arc::new)
        });
        encoded.as_ref()
    }
}

/// A value without its type.
pub(super) trait Hold: Send + Sync {
    /// Moves the value into an empty `Option` of its type. If `place` has another type, the value stays.
    fn take(&self, place: &mut dyn Any);

    /// Returns the value as bytes, for a receiver with another type.
    fn bytes(&self) -> Result<&Bytes, &Arc<EncodeError>>;
}

/// A value that is encoded when its bytes are needed.
pub(super) struct Held<T, E> {
    value: Mutex<Option<T>>,
    encode: E,
    encoded: OnceLock<Result<Bytes, Arc<EncodeError>>>,
}

impl<T, E> Held<T, E>
where
    E: Fn(&T) -> Result<Bytes, Arc<EncodeError>>,
{
    pub(super) fn new(value: T, encode: E) -> Self {
        Self {
            value: Mutex::new(Some(value)),
            encode,
            encoded: OnceLock::new(),
        }
    }
}

impl<T, E> Hold for Held<T, E>
where
    T: Send + 'static,
    E: Fn(&T) -> Result<Bytes, Arc<EncodeError>> + Send + Sync,
{
    fn take(&self, place: &mut dyn Any) {
        if let Some(place) = place.downcast_mut::<Option<T>>() {
            let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
            *place = value.take();
        }
    }

    fn bytes(&self) -> Result<&Bytes, &Arc<EncodeError>> {
        let encoded = self.encoded.get_or_init(|| {
            let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
            match &*value {
                Some(value) => (self.encode)(value),
                None => Err(Arc::new(serde::ser::Error::custom(
                    "the body was already taken by its action",
                ))),
            }
        });
        encoded.as_ref()
    }
}
