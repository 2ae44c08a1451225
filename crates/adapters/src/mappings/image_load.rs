//! DeviceImageLoadEvents: modules loaded into processes.

use super::{Mapping, mapping, note_imphash};
use crate::draft::{ACTOR, HASHES, Move, file_name, text};
use crate::event::Channel;

pub(super) static MAPPINGS: &[Mapping] =
    &[mapping(Channel::Sysmon, 7, "DeviceImageLoadEvents", "ImageLoaded")
        .moves(&[IMAGE, HASHES, ACTOR])
        .refine(note_imphash)];

/// The file that was loaded.
pub(super) static IMAGE: &[Move] = &[text("ImageLoaded", "FolderPath"), file_name("ImageLoaded", "FileName")];
