//! The database of the state.

use std::path::PathBuf;

use anyhow::{Context, bail};
use serde::Deserialize;
use store::PostgresAddress;

use super::object_store::read_secret;

/// Where the state is, if not in a file of the data folder: a database of PostgreSQL, 15 or newer. What the address does
/// not say is taken from the variables of PostgreSQL's own tools, `PG...`. The password is in a file or in `PGPASSWORD`,
/// never in the configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// `postgres://role@host:port/database`. A server on another machine is talked to over TLS with its certificate
    /// checked, unless `?sslmode=` says otherwise; `?sslrootcert=` names a PEM file with its authority.
    pub database: Option<String>,
    /// A file with the password of the role.
    pub password_file: Option<PathBuf>,
}

impl StoreSettings {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.password_file.iter_mut()
    }

    /// Says what is wrong, as far as that can be told without files and environment.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        match &self.database {
            Some(database) => PostgresAddress::parse(database).map(drop).map_err(Into::into),
            None if self.password_file.is_some() => {
                bail!("password_file belongs to a database, which is not set")
            }
            None => Ok(()),
        }
    }

    /// The address with the password; none when the state is in the data folder.
    pub(crate) fn address(&self) -> anyhow::Result<Option<PostgresAddress>> {
        let Some(database) = &self.database else { return Ok(None) };
        let address = PostgresAddress::parse(database)?;
        Ok(Some(match &self.password_file {
            Some(path) => address.with_password(&read_secret(path).context("store.password_file")?.0),
            None => address,
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn the_password_comes_from_a_file_and_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.toml");
        std::fs::write(folder.path().join("password"), "s3cret\n").unwrap();
        let text = "data = 'd'\n[store]\ndatabase = 'postgres://b@localhost/b'\npassword_file = 'password'\n";
        std::fs::write(&file, text).unwrap();
        let config = Config::load(&file).unwrap();
        let address = config.store.address().unwrap().unwrap();
        let shown = format!("{config:?} {address:?} {address}");
        assert!(!shown.contains("s3cret"), "{shown}");
        std::fs::remove_file(folder.path().join("password")).unwrap();
        let error = format!("{:#}", config.store.address().unwrap_err());
        assert!(error.contains("store.password_file"), "{error}");
        assert!(Config::new("d").store.address().unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (settings, expected) in [
            (
                "database = 'postgres://b:s3cret@db/b'",
                "it has a password, which belongs into a file or a variable",
            ),
            ("database = 'sqlite://state.db'", "it has to begin with postgres://"),
            ("password_file = 'x'", "password_file belongs to a database, which is not set"),
        ] {
            let error = Config::parse(&format!("data = 'd'\n[store]\n{settings}\n")).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.starts_with("store: ") && error.ends_with(expected), "{error}");
        }
    }
}
