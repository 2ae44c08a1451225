//! The pages of a user's own sign-in: the second factors, and the end.

use identity::{Passkey, PasskeyCeremony};

use super::passkey::{self, Begin, Kind};
use super::{Page, Proof, Text, alert};

pub(crate) struct AccountPage<'a> {
    pub proof: Proof<'a>,
    pub user: &'a str,
    pub name: &'a str,
    pub tenant: &'a str,
    /// A secret that can be added: as it is typed, and sealed; none when the user has one.
    pub offer: Option<(&'a str, &'a str)>,
    pub passkeys: &'a Passkeys,
    pub message: Option<&'a str>,
}

/// The passkeys of a user, and what the browser can be asked.
pub(crate) struct Passkeys {
    pub are_taken: bool,
    pub all: Vec<Passkey>,
    pub to_add: Option<PasskeyCeremony>,
    pub to_remove: Option<PasskeyCeremony>,
}

pub(crate) fn account(page: &AccountPage<'_>) -> Page {
    let AccountPage { proof, user, name, tenant, offer, passkeys, message } = page;
    let body = format!(
        "<h1>Your sign-in</h1>\n<p><b>{}</b><br><span class=\"soft\">{}, {}</span></p>\n{}\
         <h2>Authenticator app</h2>\n{}<h2>Passkeys</h2>\n{}\
         <form method=\"post\" action=\"/account\">\n{proof}\
         <button class=\"second\" name=\"decision\" value=\"sign_out_everywhere\">Sign out of every browser and app\
         </button>\n</form>\n",
        Text(name),
        Text(user),
        Text(tenant),
        alert(*message),
        authenticator(proof, user, *offer),
        of_passkeys(proof, passkeys, offer.is_none()),
    );
    let shown = Page::new("Your sign-in", body);
    if passkeys.are_taken { shown.with_script(passkey::SCRIPT) } else { shown }
}

fn authenticator(proof: &Proof<'_>, user: &str, offer: Option<(&str, &str)>) -> String {
    let Some((secret, sealed)) = offer else {
        return format!(
            "<p>An authenticator app is set up. To remove it, enter a code that it shows.</p>\n\
             <form method=\"post\" action=\"/account\">\n{proof}<label for=\"code\">Code</label>\n\
             <input class=\"code\" id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" \
             maxlength=\"12\" required>\n<button class=\"second\" name=\"decision\" value=\"remove\">Remove it</button>\n\
             </form>\n"
        );
    };
    let label = super::sign_in::encode_segment(&format!("Bartizan:{user}"));
    let address = format!("otpauth://totp/{label}?secret={secret}&issuer=Bartizan");
    format!(
        "<p>Add this key to an authenticator app, then enter the code that it shows.</p>\n\
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

fn of_passkeys(proof: &Proof<'_>, passkeys: &Passkeys, has_totp: bool) -> String {
    if !passkeys.are_taken {
        return "<p class=\"soft\">Passkeys belong to a name, and this server is reached by a number.</p>\n"
            .to_owned();
    }
    let decision =
        |word: &str| format!("{proof}<input type=\"hidden\" name=\"decision\" value=\"{word}\">\n");
    let mut html = String::new();
    for known in &passkeys.all {
        let day = |time: model::Ticks| time.to_string().chars().take(10).collect::<String>();
        let used = known.used.map_or("never used".to_owned(), |used| format!("last used {}", day(used)));
        let synced = if known.is_synced { "on several devices" } else { "on one device" };
        html.push_str(&format!("<p>Added {}, {used}, {synced}</p>\n", day(known.added)));
        let fields = format!(
            "{}<input type=\"hidden\" name=\"passkey\" value=\"{}\">\n",
            decision("remove_passkey"),
            Text(&known.id)
        );
        if let Some(ceremony) = &passkeys.to_remove {
            let (action, button, class) = ("/account", "Remove this passkey", "second");
            let begin = Begin { kind: Kind::Get, ceremony, action, button, class };
            html.push_str(&passkey::form(&begin, &fields));
        }
        if has_totp {
            html.push_str(&format!(
                "<details><summary>It is lost: remove it by a code</summary>\n\
                 <form method=\"post\" action=\"/account\">\n{fields}<label>Code\n\
                 <input class=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" \
                 maxlength=\"12\" required></label>\n<button class=\"second\">Remove it</button>\n</form>\n</details>\n"
            ));
        }
    }
    if let Some(ceremony) = &passkeys.to_add {
        let begin =
            Begin { kind: Kind::Create, ceremony, action: "/account", button: "Add a passkey", class: "" };
        html.push_str(&passkey::form(&begin, &decision("add_passkey")));
    }
    html
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
