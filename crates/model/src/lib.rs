//! The vocabulary of the product: tables, rows, entities, permissions, times, ids and error kinds.
//!
//! No input or output and nothing asynchronous: every other crate may depend on this one.

pub mod alert;
pub mod error;
pub mod ids;
pub mod lake;
pub mod machine;
pub mod permission;
pub mod row;
pub mod tables;
pub mod terms;
pub mod time;

pub use error::ErrorKind;
pub use ids::{AlertId, AppId, DeviceId, TenantId};
pub use permission::Permission;
pub use row::{Cell, Row};
pub use tables::{Kind, Table};
pub use time::{Clock, SystemClock, Ticks};
