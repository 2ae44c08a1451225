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

mod access;
mod acts;
mod admin;
mod assertion;
mod attempts;
mod authorize;
mod authorize_endpoint;
mod authorize_request;
mod certificate;
mod checked_tokens;
mod claims;
mod client;
mod config;
mod device;
mod discovery;
mod error;
mod federation;
mod form;
mod form_token;
mod hashing;
mod issuer;
mod keys;
mod network;
mod oauth_error;
mod outside;
mod passkeys;
mod provider;
mod published;
mod redirect;
mod refusal;
mod registration;
mod ring;
mod rotation;
mod scope;
mod second_factor;
mod seconds;
mod secret;
mod secret_caller;
mod sign_in;
mod token;
mod token_endpoints;
mod totp;
mod user_grants;
mod user_token;
mod verify;

pub use access::UserRights;
pub use admin::{KeyInfo, PartnerInfo};
pub use authorize::{
    Allowed, Ask, Caller, CallerKind, Denied, Lack, OutsideIdentity, SignedIn, TokenTimes, authorize,
    authorize_role,
};
pub use authorize_endpoint::{ConsentPage, ForAll, Next, SignInPage};
pub use claims::TokenVersion;
pub use config::IssuerConfig;
pub use device::{DeviceNext, DevicePage};
pub use error::IdentityError;
pub use federation::{FromProvider, ProviderChoice, ToProvider};
pub use form::Form;
pub use issuer::Issuer;
pub use keys::SealingKey;
pub use network::Network;
pub use oauth_error::{OAuthError, OAuthProblem};
pub use outside::OutsideIssuer;
pub use passkeys::{Passkey, PasskeyCeremony};
pub use provider::Provider;
pub use published::{Egress, EgressRequest};
pub use redirect::{Redirection, ResponseMode};
pub use refusal::Refusal;
pub use rotation::KeyChanges;
pub use second_factor::{FactorPage, FactorProof};
pub use secret::{Secret, password_matches};
pub use secret_caller::AppCredentials;
pub use sign_in::{Browser, SignInStep};
pub use token::{TokenAnswer, UserAnswer};
pub use verify::{AuthError, bearer_token};
