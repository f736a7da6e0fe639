//! Strings of bytes.
//!
//! serde sees a `Vec<u8>` as a list of numbers, and that is how it is written. A field of type [`Blob`] is what Python
//! calls `bytes`: a `bin` of MessagePack. In a message it is never text, in either direction, and
//! JSON cannot carry it. Text for people has it as base64.

use std::fmt::{self, Formatter};
use std::ops::Deref;

use bytes::Bytes;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::base64;
use super::error::ParseError;

/// A string of bytes. Cheap to clone.
///
/// ```
/// # use soa_wire::codec::Blob;
/// let blob = Blob::from(vec![1, 2, 3]);
/// assert_eq!(blob.len(), 3);
/// assert_eq!(&blob[..], [1, 2, 3]);
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob(Bytes);

impl Blob {
    /// Wraps bytes.
    pub const fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn into_inner(self) -> Bytes {
        self.0
    }

    /// Reads base64, with the standard alphabet and with padding.
    ///
    /// ```
    /// # use soa_wire::codec::Blob;
    /// let blob = Blob::from_base64("AP/+")?;
    /// assert_eq!(&blob[..], [0x00, 0xff, 0xfe]);
    /// assert_eq!(blob.to_base64(), "AP/+");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the text is not base64.
    pub fn from_base64(text: &str) -> Result<Self, ParseError> {
        let bytes = base64::decode(text).ok_or_else(|| ParseError::new("base64", text))?;
        Ok(Self::from(bytes))
    }

    /// Writes base64, with the standard alphabet and with padding.
    pub fn to_base64(&self) -> String {
        base64::encode(&self.0)
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Blob {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<Bytes> for Blob {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl<const N: usize> From<[u8; N]> for Blob {
    fn from(bytes: [u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl From<Blob> for Bytes {
    fn from(blob: Blob) -> Self {
        blob.0
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BlobVisitor)
    }
}

struct BlobVisitor;

impl Visitor<'_> for BlobVisitor {
    type Value = Blob;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Blob, E> {
        Ok(Blob::from(bytes))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Blob, E> {
        Ok(Blob::from(bytes))
    }
}
