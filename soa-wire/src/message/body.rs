//! A body that stays encoded until somebody asks for it as a type.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::held::{Held, Unencoded};
use crate::codec::{DecodeError, Decoded, EncodeError, Encoding, Value};

/// The body of an action's request or response: the encoded bytes of a map, and their encoding.
///
/// A received body is a slice of the message that it came in. A body that could not be encoded
/// keeps its error instead: later actions of the job still run, and the whole response becomes
/// `RESPONSE_NOT_SERIALIZABLE` (the reference, too, encodes last). Between two actions of one server a body holds
/// the value itself, and is encoded only for somebody who asks for its bytes.
#[derive(Clone)]
pub struct Body {
    encoding: Encoding,
    /// What is not bytes is behind one pointer, as it is rare, and bodies are moved a lot.
    content: Result<Bytes, Arc<Unencoded>>,
}

impl Body {
    /// The body `{}`.
    pub fn empty(encoding: Encoding) -> Self {
        Self::from_bytes(
            encoding,
            match encoding {
                Encoding::Json => Bytes::from_static(b"{}"),
                _ => Bytes::from_static(&[0x80]),
            },
        )
    }

    /// Encodes a value that is a map (a struct, [`Value::Map`], `()` for `{}`).
    ///
    /// What cannot be encoded is told by [`Body::bytes`].
    pub fn encode<T: Serialize + ?Sized>(encoding: Encoding, value: &T) -> Self {
        Self {
            encoding,
            content: encoding
                .encode_body(value)
                .map(Bytes::from)
                .map_err(|error| Arc::new(Unencoded::Broken(Arc::new(error)))),
        }
    }

    /// A body that is not encoded before somebody asks for that.
    #[doc(hidden)]
    pub fn held<T: Send + 'static>(
        encoding: Encoding,
        value: T,
        encode: fn(Encoding, &T) -> Self,
    ) -> Self {
        let held = Held::new(value, encode);
        Self {
            encoding,
            content: Err(Arc::new(Unencoded::Held(Box::new(held)))),
        }
    }

    /// Whether it holds a value, or did before that was taken.
    #[doc(hidden)]
    pub fn is_held(&self) -> bool {
        matches!(
            self.content.as_ref().map_err(|content| &**content),
            Err(Unencoded::Held(_))
        )
    }

    /// The value that it holds, if it is of this type.
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

    /// A body that is encoded already. The bytes must be one map in this encoding; nobody checks
    /// that here, the reader of the body will.
    pub fn from_bytes(encoding: Encoding, bytes: Bytes) -> Self {
        Self {
            encoding,
            content: Ok(bytes),
        }
    }

    /// How the body is encoded.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The encoded bytes.
    ///
    /// # Errors
    /// The error of encoding it, where that failed.
    pub fn bytes(&self) -> Result<&Bytes, &Arc<EncodeError>> {
        match &self.content {
            Ok(bytes) => Ok(bytes),
            Err(content) => match &**content {
                Unencoded::Broken(error) => Err(error),
                Unencoded::Held(held) => held.bytes(self.encoding),
            },
        }
    }

    /// Decodes the body as a type.
    ///
    /// # Errors
    /// A body that is not such a type, malformed, or was never encoded.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.decode_marked().map(|decoded| decoded.value)
    }

    /// Decodes the body as whatever it is.
    ///
    /// # Errors
    /// A body that is malformed or was never encoded.
    pub fn to_value(&self) -> Result<Value, DecodeError> {
        self.decode()
    }

    /// The same body in another encoding.
    #[doc(hidden)]
    pub fn transcoded(&self, encoding: Encoding) -> Self {
        match self.to_value() {
            Ok(value) => Self::encode(encoding, &value),
            Err(error) => Self {
                encoding,
                content: Err(Arc::new(Unencoded::Broken(Arc::new(
                    serde::ser::Error::custom(error),
                )))),
            },
        }
    }

    #[doc(hidden)]
    pub fn decode_marked<T: DeserializeOwned>(&self) -> Result<Decoded<T>, DecodeError> {
        match self.bytes() {
            Ok(bytes) => self.encoding.decode_body(bytes),
            Err(error) => Err(serde::de::Error::custom(error)),
        }
    }
}

impl fmt::Debug for Body {
    /// Never prints the content, which may hold anything: it goes to logs.
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
