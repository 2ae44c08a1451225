//! What an operator can set.

/// The settings of an issuer. [`IssuerConfig::new`] fills in the defaults.
#[derive(Clone, Debug)]
pub struct IssuerConfig {
    /// The scheme, host and port at which clients reach the issuer, such as `https://127.0.0.1:8443`.
    pub issuer_base: String,
    /// The names of this API as a resource. Compared without regard to letter case and to one trailing
    /// slash; a token for any of them is taken by every route.
    pub audiences: Vec<String>,
    /// Sign-in hosts, besides that of `issuer_base`, that clients may believe to talk to, because a proxy or
    /// a hosts file leads them here.
    pub authority_hosts: Vec<String>,
    pub token_lifetime_seconds: i64,
    /// A new signing key is made when the newest is so old; 0 makes none by itself.
    pub key_rotation_days: u32,
    /// A signing key that has a successor verifies for so long, and as long as a token lives.
    pub key_overlap_days: u32,
}

/// The resource names that clients of the compatible API ask tokens for.
static AUDIENCES: &[&str] = &[
    "https://api.securitycenter.microsoft.com",
    "https://api-us.securitycenter.microsoft.com",
    "https://api-eu.securitycenter.microsoft.com",
    "https://api-uk.securitycenter.microsoft.com",
    "https://api.securitycenter.windows.com",
    "https://api-us.securitycenter.windows.com",
    "https://api-eu.securitycenter.windows.com",
    "https://api-uk.securitycenter.windows.com",
    "https://api-gcc.securitycenter.microsoft.us",
    "https://api-gov.securitycenter.microsoft.us",
    "https://api.security.microsoft.com",
    "https://us.api.security.microsoft.com",
    "https://eu.api.security.microsoft.com",
    "https://uk.api.security.microsoft.com",
    "https://securitycenter.onmicrosoft.com/windowsatpservice",
    "https://securitycenter.microsoft.com/mtp",
    "https://graph.microsoft.com",
    "https://graph.windows.net",
    // The application ids of the two APIs.
    "fc780465-2017-40d4-a0c5-307022471b92",
    "8ee8fdad-f234-4243-8f3b-15c294843740",
];

static AUTHORITY_HOSTS: &[&str] =
    &["login.microsoftonline.com", "login.windows.net", "login.microsoftonline.us"];

impl IssuerConfig {
    pub fn new(issuer_base: impl Into<String>) -> IssuerConfig {
        let issuer_base: String = issuer_base.into();
        let mut audiences: Vec<String> = AUDIENCES.iter().map(|name| (*name).to_owned()).collect();
        audiences.push(issuer_base.clone());
        IssuerConfig {
            issuer_base,
            audiences,
            authority_hosts: AUTHORITY_HOSTS.iter().map(|host| (*host).to_owned()).collect(),
            token_lifetime_seconds: 3599,
            key_rotation_days: 90,
            key_overlap_days: 1,
        }
    }
}

/// The form in which resource names are compared.
pub(crate) fn normal_audience(name: &str) -> String {
    name.strip_suffix('/').unwrap_or(name).to_ascii_lowercase()
}

/// Host and port of an absolute URL.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())
}
