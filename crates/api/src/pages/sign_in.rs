//! The pages for the name and password, and for the code of an authenticator.

use identity::SignInPage;

use super::{Page, Proof, Text, alert};

pub(crate) struct SignInForm<'a> {
    pub proof: Proof<'a>,
    /// The tenant of the path, where the form is sent to.
    pub segment: &'a str,
    pub about: &'a SignInPage,
    pub name: &'a str,
    pub message: Option<&'a str>,
}

pub(crate) fn sign_in(form: &SignInForm<'_>) -> Page {
    let SignInForm { proof, segment, about, name, message } = form;
    let purpose = match (&about.app, &about.tenant) {
        (Some(app), Some(tenant)) => format!("to <b>{}</b> at {}", Text(app), Text(tenant)),
        (Some(app), None) => format!("to <b>{}</b>", Text(app)),
        (None, Some(tenant)) => format!("at {}", Text(tenant)),
        (None, None) => "to go on".to_owned(),
    };
    // Who is known by name goes on with the password.
    let (focus_name, focus_password) = if name.is_empty() { (" autofocus", "") } else { ("", " autofocus") };
    let body = format!(
        "<h1>Sign in</h1>\n<p class=\"soft\">{purpose}</p>\n{}<form method=\"post\" action=\"/{}/sign-in\">\n{proof}\
         <label for=\"username\">User name</label>\n\
         <input id=\"username\" name=\"username\" type=\"email\" inputmode=\"email\" autocomplete=\"username\" \
         autocapitalize=\"none\" spellcheck=\"false\" maxlength=\"512\" required value=\"{}\"{focus_name}>\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" \
         maxlength=\"1024\" required{focus_password}>\n\
         <button class=\"wide\">Sign in</button>\n</form>\n",
        alert(*message),
        Text(&encode_segment(segment)),
        Text(name),
    );
    Page::new("Sign in", body).leads_to(&about.leads_to)
}

pub(crate) struct FactorForm<'a> {
    pub proof: Proof<'a>,
    pub segment: &'a str,
    pub ticket: &'a str,
    pub message: Option<&'a str>,
}

pub(crate) fn factor(form: &FactorForm<'_>) -> Page {
    let FactorForm { proof, segment, ticket, message } = form;
    let body = format!(
        "<h1>Enter your code</h1>\n<p class=\"soft\">The six digits that your authenticator app shows now.</p>\n{}\
         <form method=\"post\" action=\"/{}/sign-in\">\n{proof}\
         <input type=\"hidden\" name=\"ticket\" value=\"{}\">\n<label for=\"code\">Code</label>\n\
         <input class=\"code\" id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" \
         pattern=\"[0-9 ]*\" maxlength=\"12\" required autofocus>\n<button class=\"wide\">Go on</button>\n</form>\n",
        alert(*message),
        Text(&encode_segment(segment)),
        Text(ticket),
    );
    Page::new("Enter your code", body).leads_to(proof.origin)
}

/// A segment as it stands in a path.
pub(super) fn encode_segment(segment: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(segment, KEPT).to_string()
}
