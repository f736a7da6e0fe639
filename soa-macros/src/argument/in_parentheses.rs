//! Values in parentheses, without `=`: `tags("a", "b")` and `headers("Location" = "/items/{id}")`.

use proc_macro2::TokenStream;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, Token, token};

use super::{Argument, Value, ValueKind};

impl Argument {
    /// Reads a list of texts, or of pairs of texts.
    pub(super) fn in_parentheses(
        &self,
        ident: &Ident,
        input: ParseStream<'_>,
    ) -> syn::Result<Value> {
        let Self { name, example, .. } = self;
        if !input.peek(token::Paren) {
            return Err(syn::Error::new(
                ident.span(),
                format_args!("`{name}` takes its values in parentheses: write `{name}({example})`"),
            ));
        }
        let list;
        let parentheses = syn::parenthesized!(list in input);
        let value = match self.kind {
            ValueKind::Pairs => self.all(&list, Self::pair).map(Value::Pairs),
            _ => self.all(&list, Self::listed).map(Value::Texts),
        };
        // Tokens left over would be another error.
        list.parse::<TokenStream>()?;
        let value = value?;
        let is_empty = match &value {
            Value::Pairs(pairs) => pairs.is_empty(),
            Value::Texts(texts) => texts.is_empty(),
            _ => false,
        };
        if is_empty {
            return Err(syn::Error::new(
                parentheses.span.join(),
                format_args!("`{name}` is empty: write `{name}({example})`, or remove it"),
            ));
        }
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error(format_args!("expected `,` after the value of `{name}`")));
        }
        Ok(value)
    }

    fn all<T>(
        &self,
        list: ParseStream<'_>,
        one: fn(&Self, ParseStream<'_>) -> syn::Result<T>,
    ) -> syn::Result<Vec<T>> {
        let mut all = Vec::new();
        while !list.is_empty() {
            all.push(one(self, list)?);
            if !list.is_empty() && list.parse::<Option<Token![,]>>()?.is_none() {
                return Err(list.error(format_args!(
                    "expected `,` between the values of `{}`",
                    self.name
                )));
            }
        }
        Ok(all)
    }

    fn pair(&self, list: ParseStream<'_>) -> syn::Result<(LitStr, LitStr)> {
        let Self { name, example, .. } = self;
        let before = self.listed(list)?;
        if list.parse::<Option<Token![=]>>()?.is_none() {
            return Err(syn::Error::new(
                before.span(),
                format_args!(
                    "`{name}` takes pairs of a name and a value: write `{name}({example})`"
                ),
            ));
        }
        Ok((before, self.listed(list)?))
    }

    fn listed(&self, list: ParseStream<'_>) -> syn::Result<LitStr> {
        let Self { name, example, .. } = self;
        if !list.peek(LitStr) {
            return Err(list.error(format_args!(
                "`{name}` takes texts in quotes: write `{name}({example})`"
            )));
        }
        let text: LitStr = list.parse()?;
        if text.suffix().is_empty() {
            return Ok(text);
        }
        Err(syn::Error::new(
            text.span(),
            format_args!(
                "`{name}` takes plain text: remove the suffix `{}`",
                text.suffix()
            ),
        ))
    }
}
