//! What people set of machines: tags and device value. A machine that events make anew keeps them.

use std::collections::BTreeSet;

use model::machine::{DeviceValue, Machine};
use model::{DeviceId, Ticks};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::alerts::without_nulls;
use crate::database::{self, Connection, Row, commit};
use crate::device_groups::grouped;
use crate::entities::MACHINE;
use crate::entity_rows::{read_where, replace};
use crate::error::failed;
use crate::{StoreError, TenantStore, fold, unchanged};

/// Tags of one machine.
const TAGS_MAX: usize = 200;

/// What a person changes of a machine; what is none stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineChange {
    pub tags: Option<TagChange>,
    pub device_value: Option<DeviceValue>,
    /// What the machine has to be like for it to be changed: its [`crate::etag`].
    pub expected: Option<String>,
    pub by: String,
    pub at: Ticks,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagChange {
    Add(String),
    Remove(String),
    /// Only these stay.
    Replace(Vec<String>),
}

/// As it is stored. Tags are compared without regard to letter case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    added: Vec<String>,
    /// Said by events and not wanted.
    removed: Vec<String>,
    device_value: Option<DeviceValue>,
}

impl TenantStore {
    /// Changes machines the same way, all of them or none, and answers with them in the order of the ids.
    pub async fn change_machines(
        &self,
        ids: &[DeviceId],
        change: &MachineChange,
    ) -> Result<Vec<Machine>, StoreError> {
        let mut transaction = self.db.begin().await?;
        let mut machines = Vec::new();
        for id in ids {
            machines.push(self.change_machine(&mut transaction, id, change).await?);
        }
        commit(transaction, "change machines").await?;
        Ok(machines)
    }

    async fn change_machine(
        &self,
        connection: &mut Connection,
        id: &DeviceId,
        change: &MachineChange,
    ) -> Result<Machine, StoreError> {
        const SQL: &str = "INSERT INTO machine_settings (tenant, id, settings) VALUES ($1, $2, $3) \
                           ON CONFLICT (tenant, id) DO UPDATE SET settings = excluded.settings";
        let in_reach = self.machine_in_reach();
        let stored: Option<Machine> =
            read_where(&mut *connection, &MACHINE, &self.key, id.as_str(), in_reach).await?;
        let before = stored.ok_or_else(|| StoreError::not_found("machine", id))?;
        unchanged("machine", id.as_str(), &before, change.expected.as_deref())?;
        let mut settings = self.machine_settings(connection, id).await?;
        settings.change(change, &before.machine_tags);
        let mut machine = before.clone();
        settings.apply(&mut machine);
        // Groups can be of tags.
        let machine = grouped(&self.groups_in(connection).await?, machine);
        if machine.machine_tags.len() > TAGS_MAX {
            let reason = format!("machine {id} has {TAGS_MAX} tags and takes no more");
            return Err(StoreError::invalid("tag", reason));
        }
        let text = serde_json::to_string(&settings).unwrap_or_default();
        let query = database::query(SQL).bind(&self.key).bind(id.as_str()).bind(text);
        query.execute(&mut *connection).await.map_err(failed("write the settings of a machine"))?;
        if machine != before {
            replace(connection, &MACHINE, &self.key, &machine).await?;
            let tags = change.tags.as_ref().map(|_| &machine.machine_tags);
            let told = without_nulls(json!({ "machineTags": tags, "deviceValue": change.device_value }));
            let by = (change.at, change.by.as_str());
            self.add_history(connection, (MACHINE.name, id.as_str()), by, &told).await?;
        }
        Ok(machine)
    }

    pub(crate) async fn machine_settings(
        &self,
        connection: &mut Connection,
        id: &DeviceId,
    ) -> Result<Settings, StoreError> {
        const SQL: &str = "SELECT settings FROM machine_settings WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id.as_str());
        let text = query.try_map(|row: Row| row.try_get::<String, _>(0)).fetch_optional(connection).await;
        let Some(text) = text.map_err(failed("read the settings of a machine"))? else {
            return Ok(Settings::default());
        };
        serde_json::from_str(&text).map_err(|source| StoreError::Unreadable {
            entity: "settings of machine",
            id: id.to_string(),
            source,
        })
    }
}

impl Settings {
    fn change(&mut self, change: &MachineChange, present: &[String]) {
        self.device_value = change.device_value.or(self.device_value);
        match &change.tags {
            None => {}
            Some(TagChange::Add(tag)) => self.add(tag),
            Some(TagChange::Remove(tag)) => self.remove(tag),
            Some(TagChange::Replace(tags)) => {
                present.iter().for_each(|tag| self.remove(tag));
                tags.iter().for_each(|tag| self.add(tag));
            }
        }
    }

    fn add(&mut self, tag: &str) {
        self.forget(tag);
        self.added.push(tag.to_owned());
    }

    fn remove(&mut self, tag: &str) {
        self.forget(tag);
        self.removed.push(tag.to_owned());
    }

    fn forget(&mut self, tag: &str) {
        let folded = fold(tag);
        self.added.retain(|known| fold(known) != folded);
        self.removed.retain(|known| fold(known) != folded);
    }

    /// Makes a machine one with these settings.
    pub(crate) fn apply(&self, machine: &mut Machine) {
        machine.device_value = self.device_value.unwrap_or(machine.device_value);
        let unwanted: BTreeSet<_> = self.removed.iter().chain(&self.added).map(|tag| fold(tag)).collect();
        machine.machine_tags.retain(|tag| !unwanted.contains(&fold(tag)));
        machine.machine_tags.extend(self.added.iter().cloned());
        if !self.added.is_empty() {
            machine.machine_tags.sort_unstable();
        }
    }
}
