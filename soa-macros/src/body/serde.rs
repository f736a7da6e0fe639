//! The attributes that users wrote for serde, as far as they are about names, shapes and decoders.
//!
//! serde reports what is wrong in them, so what cannot be read here is passed over.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, Meta, MetaList, Token};

use super::rename::Rule;

/// Something that may differ between reading and writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ways<T> {
    pub(super) read: Option<T>,
    pub(super) written: Option<T>,
}

impl<T> Default for Ways<T> {
    fn default() -> Self {
        Self {
            read: None,
            written: None,
        }
    }
}

/// The attributes of a type, a variant or a field. Each has only some of them.
#[derive(Default)]
pub(super) struct SerdeAttributes {
    pub(super) rename: Ways<String>,
    pub(super) rename_all: Ways<Rule>,
    pub(super) rename_all_fields: Ways<Rule>,
    pub(super) aliases: Vec<String>,
    pub(super) tag: Option<String>,
    pub(super) content: Option<String>,
    pub(super) untagged: bool,
    pub(super) transparent: bool,
    pub(super) flatten: bool,
    /// True if the field is not read.
    pub(super) skipped: bool,
    /// True if the field is not written.
    pub(super) unwritten: bool,
    /// True if the type is read or written as another type.
    pub(super) converted: bool,
    /// True if the field or the variant has a decoder of its own.
    pub(super) has_decoder: bool,
    /// True if that decoder is the module of a `with`, which schemars takes for a type.
    pub(super) has_module: bool,
    pub(super) closed: bool,
    /// True if the variant stands for all names that no other has.
    pub(super) is_other: bool,
    pub(super) has_crate: bool,
}

impl SerdeAttributes {
    /// Reads all attributes of an item.
    pub(super) fn of(attributes: &[Attribute]) -> Self {
        let mut found = Self::default();
        for meta in metas(attributes, "serde") {
            found.add(&meta);
        }
        found
    }

    fn add(&mut self, meta: &Meta) {
        let Some(name) = meta.path().get_ident() else {
            return;
        };
        match name.to_string().as_str() {
            "rename" => self.rename = ways(meta, Some),
            "rename_all" => self.rename_all = ways(meta, |name| Rule::named(&name)),
            "rename_all_fields" => self.rename_all_fields = ways(meta, |name| Rule::named(&name)),
            "alias" => self.aliases.extend(text(meta)),
            "tag" => self.tag = text(meta),
            "content" => self.content = text(meta),
            "untagged" => self.untagged = true,
            "transparent" => self.transparent = true,
            "flatten" => self.flatten = true,
            "skip" => (self.skipped, self.unwritten) = (true, true),
            "skip_deserializing" => self.skipped = true,
            "skip_serializing" => self.unwritten = true,
            "from" | "try_from" | "into" => self.converted = true,
            "deserialize_with" => self.has_decoder = true,
            "with" => {
                self.has_decoder = true;
                self.has_module = text(meta).is_some_and(|path| is_module(&path));
            }
            "deny_unknown_fields" => self.closed = true,
            "other" => self.is_other = true,
            "crate" => self.has_crate = true,
            _ => {}
        }
    }
}

/// True if a path is probably that of a module: names of types begin with a capital.
fn is_module(path: &str) -> bool {
    let last = path.rsplit("::").next().unwrap_or_default().trim();
    last.starts_with(|first: char| first.is_lowercase() || first == '_')
}

/// Returns what is in all attributes of this name.
pub(super) fn metas(attributes: &[Attribute], name: &str) -> Vec<Meta> {
    let ours = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident(name));
    let lists = ours.filter_map(|attribute| match &attribute.meta {
        Meta::List(list) => list_of(list),
        _ => None,
    });
    lists.flatten().collect()
}

fn list_of(list: &MetaList) -> Option<Punctuated<Meta, Token![,]>> {
    list.parse_args_with(Punctuated::parse_terminated).ok()
}

/// Returns the text of `name = "text"`.
fn text(meta: &Meta) -> Option<String> {
    match &meta.require_name_value().ok()?.value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// Reads `name = "…"`, or `name(serialize = "…", deserialize = "…")`.
fn ways<T: Clone>(meta: &Meta, convert: impl Fn(String) -> Option<T>) -> Ways<T> {
    let Meta::List(list) = meta else {
        let both = text(meta).and_then(convert);
        return Ways {
            read: both.clone(),
            written: both,
        };
    };
    let mut found = Ways::default();
    for way in list_of(list).into_iter().flatten() {
        let value = text(&way).and_then(&convert);
        if way.path().is_ident("deserialize") {
            found.read = value;
        } else if way.path().is_ident("serialize") {
            found.written = value;
        }
    }
    found
}
