//! The pages of a user's own sign-in: the second factor, and the end.

use super::{Page, Proof, Text, alert};

pub(crate) struct AccountPage<'a> {
    pub proof: Proof<'a>,
    pub user: &'a str,
    pub name: &'a str,
    pub tenant: &'a str,
    /// A secret that can be added: as it is typed, and sealed; none when the user has one.
    pub offer: Option<(&'a str, &'a str)>,
    pub message: Option<&'a str>,
}

pub(crate) fn account(page: &AccountPage<'_>) -> Page {
    let AccountPage { proof, user, name, tenant, offer, message } = page;
    let factor = match offer {
        None => format!(
            "<h2>Second factor</h2>\n<p>An authenticator app is set up. To remove it, enter a code that it shows.</p>\n\
             <form method=\"post\" action=\"/account\">\n{proof}<label for=\"code\">Code</label>\n\
             <input class=\"code\" id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" \
             maxlength=\"12\" required>\n<button class=\"second\" name=\"decision\" value=\"remove\">Remove it</button>\n\
             </form>\n"
        ),
        Some((secret, sealed)) => {
            let label = format!("Bartizan:{user}");
            let address = format!(
                "otpauth://totp/{}?secret={secret}&issuer=Bartizan",
                super::sign_in::encode_segment(&label)
            );
            format!(
                "<h2>Second factor</h2>\n<p>Add this key to an authenticator app, then enter the code that it shows.</p>\n\
                 <p><code>{}</code></p>\n<p><a href=\"{}\">Open it in an app on this device</a></p>\n\
                 <form method=\"post\" action=\"/account\">\n{proof}\
                 <input type=\"hidden\" name=\"offer\" value=\"{}\">\n<label for=\"code\">Code</label>\n\
                 <input class=\"code\" id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" \
                 maxlength=\"12\" required>\n<button name=\"decision\" value=\"add\">Add it</button>\n</form>\n",
                Text(&in_fours(secret)),
                Text(&address),
                Text(sealed),
            )
        }
    };
    let body = format!(
        "<h1>Your sign-in</h1>\n<p><b>{}</b><br><span class=\"soft\">{}, {}</span></p>\n{}{factor}\
         <form method=\"post\" action=\"/account\">\n{proof}\
         <button class=\"second\" name=\"decision\" value=\"sign_out_everywhere\">Sign out of every browser and app\
         </button>\n</form>\n",
        Text(name),
        Text(user),
        Text(tenant),
        alert(*message),
    );
    Page::new("Your sign-in", body)
}

/// Asks before a browser is signed out by a link that anybody could have made.
pub(crate) fn sign_out(proof: &Proof<'_>, user: &str) -> Page {
    let body = format!(
        "<h1>Sign out?</h1>\n<p>You are signed in as {}.</p>\n\
         <form method=\"post\" action=\"/common/oauth2/logout\">\n{proof}\
         <button autofocus>Sign out</button>\n</form>\n",
        Text(user),
    );
    Page::new("Sign out", body).leads_to(proof.origin)
}

pub(crate) fn signed_out() -> Page {
    super::done("You are signed out", "Close the browser if others use it too.")
}

fn in_fours(text: &str) -> String {
    let groups: Vec<&str> =
        (0..text.len()).step_by(4).filter_map(|at| text.get(at..(at + 4).min(text.len()))).collect();
    groups.join(" ")
}
