//! UUIDs, which the wire carries as text.

use uuid::Uuid;

use crate::codec::{DecodeError, Value, from_value_ref};

/// Writes text of 36 characters, with dashes.
impl From<Uuid> for Value {
    fn from(id: Uuid) -> Self {
        id.hyphenated().to_string().into()
    }
}

impl TryFrom<&Value> for Uuid {
    type Error = DecodeError;

    /// Fails if the value is not text, or not that of a UUID.
    fn try_from(value: &Value) -> Result<Self, DecodeError> {
        from_value_ref(value)
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::codec::{msgpack, to_value};
    use crate::schema::Schema;
    use crate::{text, value};

    #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    struct Order {
        id: Uuid,
    }

    #[test]
    fn a_uuid_is_text_everywhere() {
        let id = Uuid::from_u128(0x8d7f_3c1e_52f1_4f5e_9d3e_0c8f_6a7b_1234);
        let order = Order { id };
        let body = value!({ "id": "8d7f3c1e-52f1-4f5e-9d3e-0c8f6a7b1234" });
        assert_eq!(to_value(&order).unwrap(), body);
        let bytes = msgpack::to_vec(&order).unwrap();
        assert_eq!(msgpack::from_slice::<Order>(&bytes).unwrap(), order);
        assert_eq!(
            text::read(&Schema::of::<Order>(), &text::write(&body)).unwrap(),
            body
        );
        assert_eq!(Value::from(id), *body.get("id").unwrap());
        assert_eq!(Uuid::try_from(body.get("id").unwrap()).unwrap(), id);
        for other in [value!("8d7f"), value!(7)] {
            assert!(Uuid::try_from(&other).is_err());
        }
    }
}
