//! serde's serializer onto a growing buffer.
//!
//! Scalars, text, bytes and ext types are written by rmp-serde. Lists and maps are written here, because a field that
//! turns out to be `None` must not be there, and the header of its map comes before it.
//!
//! So a field is written, key and all, and taken back if its value was `None`. A `None` is written as the one byte of a
//! nil, and its offset is kept in `none_at`: a field whose value begins there, and is that one byte, was `None`.
//! The header is written for the number of pairs announced, and corrected at the end if another number came.

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer as _,
};

use super::super::error::EncodeError;
use super::super::ext::{self, BIG_INTEGER, EXT_NAME, NIL_NAME, Payload};
use super::super::limit::MAX_DEPTH;
use super::super::position::is_field_name;
use super::super::types::Ext;

type Result<T> = std::result::Result<T, EncodeError>;

/// An offset that no buffer has.
const NO_OFFSET: usize = usize::MAX;

macro_rules! scalar {
    ($($function:ident: $method:ident($type:ty);)*) => {
        $(
            #[inline]
            pub(super) fn $function(value: $type, out: &mut Vec<u8>) -> Result<()> {
                rmp_serde::Serializer::new(out).$method(value).map_err(ser::Error::custom)
            }
        )*
    };
}

scalar! {
    write_bool: serialize_bool(bool);
    write_i64: serialize_i64(i64);
    write_u64: serialize_u64(u64);
    write_f64: serialize_f64(f64);
}

#[inline]
pub(super) fn write_nil(out: &mut Vec<u8>) -> Result<()> {
    rmp_serde::Serializer::new(out)
        .serialize_unit()
        .map_err(ser::Error::custom)
}

#[inline]
pub(super) fn write_str(value: &str, out: &mut Vec<u8>) -> Result<()> {
    check_length(value.len())?;
    rmp_serde::Serializer::new(out)
        .serialize_str(value)
        .map_err(ser::Error::custom)
}

#[inline]
pub(super) fn write_bytes(value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    check_length(value.len())?;
    rmp_serde::Serializer::new(out)
        .serialize_bytes(value)
        .map_err(ser::Error::custom)
}

/// Writes an ext type of the protocol; `payload` need not be checked if it comes from one of our types.
#[inline]
pub(super) fn write_ext(code: i8, payload: &[u8], out: &mut Vec<u8>) -> Result<()> {
    rmp_serde::Serializer::new(out)
        .serialize_newtype_struct(EXT_NAME, &(code, Payload(payload)))
        .map_err(ser::Error::custom)
}

#[inline]
pub(super) fn check_length(length: usize) -> Result<u32> {
    u32::try_from(length).map_err(|_| too_long(length))
}

#[cold]
fn too_long(length: usize) -> EncodeError {
    EncodeError::new(format!(
        "a length of {length} is more than MessagePack can carry"
    ))
}

pub(super) fn write_list_header(length: usize, out: &mut Vec<u8>) -> Result<()> {
    write_header(Kind::List, length, out)
}

pub(super) fn write_map_header(length: usize, out: &mut Vec<u8>) -> Result<()> {
    write_header(Kind::Map, length, out)
}

#[inline]
fn write_header(kind: Kind, length: usize, out: &mut Vec<u8>) -> Result<()> {
    match u8::try_from(length) {
        Ok(length @ 0..=15) => out.push(kind.fix_marker() | length),
        _ => out.extend_from_slice(Header::new(kind, length)?.bytes()),
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    List,
    Map,
}

impl Kind {
    /// The marker of a list or map with at most fifteen elements, whose number is in its lower bits.
    #[inline]
    fn fix_marker(self) -> u8 {
        match self {
            Self::List => 0x90,
            Self::Map => 0x80,
        }
    }

    /// The marker of a list or map with a length of 16 bits. The one for 32 bits is the next.
    fn wide_marker(self) -> u8 {
        match self {
            Self::List => 0xdc,
            Self::Map => 0xde,
        }
    }
}

/// The header of a list or a map in its smallest form.
struct Header {
    bytes: [u8; 5],
    length: usize,
}

impl Header {
    fn new(kind: Kind, length: usize) -> Result<Self> {
        let (fix, wide) = (kind.fix_marker(), kind.wide_marker());
        let [a, b, c, d] = check_length(length)?.to_be_bytes();
        let (bytes, length) = match (a, b, c, d) {
            (0, 0, 0, 0..=15) => ([fix | d, 0, 0, 0, 0], 1),
            (0, 0, ..) => ([wide, c, d, 0, 0], 3),
            _ => ([wide + 1, a, b, c, d], 5),
        };
        Ok(Self { bytes, length })
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[derive(Debug)]
pub(super) struct Serializer<'a> {
    out: &'a mut Vec<u8>,
    /// The offset at which the last `None` was written.
    none_at: usize,
    /// The offset at which a unit is the empty map.
    body_at: usize,
    /// The number of lists and maps that may still be entered.
    levels: usize,
}

impl<'a> Serializer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            none_at: NO_OFFSET,
            body_at: NO_OFFSET,
            levels: MAX_DEPTH,
        }
    }

    pub(super) fn for_body(out: &'a mut Vec<u8>) -> Self {
        let body_at = out.len();
        Self {
            body_at,
            ..Self::new(out)
        }
    }

    #[inline]
    fn begin<'s>(
        &'s mut self,
        kind: Kind,
        announced: usize,
        skip_none: bool,
    ) -> Result<Compound<'s, 'a>> {
        self.levels = self
            .levels
            .checked_sub(1)
            .ok_or_else(EncodeError::too_deep)?;
        let start = self.out.len();
        write_header(kind, announced, self.out)?;
        Ok(Compound {
            serializer: self,
            kind,
            start,
            announced,
            written: 0,
            pair_at: 0,
            skip_none,
            has_fields: false,
            in_variant: false,
        })
    }

    /// Begins the map of a variant with content: the name, and then what is within.
    fn begin_variant<'s>(
        &'s mut self,
        variant: &'static str,
        kind: Kind,
        length: usize,
    ) -> Result<Compound<'s, 'a>> {
        self.levels = self
            .levels
            .checked_sub(1)
            .ok_or_else(EncodeError::too_deep)?;
        write_map_header(1, self.out)?;
        write_str(variant, self.out)?;
        let mut compound = self.begin(kind, length, kind == Kind::Map)?;
        compound.in_variant = true;
        Ok(compound)
    }
}

macro_rules! forward {
    ($($method:ident($from:ty as $to:ty) => $function:ident;)*) => {
        $(
            #[inline]
            fn $method(self, value: $from) -> Result<()> {
                $function(<$to>::from(value), self.out)
            }
        )*
    };
}

impl<'s, 'a> ser::Serializer for &'s mut Serializer<'a> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Compound<'s, 'a>;
    type SerializeTuple = Compound<'s, 'a>;
    type SerializeTupleStruct = Compound<'s, 'a>;
    type SerializeTupleVariant = Compound<'s, 'a>;
    type SerializeMap = Compound<'s, 'a>;
    type SerializeStruct = Compound<'s, 'a>;
    type SerializeStructVariant = Compound<'s, 'a>;

    forward! {
        serialize_bool(bool as bool) => write_bool;
        serialize_i8(i8 as i64) => write_i64;
        serialize_i16(i16 as i64) => write_i64;
        serialize_i32(i32 as i64) => write_i64;
        serialize_i64(i64 as i64) => write_i64;
        serialize_u8(u8 as u64) => write_u64;
        serialize_u16(u16 as u64) => write_u64;
        serialize_u32(u32 as u64) => write_u64;
        serialize_u64(u64 as u64) => write_u64;
        serialize_f32(f32 as f64) => write_f64;
        serialize_f64(f64 as f64) => write_f64;
    }

    fn serialize_i128(self, value: i128) -> Result<()> {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => write_i64(value, self.out),
            (_, Ok(value)) => write_u64(value, self.out),
            _ => Err(EncodeError::does_not_fit(value)),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<()> {
        match u64::try_from(value) {
            Ok(value) => write_u64(value, self.out),
            Err(_) => Err(EncodeError::does_not_fit(value)),
        }
    }

    fn serialize_char(self, value: char) -> Result<()> {
        write_str(value.encode_utf8(&mut [0; 4]), self.out)
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<()> {
        write_str(value, self.out)
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        write_bytes(value, self.out)
    }

    #[inline]
    fn serialize_none(self) -> Result<()> {
        self.none_at = self.out.len();
        write_nil(self.out)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        if self.out.len() == self.body_at {
            return write_map_header(0, self.out);
        }
        write_nil(self.out)
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<()> {
        match name {
            NIL_NAME => write_nil(self.out),
            _ => self.serialize_unit(),
        }
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        write_str(variant, self.out)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        if name != EXT_NAME {
            return value.serialize(self);
        }
        ext::serialize_pair(value, |code, payload| match code {
            BIG_INTEGER => Err(EncodeError::does_not_fit(String::from_utf8_lossy(payload))),
            _ => match Ext::parse(code, payload) {
                Ok(_) => write_ext(code, payload, self.out),
                Err(error) => Err(EncodeError::new(error.to_string())),
            },
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.levels = self
            .levels
            .checked_sub(1)
            .ok_or_else(EncodeError::too_deep)?;
        write_map_header(1, self.out)?;
        write_str(variant, self.out)?;
        value.serialize(&mut *self)?;
        self.levels += 1;
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'s, 'a>> {
        self.begin(Kind::List, length.unwrap_or(0), false)
    }

    #[inline]
    fn serialize_tuple(self, length: usize) -> Result<Compound<'s, 'a>> {
        self.begin(Kind::List, length, false)
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Compound<'s, 'a>> {
        self.begin(Kind::List, length, false)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'s, 'a>> {
        self.begin_variant(variant, Kind::List, length)
    }

    /// Begins a map. One of unknown length may be a struct that flattens another: see [`is_field_name`].
    #[inline]
    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'s, 'a>> {
        let mut compound = self.begin(Kind::Map, length.unwrap_or(0), false)?;
        compound.has_fields = length.is_none();
        Ok(compound)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Compound<'s, 'a>> {
        self.begin(Kind::Map, length, true)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'s, 'a>> {
        self.begin_variant(variant, Kind::Map, length)
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

/// A list or a map that is being written.
#[derive(Debug)]
pub(super) struct Compound<'s, 'a> {
    serializer: &'s mut Serializer<'a>,
    kind: Kind,
    /// The offset of the header.
    start: usize,
    /// The number of elements or pairs according to the header.
    announced: usize,
    /// The number of elements or pairs that were written.
    written: usize,
    /// The offset of the pair whose key has been written alone.
    pair_at: usize,
    /// True if a pair whose value is `None` is left out.
    skip_none: bool,
    /// True if the names of fields may be among the keys.
    has_fields: bool,
    /// True within the map of an enum's variant.
    in_variant: bool,
}

impl Compound<'_, '_> {
    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.written += 1;
        value.serialize(&mut *self.serializer)
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
        let pair_at = self.serializer.out.len();
        write_str(key, self.serializer.out)?;
        self.value(pair_at, value)
    }

    /// Writes the value of the pair that begins at `pair_at`, and takes the pair back if need be.
    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, pair_at: usize, value: &T) -> Result<()> {
        let value_at = self.serializer.out.len();
        value.serialize(&mut *self.serializer)?;
        let was_none = self.serializer.none_at == value_at;
        if was_none && self.skip_none {
            self.serializer.out.truncate(pair_at);
        } else {
            self.written += 1;
        }
        if was_none {
            // What is written next may begin at the same offset.
            self.serializer.none_at = NO_OFFSET;
        }
        Ok(())
    }

    #[inline]
    fn finish(self) -> Result<()> {
        self.serializer.levels += if self.in_variant { 2 } else { 1 };
        if self.written == self.announced {
            return Ok(());
        }
        self.correct_header()
    }

    /// Corrects the number in the header, which may take more room, or less.
    fn correct_header(self) -> Result<()> {
        let (old, new) = (
            Header::new(self.kind, self.announced)?,
            Header::new(self.kind, self.written)?,
        );
        self.serializer.out.splice(
            self.start..self.start + old.length,
            new.bytes().iter().copied(),
        );
        // What lies behind the header has moved.
        self.serializer.none_at = NO_OFFSET;
        Ok(())
    }
}

macro_rules! list {
    ($($trait:ident $method:ident)*) => {
        $(
            impl $trait for Compound<'_, '_> {
                type Ok = ();
                type Error = EncodeError;

                #[inline]
                fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                    self.element(value)
                }

                #[inline]
                fn end(self) -> Result<()> {
                    self.finish()
                }
            }
        )*
    };
}

list! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

macro_rules! fields {
    ($($trait:ident)*) => {
        $(
            impl $trait for Compound<'_, '_> {
                type Ok = ();
                type Error = EncodeError;

                #[inline]
                fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
                    self.field(key, value)
                }

                #[inline]
                fn end(self) -> Result<()> {
                    self.finish()
                }
            }
        )*
    };
}

fields! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.pair_at = self.serializer.out.len();
        self.skip_none = self.has_fields && is_field_name::<T>();
        key.serialize(&mut *self.serializer)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.value(self.pair_at, value)
    }

    #[inline]
    fn end(self) -> Result<()> {
        self.finish()
    }
}
