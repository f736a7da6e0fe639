//! Custom serializers, in addition to MessagePack and JSON.
//!
//! A frame names the content type of its message, and a custom serializer is chosen by it. Its messages are transcoded to
//! MessagePack when they arrive, and from MessagePack when they are sent, so bodies inside of a process are always in one
//! of the two encodings.

use std::fmt;
use std::sync::Arc;

use crate::codec::{DecodeError, EncodeError, Encoding, Value};

/// A custom serializer for whole messages.
///
/// Create errors with `serde::ser::Error::custom` and `serde::de::Error::custom`. [`Serializers`] has an example.
pub trait Serializer: Send + Sync + 'static {
    /// Returns the content type: letters, digits, `_`, `/`, `.` and `-` only.
    fn content_type(&self) -> &str;

    /// Encodes a message.
    ///
    /// # Errors
    /// If the serializer cannot encode a value. Callers then get the error `RESPONSE_NOT_SERIALIZABLE`.
    fn encode(&self, message: &Value) -> Result<Vec<u8>, EncodeError>;

    /// Decodes a message.
    ///
    /// # Errors
    /// If the bytes are not one whole message. The message is then counted as invalid, and dropped.
    fn decode(&self, bytes: &[u8]) -> Result<Value, DecodeError>;
}

/// The custom serializers of a server or a client. MessagePack and JSON need no entry.
///
/// ```
/// # use soa_wire as soa;
/// use soa::codec::{DecodeError, EncodeError, msgpack};
/// use soa::{Serializer, Serializers, Value};
///
/// /// MessagePack, backwards.
/// struct Backwards;
///
/// impl Serializer for Backwards {
///     fn content_type(&self) -> &str {
///         "application/x-backwards"
///     }
///
///     fn encode(&self, message: &Value) -> Result<Vec<u8>, EncodeError> {
///         let mut bytes = Vec::new();
///         msgpack::encode_value(message, &mut bytes)?;
///         bytes.reverse();
///         Ok(bytes)
///     }
///
///     fn decode(&self, bytes: &[u8]) -> Result<Value, DecodeError> {
///         let bytes: Vec<u8> = bytes.iter().rev().copied().collect();
///         msgpack::decode_value(&bytes)
///     }
/// }
///
/// let serializers = Serializers::new().with(Backwards);
/// assert_eq!(format!("{serializers:?}"), r#"["application/x-backwards"]"#);
/// ```
#[derive(Clone, Default)]
pub struct Serializers(Vec<Arc<dyn Serializer>>);

impl Serializers {
    /// Creates a list without custom serializers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a serializer, in place of an earlier one with the same content type. It can also replace MessagePack or JSON.
    #[must_use]
    pub fn with(mut self, serializer: impl Serializer) -> Self {
        self.0
            .retain(|known| known.content_type() != serializer.content_type());
        self.0.push(Arc::new(serializer));
        self
    }

    /// Returns a content type that a frame cannot name, if there is one.
    #[doc(hidden)]
    pub fn unusable(&self) -> Option<String> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_/.-".contains(&byte);
        let mut types = self.0.iter().map(|known| known.content_type());
        let unusable = types.find(|name| name.is_empty() || !name.bytes().all(is_fine));
        unusable.map(str::to_owned)
    }

    /// Returns the format of a content type. Without a content type, or for an unknown one, it is MessagePack, and the
    /// answer names MessagePack (protocol, section 9).
    pub(crate) fn format(&self, content_type: Option<&str>) -> Format {
        let Some(content_type) = content_type else {
            return Format::Own(Encoding::MessagePack);
        };
        let custom = self
            .0
            .iter()
            .find(|known| known.content_type() == content_type);
        match (custom, Encoding::from_content_type(content_type)) {
            (Some(custom), _) => Format::Custom(Arc::clone(custom)),
            (None, Some(encoding)) => Format::Own(encoding),
            (None, None) => Format::Own(Encoding::MessagePack),
        }
    }
}

impl fmt::Debug for Serializers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types = self.0.iter().map(|known| known.content_type().to_owned());
        f.debug_list().entries(types).finish()
    }
}

/// The format of a message.
#[derive(Clone)]
pub(crate) enum Format {
    Own(Encoding),
    Custom(Arc<dyn Serializer>),
}

impl Format {
    pub(crate) fn content_type(&self) -> &str {
        match self {
            Self::Own(encoding) => encoding.content_type(),
            Self::Custom(serializer) => serializer.content_type(),
        }
    }

    /// Returns the encoding of bodies inside of the process.
    pub(crate) fn encoding(&self) -> Encoding {
        match self {
            Self::Own(encoding) => *encoding,
            Self::Custom(_) => Encoding::MessagePack,
        }
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.content_type())
    }
}
