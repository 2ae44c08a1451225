//! Bodies of every event format: each record is given once, and as many as were counted.
#![no_main]

use std::ops::ControlFlow;

use adapters::{FORMATS, Input, Mapper};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Some((first, body)) = body.split_first() else { return };
    let format = FORMATS[usize::from(*first) % FORMATS.len()];
    let _ = adapters::recognise(body);
    let counted = format.count(body);
    let mut given = 0;
    format.read(&mut Mapper::default(), &Input { body, device: "pc1" }, &mut |_, _| {
        given += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(given, counted, "{}", format.name);
});
