//! The errors of the OAuth endpoints: their own body, with the error numbers that clients look for.

use std::fmt;

use model::Ticks;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::refusal::{Refusal, Told};

/// What is wrong with a request to an OAuth endpoint. Each has one line in [`OAuthProblem::declaration`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OAuthProblem {
    MethodNotAllowed { method: String },
    MissingParameter { name: &'static str },
    DuplicatedParameter { name: &'static str },
    TooLarge { problem: &'static str },
    MalformedAuthorization,
    UnsupportedGrant { grant: String },
    NoTenant,
    UnknownTenant { tenant: String },
    UnknownInstance { authority: String },
    MissingSecret,
    UnknownApp { app: String, tenant: String },
    WrongSecret { app: String },
    ExpiredSecret { app: String },
    InvalidScope { scope: String },
    UnknownResource { resource: String, tenant: String },
    Refused(Refusal),
    TooManyRequests { seconds: u32 },
    Unavailable,
    Internal,
}

/// What the compatible service answers for one problem.
struct Declaration {
    status: u16,
    error: &'static str,
    code: u32,
    message: String,
}

impl OAuthProblem {
    fn declaration(&self) -> Declaration {
        use OAuthProblem::*;
        let (status, error, code, message) = match self {
            MethodNotAllowed { method } => (
                405,
                "invalid_request",
                900_561,
                format!("The endpoint only accepts POST requests. Received a {} request.", printable(method)),
            ),
            MissingParameter { name } => (
                400,
                "invalid_request",
                900_144,
                format!("The request body must contain the following parameter: '{name}'."),
            ),
            DuplicatedParameter { name } => (
                400,
                "invalid_request",
                9_000_411,
                format!("The request is not properly formatted. The parameter '{name}' is duplicated."),
            ),
            TooLarge { problem } => {
                (400, "invalid_request", 90_013, format!("Invalid input received from the user: {problem}."))
            }
            MalformedAuthorization => (
                400,
                "invalid_request",
                90_013,
                "Invalid input received from the user: the Authorization header cannot be read.".into(),
            ),
            UnsupportedGrant { grant } => (
                400,
                "unsupported_grant_type",
                70_003,
                format!("The app requested an unsupported grant type '{}'.", printable(grant)),
            ),
            NoTenant => (
                400,
                "invalid_request",
                50_059,
                "No tenant-identifying information found in either the request or implied by any provided \
                 credentials."
                    .into(),
            ),
            UnknownTenant { tenant } => (
                400,
                "invalid_request",
                90_002,
                format!(
                    "Tenant '{}' not found. Check to make sure you have the correct tenant ID.",
                    printable(tenant)
                ),
            ),
            UnknownInstance { authority } => (
                400,
                "invalid_instance",
                50_049,
                format!("Unknown or invalid instance '{}'.", printable(authority)),
            ),
            MissingSecret => (
                401,
                "invalid_client",
                7_000_216,
                "'client_secret' is required for the 'client_credentials' grant type.".into(),
            ),
            UnknownApp { app, tenant } => (
                400,
                "unauthorized_client",
                700_016,
                format!(
                    "Application with identifier '{}' was not found in the directory '{}'.",
                    printable(app),
                    printable(tenant)
                ),
            ),
            WrongSecret { app } => (
                401,
                "invalid_client",
                7_000_215,
                format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client \
                     secret value, not the client secret ID, for a secret added to app '{app}'."
                ),
            ),
            ExpiredSecret { app } => (
                401,
                "invalid_client",
                7_000_222,
                format!("The provided client secret keys for app '{app}' are expired."),
            ),
            InvalidScope { scope } => (
                400,
                "invalid_scope",
                1_002_012,
                format!(
                    "The provided value for scope '{}' is not valid. Client credential flows must have a scope \
                     value with /.default suffixed to the resource identifier (application ID URI).",
                    printable(scope)
                ),
            ),
            UnknownResource { resource, tenant } => (
                400,
                "invalid_resource",
                500_011,
                format!(
                    "The resource principal named '{}' was not found in the tenant named '{}'.",
                    printable(resource),
                    printable(tenant)
                ),
            ),
            Refused(refusal) => {
                let Told { status, error, code, message } = refusal.told();
                (status, error, code, message.into())
            }
            TooManyRequests { seconds } => (
                429,
                "temporarily_unavailable",
                90_055,
                format!(
                    "There are too many incoming requests from this network. Try again in {seconds} seconds."
                ),
            ),
            Unavailable => (
                503,
                "temporarily_unavailable",
                90_033,
                "A transient error has occurred. Please try again.".into(),
            ),
            Internal => (500, "server_error", 50_000, "There was an error issuing a token.".into()),
        };
        Declaration { status, error, code, message }
    }
}

/// A refused request: what is wrong, and the ids by which it can be found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    pub problem: OAuthProblem,
    pub at: Ticks,
    pub trace_id: Uuid,
    pub correlation_id: Uuid,
}

impl OAuthError {
    pub fn new(problem: OAuthProblem, at: Ticks) -> OAuthError {
        OAuthError { problem, at, trace_id: Uuid::new_v4(), correlation_id: Uuid::new_v4() }
    }

    /// Answers under the id that the client sent as `client-request-id`.
    pub fn with_correlation_id(self, correlation_id: Uuid) -> OAuthError {
        OAuthError { correlation_id, ..self }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.problem.declaration().status
    }

    /// After how many seconds to try again, where that would help.
    pub fn retry_after(&self) -> Option<u32> {
        match self.problem {
            OAuthProblem::TooManyRequests { seconds } => Some(seconds),
            _ => None,
        }
    }

    /// The word in `error`.
    pub fn error(&self) -> &'static str {
        self.problem.declaration().error
    }

    /// The number after `AADSTS`.
    pub fn code(&self) -> u32 {
        self.problem.declaration().code
    }

    /// What is wrong, as a sentence.
    pub fn message(&self) -> String {
        self.problem.declaration().message
    }

    /// The text of `error_description`, with the ids by which the request is found again.
    pub fn description(&self) -> String {
        let Declaration { code, message, .. } = self.problem.declaration();
        let (trace, correlation, timestamp) = (self.trace_id, self.correlation_id, self.timestamp());
        format!(
            "AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
        )
    }

    /// The time of the refusal, to the second.
    pub fn timestamp(&self) -> String {
        let second = self.at.to_string();
        format!("{} {}Z", &second[..10], &second[11..19])
    }

    /// The JSON body.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "error": self.error(),
            "error_description": self.description(),
            "error_codes": [self.code()],
            "timestamp": self.timestamp(),
            "trace_id": self.trace_id,
            "correlation_id": self.correlation_id,
        });
        // What clients ask before they send the user to a page.
        match self.problem {
            OAuthProblem::Refused(Refusal::ConsentNeeded) => body["suberror"] = json!("consent_required"),
            OAuthProblem::Refused(Refusal::SecondFactorNeeded) => body["suberror"] = json!("basic_action"),
            _ => {}
        }
        body
    }
}

impl std::error::Error for OAuthError {}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Declaration { error, code, .. } = self.problem.declaration();
        write!(f, "{error} (AADSTS{code})")
    }
}

impl From<Refusal> for OAuthProblem {
    fn from(refusal: Refusal) -> OAuthProblem {
        OAuthProblem::Refused(refusal)
    }
}

/// What a client sent, fit to be shown: cut short and without control characters.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_members_that_clients_read() {
        let error = OAuthError {
            problem: OAuthProblem::MissingParameter { name: "grant_type" },
            at: Ticks::parse("2024-05-06T07:08:09.1234567Z").unwrap(),
            trace_id: Uuid::from_u128(1),
            correlation_id: Uuid::from_u128(2),
        };
        assert_eq!(
            error.body(),
            json!({
                "error": "invalid_request",
                "error_description": "AADSTS900144: The request body must contain the following parameter: \
                    'grant_type'. Trace ID: 00000000-0000-0000-0000-000000000001 Correlation ID: \
                    00000000-0000-0000-0000-000000000002 Timestamp: 2024-05-06 07:08:09Z",
                "error_codes": [900144],
                "timestamp": "2024-05-06 07:08:09Z",
                "trace_id": "00000000-0000-0000-0000-000000000001",
                "correlation_id": "00000000-0000-0000-0000-000000000002",
            })
        );
    }

    #[test]
    fn a_request_that_is_no_post_is_told_so() {
        let error = OAuthError::new(OAuthProblem::MethodNotAllowed { method: "GET".into() }, Ticks(0));
        assert_eq!((error.status(), error.error(), error.code()), (405, "invalid_request", 900_561));
    }

    #[test]
    fn what_the_client_sent_is_cut_before_it_is_repeated() {
        let grant = format!("a\r\n{}", "b".repeat(1000));
        let body = OAuthError::new(OAuthProblem::UnsupportedGrant { grant }, Ticks(0)).body().to_string();
        assert!(body.len() < 700 && !body.contains("\\r"), "{body}");
    }
}
