//! Answers of registries: lists of Consul, records of Redis, lists of addresses.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| soa_registry::fuzz::answers(data));
