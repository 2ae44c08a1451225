//! DeviceFileEvents: files made, deleted, blocked.

use super::{Mapping, mapping, note_imphash};
use crate::draft::{ACTOR, Draft, HASHES, Move, TARGET_FILE, md5, sha1, sha256};
use crate::event::Channel;
use crate::json::Json;
use crate::values::file_name;

const TABLE: &str = "DeviceFileEvents";

pub(super) static MAPPINGS: &[Mapping] = &[
    file(11, "FileCreated"),
    file(15, "FileCreated").moves(&[TARGET_FILE, HASH, ACTOR]).refine(refine_stream),
    file(23, "FileDeleted"),
    file(26, "FileDeleted"),
    file(27, "FileBlocked"),
    file(28, "FileShreddingBlocked"),
    file(29, "FileCreated").refine(|draft| {
        refine(draft);
        // That the file is a program is what this event says.
        draft.note("IsExecutable", Json::text("true"));
    }),
];

const fn file(event_id: i64, action: &'static str) -> Mapping {
    mapping(Channel::Sysmon, event_id, TABLE, action).moves(TARGET_AND_ACTOR).refine(refine)
}

const TARGET_AND_ACTOR: &[&[Move]] = &[TARGET_FILE, HASHES, ACTOR];

/// Event 15 writes `Hash`, in the form of `Hashes`.
static HASH: &[Move] = &[md5("Hash", "MD5"), sha1("Hash", "SHA1"), sha256("Hash", "SHA256")];

fn refine(draft: &mut Draft<'_, '_>) {
    note_imphash(draft);
    if draft.event.is_linux() && draft.value("User").is_some() {
        draft.set_if_empty("InitiatingProcessAccountDomain", draft.device);
    }
}

/// The name of the stream follows the last colon; a mark of the web says where the file came from.
fn refine_stream(draft: &mut Draft<'_, '_>) {
    refine(draft);
    let stream = draft.value("TargetFilename").and_then(|path| file_name(path).rsplit_once(':'));
    draft.note_text("StreamName", stream.map(|(_, stream)| stream));
    let contents = draft.value("Contents").unwrap_or_default();
    let setting = |key: &str| {
        let mut lines = contents.split(['\r', '\n']).flat_map(|line| line.split("  "));
        lines.find_map(|line| line.trim().strip_prefix(key)).map(str::trim).filter(|url| !url.is_empty())
    };
    draft.set("FileOriginUrl", setting("HostUrl="));
    draft.set("FileOriginReferrerUrl", setting("ReferrerUrl="));
}
