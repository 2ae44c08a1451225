//! The commands that talk to a server: `ingest` sends events, `hunt` asks questions, those of `action` act on machines, and those of `lake` decide what
//! becomes of events that are there. All are clients of the public API like any other. `kql` needs no server: it tries
//! queries over tables without rows.

mod action;
mod admin;
mod connect;
mod hunt;
mod ingest;
mod kql;
mod lake;
mod output;

pub use self::action::{ActionCommand, action};
pub use self::kql::{KqlCommand, kql};
pub use admin::{
    AppCommand, AuditCommand, DeviceGroupCommand, GrantCommand, GroupCommand, KeyCommand, PartnerAppCommand,
    RoleCommand, UserCommand, app, audit, device_group, grant, group, key, partner_app, role, user,
};
pub use connect::ConnectionArgs;
pub use hunt::{HuntArgs, hunt};
pub use ingest::{IngestArgs, ingest};
pub use lake::{DeleteDeviceArgs, HoldCommand, RetentionCommand, delete_device, hold, retention};

/// How a command ended that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Something did not work and the command said what: the program should end with an error code.
    Failed,
}
