//! The pages on which a user says yes or no: to an app, and to a device.

use identity::{ConsentPage, DevicePage, ForAll};

use super::{Page, Proof, Text, alert};

pub(crate) fn consent(proof: &Proof<'_>, page: &ConsentPage, message: Option<&str>) -> Page {
    let ConsentPage { app, publisher, user, tenant, for_all, .. } = page;
    let (heading, choice) = match for_all {
        ForAll::No => ("Allow this app?", String::new()),
        ForAll::May => (
            "Allow this app?",
            "<label class=\"choice\"><input type=\"checkbox\" name=\"for_all\" value=\"on\"> Allow it on behalf of \
             every user of the organisation</label>\n"
                .to_owned(),
        ),
        ForAll::Must => (
            "Allow this app for the organisation?",
            format!("<p>Your yes is on behalf of everybody at {}.</p>\n", Text(tenant)),
        ),
    };
    let mut body = format!(
        "<h1>{heading}</h1>\n<p><b>{}</b><br><span class=\"soft\">registered by {}</span></p>\n\
         <p class=\"soft\">You are signed in as {}.</p>\n{}",
        Text(app),
        Text(publisher),
        Text(user),
        alert(message),
    );
    body.push_str(&list("With you signed in, it wants to", &page.delegated));
    body.push_str(&list("By itself, for all devices of the organisation, it wants to", &page.application));
    if page.delegated.is_empty() && page.application.is_empty() {
        body.push_str("<p>It asks for nothing but to know who you are.</p>\n");
    }
    body.push_str(&format!(
        "<form method=\"post\" action=\"/common/consent\">\n{proof}{choice}\
         <button name=\"decision\" value=\"accept\">Accept</button>\n\
         <button class=\"second\" name=\"decision\" value=\"deny\">Cancel</button>\n</form>\n"
    ));
    Page::new("Allow an app", body).leads_to(&page.leads_to)
}

/// Where the code of a device is typed.
pub(crate) fn device_code(message: Option<&str>) -> Page {
    let body = format!(
        "<h1>Enter the code</h1>\n<p class=\"soft\">Your device or program shows it.</p>\n{}\
         <form method=\"get\" action=\"/device\">\n<label for=\"user_code\">Code</label>\n\
         <input class=\"code\" id=\"user_code\" name=\"user_code\" autocomplete=\"off\" autocapitalize=\"characters\" \
         spellcheck=\"false\" maxlength=\"16\" required autofocus>\n<button class=\"wide\">Next</button>\n</form>\n",
        alert(message),
    );
    Page::new("Enter a code", body)
}

pub(crate) fn device(proof: &Proof<'_>, page: &DevicePage) -> Page {
    let DevicePage { app, user, tenant, user_code, delegated } = page;
    let body = format!(
        "<h1>Is this yours?</h1>\n<p>A device that shows the code <code>{}</code> wants to sign in to <b>{}</b> as {} \
         at {}.</p>\n<p class=\"soft\">Go on only if you started this yourself, and see this code there. Whoever sent \
         you a code to type here would be signed in as you.</p>\n{}\
         <form method=\"post\" action=\"/device\">\n{proof}\
         <input type=\"hidden\" name=\"user_code\" value=\"{}\">\n\
         <button name=\"decision\" value=\"accept\">Sign the device in</button>\n\
         <button class=\"second\" name=\"decision\" value=\"deny\">Cancel</button>\n</form>\n",
        Text(user_code),
        Text(app),
        Text(user),
        Text(tenant),
        list("With you signed in, it may", delegated),
        Text(user_code),
    );
    Page::new("Sign a device in", body)
}

pub(crate) fn device_answered(app: Option<&str>) -> Page {
    match app {
        Some(app) => {
            super::done("The device is signed in", &format!("Go back to {app}. You can close this page."))
        }
        None => super::done("The device is turned away", "Nothing was given to it. You can close this page."),
    }
}

fn list(heading: &str, permissions: &[(&str, &str)]) -> String {
    if permissions.is_empty() {
        return String::new();
    }
    let items: String = permissions
        .iter()
        .map(|(name, summary)| format!("<li><b>{}</b> {}</li>\n", Text(name), Text(summary)))
        .collect();
    format!("<h2>{}</h2>\n<ul>\n{items}</ul>\n", Text(heading))
}
