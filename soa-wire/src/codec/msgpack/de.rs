//! MessagePack as a source of serde.

use std::borrow::Cow;

use serde::de::Visitor;

use super::super::error::DecodeError;
use super::super::source::{Source, Token};
use super::super::types::Ext;
use super::read::{Head, Int, Reader};

type Result<T> = std::result::Result<T, DecodeError>;

impl<'de> Source<'de> for Reader<'de> {
    type List = usize;
    type Map = usize;

    fn offset(&self) -> Option<usize> {
        Some(Reader::offset(self))
    }

    fn token(&mut self) -> Result<Token<'de, usize, usize>> {
        let start = Reader::offset(self);
        Ok(match self.head()? {
            Head::Nil => Token::Nil,
            Head::Bool(value) => Token::Bool(value),
            Head::Integer(Int::Signed(value)) => Token::Signed(value),
            Head::Integer(Int::Unsigned(value)) => Token::Unsigned(value),
            Head::Float(value) => Token::Float(value),
            Head::Text(bytes) => Token::Text(self.utf8(bytes)?),
            Head::Bytes(bytes) => Token::Bytes(bytes),
            Head::List(length) => Token::List(length),
            Head::Map(length) => Token::Map(length),
            Head::Ext(code, payload) => match Ext::parse(code, payload) {
                Ok(_) => Token::Ext(code, Cow::Borrowed(payload)),
                Err(error) => return Err(DecodeError::from(error).at(start)),
            },
        })
    }

    #[inline]
    fn nil(&mut self) -> bool {
        Reader::nil(self)
    }

    #[inline]
    fn bool(&mut self) -> Result<Option<bool>> {
        Ok(Reader::bool(self)?)
    }

    #[inline]
    fn visit_integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.integer()? {
            Some(Int::Unsigned(value)) => visitor.visit_u64(value),
            Some(Int::Signed(value)) => visitor.visit_i64(value),
            None => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn float(&mut self) -> Result<Option<f64>> {
        Ok(Reader::float(self)?)
    }

    #[inline]
    fn text(&mut self) -> Result<Option<&'de str>> {
        Reader::text(self)
    }

    #[inline]
    fn bytes(&mut self) -> Result<Option<&'de [u8]>> {
        Ok(Reader::bytes(self)?)
    }

    #[inline]
    fn list(&mut self) -> Result<Option<usize>> {
        Ok(Reader::list(self)?)
    }

    #[inline]
    fn map(&mut self) -> Result<Option<usize>> {
        Ok(Reader::map(self)?)
    }

    #[inline]
    fn ext(&mut self) -> Result<Option<(i8, Cow<'de, [u8]>)>> {
        let pair = self.checked_ext()?;
        Ok(pair.map(|(code, payload)| (code, Cow::Borrowed(payload))))
    }

    fn skip(&mut self) -> Result<()> {
        Ok(Reader::skip(self)?)
    }

    #[inline]
    fn is_lenient(&self) -> bool {
        self.next_is_lenient()
    }

    #[inline]
    fn is_text(&self) -> bool {
        self.next_is_text()
    }

    fn is_empty_map(&self) -> bool {
        self.next_is_empty_map()
    }

    #[inline]
    fn elements_left(list: &usize) -> usize {
        *list
    }

    #[inline]
    fn pairs_left(map: &usize) -> usize {
        *map
    }

    #[inline]
    fn believable(&self, announced: usize) -> usize {
        announced.min(self.remaining())
    }

    #[inline]
    fn next_element(&mut self, list: &mut usize) -> bool {
        let is_there = *list > 0;
        *list = list.saturating_sub(1);
        is_there
    }

    #[inline]
    fn next_key(&mut self, map: &mut usize) -> bool {
        self.next_element(map)
    }

    #[inline]
    fn next_value(&mut self, _: &mut usize) -> Result<()> {
        Ok(())
    }
}
