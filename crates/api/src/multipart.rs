//! Forms with files, as browsers and curl send them (RFC 7578), from a body that is in memory.

use crate::error::{ApiError, code};

const PARTS_MAX: usize = 32;
const BOUNDARY_BYTES_MAX: usize = 70;
const HEAD_BYTES_MAX: usize = 8 << 10;

/// One field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub name: String,
    /// Of a field that is a file.
    pub file_name: Option<String>,
    pub content: &'a [u8],
}

impl Part<'_> {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.content).trim().to_owned()
    }
}

/// The fields of a form.
pub(crate) fn parse<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, ApiError> {
    let boundary = boundary(content_type).ok_or_else(|| {
        let message = "The body has to be a form: multipart/form-data with a boundary.";
        ApiError::new(code::UNSUPPORTED_MEDIA_TYPE, message)
    })?;
    let delimiter = [b"--", boundary.as_bytes()].concat();
    let mut parts = Vec::new();
    let mut rest = match body.starts_with(&delimiter) {
        true => &body[delimiter.len()..],
        false => {
            after(body, &[b"\r\n", delimiter.as_slice()].concat()).ok_or_else(|| broken("it has no field"))?
        }
    };
    let end = [b"\r\n", delimiter.as_slice()].concat();
    while !rest.starts_with(b"--") {
        if parts.len() >= PARTS_MAX {
            return Err(broken("it has too many fields"));
        }
        let lines =
            skip_blanks(rest).strip_prefix(b"\r\n").ok_or_else(|| broken("a boundary does not end"))?;
        let head_end = find(lines, b"\r\n\r\n").filter(|at| *at <= HEAD_BYTES_MAX);
        let head_end = head_end.ok_or_else(|| broken("the head of a field does not end"))?;
        let content = &lines[head_end + 4..];
        // A field without content may share the line break with the end of its head.
        let length = find(content, &end).ok_or_else(|| broken("a field does not end"))?;
        let (name, file_name) = names(&String::from_utf8_lossy(&lines[..head_end]))
            .ok_or_else(|| broken("a field has no name"))?;
        parts.push(Part { name, file_name, content: &content[..length] });
        rest = &content[length + end.len()..];
    }
    Ok(parts)
}

fn broken(reason: &str) -> ApiError {
    ApiError::new(code::INVALID_BODY, format!("The form cannot be read: {reason}."))
}

fn boundary(content_type: &str) -> Option<String> {
    let mut parts = content_type.split(';');
    if !parts.next()?.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let named = parts.filter_map(|part| part.trim().split_once('='));
    let value =
        named.filter(|(name, _)| name.eq_ignore_ascii_case("boundary")).map(|(_, value)| value).next()?;
    let value = value.trim().trim_matches('"');
    (1..=BOUNDARY_BYTES_MAX).contains(&value.len()).then(|| value.to_owned())
}

/// The name of a field and of its file, from its head.
fn names(head: &str) -> Option<(String, Option<String>)> {
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    Some((parameter(disposition, "name")?, parameter(disposition, "filename")))
}

/// A parameter of a header; quoted text may hold `;` and escaped quotes.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header;
    loop {
        rest = &rest[rest.find(';')? + 1..];
        let (name, value) = rest.split_once('=')?;
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => {
                let mut text = String::new();
                let mut chars = quoted.char_indices();
                let mut end = quoted.len();
                while let Some((at, char)) = chars.next() {
                    match char {
                        '\\' => text.extend(chars.next().map(|(_, char)| char)),
                        '"' => {
                            end = at + 1;
                            break;
                        }
                        char => text.push(char),
                    }
                }
                (text, &quoted[end..])
            }
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (value[..end].trim().to_owned(), &value[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &bytes[blanks..]
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, part)
}

fn after<'a>(bytes: &'a [u8], part: &[u8]) -> Option<&'a [u8]> {
    find(bytes, part).map(|at| &bytes[at + part.len()..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"xYz\"";

    fn form(text: &str) -> Vec<u8> {
        text.replace('\n', "\r\n").into_bytes()
    }

    #[test]
    fn the_fields_of_a_form_of_curl_are_read() {
        let body = form(
            "--xYz\nContent-Disposition: form-data; name=\"file\"; filename=\"tri;age.ps1\"\nContent-Type: text/plain\n\n\
             Write-Output 1\n\n--xYz\nContent-Disposition: form-data; name=\"Description\"\n\na \u{fc} b\n--xYz\n\
             content-disposition: form-data; name=empty\n\n\n--xYz--\n",
        );
        let parts = parse(TYPE, &body).unwrap();
        let read: Vec<_> =
            parts.iter().map(|p| (p.name.as_str(), p.file_name.as_deref(), p.text())).collect();
        assert_eq!(
            read,
            [
                ("file", Some("tri;age.ps1"), "Write-Output 1".to_owned()),
                ("Description", None, "a ü b".to_owned()),
                ("empty", None, String::new()),
            ]
        );
        assert_eq!(parts[0].content, b"Write-Output 1\r\n");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for (content_type, body) in [
            ("application/json", "--xYz\n"),
            ("multipart/form-data", "--xYz\n"),
            (TYPE, ""),
            (TYPE, "--xYz"),
            (TYPE, "--xYz\nContent-Disposition: form-data; name=\"a\"\n\nx"),
            (TYPE, "--xYz\nContent-Disposition: form-data\n\nx\n--xYz--"),
            (TYPE, "--xYz\nname: a\n\nx\n--xYz--"),
        ] {
            assert!(parse(content_type, &form(body)).is_err(), "{body}");
        }
        let many = "--xYz\nContent-Disposition: form-data; name=\"a\"\n\nx\n".repeat(40) + "--xYz--";
        assert!(parse(TYPE, &form(&many)).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            words in proptest::collection::vec(
                prop_oneof![
                    Just("--xYz".to_owned()), Just("\r\n".to_owned()), Just("--".to_owned()),
                    Just("Content-Disposition: form-data; name=\"a\"".to_owned()), Just("; filename=\"b".to_owned()),
                    Just("\\".to_owned()), ".{0,5}",
                ],
                0..30,
            )
        ) {
            let _ = parse(TYPE, words.concat().as_bytes());
            let _ = parse(&words.concat(), b"");
        }
    }
}
