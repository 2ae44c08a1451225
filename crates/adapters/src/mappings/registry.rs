//! DeviceRegistryEvents: keys and values made, set, renamed, deleted.

use super::{Mapping, mapping, restore_event_type};
use crate::draft::{ACTOR, CALLER, Draft, SUBJECT};
use crate::event::Channel;
use crate::values::{registry_details, registry_path};

const TABLE: &str = "DeviceRegistryEvents";

pub(super) static MAPPINGS: &[Mapping] = &[
    mapping(Channel::Sysmon, 12, TABLE, "").moves(&[ACTOR]).refine(refine_object),
    mapping(Channel::Sysmon, 13, TABLE, "RegistryValueSet").moves(&[ACTOR]).refine(refine_value_set),
    mapping(Channel::Sysmon, 14, TABLE, "RegistryKeyRenamed").moves(&[ACTOR]).refine(refine_rename),
    mapping(Channel::Security, 4657, TABLE, "").moves(&[SUBJECT, CALLER]).refine(refine_audit),
];

/// Some collectors lose the event type; without it a key made and one deleted look the same.
fn refine_object(draft: &mut Draft<'_, '_>) {
    match draft.value("EventType") {
        Some("CreateKey") => draft.action("RegistryKeyCreated"),
        Some("DeleteKey") => draft.action("RegistryKeyDeleted"),
        Some("DeleteValue") => {
            draft.action("RegistryValueDeleted");
            set_key_and_value(draft);
            return;
        }
        _ => draft.action("RegistryObjectAddedOrDeleted"),
    }
    draft.set("RegistryKey", draft.value("TargetObject").map(|path| registry_path(path).into_owned()));
}

fn refine_value_set(draft: &mut Draft<'_, '_>) {
    restore_event_type(draft, "SetValue");
    set_key_and_value(draft);
    let Some(details) = draft.event.get("Details") else { return };
    let (kind, data) = registry_details(details);
    draft.set("RegistryValueType", kind);
    draft.set("RegistryValueData", data.map(|data| data.into_owned()));
}

fn refine_rename(draft: &mut Draft<'_, '_>) {
    restore_event_type(draft, "RenameKey");
    let path = |field| draft.value(field).map(|path| registry_path(path).into_owned());
    let (old, new) = (path("TargetObject"), path("NewName"));
    draft.set("PreviousRegistryKey", old);
    draft.set("RegistryKey", new);
}

fn refine_audit(draft: &mut Draft<'_, '_>) {
    let is_deleted = draft.value("OperationType") == Some("%%1906");
    draft.action(if is_deleted { "RegistryValueDeleted" } else { "RegistryValueSet" });
    draft.set("RegistryKey", draft.value("ObjectName").map(|path| registry_path(path).into_owned()));
    draft.set("RegistryValueName", draft.value("ObjectValueName"));
    draft.set("PreviousRegistryValueData", draft.value("OldValue"));
    draft.set("RegistryValueData", draft.value("NewValue"));
    let kind = match draft.value("NewValueType") {
        Some("%%1873") => "String",
        Some("%%1874") => "ExpandString",
        Some("%%1875") => "Binary",
        Some("%%1876") => "Dword",
        Some("%%1879") => "MultiString",
        Some("%%1883") => "Qword",
        _ => return,
    };
    draft.set("RegistryValueType", kind);
}

/// The last component names the value. A value name may hold a backslash; the source cannot tell.
fn set_key_and_value(draft: &mut Draft<'_, '_>) {
    let Some(path) = draft.value("TargetObject") else { return };
    let (key, value) = path.rsplit_once('\\').map_or((path, None), |(key, value)| (key, Some(value)));
    draft.set("RegistryKey", registry_path(key).into_owned());
    draft.set("RegistryValueName", value);
}
