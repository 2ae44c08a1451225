//! What an app asks for at the authorization endpoint.
//!
//! Until the app and its redirect URI are known to belong together, what is wrong is told to the user on a page; from
//! then on it is told to the app.

use store::Tenant;

use crate::claims::TokenVersion;
use crate::client::KnownApp;
use crate::form::Form;
use crate::issuer::Issuer;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::redirect::{self, Redirection, ResponseMode};
use crate::refusal::Refusal;
use crate::scope::Asked;
use crate::token::store_problem;

const STATE_BYTES_MAX: usize = 4 * 1024;
const NONCE_BYTES_MAX: usize = 1024;
const HINT_BYTES_MAX: usize = 256;

/// A request that can be answered.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizeRequest {
    pub version: TokenVersion,
    /// The tenant of the path; none where the user's decides.
    pub tenant: Option<Tenant>,
    pub known: KnownApp,
    pub asked: Asked,
    pub back: Back,
    pub challenge: Option<String>,
    pub nonce: Option<String>,
    pub hint: Option<String>,
    pub prompt: Prompt,
    pub max_age: Option<i64>,
    /// The redirect URI as the request named it; empty when it named none.
    pub named: String,
}

/// The way back to the app.
#[derive(Clone, Debug)]
pub(crate) struct Back {
    pub uri: String,
    pub mode: ResponseMode,
    pub state: Option<String>,
    /// RFC 9207: who answers, so that an app with several issuers cannot mix them up.
    pub issuer: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub none: bool,
    pub login: bool,
    pub consent: bool,
    /// The words of version 1 for a consent to all that the app asks for.
    pub admin_consent: bool,
}

/// A request that cannot: told to the user, or to the app.
#[derive(Debug)]
pub(crate) enum Unanswerable {
    Page(OAuthProblem),
    Back(Back, OAuthProblem),
}

impl From<OAuthProblem> for Unanswerable {
    fn from(problem: OAuthProblem) -> Unanswerable {
        Unanswerable::Page(problem)
    }
}

impl From<Refusal> for Unanswerable {
    fn from(refusal: Refusal) -> Unanswerable {
        Unanswerable::Page(refusal.into())
    }
}

impl Back {
    pub(crate) fn with(self, mut parameters: Vec<(String, String)>) -> Redirection {
        parameters.extend(self.state.map(|state| ("state".to_owned(), state)));
        parameters.push(("iss".to_owned(), self.issuer));
        Redirection { uri: self.uri, mode: self.mode, parameters }
    }

    pub(crate) fn refused(self, error: &OAuthError) -> Redirection {
        self.with(vec![
            ("error".to_owned(), error.error().to_owned()),
            ("error_description".to_owned(), error.description()),
        ])
    }
}

impl Issuer {
    /// The app that a page is about, in the tenant of the path, or of any.
    pub(crate) async fn app_of_page(
        &self,
        tenant: Option<&Tenant>,
        id: &str,
    ) -> Result<KnownApp, OAuthProblem> {
        let unknown = || OAuthProblem::UnknownApp {
            app: id.to_owned(),
            tenant: tenant.map_or("common", |tenant| &tenant.display_name).to_owned(),
        };
        if let Some(tenant) = tenant
            && let Some(known) = self.known_app(tenant, id).await?
        {
            return Ok(known);
        }
        let known = self.app_at_home(id).await?.ok_or_else(unknown)?;
        // Of another tenant, and not let in yet: its administrators may want to.
        if tenant.is_some_and(|tenant| tenant.id != known.home) && !known.how.is_multi_tenant {
            return Err(unknown());
        }
        Ok(known)
    }

    pub(crate) async fn read_authorize(
        &self,
        segment: &str,
        version: TokenVersion,
        query: &Form,
    ) -> Result<AuthorizeRequest, Unanswerable> {
        query.check()?;
        let tenant = self.tenant_or_any(segment).await?;
        let known = self.app_of_page(tenant.as_ref(), query.required("client_id")?).await?;
        let registered = self.store.tenant(known.home).redirect_uris(known.app.id).await;
        let registered = registered.map_err(store_problem)?;
        let named = query.get("redirect_uri");
        let uri = redirect::chosen(&registered, named)?.to_owned();
        let named = named.unwrap_or_default().to_owned();
        let state = query.get("state").map(str::to_owned);
        if state.as_ref().is_some_and(|state| state.len() > STATE_BYTES_MAX) {
            return Err(Refusal::ParameterTooLong.into());
        }
        let mode = ResponseMode::read(query.get("response_mode"));
        let issuer = self.issuer_of(tenant.as_ref().map(|tenant| tenant.id), version);
        let back = Back { uri, mode: *mode.as_ref().unwrap_or(&ResponseMode::Query), state, issuer };
        let read = || -> Result<_, OAuthProblem> {
            mode?;
            if query.get("request").is_some() || query.get("request_uri").is_some() {
                return Err(Refusal::RequestObject.into());
            }
            if query.required("response_type")? != "code" {
                return Err(Refusal::ResponseType.into());
            }
            let challenge = challenge(query, known.how.is_public)?;
            let asked = match (version, query.get("scope"), query.get("resource")) {
                (TokenVersion::V2, Some(scope), _) => Asked::parse(scope)?,
                (TokenVersion::V2, None, _) => return Err(OAuthProblem::MissingParameter { name: "scope" }),
                (TokenVersion::V1, _, Some(resource)) => Asked::all_of(resource),
                (TokenVersion::V1, _, None) => Asked::all_of(""),
            };
            self.audience(&asked, &known.app.display_name)?;
            let manifest = crate::scope::known(&known.how.delegated);
            if !asked.permissions.is_subset(&manifest) {
                return Err(Refusal::ScopeNotAsked.into());
            }
            let nonce = short(query.get("nonce"), NONCE_BYTES_MAX)?;
            let hint = short(query.get("login_hint"), HINT_BYTES_MAX)?;
            let max_age = query.get("max_age").map(|age| age.parse::<u32>().map(i64::from));
            let max_age = max_age.transpose().map_err(|_| Refusal::ParameterTooLong)?;
            Ok((challenge, asked, nonce, hint, max_age))
        };
        let (challenge, asked, nonce, hint, max_age) = match read() {
            Ok(read) => read,
            Err(problem) => return Err(Unanswerable::Back(back, problem)),
        };
        let prompt = prompt(query.get("prompt").unwrap_or_default());
        let (named, tenant) = (named, tenant);
        Ok(AuthorizeRequest {
            version,
            tenant,
            known,
            asked,
            back,
            challenge,
            nonce,
            hint,
            prompt,
            max_age,
            named,
        })
    }
}

fn prompt(text: &str) -> Prompt {
    let mut prompt = Prompt::default();
    for word in text.split_ascii_whitespace() {
        match word {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            "admin_consent" => prompt.admin_consent = true,
            _ => {}
        }
    }
    prompt
}

/// RFC 9700, 2.1.1: PKCE by S256, which public clients cannot leave out.
fn challenge(query: &Form, is_public: bool) -> Result<Option<String>, Refusal> {
    let Some(challenge) = query.get("code_challenge") else {
        let is_missing = is_public || query.get("code_challenge_method").is_some();
        return if is_missing { Err(Refusal::ChallengeMissing) } else { Ok(None) };
    };
    if query.get("code_challenge_method") != Some("S256") {
        return Err(Refusal::ChallengeMethod);
    }
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if challenge.len() != 43 || !challenge.bytes().all(is_base64url) {
        return Err(Refusal::ChallengeMalformed);
    }
    Ok(Some(challenge.to_owned()))
}

fn short(text: Option<&str>, bytes_max: usize) -> Result<Option<String>, Refusal> {
    match text {
        Some(text) if text.len() > bytes_max => Err(Refusal::ParameterTooLong),
        text => Ok(text.map(str::to_owned)),
    }
}
