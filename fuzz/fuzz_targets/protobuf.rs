//! The arguments of an action, by protobuf: what was read can be written, and is read as the same.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use soa::http::Doors;

static DOORS: LazyLock<Doors> = LazyLock::new(soa_fuzz::carrying_doors);

fuzz_target!(|data: &[u8]| soa::http::fuzz::protobuf(&DOORS, data));
