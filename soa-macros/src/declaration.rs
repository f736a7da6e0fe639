//! What an action declares besides its types: `requires`, `idempotent`, `cache`.
//!
//! A permission is a name without spaces, and named once. What is cached is run once for several calls, so such an action
//! has to be idempotent, and has to say so.

use std::collections::BTreeSet;

use syn::LitStr;

use crate::attr::ActionArguments;
use crate::errors::Errors;
use crate::model::Declared;

/// Checks what is declared. What is wrong with it is left out of the model.
pub(crate) fn read(arguments: &ActionArguments, errors: &mut Errors) -> Declared {
    let mut seen = BTreeSet::new();
    let mut requires: Vec<LitStr> = Vec::new();
    for permission in &arguments.requires {
        let name = permission.value();
        if name.is_empty()
            || name.contains(|letter: char| letter.is_whitespace() || letter.is_control())
        {
            errors.on(
                permission,
                format_args!("`{name}` is not a permission: write a name without spaces, such as `orders.write`"),
            );
        } else if seen.insert(name.clone()) {
            requires.push(permission.clone());
        } else {
            errors.on(
                permission,
                format_args!("`{name}` is required twice: keep one of them"),
            );
        }
    }
    if let Some((_, place)) = arguments.cache
        && !arguments.idempotent
    {
        errors.at(
            place,
            "an answer that is cached stands for several calls: add `idempotent` where that is right, or remove `cache`",
        );
    }
    Declared {
        requires,
        idempotent: arguments.idempotent,
        cache: arguments.cache.map(|(time, _)| time),
    }
}
