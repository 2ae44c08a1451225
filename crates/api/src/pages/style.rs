//! How the pages look.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The only style of the pages, which their policy allows by its hash.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#eef1f5;--card:#fff;--ink:#1b2430;--soft:#566273;--line:#c3ccd8;\
--accent:#1f5fa8;--on-accent:#fff;--alert:#a4262c;--alert-ground:#fdf1f1}\
@media (prefers-color-scheme:dark){:root{--ground:#10151c;--card:#1a222d;--ink:#e7ecf3;--soft:#a3b0c2;--line:#3a4656;\
--accent:#7db4f0;--on-accent:#0d1722;--alert:#ff9ea1;--alert-ground:#33191c}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);\
color:var(--ink);font:1rem/1.5 system-ui,sans-serif}\
main{width:100%;max-width:27rem;background:var(--card);border:1px solid var(--line);\
border-top:4px solid var(--accent);border-radius:.5rem;padding:2rem;box-shadow:0 8px 30px rgb(0 0 0/.08)}\
header{display:flex;align-items:center;gap:.6rem;font-weight:600;letter-spacing:.02em;color:var(--accent)}\
header svg{width:1.8rem;height:1.8rem}\
h1{font-size:1.4rem;line-height:1.25;margin:1.25rem 0 .5rem}\
h2{font-size:1rem;margin:1.25rem 0 .25rem}\
p{margin:.5rem 0}\
.soft,dt{color:var(--soft)}\
a:not(.button){color:var(--accent)}\
label{display:block;margin:1rem 0 .25rem;font-weight:600}\
label.choice{display:flex;gap:.6rem;align-items:flex-start;font-weight:400}\
label.choice input{width:1.1rem;height:1.1rem;margin:.2rem 0 0;flex:none}\
input:not([type=checkbox]){width:100%;font:inherit;color:inherit;background:transparent;padding:.6rem .7rem;\
border:1px solid var(--soft);border-radius:.3rem}\
input.code{font-size:1.4rem;letter-spacing:.25em;text-transform:uppercase}\
button,.button{display:inline-block;font:inherit;font-weight:600;padding:.6rem 1.4rem;margin:1.25rem .5rem 0 0;\
border:1px solid var(--accent);border-radius:.3rem;background:var(--accent);color:var(--on-accent);\
text-decoration:none;cursor:pointer}\
button.second,.button.second{background:transparent;color:var(--accent)}\
button.wide,.button.wide{display:block;width:100%;text-align:center}\
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}\
.or{display:flex;gap:.75rem;align-items:center;color:var(--soft);margin:1.25rem 0 0}\
.or::before,.or::after{content:\"\";flex:1;border-top:1px solid var(--line)}\
form+form,details{margin-top:1.25rem}\
button:disabled{opacity:.55;cursor:default}\
.alert{background:var(--alert-ground);color:var(--alert);border-left:4px solid var(--alert);padding:.6rem .8rem}\
ul{padding:0;margin:.5rem 0;list-style:none}\
li{padding:.5rem 0;border-bottom:1px solid var(--line)}\
li b{display:block}\
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem .75rem;font-size:.85rem;margin:1.25rem 0 0}\
dd{margin:0;overflow-wrap:anywhere}\
code{font-size:1.05rem;overflow-wrap:anywhere}";

/// A turret on a wall, which is what the name means. Its words are beside it.
pub(super) const MARK: &str = "<svg viewBox=\"0 0 32 32\" fill=\"currentColor\" aria-hidden=\"true\">\
<path d=\"M4 4h5v4h4V4h6v4h4V4h5v9l-4 4v11H8V17l-4-4zm10 14v6h4v-6a2 2 0 0 0-4 0z\"/></svg>";

/// The SHA-256 of a style or script, as a policy has it.
pub(super) fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}
