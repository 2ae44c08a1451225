//! The pages for the name and password, and for the second factor.

use identity::{FactorPage, ProviderChoice, SignInPage};

use super::{Page, Proof, Text, alert, passkey};

pub(crate) struct SignInForm<'a> {
    pub proof: Proof<'a>,
    /// The tenant of the path, where the form is sent to.
    pub segment: &'a str,
    pub about: &'a SignInPage,
    /// Who else signs users in.
    pub providers: &'a [ProviderChoice],
    pub name: &'a str,
    pub message: Option<&'a str>,
}

pub(crate) fn sign_in(form: &SignInForm<'_>) -> Page {
    let SignInForm { proof, segment, about, providers, name, message } = form;
    let purpose = match (&about.app, &about.tenant) {
        (Some(app), Some(tenant)) => format!("to <b>{}</b> at {}", Text(app), Text(tenant)),
        (Some(app), None) => format!("to <b>{}</b>", Text(app)),
        (None, Some(tenant)) => format!("at {}", Text(tenant)),
        (None, None) => "to go on".to_owned(),
    };
    let segment = encode_segment(segment);
    // Links, as the policy of the page would forbid a form whose answer leads on and on.
    let others: String = providers
        .iter()
        .map(|provider| {
            let mut query = vec![("next", proof.next), ("origin", proof.origin), ("csrf", proof.csrf)];
            if !proof.wish.is_empty() {
                query.push(("wish", proof.wish));
            }
            let query = query.into_iter().map(|(name, value)| format!("{name}={}", encode_segment(value)));
            let query = query.collect::<Vec<_>>().join("&");
            let address = format!("/federated/{}?{query}", encode_segment(&provider.key));
            let name = Text(&provider.display_name);
            format!("<a class=\"button second wide\" href=\"{}\">Sign in with {name}</a>\n", Text(&address))
        })
        .collect();
    let others = match others.is_empty() {
        true => others,
        false => format!("<p class=\"or\">or</p>\n{others}"),
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
         maxlength=\"1024\"{focus_password}>\n\
         <button class=\"wide\">Sign in</button>\n</form>\n{others}",
        alert(*message),
        Text(&segment),
        Text(name),
    );
    Page::new("Sign in", body).leads_to(&about.leads_to)
}

pub(crate) struct FactorForm<'a> {
    pub proof: Proof<'a>,
    pub segment: &'a str,
    pub page: &'a FactorPage,
    pub message: Option<&'a str>,
}

pub(crate) fn factor(form: &FactorForm<'_>) -> Page {
    let FactorForm { proof, segment, page, message } = form;
    let action = format!("/{}/sign-in", encode_segment(segment));
    let ticket =
        format!("<input type=\"hidden\" name=\"ticket\" value=\"{}\">\n", Text(page.ticket.expose()));
    let mut body = format!("<h1>Prove that it is you</h1>\n{}", alert(*message));
    if let Some(ceremony) = &page.passkey {
        let begin = passkey::Begin {
            kind: passkey::Kind::Get,
            ceremony,
            action: &action,
            button: "Use a passkey",
            class: "wide",
        };
        body.push_str(&passkey::form(&begin, &format!("{proof}{ticket}")));
    }
    if page.has_totp {
        let autofocus = if page.passkey.is_none() { " autofocus" } else { "" };
        body.push_str(&format!(
            "<form method=\"post\" action=\"{}\">\n{proof}{ticket}<label for=\"code\">Code</label>\n\
             <p class=\"soft\">The six digits that your authenticator app shows now.</p>\n\
             <input class=\"code\" id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" \
             pattern=\"[0-9 ]*\" maxlength=\"12\" required{autofocus}>\n<button class=\"wide\">Go on</button>\n</form>\n",
            Text(&action),
        ));
    }
    if page.passkey.is_none() && !page.has_totp {
        body.push_str("<p>Your passkeys are of another address of this server. Ask an administrator.</p>\n");
    }
    let shown = Page::new("Prove that it is you", body).leads_to(proof.origin);
    if page.passkey.is_some() { shown.with_script(passkey::SCRIPT) } else { shown }
}

/// A segment as it stands in a path.
pub(super) fn encode_segment(segment: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(segment, KEPT).to_string()
}
