//! Percent-encoding, as URLs have it.

/// The text that an encoded one stands for; bytes that are no UTF-8 become replacement characters.
pub(super) fn decode(text: &str, plus_is_blank: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1).and_then(hex), bytes.get(at + 2).and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high * 16 + low);
                at += 2;
            }
            (b'+', _, _) if plus_is_blank => decoded.push(b' '),
            (byte, _, _) => decoded.push(*byte),
        }
        at += 1;
    }
    String::from_utf8(decoded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn hex(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The text with every byte encoded that is neither a letter, a digit nor one of `kept`; blanks as `blank`.
pub(super) fn encode(text: &str, kept: &[u8], blank: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push_str(blank),
            byte if byte.is_ascii_alphanumeric() || kept.contains(&byte) => encoded.push(char::from(byte)),
            byte => {
                encoded.push('%');
                encoded.extend(
                    [byte >> 4, byte & 15].map(|half| char::from(b"0123456789abcdef"[usize::from(half)])),
                );
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn broken_encodings_stay_as_they_are() {
        for (text, expected) in
            [("%", "%"), ("%4", "%4"), ("%zz1", "%zz1"), ("%C3%A4%ff", "ä\u{fffd}"), ("a%2", "a%2")]
        {
            assert_eq!(decode(text, true), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(text in ".{0,30}") {
            prop_assert_eq!(decode(&encode(&text, b"-_.!*()", "+"), true), text);
        }
    }
}
