//! The server: reads its configuration, wires the parts together and runs what goes on in the background.
//!
//! [`Server::start`] opens a data folder and serves it; [`Quickstart::start`] does so for a folder that need
//! not exist yet, with a tenant, an administrator, an app registration and simulated devices in it.
//! [`Offline::open`] opens a folder that no server uses, to look after it.

mod config;
mod credentials;
mod data_folder;
mod egress;
mod external;
mod followers;
mod geo;
mod gulps;
mod lake_files;
mod logging;
mod offline;
mod opened;
mod quickstart;
mod ranked;
mod rules;
mod running;
mod sign_in_apps;
mod signals;
mod state;
mod tls;
mod upkeep;
mod webhook_post;

pub use config::{
    Config, FirstTenant, HuntingSettings, IdentityProviderSettings, IngestSettings, KeySettings,
    LakeSettings, LogFormat, LogSettings, ObjectStoreSettings, OutsideIssuerSettings, RateLimitSettings,
    StoreSettings, TlsConfig,
};
pub use credentials::Credentials;
pub use logging::start_logging;
pub use offline::{Offline, RebuiltProfiles};
pub use quickstart::{Quickstart, QuickstartOptions, SandboxOptions};
pub use running::{Running, Server};
pub use signals::Signals;
