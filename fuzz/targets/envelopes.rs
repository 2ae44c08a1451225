//! Bodies of log shippers: HTTP Event Collector, OpenTelemetry and the bulk protocol.
#![no_main]

use std::ops::ControlFlow;

use adapters::{Mapper, Protocol, Said, read_bulk, read_shipped};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Some((first, body)) = body.split_first() else { return };
    let said = Said { device: "pc1".into(), ..Said::default() };
    let mut mapper = Mapper::default();
    let mut numbers = Vec::new();
    let mut give = |number, _: Result<_, _>| {
        numbers.push(number);
        ControlFlow::Continue(())
    };
    let protocol = match first % 5 {
        0 => Protocol::HecEvents,
        1 => Protocol::HecRaw,
        2 => Protocol::OtlpProtobuf,
        3 => Protocol::OtlpJson,
        _ => {
            let _ = read_bulk(&mut mapper, body, &said, &mut |_| ControlFlow::Continue(()), &mut give);
            return;
        }
    };
    let _ = read_shipped(&mut mapper, protocol, body, &said, &mut give);
});
