//! Bodies, which stay encoded until they are decoded as a type.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::held::{Dynamic, Held, Unencoded};
use crate::codec::{
    DecodeError, Decoded, EncodeError, Encoding, Value, decode_map, msgpack, to_body,
};

/// The body of an action's request or response: the encoded bytes of a map, and their encoding.
///
/// The body of a received message is a slice of the message. A body that cannot be encoded keeps its error: later actions
/// of the job still run, and at the end the whole response becomes `RESPONSE_NOT_SERIALIZABLE`, as in PySOA. A body that
/// goes from one action to another one of the same server holds the value itself, and is encoded when its bytes are
/// needed.
///
/// ```
/// # use soa_wire as soa;
/// use serde::{Deserialize, Serialize};
/// use soa::{Body, Encoding, value};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Square {
///     number: i64,
/// }
///
/// let body = Body::encode(Encoding::MessagePack, &Square { number: 12 });
/// assert_eq!(body.decode::<Square>()?, Square { number: 12 });
/// assert_eq!(body.to_value()?, value!({ "number": 12 }));
/// # Ok::<(), soa::codec::DecodeError>(())
/// ```
#[derive(Clone)]
pub struct Body {
    encoding: Encoding,
    /// Content other than bytes is rare. It is behind one pointer, because bodies are moved often.
    content: Result<Bytes, Arc<Unencoded>>,
}

impl Body {
    /// Creates the body `{}`.
    pub fn empty(encoding: Encoding) -> Self {
        Self::from_bytes(
            encoding,
            match encoding {
                Encoding::Json => Bytes::from_static(b"{}"),
                _ => Bytes::from_static(&[0x80]),
            },
        )
    }

    /// Encodes a value that is a map: a struct, [`Value::Map`], or `()` for `{}`. If that fails, [`Body::bytes`] returns
    /// the error.
    pub fn encode<T: Serialize + ?Sized>(encoding: Encoding, value: &T) -> Self {
        match encoding.encode_body(value) {
            Ok(bytes) => Self::from_bytes(encoding, bytes.into()),
            Err(error) => Self::broken(encoding, error),
        }
    }

    /// Creates a body of a dynamic value. It is decoded as its type without bytes between, and encoded as MessagePack, which has
    /// every type, only when its bytes are needed.
    ///
    /// # Errors
    /// The value is not a map, or it cannot be encoded.
    #[doc(hidden)]
    pub fn from_value(value: Value) -> Result<Self, EncodeError> {
        msgpack::check_body(&value)?;
        Ok(Self {
            encoding: Encoding::MessagePack,
            content: Err(Arc::new(Unencoded::Dynamic(Dynamic::new(value)))),
        })
    }

    /// Creates a body as [`from_value`](Self::from_value) does, of a value that is serialized. If that fails, [`Body::bytes`]
    /// returns the error.
    #[doc(hidden)]
    pub fn serialized<T: Serialize + ?Sized>(value: &T) -> Self {
        let body = to_body(value).and_then(Self::from_value);
        body.unwrap_or_else(|error| Self::broken(Encoding::MessagePack, error))
    }

    fn broken(encoding: Encoding, error: EncodeError) -> Self {
        Self {
            encoding,
            content: Err(Arc::new(Unencoded::Broken(Arc::new(error)))),
        }
    }

    /// Creates a body that is encoded when its bytes are needed.
    #[doc(hidden)]
    pub fn held<T: Send + 'static>(
        encoding: Encoding,
        value: T,
        encode: fn(Encoding, &T) -> Self,
    ) -> Self {
        let encode = move |value: &T| encode(encoding, value).bytes().cloned().map_err(Arc::clone);
        let held = Held::new(value, encode);
        Self {
            encoding,
            content: Err(Arc::new(Unencoded::Held(Box::new(held)))),
        }
    }

    /// Returns true if it was created by [`held`](Self::held), even if the value was taken.
    #[doc(hidden)]
    pub fn is_held(&self) -> bool {
        matches!(
            self.content.as_ref().map_err(|content| &**content),
            Err(Unencoded::Held(_))
        )
    }

    /// Takes the value out of a held body, if it is of this type.
    #[doc(hidden)]
    pub fn take<T: Send + 'static>(&self) -> Option<T> {
        let mut place: Option<T> = None;
        if let Err(content) = &self.content
            && let Unencoded::Held(held) = &**content
        {
            held.take(&mut place);
        }
        place
    }

    /// Creates a body from encoded bytes. They should be one map in this encoding. This is not checked here, but when the
    /// body is decoded.
    pub fn from_bytes(encoding: Encoding, bytes: Bytes) -> Self {
        Self {
            encoding,
            content: Ok(bytes),
        }
    }

    /// Returns the encoding.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Returns the encoded bytes.
    ///
    /// # Errors
    /// If the body could not be encoded.
    pub fn bytes(&self) -> Result<&Bytes, &Arc<EncodeError>> {
        match &self.content {
            Ok(bytes) => Ok(bytes),
            Err(content) => match &**content {
                Unencoded::Broken(error) => Err(error),
                Unencoded::Held(held) => held.bytes(),
                Unencoded::Dynamic(dynamic) => dynamic.bytes(),
            },
        }
    }

    /// Decodes the body as a type.
    ///
    /// # Errors
    /// If the body is malformed, does not fit the type, or could not be encoded.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.decode_marked().map(|decoded| decoded.value)
    }

    /// Decodes the body as a dynamic value.
    ///
    /// # Errors
    /// If the body is malformed, or could not be encoded.
    pub fn to_value(&self) -> Result<Value, DecodeError> {
        if let Some(value) = self.dynamic() {
            return Ok(value.clone());
        }
        match self.bytes() {
            Ok(bytes) => self.encoding.decode_map(bytes),
            Err(error) => Err(serde::de::Error::custom(error)),
        }
    }

    /// Decodes the body as a dynamic value, which is not copied if the body has it.
    ///
    /// # Errors
    /// As [`to_value`](Self::to_value).
    #[doc(hidden)]
    pub fn into_value(self) -> Result<Value, DecodeError> {
        let encoding = self.encoding;
        let content = self.content.map_err(Arc::try_unwrap);
        let content = match content {
            Err(Ok(Unencoded::Dynamic(dynamic))) => return Ok(dynamic.value),
            Err(Ok(content)) => Err(Arc::new(content)),
            Err(Err(shared)) => Err(shared),
            Ok(bytes) => Ok(bytes),
        };
        Self { encoding, content }.to_value()
    }

    /// Returns true if it was created by [`from_value`](Self::from_value).
    #[doc(hidden)]
    pub fn is_dynamic(&self) -> bool {
        self.dynamic().is_some()
    }

    /// Returns the error of a body that cannot be encoded.
    #[doc(hidden)]
    pub fn error(&self) -> Option<&Arc<EncodeError>> {
        match self.is_dynamic() {
            // That was found out when it was created.
            true => None,
            false => self.bytes().err(),
        }
    }

    /// Returns the value of a body that was created by [`from_value`](Self::from_value).
    fn dynamic(&self) -> Option<&Value> {
        match self.content.as_ref().map_err(|content| &**content) {
            Err(Unencoded::Dynamic(dynamic)) => Some(&dynamic.value),
            _ => None,
        }
    }

    /// Returns the body in another encoding.
    #[doc(hidden)]
    pub fn transcoded(&self, encoding: Encoding) -> Self {
        match self.to_value() {
            Ok(value) => Self::encode(encoding, &value),
            Err(error) => Self::broken(encoding, serde::ser::Error::custom(error)),
        }
    }

    #[doc(hidden)]
    pub fn decode_marked<T: DeserializeOwned>(&self) -> Result<Decoded<T>, DecodeError> {
        if let Some(value) = self.dynamic() {
            return decode_map(value);
        }
        match self.bytes() {
            Ok(bytes) => self.encoding.decode_body(bytes),
            Err(error) => Err(serde::de::Error::custom(error)),
        }
    }
}

impl fmt::Debug for Body {
    /// Writes the encoding and the size, never the content, because logs must not have secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_held() {
            return write!(f, "Body({:?}, not encoded)", self.encoding);
        }
        match self.bytes() {
            Ok(bytes) => write!(f, "Body({:?}, {} bytes)", self.encoding, bytes.len()),
            Err(error) => write!(f, "Body({:?}, {error})", self.encoding),
        }
    }
}
