//! What asks a browser for a passkey: the one thing on the pages that needs a script, and the script itself.

use identity::PasskeyCeremony;

use super::Text;

/// Asks the browser by the question in the form, and sends its answer with the form. Part of a page that has such a
/// form, whose policy allows it by its hash.
pub(super) const SCRIPT: &str = "\
for(const form of document.querySelectorAll('form[data-passkey]')){\
const button=form.querySelector('button'),told=form.querySelector('[role=status]');\
if(!window.PublicKeyCredential||!PublicKeyCredential.parseRequestOptionsFromJSON){\
told.textContent='This browser has no passkeys.';button.disabled=true;continue}\
form.addEventListener('submit',async event=>{event.preventDefault();told.textContent='';button.disabled=true;\
try{const asked=JSON.parse(form.dataset.passkey);\
const answer=form.dataset.kind==='create'\
?await navigator.credentials.create({publicKey:PublicKeyCredential.parseCreationOptionsFromJSON(asked)})\
:await navigator.credentials.get({publicKey:PublicKeyCredential.parseRequestOptionsFromJSON(asked)});\
form.elements.credential.value=JSON.stringify(answer);form.submit()}\
catch(error){told.textContent=error.name==='InvalidStateError'\
?'This passkey is there already.':'The passkey was not used. Try again.';button.disabled=false}})}";

pub(super) enum Kind {
    Create,
    Get,
}

/// A form that a passkey is sent with.
pub(super) struct Begin<'a> {
    pub kind: Kind,
    pub ceremony: &'a PasskeyCeremony,
    pub action: &'a str,
    pub button: &'a str,
    /// How the button looks.
    pub class: &'static str,
}

/// `fields` is HTML that goes along.
pub(super) fn form(begin: &Begin<'_>, fields: &str) -> String {
    let Begin { kind, ceremony, action, button, class } = begin;
    let kind = match kind {
        Kind::Create => "create",
        Kind::Get => "get",
    };
    format!(
        "<form method=\"post\" action=\"{}\" data-kind=\"{kind}\" data-passkey=\"{}\">\n{fields}\
         <input type=\"hidden\" name=\"state\" value=\"{}\">\n\
         <input type=\"hidden\" name=\"credential\" value=\"\">\n\
         <button class=\"{class}\">{}</button>\n<p class=\"soft\" role=\"status\"></p>\n\
         <noscript><p class=\"soft\">Passkeys need JavaScript.</p></noscript>\n</form>\n",
        Text(action),
        Text(&ceremony.options),
        Text(&ceremony.state),
        Text(button),
    )
}
