//! One target, the one this program is called after.
#![no_main]

mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (_, read) = targets::TARGETS.iter().find(|(name, _)| *name == env!("CARGO_BIN_NAME")).expect("a target");
    read(bytes);
});
