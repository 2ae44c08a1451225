//! Text inside quotes.

/// Resolves the backslash escapes of the inside of a quoted string. An error gives the place of the
/// wrong escape in `text`.
pub fn unescape(text: &str) -> Result<String, usize> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let wrong = text.len() - rest.len() + at;
        let escape = &rest[at + 1..];
        let letter = escape.chars().next().ok_or(wrong)?;
        let (resolved, length) = match letter {
            'n' => ('\n', 1),
            't' => ('\t', 1),
            'r' => ('\r', 1),
            'a' => ('\u{7}', 1),
            'b' => ('\u{8}', 1),
            'f' => ('\u{c}', 1),
            'v' => ('\u{b}', 1),
            '0' => ('\0', 1),
            '\\' | '"' | '\'' | '/' => (letter, 1),
            'x' => (hex_char(escape, 2).ok_or(wrong)?, 3),
            'u' => unicode_char(escape).ok_or(wrong)?,
            'U' => (hex_char(escape, 8).ok_or(wrong)?, 9),
            // A backslash before any other mark is itself, as in `"\*.exe"`.
            mark if mark.is_ascii_punctuation() => {
                out.push('\\');
                (mark, 1)
            }
            _ => return Err(wrong),
        };
        out.push(resolved);
        rest = &escape[length..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The character written with `digits` hexadecimal digits behind the letter of the escape.
fn hex_char(escape: &str, digits: usize) -> Option<char> {
    char::from_u32(hex_number(escape.get(1..=digits)?)?)
}

/// `uXXXX`, or two of them that make a surrogate pair, with the length of what was read. A lone
/// surrogate stands for the replacement character.
fn unicode_char(escape: &str) -> Option<(char, usize)> {
    let first = hex_number(escape.get(1..5)?)?;
    if let Some(found) = char::from_u32(first) {
        return Some((found, 5));
    }
    let second = escape.get(5..11).and_then(|next| next.strip_prefix("\\u")).and_then(hex_number);
    match (first, second) {
        (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            Some((char::from_u32(code)?, 11))
        }
        _ => Some((char::REPLACEMENT_CHARACTER, 5)),
    }
}

fn hex_number(digits: &str) -> Option<u32> {
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { u32::from_str_radix(digits, 16).ok() } else { None }
}

/// A string literal in double quotes that reads as `text`. It is a JSON string as well.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_resolve() {
        assert_eq!(unescape(r#"a\\b\"c\'d\te"#).as_deref(), Ok("a\\b\"c'd\te"));
        assert_eq!(unescape(r"\x41\u00e9\ud83d\ude00\ud800x\U0001F600").as_deref(), Ok("Aé😀\u{fffd}x😀"));
        assert_eq!(unescape(r":\*.").as_deref(), Ok(r":\*."));
        assert_eq!(unescape(r"ab\q"), Err(2));
        assert_eq!(unescape(r"\x4"), Err(0));
        assert_eq!(unescape(r"\u+123"), Err(0));
        assert_eq!(unescape("\\"), Err(0));
        assert_eq!(unescape("\\é"), Err(0));
        assert_eq!(unescape("\\xé"), Err(0));
    }

    #[test]
    fn quoted_text_reads_back() {
        let text = "a\"b\\c\n\t\r\u{1}\u{7f}é😀";
        let quoted = quote(text);
        assert_eq!(unescape(&quoted[1..quoted.len() - 1]).as_deref(), Ok(text));
    }
}
