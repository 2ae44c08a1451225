//! Who may do what: the OAuth 2.0 issuer, its tokens, app registrations, consent and users.
//!
//! An [`Issuer`] has two sides. To clients it issues tokens ([`Issuer::token`]) and tells how to verify them
//! ([`Issuer::jwks`], [`Issuer::discovery_v2`]). To the API it says who calls ([`Issuer::verify`], or
//! [`Issuer::verify_secret`] where clients cannot ask for tokens); whether that caller may do what it asks for is then the one decision of [`authorize()`].
//!
//! - A tenant is taken from the `tid` of a verified token, or is the home of the app whose secret was verified,
//!   and is taken from nothing else.
//! - What an app may do is what an administrator consented to, as it was at that moment.
//! - Private keys are sealed at rest under a key that is not in the database; secrets and passwords are
//!   stored as hashes; neither shows itself in logs.
//! - Randomness comes from the operating system, time from the clock that is passed in.

mod admin;
mod authorize;
mod claims;
mod config;
mod discovery;
mod error;
mod form;
mod issuer;
mod keys;
mod oauth_error;
mod ring;
mod secret;
mod secret_caller;
mod token;
mod verify;

pub use authorize::{Allowed, Caller, CallerKind, Denied, Scope, authorize};
pub use claims::TokenVersion;
pub use config::IssuerConfig;
pub use error::IdentityError;
pub use form::Form;
pub use issuer::Issuer;
pub use keys::SealingKey;
pub use oauth_error::{OAuthError, OAuthProblem};
pub use secret::{Secret, password_matches};
pub use secret_caller::AppCredentials;
pub use token::TokenAnswer;
pub use verify::{AuthError, bearer_token};
