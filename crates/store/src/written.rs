//! Machines with their JSON and ETag, made once for as long as a machine does not change, so that one that is asked for
//! again costs no statement.
//!
//! They are kept where this process alone writes, as it does to a file of SQLite. What a transaction writes is taken out
//! before it can take effect, and is not taken in again until that transaction has ended, however it ends: when its
//! commit was seen, or at the latest when the next one begins, since one connection writes. What was read before a change
//! and would be taken in after it is told by the number of changes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use model::machine::Machine;
use serde::Serialize;

use crate::etag_of;

/// Machines that are kept: some tens of megabytes.
const KEPT_MAX: usize = 16_384;

/// An entity and what answers are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Written<T> {
    pub entity: T,
    pub json: String,
    pub etag: String,
}

impl<T: Serialize> Written<T> {
    pub fn new(entity: T) -> Result<Written<T>, serde_json::Error> {
        let json = serde_json::to_string(&entity)?;
        let etag = etag_of(json.as_bytes());
        Ok(Written { entity, json, etag })
    }
}

#[derive(Debug, Default)]
pub(crate) struct WrittenMachines(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    /// Of each tenant by id.
    kept: HashMap<String, HashMap<String, Arc<Written<Machine>>>>,
    count: usize,
    /// How often one was written so far.
    changes: u64,
    /// The number of the last transaction.
    transaction: u64,
    /// What it wrote, by tenant and id, while it may not have ended.
    unsettled: HashSet<(String, String)>,
}

impl State {
    /// What was written counts as changed once more: a reader may have begun before it took effect.
    fn settle(&mut self) {
        self.changes += u64::from(!self.unsettled.is_empty());
        self.unsettled.clear();
    }
}

impl WrittenMachines {
    pub fn get(&self, tenant: &str, id: &str) -> Option<Arc<Written<Machine>>> {
        self.read().kept.get(tenant)?.get(id).cloned()
    }

    /// To be asked before a machine is read that is to be kept.
    pub fn changes(&self) -> u64 {
        self.read().changes
    }

    /// Keeps a machine that was read when there were so many changes, unless there were more meanwhile.
    pub fn keep(&self, changes: u64, tenant: &str, machine: Arc<Written<Machine>>) {
        let mut state = self.write();
        let key = (tenant.to_owned(), machine.entity.id.as_str().to_owned());
        if state.changes != changes || state.unsettled.contains(&key) {
            return;
        }
        if state.count >= KEPT_MAX {
            state.kept.clear();
            state.count = 0;
        }
        let (tenant, id) = key;
        let before = state.kept.entry(tenant).or_default().insert(id, machine);
        state.count += usize::from(before.is_none());
    }

    /// A transaction has begun, so that those before it have ended. The answer is its number.
    pub fn begin(&self) -> u64 {
        let mut state = self.write();
        state.settle();
        state.transaction += 1;
        state.transaction
    }

    /// The transaction under way writes a machine.
    pub fn change(&self, tenant: &str, id: &str) {
        let mut state = self.write();
        state.changes += 1;
        if state.kept.get_mut(tenant).and_then(|kept| kept.remove(id)).is_some() {
            state.count -= 1;
        }
        state.unsettled.insert((tenant.to_owned(), id.to_owned()));
    }

    /// The transaction of that number was committed.
    pub fn settle(&self, transaction: u64) {
        let mut state = self.write();
        if state.transaction == transaction {
            state.settle();
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use model::{DeviceId, TenantId, Ticks};
    use uuid::Uuid;

    use super::*;

    fn machine(name: &str) -> Arc<Written<Machine>> {
        let id = DeviceId::from_name(TenantId(Uuid::nil()), name);
        Arc::new(Written::new(Machine::new(id, Ticks(0))).unwrap())
    }

    fn is_kept(memory: &WrittenMachines, machine: &Written<Machine>) -> bool {
        memory.get("t", machine.entity.id.as_str()).is_some()
    }

    #[test]
    fn what_is_being_written_is_not_kept_until_its_transaction_has_ended() {
        let (memory, one, other) = (WrittenMachines::default(), machine("one"), machine("other"));
        let write = |machine: &Written<Machine>| memory.change("t", machine.entity.id.as_str());
        let keep = |machine: &Arc<Written<Machine>>| memory.keep(memory.changes(), "t", machine.clone());
        keep(&one);
        keep(&other);
        assert!(is_kept(&memory, &one) && memory.get("u", one.entity.id.as_str()).is_none());
        // It is out at once, and stays out while the transaction is under way: others stay in.
        let first = memory.begin();
        write(&one);
        keep(&one);
        assert!(!is_kept(&memory, &one) && is_kept(&memory, &other));
        memory.settle(first);
        keep(&one);
        assert!(is_kept(&memory, &one));
        // One of which nobody saw how it ended: the next one tells, and an old end does not settle the new one.
        memory.begin();
        write(&one);
        keep(&one);
        assert!(!is_kept(&memory, &one));
        let third = memory.begin();
        keep(&one);
        assert!(is_kept(&memory, &one));
        write(&one);
        memory.settle(first);
        keep(&one);
        assert!(!is_kept(&memory, &one));
        memory.settle(third);
        keep(&one);
        assert!(is_kept(&memory, &one));
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let (memory, one) = (WrittenMachines::default(), machine("one"));
        let changes = memory.changes();
        let transaction = memory.begin();
        memory.change("t", one.entity.id.as_str());
        memory.settle(transaction);
        memory.keep(changes, "t", one.clone());
        assert!(!is_kept(&memory, &one));
        memory.keep(memory.changes(), "t", one.clone());
        assert!(is_kept(&memory, &one));
    }

    #[test]
    fn what_was_read_before_a_change_took_effect_is_not_kept_after_it() {
        let (memory, one) = (WrittenMachines::default(), machine("one"));
        for ends_unseen in [false, true] {
            let transaction = memory.begin();
            memory.change("t", one.entity.id.as_str());
            let changes = memory.changes();
            if ends_unseen {
                memory.begin();
            } else {
                memory.settle(transaction);
            }
            memory.keep(changes, "t", one.clone());
            assert!(!is_kept(&memory, &one), "{ends_unseen}");
        }
    }

    #[test]
    fn it_is_bounded() {
        let memory = WrittenMachines::default();
        for at in 0..KEPT_MAX + 1 {
            memory.keep(0, "t", machine(&at.to_string()));
        }
        assert_eq!(memory.read().count, 1);
        assert!(is_kept(&memory, &machine(&KEPT_MAX.to_string())));
    }
}
