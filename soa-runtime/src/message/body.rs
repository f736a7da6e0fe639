//! A body that stays encoded until somebody asks for it as a type.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{DecodeError, Decoded, EncodeError, Encoding, Value};

/// The body of an action's request or response: the encoded bytes of a map, and their encoding.
///
/// A received body is a slice of the message that it came in. A body that could not be encoded
/// keeps its error instead: later actions of the job still run, and the whole response becomes
/// `RESPONSE_NOT_SERIALIZABLE` (the reference, too, encodes last).
#[derive(Clone)]
pub struct Body {
    encoding: Encoding,
    content: Result<Bytes, Arc<EncodeError>>,
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
                .map_err(Arc::new),
        }
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
        self.content.as_ref()
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
    pub(crate) fn transcoded(&self, encoding: Encoding) -> Self {
        match self.to_value() {
            Ok(value) => Self::encode(encoding, &value),
            Err(error) => Self {
                encoding,
                content: Err(Arc::new(serde::ser::Error::custom(error))),
            },
        }
    }

    pub(crate) fn decode_marked<T: DeserializeOwned>(&self) -> Result<Decoded<T>, DecodeError> {
        match &self.content {
            Ok(bytes) => self.encoding.decode_body(bytes),
            Err(error) => Err(serde::de::Error::custom(error)),
        }
    }
}

impl fmt::Debug for Body {
    /// Never prints the content, which may hold anything: it goes to logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Ok(bytes) => write!(f, "Body({:?}, {} bytes)", self.encoding, bytes.len()),
            Err(error) => write!(f, "Body({:?}, {error})", self.encoding),
        }
    }
}
