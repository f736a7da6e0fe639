//! Serializers beside the two that the framework brings.
//!
//! Servers and clients speak MessagePack and JSON by themselves. A serializer of your own is known by its
//! content type; its messages are turned into MessagePack at the edge, so bodies inside are always in one
//! of the two encodings.

use std::fmt;
use std::sync::Arc;

use crate::codec::{DecodeError, EncodeError, Encoding, Value};

/// A further serializer for whole messages.
///
/// Errors are made with `serde::ser::Error::custom` and `serde::de::Error::custom`.
pub trait Serializer: Send + Sync + 'static {
    /// The content type under which it is asked for: letters, digits, `_`, `/`, `.` and `-` only.
    fn content_type(&self) -> &str;

    /// Writes a message.
    ///
    /// # Errors
    /// A value that this serializer cannot carry; callers get `RESPONSE_NOT_SERIALIZABLE`.
    fn encode(&self, message: &Value) -> Result<Vec<u8>, EncodeError>;

    /// Reads a message.
    ///
    /// # Errors
    /// Bytes that are not one whole message; they are counted and dropped.
    fn decode(&self, bytes: &[u8]) -> Result<Value, DecodeError>;
}

/// The serializers that one side knows beside MessagePack and JSON.
#[derive(Clone, Default)]
pub struct Serializers(Vec<Arc<dyn Serializer>>);

impl Serializers {
    /// None but the framework's own.
    pub fn new() -> Self {
        Self::default()
    }

    /// These and one more, in place of an earlier one of its content type. MessagePack and JSON can be
    /// replaced, too.
    #[must_use]
    pub fn with(mut self, serializer: impl Serializer) -> Self {
        self.0
            .retain(|known| known.content_type() != serializer.content_type());
        self.0.push(Arc::new(serializer));
        self
    }

    /// A content type that no frame can name.
    #[doc(hidden)]
    pub fn unusable(&self) -> Option<String> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_/.-".contains(&byte);
        let mut types = self.0.iter().map(|known| known.content_type());
        let unusable = types.find(|name| name.is_empty() || !name.bytes().all(is_fine));
        unusable.map(str::to_owned)
    }

    /// The format of a content type. Without one, or with one that nobody knows, it is MessagePack, and the
    /// answer says so (protocol, section 9).
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

/// How a message is written.
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

    /// The encoding of bodies inside.
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
