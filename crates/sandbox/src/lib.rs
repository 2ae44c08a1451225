//! A fleet of simulated devices, for trying the product out and for integration tests.
//!
//! [`Fleet`] is the simulation: rows of the hunting tables that follow from a seed, without input or output.
//! [`run`] sends them through the public ingest API like any other client. Everything that happens is told
//! by scenario files ([`SCENARIOS`]); every device says in its own record that it is simulated.

mod account;
mod dice;
mod digest;
mod fleet;
mod host;
mod inventory;
mod process;
mod run;
mod scenario;
mod stage;

pub use fleet::{Device, Fleet, FleetConfig, SandboxError};
pub use process::BootProcess;
pub use run::{Pace, Report, RunError, run, run_with};
pub use scenario::{SCENARIOS, ScenarioError, World};
