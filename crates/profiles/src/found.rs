//! What batches of events say, before it is taken into the profiles that are stored.

use datafusion::arrow::array::RecordBatch;
use model::Table;

use crate::address::{self, Address};
use crate::domain::{self, Domain};
use crate::file::{self, File};
use crate::machine::{self, MachineProfile};
use crate::merge::Merge;
use crate::rows::{FastMap, Rows, Span};
use crate::user::{self, Logon, User};

/// Profiles that are held in memory, and rows that may have added to what they hold.
const PROFILES_MAX: usize = 25_000;
const ROWS_MAX: usize = 500_000;

/// Profiles of what some batches were about, as if there had been no other events.
#[derive(Debug, Default)]
pub struct Found {
    pub(crate) machines: Profiles<MachineProfile>,
    pub(crate) users: Profiles<User>,
    pub(crate) logons: Profiles<Logon>,
    pub(crate) files: Profiles<File>,
    pub(crate) addresses: Profiles<Address>,
    pub(crate) domains: Profiles<Domain>,
    /// That were taken in.
    rows: usize,
}

/// Profiles of one kind by their ids.
#[derive(Debug)]
pub(crate) struct Profiles<P>(pub FastMap<String, Known<P>>);

/// A profile, and when what it is about was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Known<P> {
    pub span: Span,
    pub profile: P,
}

impl Found {
    /// Takes in a batch. The work of a call that may block.
    pub fn take_in(&mut self, table: &'static Table, batch: &RecordBatch) {
        let Some(rows) = Rows::of(table, batch) else { return };
        self.rows += batch.num_rows();
        machine::fold(&rows, &mut self.machines);
        user::fold(&rows, &mut self.users, &mut self.logons);
        file::fold(&rows, &mut self.files);
        address::fold(&rows, &mut self.addresses);
        domain::fold(&rows, &mut self.domains);
    }

    /// How many profiles there are.
    pub fn len(&self) -> usize {
        let Found { machines, users, logons, files, addresses, domains, rows: _ } = self;
        let (machines, users, logons) = (machines.0.len(), users.0.len(), logons.0.len());
        machines + users + logons + files.0.len() + addresses.0.len() + domains.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is time to write it: it holds as much as may be in memory.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= PROFILES_MAX || self.rows >= ROWS_MAX
    }
}

impl<P> Default for Profiles<P> {
    fn default() -> Profiles<P> {
        Profiles(FastMap::default())
    }
}

impl<P: Merge + Default> Profiles<P> {
    /// The profile of that id, which was seen then.
    pub fn seen(&mut self, id: &str, span: Span) -> &mut P {
        // Most ids are known already, and need no copy of their text.
        if !self.0.contains_key(id) {
            self.0.insert(id.to_owned(), Known { span, profile: P::default() });
        }
        let known = self.0.get_mut(id).expect("the line above put it there");
        known.span.include(span);
        &mut known.profile
    }
}

impl<P: Merge> Merge for Known<P> {
    fn merge(&mut self, other: Known<P>) {
        self.span.include(other.span);
        self.profile.merge(other.profile);
    }
}
