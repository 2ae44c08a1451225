//! A fleet of simulated devices, for trying the product out and for integration tests.
//!
//! [`Fleet`] is the simulation: rows of the hunting tables that follow from a seed, without input or output.
//! [`run`] sends them through the public ingest API like any other client. Everything that happens is told
//! by scenario files ([`SCENARIOS`]); every device says in its own record that it is simulated.
//!
//! [`Agents`] puts the devices on the device channel, where they take actions: what an action does happens in the
//! simulation, and their events tell of it.

mod account;
mod agent;
mod dice;
mod digest;
mod disk;
mod fleet;
mod host;
mod inventory;
mod process;
mod response;
mod run;
mod scenario;
mod stage;

pub use agent::{AgentSettings, Agents, unenrolled};
pub use fleet::{Device, Fleet, FleetConfig, SandboxError};
pub use process::BootProcess;
pub use run::{Pace, Report, RunError, SharedFleet, run, run_shared, run_with};
pub use scenario::{SCENARIOS, ScenarioError, World};
