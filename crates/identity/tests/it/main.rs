//! The issuer as its callers see it: forms and headers in, answers and verdicts out.

mod access;
mod admin;
mod assertions;
mod attacks;
mod codes;
mod discovery;
mod federation;
mod fixture;
mod keys;
mod load;
mod outside;
mod passkeys;
mod secret_caller;
mod signing_in;
mod token;
mod users;
mod verify;
