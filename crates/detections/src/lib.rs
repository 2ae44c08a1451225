//! Sigma rules over the rows of the hunting tables, and the alerts they make.
//!
//! A [`RuleSet`] is loaded from folders of Sigma files and asked about one [`model::Row`] at a time. Rules are
//! kept in one engine for each log source they name, and a row is shown only to the engines of the log sources
//! it belongs to. The engine asks for fields by their Sigma names; they are answered from `AdditionalFields`,
//! where adapters keep the source's own spelling, and otherwise from the columns, so that a row of our sensor
//! and a row read from Sysmon give the same hits.
//!
//! No clock, no files after loading, nothing asynchronous: the same rule gives the same hits on arriving rows
//! and on stored ones.

mod additional;
mod attack;
mod evidence;
mod fields;
mod fnv;
mod load;
mod logsource;
mod meta;
mod raise;
mod route;
mod rules;

pub use evidence::{of as evidence, related_user};
pub use load::{LoadProblem, Loaded};
pub use meta::RuleMeta;
pub use raise::{raise, report_id};
pub use rules::RuleSet;
