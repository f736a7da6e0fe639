//! The check of alternatives: the one that a value is meant for, and its errors.

use super::check::{Cause, Checker, FieldError, MAX_ERROR_BYTES, MAX_ERRORS, key_text};
use super::node::{ExtraKeys, Node, NodeKind};
use crate::codec::{Map, Value};
use crate::message::code;

impl<'a> Checker<'a> {
    /// Adds the errors of all options if none fits, as Conformity does. Of an accepted value, only those of the first
    /// option that has its shape.
    pub(super) fn any(&mut self, options: &'a [Node], value: &Value) {
        // The variant of an enum is named by the only key of its map, so the other ones explain nothing.
        if let Some(variant) = options.iter().find(|option| is_variant(option, value)) {
            self.node(variant, value);
            return;
        }
        let before = self.errors.len();
        let (found, error_bytes) = (self.found, self.error_bytes);
        let mut taken_from_buffer = false;
        for option in options {
            let (tried, start) = (self.found, self.errors.len());
            let tried_bytes = self.error_bytes;
            self.node(option, value);
            if self.found == tried {
                self.errors.truncate(before);
                (self.found, self.error_bytes) = (found, error_bytes);
                return;
            }
            if !self.is_accepted {
                continue;
            }
            let of_option = self.errors.get(start..).unwrap_or_default();
            if matches!(of_option, [only] if only.cause == Cause::Buffer && self.is_here(only)) {
                taken_from_buffer = true;
            } else if of_option.iter().all(|error| error.cause != Cause::Shape) {
                self.errors.drain(before..start);
                return;
            } else if !of_option.iter().all(|error| self.is_here(error)) {
                // The type took another option. Errors about parts of the value must not use up the limit of errors.
                self.errors.truncate(start);
                (self.found, self.error_bytes) = (tried, tried_bytes);
            }
        }
        if self.is_accepted && !taken_from_buffer {
            // The type knows the value better than the schema does.
            self.errors.truncate(before);
            (self.found, self.error_bytes) = (found, error_bytes);
            return;
        }
        // Options of the same type, such as text or a constant, report the same error.
        let mut seen = Vec::new();
        for mut error in self.errors.split_off(before) {
            if taken_from_buffer {
                error.cause = Cause::Buffer;
            }
            if !seen.contains(&error) {
                seen.push(error);
            }
        }
        self.errors.append(&mut seen);
    }

    /// Adds the errors of the option that comes nearest to the value, if none fits: with the fewest tags and keys of other
    /// options, then the fewest fields that are missing, and then the fewest errors. Of options that come equally near, all are
    /// told.
    pub(super) fn nearest(&mut self, options: &'a [Node], value: &Value) {
        let before = self.errors.len();
        let (found, error_bytes) = (self.found, self.error_bytes);
        let mut best: Option<((usize, usize, usize), Vec<FieldError>)> = None;
        for option in options {
            (self.found, self.error_bytes) = (found, error_bytes);
            self.node(option, value);
            let errors = self.errors.split_off(before);
            let with = |code| errors.iter().filter(|error| error.code == code).count();
            // Another tag, or a key that is not known there, belongs to another option.
            let rank = (with(code::UNKNOWN), with(code::MISSING), self.found - found);
            match &mut best {
                _ if self.found == found => return,
                Some((of_best, known)) if *of_best == rank => {
                    let new = errors.into_iter().filter(|error| !known.contains(error));
                    let new: Vec<FieldError> = new.collect();
                    known.extend(new);
                }
                Some((of_best, _)) if *of_best < rank => {}
                _ => best = Some((rank, errors)),
            }
        }
        let Some((_, errors)) = best else {
            return;
        };
        // These were within the limits before, except where several options are told.
        (self.found, self.error_bytes) = (found, error_bytes);
        for error in errors {
            self.found += 1;
            if self.errors.len() < MAX_ERRORS && self.error_bytes < MAX_ERROR_BYTES {
                self.error_bytes += error.size();
                self.errors.push(error);
            }
        }
    }

    /// True if an error is about the value that is being checked, and not about a part of it.
    fn is_here(&self, error: &FieldError) -> bool {
        error.field.as_deref().unwrap_or_default() == self.path.join(".")
    }

    pub(super) fn tagged(
        &mut self,
        field: &str,
        options: &'a [(String, Node)],
        map: &Map,
        value: &Value,
    ) {
        let Some(tag) = map.get(field) else {
            self.path.push(field.to_owned());
            self.push(Cause::Shape, code::MISSING, format!("Missing key: {field}"));
            self.path.pop();
            return;
        };
        match option_of(options, field, tag) {
            Some((_, option)) => self.node(option, value),
            None => self.push(
                Cause::Shape,
                code::UNKNOWN,
                format!("Invalid switch value '{}'", key_text(tag)),
            ),
        }
    }
}

/// True if a node is the variant of an enum, with its name around its content, and a value has this name.
fn is_variant(node: &Node, value: &Value) -> bool {
    match (&node.kind, value) {
        (
            NodeKind::Dictionary {
                fields,
                extra: ExtraKeys::Refused,
            },
            Value::Map(map),
        ) => match fields.as_slice() {
            [field] => field.required && field.sent_in(map).is_some(),
            _ => false,
        },
        _ => false,
    }
}

/// Returns the dictionary that a tag, or an alias of it, selects. Conformity has a default for all other tags.
pub fn option_of<'a>(
    options: &'a [(String, Node)],
    field: &str,
    tag: &Value,
) -> Option<&'a (String, Node)> {
    let named = |wanted: &str| options.iter().find(|option| has_tag(option, field, wanted));
    tag.as_str()
        .and_then(named)
        .or_else(|| named("__default__"))
        .or_else(|| {
            let takes_others = |node: &Node| node.takes_others;
            options
                .iter()
                .find(|option| tags_of(option, field).any(takes_others))
        })
}

/// True if a variant has this tag, or an alias of it.
fn has_tag(option: &(String, Node), field: &str, tag: &str) -> bool {
    let has_alias = |node: &Node| node.aliases.iter().any(|alias| alias == tag);
    option.0 == tag || tags_of(option, field).any(has_alias)
}

/// Returns the node of the tag of a variant.
fn tags_of<'a>(option: &'a (String, Node), field: &'a str) -> impl Iterator<Item = &'a Node> {
    let fields = match &option.1.kind {
        NodeKind::Dictionary { fields, .. } => fields.as_slice(),
        _ => &[],
    };
    let tags = fields
        .iter()
        .filter(move |candidate| candidate.name == field);
    tags.map(|field| &field.node)
}
