//! Pieces of JSON in a line, found without making anything of them.

/// Where the first byte from `at` on is that is no space.
pub(super) fn spaces(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}

/// Where the next quote or backslash is; none when a control character comes first, which no text has. Bits are set in
/// `has_high` for what was passed over: the highest of a byte is set where one is not ASCII.
pub(super) fn plain_end(bytes: &[u8], start: usize, has_high: &mut u64) -> Option<usize> {
    let mut at = start;
    let end = loop {
        let Some(word) = bytes.get(at..)?.first_chunk::<8>() else {
            let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
            let rest = &bytes[at..];
            rest.iter().for_each(|byte| *has_high |= u64::from(*byte));
            break at + rest.iter().position(ends)?;
        };
        let word = u64::from_le_bytes(*word);
        *has_high |= word;
        let found = zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES) | control_bytes(word);
        if found != 0 {
            break at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    };
    (bytes[end] >= b' ').then_some(end)
}

const REPEATED: u64 = 0x0101_0101_0101_0101;
const QUOTES: u64 = REPEATED * b'"' as u64;
const BACKSLASHES: u64 = REPEATED * b'\\' as u64;

/// The highest bit of each byte that is zero, up to and with the first one: those behind it may be wrong.
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(REPEATED) & !word & (REPEATED << 7)
}

/// The highest bit of each byte that is below a space, in the same way.
fn control_bytes(word: u64) -> u64 {
    word.wrapping_sub(REPEATED * b' ' as u64) & !word & (REPEATED << 7)
}

/// A whole number of up to 18 digits, and where it ends.
pub(super) fn whole_number(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let is_negative = bytes[at] == b'-';
    let start = at + usize::from(is_negative);
    let mut end = start;
    let mut number = 0i64;
    while let Some(digit @ b'0'..=b'9') = bytes.get(end) {
        if end - start == 18 {
            return None;
        }
        number = number * 10 + i64::from(digit - b'0');
        end += 1;
    }
    let is_whole = matches!(bytes.get(end), Some(b',' | b'}' | b' '));
    let has_leading_zero = bytes[start..end].first() == Some(&b'0') && (end - start > 1 || is_negative);
    (end > start && is_whole && !has_leading_zero)
        .then_some((if is_negative { -number } else { number }, end))
}

/// Deeper values are left to the other reader, which counts the line's own object too.
const DEPTH_MAX: usize = 100;

/// Where the object or list that begins at `at` ends, if it does in this line. What is in it is not looked at.
pub(super) fn end_of_nested(bytes: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0;
    let mut at = at;
    loop {
        match *bytes.get(at)? {
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return None;
                }
            }
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => {
                at = end_of_text(bytes, at)?;
                continue;
            }
            0..b' ' => return None,
            _ => {}
        }
        at += 1;
    }
}

/// Where the text ends whose first quote is at `at`. What is in it is not looked at.
fn end_of_text(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = plain_end(bytes, at + 1, &mut 0)?;
    while bytes[end] != b'"' {
        end = plain_end(bytes, end + 2, &mut 0)?;
    }
    Some(end + 1)
}

/// The character of the escape whose backslash is at `at`, and where it ends; none when it is not valid.
pub(super) fn escape(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let character = match *bytes.get(at + 1)? {
        byte @ (b'"' | b'\\' | b'/') => char::from(byte),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(bytes, at),
        _ => return None,
    };
    Some((character, at + 2))
}

/// The character of the `\u` and four digits at `at`, or of the two of these that make a pair, and where it ends.
fn unicode_escape(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let [b'\\', b'u', digits @ ..] = bytes.get(at..)?.first_chunk::<6>()? else { return None };
        let digit = |digit: &u8| char::from(*digit).to_digit(16).map(|digit| digit as u16);
        digits.iter().try_fold(0u16, |sum, at| Some(sum << 4 | digit(at)?))
    };
    let first = unit(at)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Some((character, at + 6));
    }
    let character = char::decode_utf16([first, unit(at + 6)?]).next()?.ok()?;
    Some((character, at + 12))
}
