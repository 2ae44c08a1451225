//! Refusals of the endpoints that sign users in and check clients, one line each.

/// Why a request was refused, where the reason needs no value to tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    NoClientProof,
    TwoClientProofs,
    AssertionType,
    AssertionMalformed,
    AssertionSignature,
    AssertionCertificateExpired,
    AssertionTimes,
    AssertionSubject,
    AssertionAudience,
    AssertionReplayed,
    AnotherClient,
    CodeInvalid,
    CodeUsed,
    CodeExpired,
    CodeRedirect,
    CodeVerifier,
    RefreshInvalid,
    RefreshReused,
    UserGone,
    ConsentNeeded,
    SecondFactorNeeded,
    WrongPassword,
    TooManyAttempts,
    PasswordsNotTaken,
    PublicOnly,
    DevicePending,
    DeviceSlow,
    DeviceExpired,
    DeviceDenied,
    DeviceUnknown,
    ScopeNotAsked,
    ScopeUnknown,
    ScopeNotGranted,
    ScopesOfTwoResources,
    NoRedirect,
    BadRedirect,
    ResponseType,
    ResponseMode,
    ChallengeMissing,
    ChallengeMethod,
    ChallengeMalformed,
    RequestObject,
    ParameterTooLong,
    LoginRequired,
    InteractionRequired,
    ConsentRequired,
    ConsentDenied,
    AdministratorNeeded,
    UserOfAnotherTenant,
    FormForged,
    TicketExpired,
    ProviderFailed,
    ProviderUnknown,
    ProviderRefused,
    FederatedNameTaken,
    FederatedUserUnknown,
    PasskeyMalformed,
    TooManyPasskeys,
    FactorChanged,
    SecondFactorFirst,
    TokenMissing,
    TokenInvalid,
    TokenWithoutOpenid,
}

pub(crate) struct Told {
    pub status: u16,
    pub error: &'static str,
    pub code: u32,
    pub message: &'static str,
}

impl Refusal {
    pub(crate) fn told(self) -> Told {
        use Refusal::*;
        let (status, error, code, message) = match self {
            NoClientProof => (
                401,
                "invalid_client",
                7_000_218,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            ),
            TwoClientProofs => {
                (400, "invalid_request", 90_013, "A client proves itself in one way, not in two.")
            }
            AssertionType => (
                400,
                "invalid_request",
                90_023,
                "The value of 'client_assertion_type' must be \
                 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'.",
            ),
            AssertionMalformed => (
                401,
                "invalid_client",
                50_027,
                "The client assertion is malformed. It takes a JWT signed by RS256 or PS256 with iss, sub, aud, \
                 exp and jti.",
            ),
            AssertionSignature => (
                401,
                "invalid_client",
                700_027,
                "Client assertion failed signature validation: no certificate of the app verifies it.",
            ),
            AssertionCertificateExpired => {
                (401, "invalid_client", 7_000_222, "The certificate of the client is not valid at this time.")
            }
            AssertionTimes => (
                401,
                "invalid_client",
                700_024,
                "Client assertion is not within its valid time range, which may be a day at most.",
            ),
            AssertionSubject => (
                401,
                "invalid_client",
                700_021,
                "Client assertion application identifier doesn't match 'client_id' parameter.",
            ),
            AssertionAudience => (
                401,
                "invalid_client",
                700_023,
                "Client assertion audience claim does not match this endpoint or issuer.",
            ),
            AssertionReplayed => {
                (401, "invalid_client", 50_013, "The client assertion was used before: its jti is known.")
            }
            AnotherClient => (400, "invalid_client", 700_021, "The token belongs to another client."),
            CodeInvalid => {
                (400, "invalid_grant", 70_000, "The provided value for the 'code' parameter is not valid.")
            }
            CodeUsed => (
                400,
                "invalid_grant",
                54_005,
                "OAuth2 Authorization code was already redeemed, please retry with a new valid code. What it was \
                 redeemed for is ended.",
            ),
            CodeExpired => (400, "invalid_grant", 70_008, "The provided authorization code is expired."),
            CodeRedirect => (
                400,
                "invalid_grant",
                500_112,
                "The reply address does not match the reply address provided when requesting the code.",
            ),
            CodeVerifier => (
                400,
                "invalid_grant",
                501_481,
                "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
            ),
            RefreshInvalid => {
                (400, "invalid_grant", 700_082, "The refresh token is not valid, has expired or was revoked.")
            }
            RefreshReused => (
                400,
                "invalid_grant",
                70_000,
                "The refresh token was used before. Its sign-in is ended: sign in again.",
            ),
            UserGone => (400, "invalid_grant", 50_173, "The user may not sign in any more."),
            ConsentNeeded => (
                400,
                "invalid_grant",
                65_001,
                "The user or administrator has not consented to use the application. Send an interactive \
                 authorization request for this user and resource.",
            ),
            SecondFactorNeeded => (
                400,
                "invalid_grant",
                50_076,
                "The user has a second factor, which needs an interactive sign-in.",
            ),
            WrongPassword => (
                400,
                "invalid_grant",
                50_126,
                "Error validating credentials due to invalid username or password.",
            ),
            TooManyAttempts => (
                400,
                "invalid_grant",
                50_053,
                "Too many sign-ins failed from this network for this account. Try again later.",
            ),
            PasswordsNotTaken => (
                400,
                "unauthorized_client",
                7_000_217,
                "The app may not send the passwords of users. An administrator can allow it.",
            ),
            PublicOnly => (
                401,
                "invalid_client",
                7_000_218,
                "The app is not registered as a public client, which this grant is for.",
            ),
            DevicePending => (
                400,
                "authorization_pending",
                70_016,
                "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
            ),
            DeviceSlow => (400, "slow_down", 70_021, "The device polls too often: wait for the interval."),
            DeviceExpired => (400, "expired_token", 70_020, "The provided device code is expired."),
            DeviceDenied => (400, "authorization_declined", 70_018, "The user declined the device."),
            DeviceUnknown => (400, "invalid_grant", 70_019, "The device code is not known."),
            ScopeNotAsked => (
                400,
                "invalid_scope",
                650_053,
                "The application asked for a scope that its registration does not ask for.",
            ),
            ScopeUnknown => (
                400,
                "invalid_scope",
                70_011,
                "The provided value for the input parameter 'scope' is not valid: it takes delegated permissions \
                 of this API, '<resource>/.default', openid, profile, email and offline_access.",
            ),
            ScopeNotGranted => (
                400,
                "invalid_scope",
                65_001,
                "The application asked for less than its grant by names that its grant does not have.",
            ),
            ScopesOfTwoResources => {
                (400, "invalid_scope", 28_000, "A request can ask for the scopes of one resource only.")
            }
            NoRedirect => (
                400,
                "invalid_request",
                500_113,
                "No reply address is registered for the application, or there are several and the request names \
                 none.",
            ),
            BadRedirect => (
                400,
                "invalid_request",
                50_011,
                "The redirect URI specified in the request does not match the redirect URIs configured for the \
                 application.",
            ),
            ResponseType => {
                (400, "unsupported_response_type", 700_054, "The only 'response_type' is 'code'.")
            }
            ResponseMode => (
                400,
                "invalid_request",
                900_144,
                "The 'response_mode' must be one of: query, fragment, form_post.",
            ),
            ChallengeMissing => (
                400,
                "invalid_request",
                9_002_325,
                "Proof Key for Code Exchange is required for a public client: send 'code_challenge'.",
            ),
            ChallengeMethod => {
                (400, "invalid_request", 501_491, "The only 'code_challenge_method' is 'S256'.")
            }
            ChallengeMalformed => (
                400,
                "invalid_request",
                501_491,
                "The 'code_challenge' must be the base64url of a SHA-256: 43 characters.",
            ),
            RequestObject => {
                (400, "request_not_supported", 90_023, "Request objects and 'request_uri' are not supported.")
            }
            ParameterTooLong => (400, "invalid_request", 90_013, "A parameter is longer than it may be."),
            LoginRequired => {
                (400, "login_required", 50_058, "A silent sign-in request was sent but no user is signed in.")
            }
            InteractionRequired => (
                400,
                "interaction_required",
                16_000,
                "A silent sign-in request was sent and the user has to choose.",
            ),
            ConsentRequired => (
                400,
                "consent_required",
                65_001,
                "The user or administrator has not consented to use the application.",
            ),
            ConsentDenied => (400, "access_denied", 65_004, "User declined to consent to access the app."),
            AdministratorNeeded => (
                403,
                "access_denied",
                90_094,
                "An administrator of the organisation must grant what the app asks for.",
            ),
            UserOfAnotherTenant => (
                400,
                "access_denied",
                50_020,
                "The user account does not exist in the tenant that the app belongs to.",
            ),
            FormForged => (
                403,
                "invalid_request",
                90_100,
                "The form was not made by this server for this browser, or cookies are off. Go back and try again.",
            ),
            TicketExpired => {
                (400, "invalid_request", 50_089, "The sign-in took too long. Go back and start again.")
            }
            ProviderFailed => (
                502,
                "server_error",
                51_004,
                "The sign-in provider of the organisation did not answer as it should. Try again.",
            ),
            ProviderUnknown => (404, "invalid_request", 50_107, "The sign-in provider is not known."),
            ProviderRefused => (
                403,
                "access_denied",
                50_105,
                "The sign-in provider of the organisation did not sign you in. Go back and try again.",
            ),
            FederatedNameTaken => (
                403,
                "access_denied",
                50_099,
                "There is an account of that name that the sign-in provider does not vouch for. Ask an administrator.",
            ),
            FederatedUserUnknown => (
                403,
                "access_denied",
                50_020,
                "The user of the sign-in provider has no account here. Ask an administrator.",
            ),
            PasskeyMalformed => {
                (400, "invalid_request", 135_016, "What the browser sent of the passkey cannot be read.")
            }
            TooManyPasskeys => {
                (400, "invalid_request", 135_010, "There are ten passkeys already. Remove one first.")
            }
            FactorChanged => {
                (409, "invalid_request", 135_011, "The second factors were changed meanwhile. Try again.")
            }
            SecondFactorFirst => (
                403,
                "interaction_required",
                50_079,
                "Sign out, and sign in with your second factor before you add another one.",
            ),
            TokenMissing => {
                (401, "invalid_token", 90_101, "The Authorization header with a bearer token is missing.")
            }
            TokenInvalid => (401, "invalid_token", 90_102, "The access token is not valid."),
            TokenWithoutOpenid => {
                (403, "insufficient_scope", 90_103, "The access token of a user with scope openid is needed.")
            }
        };
        Told { status, error, code, message }
    }
}
