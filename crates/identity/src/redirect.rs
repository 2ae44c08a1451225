//! Where a browser may be sent: the addresses that an app registered, and nothing else.

use crate::error::IdentityError;
use crate::refusal::Refusal;

const BYTES_MAX: usize = 2_048;

/// How an answer travels to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

impl ResponseMode {
    pub(crate) fn read(text: Option<&str>) -> Result<ResponseMode, Refusal> {
        match text {
            None | Some("query") => Ok(ResponseMode::Query),
            Some("fragment") => Ok(ResponseMode::Fragment),
            Some("form_post") => Ok(ResponseMode::FormPost),
            Some(_) => Err(Refusal::ResponseMode),
        }
    }
}

/// An answer on its way to an app, by the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    pub uri: String,
    pub mode: ResponseMode,
    pub parameters: Vec<(String, String)>,
}

impl Redirection {
    /// The address to go to; for a form it is the one to post to.
    pub fn location(&self) -> String {
        let query: Vec<String> = self
            .parameters
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let query = query.join("&");
        match self.mode {
            ResponseMode::FormPost => self.uri.clone(),
            ResponseMode::Fragment => format!("{}#{query}", self.uri),
            ResponseMode::Query if query.is_empty() => self.uri.clone(),
            ResponseMode::Query => {
                let joint = if self.uri.contains('?') { '&' } else { '?' };
                format!("{}{joint}{query}", self.uri)
            }
        }
    }
}

/// Percent-encodes everything that could mean something in a query.
pub(crate) fn encode(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}

/// The redirect URI of a request: the one it names, as it names it, or the only one that is registered.
pub(crate) fn chosen<'a>(registered: &'a [String], given: Option<&'a str>) -> Result<&'a str, Refusal> {
    match (given, registered) {
        (None, [one]) => Ok(one),
        (None, _) | (_, []) => Err(Refusal::NoRedirect),
        (Some(given), _) if registered.iter().any(|known| is_match(known, given)) => Ok(given),
        _ => Err(Refusal::BadRedirect),
    }
}

/// Compared as text, character by character. At a loopback address the port is the app's own choice (RFC 8252, 7.3).
fn is_match(registered: &str, given: &str) -> bool {
    if registered == given {
        return true;
    }
    match (loopback(registered), loopback(given)) {
        (Some(known), Some(given)) => known == given,
        _ => false,
    }
}

/// Host and path of an address at the same computer, without its port.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = match authority.strip_prefix("[::1]") {
        Some(port) => ("[::1]", port),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'));
    let is_loopback = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    let path = if path.is_empty() { "/" } else { path };
    (is_loopback && is_port && !path.contains('#')).then_some((host, path))
}

/// Whether an address may be registered: https, http at this computer, or a scheme of the app's own.
pub(crate) fn check(uri: &str) -> Result<(), IdentityError> {
    let invalid = |problem| Err(IdentityError::Invalid { what: "the redirect URI", problem });
    if uri.len() > BYTES_MAX {
        return invalid("is too long");
    }
    if !uri.bytes().all(|byte| byte.is_ascii_graphic()) || uri.contains(['"', '<', '>', '\\', '\'', ';', ','])
    {
        return invalid("has characters that no address has");
    }
    if uri.contains('#') || uri.contains('*') {
        return invalid("has a fragment or a wildcard");
    }
    let Some((scheme, rest)) = uri.split_once(':') else { return invalid("is not an absolute address") };
    match scheme {
        "https" if !host_of(rest).is_empty() && !host_of(rest).contains('@') => Ok(()),
        "https" => invalid("has no host, or a user name"),
        "http" if loopback(uri).is_some() => Ok(()),
        "http" => invalid("is http at another host than localhost"),
        // RFC 8252, 7.1: reversed domain names, so that they collide with no other scheme, or those of brokers.
        _ if scheme.contains('.') || scheme.starts_with("msal") || scheme.starts_with("ms-") => Ok(()),
        _ => invalid("has a scheme that is neither https nor a reversed domain name"),
    }
}

fn host_of(rest: &str) -> &str {
    let rest = rest.strip_prefix("//").unwrap_or_default();
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// Scheme and host of a registered address, as a source in a content security policy.
pub(crate) fn source_of(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once(':') else { return String::new() };
    match scheme {
        "https" | "http" => format!("{scheme}://{}", host_of(rest)),
        _ => format!("{scheme}:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_as_text_but_for_the_port_of_loopback() {
        let registered =
            ["https://app.example/cb", "http://localhost", "http://127.0.0.1/x"].map(str::to_owned);
        for (given, expected) in [
            ("https://app.example/cb", true),
            ("https://app.example/cb/", false),
            ("https://app.example/CB", false),
            ("https://APP.example/cb", false),
            ("https://app.example/cb?x=1", false),
            ("https://app.example/cb#", false),
            ("https://app.example.evil.example/cb", false),
            ("https://app.example@evil.example/cb", false),
            ("https://app.example:443/cb", false),
            ("http://app.example/cb", false),
            ("https://app.example/cb/../x", false),
            ("http://localhost:53124", true),
            ("http://localhost:53124/", true),
            ("http://localhost:53124/x", false),
            ("http://localhost:53124@evil.example/", false),
            ("http://localhost.evil.example/", false),
            ("https://localhost:1/", false),
            ("http://127.0.0.1:1/x", true),
            ("http://127.0.0.1:1/", false),
            ("http://localhost:99999/", false),
        ] {
            assert_eq!(chosen(&registered, Some(given)).is_ok(), expected, "{given}");
        }
        assert_eq!(chosen(&registered, None), Err(Refusal::NoRedirect));
        assert_eq!(chosen(&registered[..1], None), Ok("https://app.example/cb"));
        assert_eq!(chosen(&[], Some("https://app.example/cb")), Err(Refusal::NoRedirect));
    }

    #[test]
    fn what_may_be_registered() {
        for (uri, expected) in [
            ("https://app.example/cb?x=1", true),
            ("http://localhost:3000/cb", true),
            ("http://[::1]/cb", true),
            ("com.example.app:/cb", true),
            ("msal00000000-0000-0000-0000-00000000000b://auth", true),
            ("http://app.example/cb", false),
            ("https://app.example/*", false),
            ("https://app.example/#x", false),
            ("https://user@app.example/", false),
            ("https:///x", false),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("https://a.example/ x", false),
            ("https://a.example/;script-src", false),
            ("/cb", false),
            ("", false),
        ] {
            assert_eq!(check(uri).is_ok(), expected, "{uri}");
        }
    }

    #[test]
    fn answers_travel_in_the_query_or_behind_the_hash() {
        let at = |uri: &str, mode| {
            let parameters =
                vec![("code".to_owned(), "a b".to_owned()), ("state".to_owned(), "&=é".to_owned())];
            Redirection { uri: uri.to_owned(), mode, parameters }.location()
        };
        assert_eq!(at("https://a/", ResponseMode::Query), "https://a/?code=a%20b&state=%26%3D%C3%A9");
        assert_eq!(at("https://a/?x=1", ResponseMode::Query), "https://a/?x=1&code=a%20b&state=%26%3D%C3%A9");
        assert_eq!(at("https://a/", ResponseMode::Fragment), "https://a/#code=a%20b&state=%26%3D%C3%A9");
        assert_eq!(at("https://a/", ResponseMode::FormPost), "https://a/");
        assert_eq!(source_of("https://a.example:1/x?y"), "https://a.example:1");
        assert_eq!(source_of("com.example.app:/cb"), "com.example.app:");
    }
}
