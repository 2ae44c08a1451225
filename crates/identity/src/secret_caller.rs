//! Callers that send the id and secret of their app with every request, for clients that can keep nothing but a
//! fixed secret, such as log shippers.
//!
//! It is the check of a client credentials grant without the token between. Secrets are random and stored as plain
//! hashes, so that the check costs a few reads by key and its verdict need not be kept: a secret or consent that is
//! taken back is noticed at the next request.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::AppId;
use zeroize::Zeroizing;

use crate::authorize::{Caller, CallerKind};
use crate::form::Credentials;
use crate::issuer::Issuer;
use crate::oauth_error::OAuthProblem;
use crate::secret::{self, Secret};
use crate::token::store_problem;
use crate::verify::AuthError;

const HEADER_BYTES_MAX: usize = 4 * 1024;

/// The id and secret of an app, as they stand in a header.
#[derive(Debug)]
pub struct AppCredentials(Credentials);

impl AppCredentials {
    /// Reads `Splunk <id>:<secret>`, and `Basic` with the id as user and the secret as password, or with both as
    /// the password of any user; `ApiKey` is read as `Basic` is. Nothing for headers of other schemes.
    pub fn read(authorization: &str) -> Option<Result<AppCredentials, AuthError>> {
        let (scheme, value) = authorization.trim().split_once(' ').unwrap_or((authorization.trim(), ""));
        let is_basic = scheme.eq_ignore_ascii_case("Basic") || scheme.eq_ignore_ascii_case("ApiKey");
        if !is_basic && !scheme.eq_ignore_ascii_case("Splunk") {
            return None;
        }
        let value = value.trim();
        let read = if value.len() > HEADER_BYTES_MAX {
            None
        } else if is_basic {
            STANDARD.decode(value).ok().map(Zeroizing::new).and_then(|text| {
                let text = str::from_utf8(&text).ok()?;
                id_and_secret(text).or_else(|| id_and_secret(text.split_once(':')?.1))
            })
        } else {
            id_and_secret(value)
        };
        Some(read.map(AppCredentials).ok_or(AuthError::MalformedCredentials))
    }
}

fn id_and_secret(text: &str) -> Option<Credentials> {
    let (id, secret) = text.split_once(':')?;
    id.parse::<AppId>().ok()?;
    let secret = Some(secret).filter(|secret| !secret.is_empty())?;
    Some(Credentials { client_id: id.to_owned(), secret: Secret::new(secret.to_owned()) })
}

impl Issuer {
    /// The app whose secret was sent, with what was consented to, in the tenant it is registered in.
    pub async fn verify_secret(&self, credentials: &AppCredentials) -> Result<Caller, AuthError> {
        let AppCredentials(credentials) = credentials;
        let app = credentials.client_id.parse::<AppId>().map_err(|_| AuthError::MalformedCredentials)?;
        let homes = self.store.tenants_of_app(app).await;
        let homes = homes.map_err(|error| auth_error(store_problem(error)))?;
        // An id that means two apps means none.
        let [tenant] = homes.as_slice() else {
            secret::compare_with_nothing(credentials.secret.expose());
            return Err(AuthError::WrongSecret);
        };
        let app = self.authenticate(tenant, credentials).await.map_err(auth_error)?;
        let permissions = self.granted(tenant, &app).await.map_err(auth_error)?;
        let scope = self.store.tenant(tenant.id).grant_scope(app.id).await;
        let scope = Arc::new(scope.map_err(|error| auth_error(store_problem(error)))?);
        Ok(Caller {
            tenant: tenant.id,
            app: Some(app.id),
            name: app.display_name,
            permissions: permissions.into_iter().collect(),
            scope,
            kind: CallerKind::Application,
            outside: None,
            token: None,
        })
    }
}

fn auth_error(problem: OAuthProblem) -> AuthError {
    match problem {
        OAuthProblem::ExpiredSecret { .. } => AuthError::ExpiredSecret,
        OAuthProblem::Unavailable | OAuthProblem::Internal => AuthError::Unavailable,
        _ => AuthError::WrongSecret,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "00000000-0000-0000-0000-00000000000b";

    #[track_caller]
    fn check(header: &str, expected: Option<Result<&str, AuthError>>) {
        let read = AppCredentials::read(header);
        let read = read.map(|read| read.map(|AppCredentials(found)| found.secret.expose().to_owned()));
        assert_eq!(read, expected.map(|expected| expected.map(str::to_owned)), "{header}");
    }

    #[test]
    fn the_id_and_secret_stand_in_either_scheme() {
        let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
        check(&format!("Splunk {ID}:a:b+%"), Some(Ok("a:b+%")));
        check(&format!(" splunk  {ID}:a "), Some(Ok("a")));
        check(&basic(format!("{ID}:a:b")), Some(Ok("a:b")));
        check(&basic(format!("{ID}:a")).replace("Basic", "apikey"), Some(Ok("a")));
        check(&basic(format!("x:{ID}:a")), Some(Ok("a")));
        check(&basic(format!(":{ID}:a")), Some(Ok("a")));
        let malformed = Some(Err(AuthError::MalformedCredentials));
        for header in ["Splunk", "Splunk ", "Splunk a:b", "Basic !", "Basic", &format!("Splunk {ID}:")] {
            check(header, malformed);
        }
        for text in [ID.to_owned(), format!("a:b:{ID}:c"), "a:b".to_owned(), format!("x:{ID}")] {
            check(&basic(text), malformed);
        }
        check(&format!("Splunk {ID}:{}", "x".repeat(HEADER_BYTES_MAX)), malformed);
        check("Bearer x", None);
        check("", None);
    }

    #[test]
    fn the_secret_does_not_show_itself() {
        let read = AppCredentials::read(&format!("Splunk {ID}:hunter2")).unwrap().unwrap();
        assert!(!format!("{read:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(header in "(Basic |Splunk |)?.{0,60}") {
            let _ = AppCredentials::read(&header);
        }
    }
}
