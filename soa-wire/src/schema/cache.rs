//! The schemas of Rust types, each computed once in a process.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use schemars::JsonSchema;

use super::convert;
use super::node::Schema;

impl Schema {
    /// Returns the schema of a type, which is computed once.
    pub fn of<T: JsonSchema + 'static>() -> Arc<Self> {
        static SCHEMAS: OnceLock<RwLock<HashMap<TypeId, Arc<Schema>>>> = OnceLock::new();
        let schemas = SCHEMAS.get_or_init(RwLock::default);
        let id = TypeId::of::<T>();
        // Entries are inserted in one step, so a poisoned map is valid.
        if let Some(schema) = schemas
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
        {
            return Arc::clone(schema);
        }
        let mut schema = convert::from_json_schema(
            schemars::generate::SchemaSettings::draft2020_12()
                .into_generator()
                .into_root_schema_for::<T>()
                .as_value(),
        );
        // Types that are written in place have no name of their own: `u8`, `()`, lists.
        schema.name = (!T::inline_schema()).then(|| T::schema_name().into_owned());
        let schema = Arc::new(schema);
        let mut schemas = schemas.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(schemas.entry(id).or_insert(schema))
    }
}
