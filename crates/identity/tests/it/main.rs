//! The issuer as its callers see it: forms and headers in, answers and verdicts out.

mod admin;
mod discovery;
mod fixture;
mod keys;
mod secret_caller;
mod token;
mod verify;
