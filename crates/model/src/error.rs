//! What callers branch on when something goes wrong.

/// The kind of a failure. The API maps each kind to one status code and `error.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The caller sent something that cannot be accepted as it is.
    InvalidInput,
    /// The caller is not known, or its token is not valid (any more).
    Unauthorized,
    /// The caller is known and may not do this.
    Forbidden,
    NotFound,
    /// The request collides with the present state.
    Conflict,
    /// The request or its result is larger than allowed.
    TooLarge,
    TooManyRequests,
    /// It may work later: a store, disk or peer is not usable now.
    Unavailable,
    Internal,
}
