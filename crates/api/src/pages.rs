//! The pages on which people sign in: plain HTML with forms. A script is there only where a passkey is asked for.
//!
//! Every text is escaped where it is put in ([`Text`]); every page forbids frames, other scripts, and forms that lead
//! anywhere but where the page says.

mod account;
mod consent;
mod passkey;
mod sign_in;
mod style;

use std::fmt;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, PRAGMA, REFERRER_POLICY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use identity::{OAuthError, Redirection};

pub(crate) use account::{AccountPage, Passkeys, account, sign_out, signed_out};
pub(crate) use consent::{consent, device, device_answered, device_code};
pub(crate) use sign_in::{FactorForm, SignInForm, factor, sign_in};

/// A text from outside, escaped when it is shown.
pub(crate) struct Text<'a>(pub &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if c.is_control() => f.write_str(" ")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// A page to be sent.
pub(crate) struct Page {
    pub status: StatusCode,
    pub title: &'static str,
    /// HTML.
    pub body: String,
    /// Where its forms may lead besides this server: a source of a content security policy.
    pub leads_to: String,
    pub script: Option<&'static str>,
}

impl Page {
    pub fn new(title: &'static str, body: String) -> Page {
        Page { status: StatusCode::OK, title, body, leads_to: String::new(), script: None }
    }

    pub fn leads_to(self, source: &str) -> Page {
        Page { leads_to: source.to_owned(), ..self }
    }

    pub fn with_script(self, script: &'static str) -> Page {
        Page { script: Some(script), ..self }
    }

    pub fn status(self, status: StatusCode) -> Page {
        Page { status, ..self }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let Page { status, title, body, leads_to, script } = self;
        let (allowed, script) = match script {
            Some(script) => (
                format!("script-src 'sha256-{}'; ", style::hash(script)),
                format!("<script>{script}</script>\n"),
            ),
            None => (String::new(), String::new()),
        };
        let policy = format!(
            "default-src 'none'; {allowed}style-src 'sha256-{}'; form-action 'self' {leads_to}; frame-ancestors 'none'; \
             base-uri 'none'",
            style::hash(style::STYLE)
        );
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n<title>{title} - Bartizan</title>\n\
             <style>{}</style>\n</head>\n<body>\n<main>\n<header>{}<span>Bartizan</span></header>\n{body}</main>\n\
             {script}</body>\n</html>\n",
            style::STYLE,
            style::MARK,
        );
        let headers = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            (PRAGMA, "no-cache"),
            // Forms tell this server where they come from, and nobody else is told anything.
            (REFERRER_POLICY, "same-origin"),
            (HeaderName::from_static("x-frame-options"), "DENY"),
            (HeaderName::from_static("x-content-type-options"), "nosniff"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        ];
        let mut response = (status, headers, html).into_response();
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(HeaderName::from_static("content-security-policy"), policy);
        }
        response
    }
}

/// The hidden fields by which a form is known to be of this server.
pub(crate) struct Proof<'a> {
    pub csrf: &'a str,
    pub next: &'a str,
    pub origin: &'a str,
    /// What else was wished for; mostly nothing.
    pub wish: &'a str,
}

impl fmt::Display for Proof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in [("csrf", self.csrf), ("next", self.next), ("origin", self.origin)] {
            writeln!(f, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", Text(value))?;
        }
        if !self.wish.is_empty() {
            writeln!(f, "<input type=\"hidden\" name=\"wish\" value=\"{}\">", Text(self.wish))?;
        }
        Ok(())
    }
}

/// A message that is read out when the page opens.
pub(crate) fn alert(message: Option<&str>) -> String {
    message.map_or_else(String::new, |message| {
        format!("<p class=\"alert\" role=\"alert\">{}</p>\n", Text(message))
    })
}

/// What went wrong, with the ids by which it is found again.
pub(crate) fn error(error: &OAuthError, back: Option<&Redirection>) -> Page {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let back = back.map_or_else(String::new, |back| {
        format!("<p><a class=\"button\" href=\"{}\">Back to the app</a></p>\n", Text(&back.location()))
    });
    let body = format!(
        "<h1>This did not work</h1>\n<p class=\"alert\" role=\"alert\">{}</p>\n{back}<dl>\n\
         <dt>Error</dt><dd>AADSTS{} {}</dd>\n<dt>Correlation id</dt><dd>{}</dd>\n<dt>Time</dt><dd>{}</dd>\n</dl>\n",
        Text(&error.message()),
        error.code(),
        error.error(),
        error.correlation_id,
        error.timestamp(),
    );
    Page::new("Error", body).status(status)
}

/// An answer that an app wants as a form: sent by a button, as there is no script.
pub(crate) fn form_post(redirection: &Redirection, leads_to: &str) -> Page {
    let fields: String = redirection
        .parameters
        .iter()
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">\n", Text(name), Text(value))
        })
        .collect();
    let body = format!(
        "<h1>Almost done</h1>\n<p>Go on to the app.</p>\n<form method=\"post\" action=\"{}\">\n{fields}\
         <button autofocus>Continue</button>\n</form>\n",
        Text(&redirection.uri),
    );
    Page::new("Continue", body).leads_to(leads_to)
}

/// That something is done, and nothing more is to do here.
pub(crate) fn done(heading: &str, message: &str) -> Page {
    Page::new("Done", format!("<h1>{}</h1>\n<p role=\"status\">{}</p>\n", Text(heading), Text(message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let hostile = "<script>alert(1)</script>\"'&\u{0}";
        let expected = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp; ";
        assert_eq!(Text(hostile).to_string(), expected);
    }

    #[test]
    fn a_page_forbids_scripts_frames_and_other_forms() {
        let response = Page::new("A", String::new()).leads_to("https://app.example").into_response();
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(
            policy.contains("form-action 'self' https://app.example; frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
}
