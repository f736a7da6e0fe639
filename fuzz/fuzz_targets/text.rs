//! JSON for people, read by schemas and written again: see `soa_fuzz::text`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| soa_fuzz::text::check(data));
