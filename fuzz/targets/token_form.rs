//! Bodies and headers of token requests are answered or refused, and never with a token.
#![no_main]

mod world;

use identity::{Form, TokenVersion};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|request: (&[u8], &str, bool)| {
    let (body, header, v1) = request;
    let version = if v1 { TokenVersion::V1 } else { TokenVersion::V2 };
    let form = Form::parse(body);
    world::with(|world| {
        let answer = world.issuer.token(&world.tenant, version, &form, Some(header));
        assert!(world.runtime.block_on(answer).is_err());
    });
});
