//! Where a PostgreSQL database is, and how it is reached.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::StoreError;

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// An address such as `postgres://bartizan@db.example:5432/bartizan?sslrootcert=/etc/db-ca.pem`. What it does not say is
/// taken from the variables of PostgreSQL's own tools, `PGHOST`, `PGPASSWORD` and others, and the password from their
/// file of passwords as well.
#[derive(Clone)]
pub struct PostgresAddress {
    options: PgConnectOptions,
    is_claimed: bool,
}

impl PostgresAddress {
    /// Reads an address. One with a password is refused: addresses are shown and kept in files that many can read. A
    /// server on another machine is talked to over TLS, with its certificate checked, unless `sslmode` says otherwise.
    pub fn parse(text: &str) -> Result<PostgresAddress, StoreError> {
        let invalid = |reason: &str| StoreError::invalid("address of the database", reason);
        let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| invalid("it has to begin with postgres://"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = place.split('/').next().unwrap_or_default();
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        let names = || query.split('&').filter_map(|pair| pair.split('=').next());
        if user.contains(':') || names().any(|name| name.eq_ignore_ascii_case("password")) {
            return Err(invalid("it has a password, which belongs into a file or a variable"));
        }
        const KNOWN: [&str; 9] =
            ["host", "hostaddr", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey"];
        if let Some(unknown) = names().find(|name| !name.is_empty() && !KNOWN.contains(name)) {
            let reason = format!("it has no setting '{unknown}'; there are {}", KNOWN.join(", "));
            return Err(invalid(&reason));
        }
        // What the library says of an address may repeat it.
        let options = PgConnectOptions::from_str(text).map_err(|error| match error {
            sqlx::Error::Configuration(source) => invalid(&source.to_string()),
            _ => invalid("it cannot be read"),
        })?;
        let is_mode_told = names().any(|name| name == "sslmode") || std::env::var_os("PGSSLMODE").is_some();
        let options = match is_mode_told || is_here(&options) {
            true => options,
            false => options.ssl_mode(PgSslMode::VerifyFull),
        };
        Ok(PostgresAddress { options, is_claimed: false })
    }

    /// With the password of the role.
    pub fn with_password(self, password: &str) -> PostgresAddress {
        PostgresAddress { options: self.options.password(password), ..self }
    }

    /// Nobody else who claims the database can change it as long as this store is open.
    pub fn claimed(self) -> PostgresAddress {
        PostgresAddress { is_claimed: true, ..self }
    }

    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    pub(super) fn is_claimed(&self) -> bool {
        self.is_claimed
    }
}

/// Whether the server is on this machine.
fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let is_loopback = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    options.get_socket().is_some() || host.starts_with('/') || host == "localhost" || is_loopback
}

/// Without the password.
impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => options.get_host().to_owned(),
        };
        let database = options.get_database().unwrap_or(options.get_username());
        write!(f, "postgres://{}@{host}:{}/{database}", options.get_username(), options.get_port())
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_is_checked_unless_told_otherwise() {
        for (address, expected) in [
            ("postgres://b@db.example/bartizan", PgSslMode::VerifyFull),
            ("postgresql://b@10.0.0.1:5433/bartizan?sslrootcert=/ca.pem", PgSslMode::VerifyFull),
            ("postgres://b@db.example/bartizan?sslmode=require", PgSslMode::Require),
            ("postgres://b@db.example/bartizan?sslmode=disable", PgSslMode::Disable),
            ("postgres://b@localhost/bartizan", PgSslMode::Prefer),
            ("postgres://b@127.0.0.1/bartizan", PgSslMode::Prefer),
            ("postgres:///bartizan?host=/run/postgresql", PgSslMode::Prefer),
        ] {
            let mode = PostgresAddress::parse(address).unwrap().options.get_ssl_mode();
            assert_eq!(format!("{mode:?}"), format!("{expected:?}"), "{address}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said() {
        for (address, expected) in [
            ("mysql://b@db/bartizan", "it has to begin with postgres://"),
            ("postgres://b:s3cret@db/x", "it has a password, which belongs into a file or a variable"),
            (
                "postgres://b@db/x?password=s3cret",
                "it has a password, which belongs into a file or a variable",
            ),
            (
                "postgres://b@db/x?options=-csearch_path%3Da",
                "it has no setting 'options'; there are host, hostaddr, port, user, dbname, sslmode, \
                 sslrootcert, sslcert, sslkey",
            ),
        ] {
            let error = PostgresAddress::parse(address).unwrap_err().to_string();
            assert_eq!(error, format!("the address of the database cannot be used: {expected}"));
        }
        for address in ["postgres://b@db:x/y", "postgres://b@db/y?sslmode=perhaps", "postgres://["] {
            assert!(PostgresAddress::parse(address).is_err(), "{address}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let address = PostgresAddress::parse("postgres://b@db:5433/x?sslmode=require").unwrap();
        let address = address.with_password("s3cret");
        assert_eq!(address.to_string(), "postgres://b@db:5433/x");
        assert_eq!(format!("{address:?}"), "PostgresAddress(postgres://b@db:5433/x)");
    }
}
