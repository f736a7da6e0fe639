//! Knowledge of types by the traits that they have, for generated code.

use std::marker::PhantomData;
use std::sync::Arc;

use schemars::JsonSchema;

use crate::descriptor::ErrorDescriptor;
use crate::error::ActionErrors;
use crate::schema::Schema;
use crate::validation::rules::{BodyRules, FieldName, Path, Report};

/// Knowledge of a type by the traits that it has. Generated code asks by `Known::<T>::SCHEMA`: the constant of the type
/// hides that of the trait, if the bound holds.
#[derive(Debug)]
pub struct Known<T>(PhantomData<T>);

impl<T: JsonSchema + 'static> Known<T> {
    /// The schema of the type.
    pub const SCHEMA: Option<fn() -> Arc<Schema>> = Some(Schema::of::<T>);
}

impl<T: ActionErrors> Known<T> {
    /// The errors that the type declares.
    pub const ERRORS: &'static [ErrorDescriptor] = T::DESCRIPTORS;
}

/// The answers for types about which nothing is known.
pub trait Unspecified {
    /// No schema.
    const SCHEMA: Option<fn() -> Arc<Schema>> = None;
    /// No errors.
    const ERRORS: &'static [ErrorDescriptor] = &[];
}

impl<T> Unspecified for Known<T> {}

impl<T: BodyRules> Known<T> {
    /// The function that checks the rules.
    pub const RULES: Option<fn(&T, &Path<'_>, &mut Report)> = Some(T::check);
    /// The names of the fields, if they are known.
    pub const FIELDS: Option<&'static [FieldName]> = T::FIELDS;
}

/// The lack of rules for all types that are no bodies: `Known::<T>::RULES`, with this trait in scope.
pub trait NoRules<T> {
    /// No function.
    const RULES: Option<fn(&T, &Path<'_>, &mut Report)> = None;
    /// No names.
    const FIELDS: Option<&'static [FieldName]> = None;
}

impl<T> NoRules<T> for Known<T> {}
