//! Providers of others that sign users of a tenant in (OpenID Connect): what they are asked, and what they answer.
//!
//! A provider vouches by an ID token, which comes straight from its token endpoint and is judged by the keys that it
//! publishes: signature, issuer, audience, times and the nonce of this one sign-in. What the ID token leaves out is
//! asked of the userinfo endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use model::Clock;
use serde::Deserialize;
use serde_json::{Map, Value};
use tracing::warn;

use crate::outside::{self, Audience};
use crate::published::{DOCUMENT_BYTES_MAX, Discovery, Egress, EgressRequest, Published};
use crate::redirect::encode;
use crate::seconds::Seconds;
use crate::secret::{Secret, sha256};
use crate::verify::AuthError;

const LEEWAY_SECONDS: i64 = 60;
/// How long a sign-in at the provider takes that is asked for anew, until its answer is here.
const FRESH_SECONDS: i64 = 10 * 60;
const CODE_BYTES_MAX: usize = 8 * 1024;
const CLAIM_CHARACTERS_MAX: usize = 200;
/// Groups of a user that are read.
const GROUPS_MAX: usize = 1_000;

/// A provider whose users sign in to a tenant.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The word for it in addresses: letters, digits and hyphens.
    pub key: String,
    /// What the sign-in page calls it.
    pub display_name: String,
    /// As its tokens and its discovery document write it.
    pub issuer: String,
    /// The domain of the tenant that its users belong to.
    pub tenant: String,
    /// The domains of the names of its users; a name of another domain is not taken. None is the tenant's.
    pub domains: Vec<String>,
    /// What this server is called there.
    pub client_id: String,
    /// None is a public client, which proves itself by PKCE alone.
    pub client_secret: Option<Secret>,
    /// Whether the secret goes into the form; none asks the discovery document, which has it in a header by default.
    pub secret_in_form: Option<bool>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim with the name that a user is known by here, such as `preferred_username` or `email`.
    pub user_claim: String,
    pub name_claim: String,
    /// The claim with the groups of a user: a list, or one of them as text.
    pub groups_claim: String,
    /// The user group, by name, that the members of a group of the provider are in.
    pub groups: BTreeMap<String, String>,
    /// Whether a user who comes for the first time is made here; else an administrator makes them.
    pub creates_users: bool,
}

impl Provider {
    /// The domains of its users' names, in the form in which they are compared.
    fn domains(&self) -> impl Iterator<Item = String> {
        let named = self.domains.iter().chain(self.domains.is_empty().then_some(&self.tenant));
        named.map(|domain| store::fold(domain))
    }
}

/// What a provider says of the user who signed in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vouched {
    pub subject: String,
    pub principal_name: Option<String>,
    pub display_name: Option<String>,
    pub groups: Vec<String>,
    /// How the user proved themselves there (RFC 8176).
    pub methods: Vec<String>,
    /// When, where the provider says that.
    pub authenticated: Option<i64>,
}

/// Why nobody is signed in. What it is in detail is for the log.
#[derive(Debug)]
pub(crate) enum ProviderProblem {
    Unreachable(String),
    /// It answered something that must not be believed.
    NotBelieved(String),
}

pub(crate) struct KnownProvider {
    pub is: Provider,
    published: Published,
    clock: Arc<dyn Clock>,
}

/// The random texts of one sign-in.
pub(crate) struct Texts<'a> {
    pub state: &'a str,
    pub nonce: &'a str,
    pub verifier: &'a Secret,
    /// Whether the user has to prove themselves anew, whatever sessions the provider has.
    pub is_fresh: bool,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    #[serde(default)]
    access_token: Option<String>,
}

#[derive(Clone, Deserialize)]
struct IdClaims {
    iss: String,
    aud: Audience,
    exp: Seconds,
    iat: Seconds,
    #[serde(default)]
    nbf: Option<Seconds>,
    sub: String,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    auth_time: Option<Seconds>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl KnownProvider {
    /// Whether it is one of the tenant of that domain.
    pub fn is_of(&self, domain: &str) -> bool {
        store::fold(&self.is.tenant) == store::fold(domain)
    }

    /// Whether a name is one of its users'.
    pub fn has_name(&self, name: &str) -> bool {
        let domain = name.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.is.domains().any(|own| own == store::fold(domain))
    }

    /// Whether both would speak for the same names of a tenant.
    pub fn shares_domains_with(&self, other: &Provider) -> bool {
        self.is_of(&other.tenant) && self.is.domains().any(|own| other.domains().any(|domain| own == domain))
    }

    pub fn new(is: Provider, egress: Arc<dyn Egress>, clock: Arc<dyn Clock>) -> KnownProvider {
        let published = Published::new(is.issuer.clone(), egress, Arc::clone(&clock));
        KnownProvider { is, published, clock }
    }

    /// Where a browser is sent to sign in.
    pub async fn authorization_address(
        &self,
        texts: &Texts<'_>,
        redirect_uri: &str,
    ) -> Result<String, ProviderProblem> {
        let discovery = self.discovery().await?;
        let endpoint = needed(discovery.authorization_endpoint.as_deref(), "authorization_endpoint")?;
        let scopes = ["openid"].into_iter().chain(self.is.scopes.iter().map(String::as_str));
        let scopes = scopes.collect::<Vec<_>>().join(" ");
        let challenge = URL_SAFE_NO_PAD.encode(sha256(&[texts.verifier.expose().as_bytes()]));
        let mut parameters = vec![
            ("client_id", self.is.client_id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", redirect_uri),
            ("scope", &scopes),
            ("state", texts.state),
            ("nonce", texts.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if texts.is_fresh {
            // The second one makes the provider say when it was.
            parameters.extend([("prompt", "login"), ("max_age", "0")]);
        }
        if !(endpoint.starts_with("https://") || endpoint.starts_with("http://")) {
            return Err(not_believed("its authorization_endpoint is no web address"));
        }
        let separator = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{endpoint}{separator}{}", encoded(&parameters)))
    }

    /// RFC 9207: whether an answer that names that issuer, or none, is one of this provider.
    pub async fn is_answer_of(&self, issuer: Option<&str>) -> Result<bool, ProviderProblem> {
        let discovery = self.discovery().await?;
        Ok(match issuer {
            Some(issuer) => issuer == self.is.issuer,
            None => !discovery.authorization_response_iss_parameter_supported,
        })
    }

    /// Exchanges the code of an answer for what the provider says of the user.
    pub async fn vouch(
        &self,
        code: &str,
        texts: &Texts<'_>,
        redirect_uri: &str,
    ) -> Result<Vouched, ProviderProblem> {
        if code.is_empty() || code.len() > CODE_BYTES_MAX {
            return Err(not_believed("its code is empty or too long"));
        }
        let discovery = self.discovery().await?;
        let endpoint = needed(discovery.token_endpoint.as_deref(), "token_endpoint")?;
        let request = self.exchange(endpoint, &discovery, code, texts, redirect_uri);
        let answer = self.published.egress().send(request, DOCUMENT_BYTES_MAX).await;
        let answer = answer.map_err(ProviderProblem::Unreachable)?;
        let tokens: Tokens = serde_json::from_slice(&answer)
            .map_err(|error| not_believed(&format!("the answer of its token endpoint: {error}")))?;
        let claims: IdClaims =
            self.published.claims(&tokens.id_token).await.map_err(|error| match error {
                AuthError::AccessUnavailable => ProviderProblem::Unreachable("its keys".to_owned()),
                error => not_believed(&format!("its ID token: {error}")),
            })?;
        self.judge(&claims, texts).map_err(|why| not_believed(&format!("its ID token: {why}")))?;
        let mut all = claims.rest;
        all.insert("sub".to_owned(), claims.sub.clone().into());
        let groups = Some(&self.is.groups_claim).filter(|_| !self.is.groups.is_empty());
        let wanted: Vec<&String> = std::iter::once(&self.is.user_claim).chain(groups).collect();
        if let (Some(endpoint), Some(token)) = (&discovery.userinfo_endpoint, &tokens.access_token)
            && wanted.iter().any(|claim| !all.contains_key(*claim))
        {
            for (name, value) in self.userinfo(endpoint, token, &claims.sub).await? {
                all.entry(name).or_insert(value);
            }
        }
        if groups.is_some_and(|claim| is_elsewhere(&all, claim)) {
            return Err(not_believed("it has too many groups of the user to say them"));
        }
        Ok(self.vouched(claims.sub, claims.auth_time, &all))
    }

    fn exchange<'a>(
        &self,
        endpoint: &'a str,
        discovery: &Discovery,
        code: &str,
        texts: &Texts<'_>,
        redirect_uri: &str,
    ) -> EgressRequest<'a> {
        let mut parameters = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", texts.verifier.expose()),
        ];
        let mut authorization = None;
        match &self.is.client_secret {
            // RFC 8414, 2: where nothing is said it is client_secret_basic.
            Some(secret) => {
                let methods = discovery.token_endpoint_auth_methods_supported.as_deref();
                let has = |name: &str| methods.is_some_and(|methods| methods.iter().any(|own| own == name));
                let is_usual = has("client_secret_post") && !has("client_secret_basic");
                if self.is.secret_in_form.unwrap_or(is_usual) {
                    parameters.extend([
                        ("client_id", self.is.client_id.as_str()),
                        ("client_secret", secret.expose()),
                    ]);
                } else {
                    let pair = format!("{}:{}", encode(&self.is.client_id), encode(secret.expose()));
                    authorization = Some(Secret::new(format!("Basic {}", STANDARD.encode(pair))));
                }
            }
            None => parameters.push(("client_id", &self.is.client_id)),
        }
        EgressRequest { url: endpoint, authorization, form: Some(Secret::new(encoded(&parameters))) }
    }

    /// OpenID Connect Core, 3.1.3.7.
    fn judge(&self, claims: &IdClaims, texts: &Texts<'_>) -> Result<(), &'static str> {
        let now = self.clock.now().unix_seconds();
        if claims.iss != self.is.issuer {
            return Err("it is of another issuer");
        }
        let (is_for_us, is_for_others) = match &claims.aud {
            Audience::One(one) => (*one == self.is.client_id, false),
            Audience::Several(several) => (several.contains(&self.is.client_id), several.len() > 1),
        };
        if !is_for_us {
            return Err("it is for another client");
        }
        let is_given_to_us = claims.azp.as_ref().is_none_or(|azp| *azp == self.is.client_id);
        if !is_given_to_us || (is_for_others && claims.azp.is_none()) {
            return Err("it was given to another client");
        }
        if claims.exp.0 <= now.saturating_sub(LEEWAY_SECONDS) {
            return Err("it has expired");
        }
        let latest = now.saturating_add(LEEWAY_SECONDS);
        if claims.iat.0 > latest || claims.nbf.is_some_and(|nbf| nbf.0 > latest) {
            return Err("it is not valid yet");
        }
        if claims.nonce.as_deref() != Some(texts.nonce) {
            return Err("it is of another sign-in");
        }
        let earliest = now.saturating_sub(FRESH_SECONDS);
        if texts.is_fresh && claims.auth_time.is_none_or(|time| time.0 < earliest) {
            return Err("it does not say that the user has just signed in");
        }
        if !outside::is_subject(&claims.sub) {
            return Err("its subject is empty or too long");
        }
        Ok(())
    }

    /// OpenID Connect Core, 5.3.
    async fn userinfo(
        &self,
        endpoint: &str,
        token: &str,
        subject: &str,
    ) -> Result<Map<String, Value>, ProviderProblem> {
        let authorization = Some(Secret::new(format!("Bearer {token}")));
        let request = EgressRequest { authorization, ..EgressRequest::get(endpoint) };
        let answer = self.published.egress().send(request, DOCUMENT_BYTES_MAX).await;
        let answer = answer.map_err(ProviderProblem::Unreachable)?;
        let claims: Map<String, Value> = serde_json::from_slice(&answer)
            .map_err(|error| not_believed(&format!("its userinfo: {error}")))?;
        if claims.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(not_believed("its userinfo is of another user"));
        }
        Ok(claims)
    }

    fn vouched(
        &self,
        subject: String,
        authenticated: Option<Seconds>,
        claims: &Map<String, Value>,
    ) -> Vouched {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).and_then(printable);
        // Who chose an address at the provider need not own it.
        let is_own =
            self.is.user_claim != "email" || claims.get("email_verified") == Some(&Value::Bool(true));
        if !is_own {
            warn!(provider = %self.is.key, "an address is not verified by its provider and no name of a user");
        }
        // Names of groups have blanks in them.
        let mut groups = match claims.get(&self.is.groups_claim) {
            Some(Value::String(one)) => vec![one.clone()],
            several => outside::values(several),
        };
        groups.truncate(GROUPS_MAX);
        Vouched {
            subject,
            principal_name: text(&self.is.user_claim).filter(|_| is_own),
            display_name: text(&self.is.name_claim),
            groups,
            methods: outside::values(claims.get("amr")),
            authenticated: authenticated.map(|time| time.0),
        }
    }

    async fn discovery(&self) -> Result<Discovery, ProviderProblem> {
        let documents = self.published.documents(None).await;
        let documents =
            documents.map_err(|_| ProviderProblem::Unreachable("its discovery document".to_owned()))?;
        Ok(documents.discovery.clone())
    }
}

/// Whether a claim is left out because it is too long for a token: what is not said is not nothing.
fn is_elsewhere(claims: &Map<String, Value>, claim: &str) -> bool {
    let names = claims.get("_claim_names").and_then(Value::as_object);
    let is_referred = names.is_some_and(|names| names.contains_key(claim));
    is_referred || (claim == "groups" && claims.get("hasgroups") == Some(&Value::Bool(true)))
}

fn needed<'a>(endpoint: Option<&'a str>, name: &str) -> Result<&'a str, ProviderProblem> {
    endpoint.ok_or_else(|| not_believed(&format!("its discovery document has no {name}")))
}

fn not_believed(why: &str) -> ProviderProblem {
    ProviderProblem::NotBelieved(why.to_owned())
}

fn printable(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).take(CLAIM_CHARACTERS_MAX).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn encoded(parameters: &[(&str, &str)]) -> String {
    let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}
