//! MessagePack, dynamic and typed: a decoded value can be encoded, and decodes to the same value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use soa_fuzz::{Flat, Tagged, Tree, Wire};
use soa_wire::codec::msgpack::{decode_value, encode_value, from_slice, to_vec};
use soa_wire::{Encoding, Value};

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = decode_value(data) {
        let mut encoded = Vec::new();
        encode_value(&value, &mut encoded).expect("what was decoded can be encoded");
        assert_eq!(decode_value(&encoded).as_ref(), Ok(&value));
        // The way through serde is the same way.
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
        // What the wire cannot carry: an integer of more than 64 bits, out of a field of 128.
        if let Ok(encoded) = to_vec(&value) {
            let again: T = from_slice(&encoded).expect("what was encoded can be decoded");
            assert_eq!(to_vec(&again), Ok(encoded));
        }
    }
    if let Ok(decoded) = Encoding::MessagePack.decode_body::<T>(data) {
        Encoding::MessagePack
            .encode_body(&decoded.value)
            .expect("a body encodes as a body");
    }
}
