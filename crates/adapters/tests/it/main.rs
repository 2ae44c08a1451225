//! Source bytes to table rows.

mod arbitrary;
mod archives;
mod auditd;
mod bulk;
mod evtx;
mod fixtures;
mod ocsf;
mod otlp;
mod recognise;
mod samples;
mod shipped;
