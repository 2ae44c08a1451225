//! Which server a command talks to, and as whom.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use client::{Client, Connection, Overrides};

/// Where `bartizan quickstart` leaves its connection file when nothing else is said.
const DEFAULT_CONNECTION: &str = "bartizan-data/quickstart.json";

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// The connection file, as quickstart writes it [default: ./bartizan-data/quickstart.json if it is there]
    #[arg(long, value_name = "FILE", env = "BARTIZAN_CONNECTION")]
    connection: Option<PathBuf>,
    /// The server, such as https://localhost:8443; wins over the file, as the settings below do
    #[arg(long, value_name = "URL", env = "BARTIZAN_BASE_URL")]
    base_url: Option<String>,
    /// The issuer of the tenant [default: the server and the tenant id]
    #[arg(long, value_name = "URL", env = "BARTIZAN_AUTHORITY")]
    authority: Option<String>,
    #[arg(long, value_name = "GUID", env = "BARTIZAN_TENANT_ID")]
    tenant_id: Option<String>,
    /// The app registration to act as
    #[arg(long, value_name = "GUID", env = "BARTIZAN_CLIENT_ID")]
    client_id: Option<String>,
    /// Its secret; the variable keeps it out of the list of processes
    #[arg(long, value_name = "SECRET", env = "BARTIZAN_CLIENT_SECRET", hide_env_values = true)]
    client_secret: Option<String>,
    /// PEM certificates to trust besides those of the system
    #[arg(long, value_name = "FILE", env = "BARTIZAN_CA_FILE")]
    ca_file: Option<PathBuf>,
}

impl ConnectionArgs {
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let default = Path::new(DEFAULT_CONNECTION);
        let file = self.connection.as_deref().or_else(|| default.is_file().then_some(default));
        if file.is_none() && self.base_url.is_none() {
            bail!(
                "there is no connection: start `bartizan quickstart` in this folder, name its file with \
                 --connection, or set BARTIZAN_BASE_URL and the settings that go with it"
            );
        }
        let overrides = Overrides {
            base_url: self.base_url.clone(),
            authority: self.authority.clone(),
            tenant_id: self.tenant_id.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            ca_file: self.ca_file.clone(),
        };
        let connection = Connection::resolve(file, overrides).context("cannot tell which server to use")?;
        Ok(Client::connect(connection)?)
    }
}
