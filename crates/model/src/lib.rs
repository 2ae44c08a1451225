//! The vocabulary of the product: tables, rows, entities, permissions, times, ids and error kinds.
//!
//! No input or output and nothing asynchronous: every other crate may depend on this one.

pub mod access;
pub mod alert;
pub mod audit;
pub mod error;
mod host;
pub mod hunting;
pub mod ids;
pub mod incident;
pub mod indicator;
pub mod investigation;
pub mod lake;
pub mod library_file;
pub mod machine;
pub mod machine_action;
pub mod permission;
pub mod role;
pub mod row;
pub mod tables;
pub mod terms;
pub mod time;

pub use access::Reach;
pub use error::ErrorKind;
pub use host::{host_labels, host_of};
pub use ids::{ActionId, AlertId, AppId, DeviceId, TenantId};
pub use permission::Permission;
pub use row::{Cell, Row};
pub use tables::{Kind, Table};
pub use time::{Clock, SystemClock, Ticks};
