//! The patterns of STIX that are indicators here: values that are compared, of which one has to hold.

use model::indicator::IndicatorType;

/// Comparisons of one pattern.
const COMPARISONS_MAX: usize = 1_000;

/// What is observed: the type of an indicator and the object path that is compared.
static PATHS: [(IndicatorType, &str); 8] = [
    (IndicatorType::IpAddress, "ipv4-addr:value"),
    (IndicatorType::IpAddress, "ipv6-addr:value"),
    (IndicatorType::DomainName, "domain-name:value"),
    (IndicatorType::Url, "url:value"),
    (IndicatorType::FileSha1, "file:hashes.'SHA-1'"),
    (IndicatorType::FileSha256, "file:hashes.'SHA-256'"),
    (IndicatorType::FileMd5, "file:hashes.MD5"),
    (IndicatorType::CertificateThumbprint, "x509-certificate:hashes.'SHA-1'"),
];

/// `path = 'value'`.
pub(super) fn comparison(kind: IndicatorType, value: &str) -> String {
    let is_v6 = kind == IndicatorType::IpAddress && value.contains(':');
    let of_kind = PATHS.iter().filter(|(known, _)| *known == kind);
    let path = of_kind.map(|(_, path)| *path).find(|path| !is_v6 || path.starts_with("ipv6"));
    let value = value.replace('\\', "\\\\").replace('\'', "\\'");
    format!("{} = '{value}'", path.unwrap_or_default())
}

/// The comparisons of a pattern of which one has to hold.
pub(super) fn comparisons(pattern: &str) -> Option<Vec<(IndicatorType, String)>> {
    let mut rest = pattern.trim();
    let mut found = Vec::new();
    let mut is_open = false;
    loop {
        if !is_open {
            rest = rest.strip_prefix('[')?.trim_start();
            is_open = true;
        }
        let (comparison, after) = read(rest)?;
        found.push(comparison);
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix(']') {
            rest = after.trim_start();
            is_open = false;
        }
        if rest.is_empty() && !is_open {
            return Some(found);
        }
        rest = rest.strip_prefix("OR")?.trim_start();
        if found.len() >= COMPARISONS_MAX {
            return None;
        }
    }
}

/// `path = 'value'`, and what follows.
fn read(text: &str) -> Option<((IndicatorType, String), &str)> {
    let (path, rest) = text.split_once('=')?;
    let path = path.trim().replace('"', "'");
    // Quotes around a name without a hyphen may be missing or there.
    let path = path.replace("'MD5'", "MD5");
    let (kind, _) = PATHS.iter().find(|(_, known)| *known == path)?;
    let mut chars = rest.trim_start().strip_prefix('\'')?.char_indices();
    let from = rest.len() - rest.trim_start().len() + 1;
    let mut value = String::new();
    loop {
        match chars.next()? {
            (at, '\'') => return Some(((*kind, value), &rest[from + at + 1..])),
            (_, '\\') => value.push(chars.next()?.1),
            (_, char) => value.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_they_are_written() {
        let (v4, name) = (IndicatorType::IpAddress, IndicatorType::DomainName);
        let of = |kind: IndicatorType, value: &str| (kind, value.to_owned());
        for (kind, value) in [
            (v4, "203.0.113.9"),
            (v4, "2001:db8::1"),
            (name, "a.example"),
            (IndicatorType::Url, "http://a/?b='c'\\d=e"),
            (IndicatorType::FileSha256, "ab"),
            (IndicatorType::FileMd5, "cd"),
            (IndicatorType::CertificateThumbprint, "ef"),
        ] {
            assert_eq!(comparisons(&format!("[{}]", comparison(kind, value))), Some(vec![of(kind, value)]));
        }
        for (pattern, expected) in [
            (
                "[ipv4-addr:value = '1.2.3.4' OR domain-name:value='a.b']",
                vec![of(v4, "1.2.3.4"), of(name, "a.b")],
            ),
            (
                "[url:value = 'x'] OR [file:hashes.\"SHA-1\" = 'y']",
                vec![of(IndicatorType::Url, "x"), of(IndicatorType::FileSha1, "y")],
            ),
            (" [ file:hashes.'MD5' = 'z' ] ", vec![of(IndicatorType::FileMd5, "z")]),
        ] {
            assert_eq!(comparisons(pattern), Some(expected), "{pattern}");
        }
        for pattern in [
            "",
            "[",
            "[ipv4-addr:value = '1.2.3.4'",
            "[ipv4-addr:value = '1.2.3.4' AND url:value = 'x']",
            "[ipv4-addr:value != '1.2.3.4']",
            "[ipv4-addr:value LIKE '1.%']",
            "[ipv4-addr:value = '1.2.3.4'] FOLLOWEDBY [url:value = 'x']",
            "[ipv4-addr:value = '1.2.3.4'] WITHIN 5 SECONDS",
            "[process:name = 'x']",
            "[url:value = 'é",
        ] {
            assert_eq!(comparisons(pattern), None, "{pattern}");
        }
    }
}
