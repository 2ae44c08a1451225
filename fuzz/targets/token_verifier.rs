//! Nobody is known by a token that was not issued.
#![no_main]

mod world;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|parts: (u8, &[u8], &[u8], &[u8])| {
    let (form, header, claims, signature) = parts;
    world::with(|world| {
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let token = match form % 3 {
            0 => String::from_utf8_lossy(header).into_owned(),
            1 => format!("{}.{}.{}", encode(header), encode(claims), encode(signature)),
            // Under a key that is known, so that everything behind it is reached.
            _ => {
                let header = format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{}"}}"#, world.kid);
                format!("{}.{}.{}", encode(header.as_bytes()), encode(claims), encode(signature))
            }
        };
        let _ = identity::bearer_token(std::str::from_utf8(header).ok());
        assert!(world.runtime.block_on(world.issuer.verify(&token)).is_err());
    });
});
