//! JSON, dynamic and typed: a decoded value can be encoded, and decodes to the same value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use soa_fuzz::{Flat, Tagged, Tree, Wire};
use soa_wire::codec::json::{decode_value, encode_value, from_slice, to_vec};
use soa_wire::{Encoding, Value};

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = decode_value(data) {
        let mut encoded = Vec::new();
        encode_value(&value, &mut encoded).expect("what was decoded can be encoded");
        assert!(encoded.is_ascii());
        assert_eq!(decode_value(&encoded).as_ref(), Ok(&value));
        assert_eq!(from_slice::<Value>(data).as_ref(), Ok(&value));
        assert_eq!(to_vec(&value).as_ref(), Ok(&encoded));
    } else {
        assert!(from_slice::<Value>(data).is_err());
    }
    typed::<Wire>(data);
    typed::<Flat>(data);
    typed::<Tagged>(data);
    typed::<Tree>(data);
    typed::<()>(data);
});

/// Compared as bytes: a NaN does not equal itself.
fn typed<T: Serialize + DeserializeOwned>(data: &[u8]) {
    if let Ok(value) = from_slice::<T>(data) {
        let encoded = to_vec(&value).expect("what came out of JSON goes into JSON");
        let again: T = from_slice(&encoded).expect("what was encoded can be decoded");
        assert_eq!(to_vec(&again), Ok(encoded));
    }
    if let Ok(decoded) = Encoding::Json.decode_body::<T>(data) {
        Encoding::Json
            .encode_body(&decoded.value)
            .expect("a body encodes as a body");
    }
}
