//! The frames of the log: what was accepted by one call, with checksums.
//!
//! ```text
//! magic "BZF1" | header bytes u32 | payload bytes u32 | checksum of header u32 | checksum of payload u32
//! header: JSON | payload: one Arrow IPC stream for each table, one after the other
//! ```
//! All numbers are little-endian; checksums are CRC-32. A frame is read whole or not at all.

use std::io::Cursor;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamEncoder;
use model::tables;
use model::{TenantId, Ticks};
use serde::{Deserialize, Serialize};

use crate::LakeError;
use crate::rows::Rows;

const MAGIC: &[u8; 4] = b"BZF1";
const PREFIX_BYTES: usize = 20;
/// No frame is larger: a longer length in a prefix is damage, not a frame.
pub(crate) const FRAME_BYTES_MAX: usize = 256 << 20;

/// What one frame says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub tenant: TenantId,
    pub producer: Option<(String, i64)>,
    pub first_sequence: i64,
    pub ingested: Ticks,
    pub batches: Vec<BatchHeader>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BatchHeader {
    pub table: String,
    pub rows: u64,
    pub bytes: u64,
}

/// The payload of a frame, encoded before its place in the log is known. Values are not copied: they stay in the
/// memory of the rows.
pub(crate) struct Payload {
    pub buffers: Vec<Buffer>,
    pub bytes: usize,
    pub batches: Vec<BatchHeader>,
    checksum: u32,
}

impl Payload {
    pub fn encode(parts: &[Rows]) -> Result<Payload, LakeError> {
        let (mut buffers, mut bytes) = (Vec::new(), 0);
        let mut headers = Vec::with_capacity(parts.len());
        let mut checksum = crc32fast::Hasher::new();
        for part in parts {
            let batch = part.to_batch()?;
            let mut encoder = StreamEncoder::try_new(batch.schema_ref())?;
            let mut encoded = encoder.encode(&batch)?;
            encoded.extend(encoder.finish()?);
            encoded.iter().for_each(|buffer| checksum.update(buffer));
            let size: usize = encoded.iter().map(|buffer| buffer.len()).sum();
            headers.push(BatchHeader {
                table: part.table().name.to_owned(),
                rows: part.len() as u64,
                bytes: size as u64,
            });
            buffers.append(&mut encoded);
            bytes += size;
        }
        if bytes > FRAME_BYTES_MAX - (1 << 20) {
            return Err(LakeError::TooLarge { max: FRAME_BYTES_MAX - (1 << 20) });
        }
        Ok(Payload { buffers, bytes, batches: headers, checksum: checksum.finalize() })
    }
}

/// Appends what comes before the payload of a frame to `out`.
pub(crate) fn write_head(header: &Header, payload: &Payload, out: &mut Vec<u8>) -> Result<(), LakeError> {
    let header = serde_json::to_vec(header)
        .map_err(|error| LakeError::Log { doing: "encode a frame", source: error.into() })?;
    out.extend_from_slice(MAGIC);
    for number in [header.len() as u32, payload.bytes as u32, crc32fast::hash(&header), payload.checksum] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&header);
    Ok(())
}

/// A frame read back.
#[derive(Debug)]
pub(crate) struct Frame {
    pub header: Header,
    pub parts: Vec<Rows>,
}

/// What is found at a place in a segment.
#[derive(Debug)]
pub(crate) enum Found {
    Frame {
        frame: Box<Frame>,
        bytes: usize,
    },
    /// The segment ends here.
    End,
    /// No whole frame: the rest of a write that was cut off, or damage.
    Broken {
        reason: String,
    },
    /// A whole frame that this version cannot read, such as one of a newer version.
    Unreadable {
        reason: String,
    },
}

/// Reads the frame at the start of `bytes`.
pub(crate) fn read_frame(bytes: &[u8]) -> Found {
    if bytes.is_empty() {
        return Found::End;
    }
    let (header, payload) = match split(bytes) {
        Ok(parts) => parts,
        Err(reason) => return Found::Broken { reason },
    };
    let size = PREFIX_BYTES + header.len() + payload.len();
    match decode(header, payload) {
        Ok(frame) => Found::Frame { frame: Box::new(frame), bytes: size },
        Err(reason) => Found::Unreadable { reason },
    }
}

/// Header and payload of a frame whose checksums match.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let prefix = bytes.get(..PREFIX_BYTES).ok_or("the prefix is cut off")?;
    if &prefix[..4] != MAGIC {
        return Err("there is no frame mark".to_owned());
    }
    let number = |at: usize| u32::from_le_bytes([prefix[at], prefix[at + 1], prefix[at + 2], prefix[at + 3]]);
    let (header_bytes, payload_bytes) = (number(4) as usize, number(8) as usize);
    if header_bytes > FRAME_BYTES_MAX || payload_bytes > FRAME_BYTES_MAX {
        return Err("the length is larger than any frame's".to_owned());
    }
    let header = bytes.get(PREFIX_BYTES..PREFIX_BYTES + header_bytes).ok_or("the header is cut off")?;
    if crc32fast::hash(header) != number(12) {
        return Err("the header's checksum does not match".to_owned());
    }
    let end = PREFIX_BYTES + header_bytes + payload_bytes;
    let payload = bytes.get(PREFIX_BYTES + header_bytes..end).ok_or("the payload is cut off")?;
    if crc32fast::hash(payload) != number(16) {
        return Err("the payload's checksum does not match".to_owned());
    }
    Ok((header, payload))
}

fn decode(header: &[u8], payload: &[u8]) -> Result<Frame, String> {
    let header: Header =
        serde_json::from_slice(header).map_err(|e| format!("the header does not parse: {e}"))?;
    let parts = read_payload(&header, payload)?;
    Ok(Frame { header, parts })
}

fn read_payload(header: &Header, payload: &[u8]) -> Result<Vec<Rows>, String> {
    let mut at = 0usize;
    let mut parts = Vec::with_capacity(header.batches.len());
    for declared in &header.batches {
        let table = tables::find(&declared.table)
            .ok_or_else(|| format!("table {} is not known to this version", declared.table))?;
        let end = at.checked_add(declared.bytes as usize).ok_or("a batch length overflows")?;
        let stream = payload.get(at..end).ok_or("a batch reaches past the payload")?;
        at = end;
        let reader = StreamReader::try_new(Cursor::new(stream), None).map_err(|e| e.to_string())?;
        let schema = reader.schema();
        let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        let batch =
            datafusion::arrow::compute::concat_batches(&schema, &batches).map_err(|e| e.to_string())?;
        parts.push(Rows::from_batch(table, &batch).map_err(|e| e.to_string())?);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use model::Row;
    use proptest::prelude::*;

    use super::*;
    use crate::hot::HotBatch;

    fn frame_bytes() -> Vec<u8> {
        let table = tables::find("DeviceProcessEvents").unwrap();
        let mut row = Row::new(table);
        row.set("Timestamp", Ticks::parse("2024-05-06T07:08:09.1234567Z"));
        row.set("DeviceName", "pc1.example");
        let payload = Payload::encode(&Rows::of(&[row]).unwrap()).unwrap();
        let header = Header {
            tenant: TenantId(uuid::Uuid::from_u128(7)),
            producer: Some(("p".to_owned(), 3)),
            first_sequence: 11,
            ingested: Ticks::from_unix_seconds(1),
            batches: payload.batches.clone(),
        };
        let mut bytes = Vec::new();
        write_head(&header, &payload, &mut bytes).unwrap();
        payload.buffers.iter().for_each(|buffer| bytes.extend_from_slice(buffer));
        bytes
    }

    #[test]
    fn a_frame_reads_back() {
        let bytes = frame_bytes();
        let Found::Frame { frame, bytes: size } = read_frame(&bytes) else { panic!("no frame") };
        assert_eq!(size, bytes.len());
        assert_eq!(frame.header.first_sequence, 11);
        let batch =
            HotBatch::new(frame.parts[0].clone(), 11, Ticks::from_unix_seconds(1), 1).batch(None).unwrap();
        let rows = crate::batch::rows_from_batch(frame.parts[0].table(), &batch);
        assert_eq!(rows[0].text("DeviceName"), "pc1.example");
        assert_eq!(rows[0].timestamp().unwrap().to_string(), "2024-05-06T07:08:09.1234567Z");
    }

    #[test]
    fn every_cut_is_seen() {
        let bytes = frame_bytes();
        for length in 1..bytes.len() {
            assert!(matches!(read_frame(&bytes[..length]), Found::Broken { .. }), "cut at {length}");
        }
    }

    proptest! {
        #[test]
        fn every_flipped_bit_is_seen(at in 0usize..4000, bit in 0u8..8) {
            let mut bytes = frame_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let is_broken = matches!(read_frame(&bytes), Found::Broken { .. });
            prop_assert!(is_broken);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_frame(&bytes);
        }
    }
}
