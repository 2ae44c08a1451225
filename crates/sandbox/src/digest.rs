//! Made-up identifiers that look like digests, and the encoding of PowerShell's `-EncodedCommand`.
//!
//! The files do not exist, so neither do their digests: these only have the right length and are the same
//! for the same name.

/// Lower-case hexadecimal digits that follow from a text. Not a cryptographic digest.
pub(crate) fn hex(kind: &str, text: &str, digits: usize) -> String {
    let mut state = 0xcbf2_9ce4_8422_2325u64;
    for byte in kind.bytes().chain([0]).chain(text.bytes()) {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mut out = String::with_capacity(digits + 16);
    while out.len() < digits {
        // splitmix64, so that near texts give far digits.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        out.push_str(&format!("{:016x}", word ^ (word >> 31)));
    }
    out.truncate(digits);
    out
}

/// A number below `below` that follows from a text.
pub(crate) fn number(kind: &str, text: &str, below: u64) -> u64 {
    u64::from_str_radix(&hex(kind, text, 15), 16).unwrap_or_default() % below.max(1)
}

/// Base64 of the UTF-16 little-endian bytes of a script.
pub(crate) fn encoded_command(script: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let word =
            group.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..4 {
            let is_padding = at > group.len();
            let letter = ALPHABET[(word >> (18 - 6 * at)) as usize & 63];
            out.push(if is_padding { '=' } else { char::from(letter) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_powershell_expects() {
        assert_eq!(encoded_command("whoami"), "dwBoAG8AYQBtAGkA");
        assert_eq!(encoded_command("ls"), "bABzAA==");
        assert_eq!(encoded_command("dir\u{20ac}"), "ZABpAHIArCA=");
    }

    #[test]
    fn digests_are_stable_and_differ() {
        assert_eq!(hex("sha1", "cmd.exe", 40), hex("sha1", "cmd.exe", 40));
        assert_ne!(hex("sha1", "cmd.exe", 40), hex("sha1", "cmd.exf", 40));
        assert_ne!(hex("sha1", "cmd.exe", 32), hex("md5", "cmd.exe", 32));
        assert_eq!(hex("sha256", "", 64).len(), 64);
    }
}
