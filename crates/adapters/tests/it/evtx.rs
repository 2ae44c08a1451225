//! Event log files of Windows, made here: whole, damaged, cut off and hostile ones.

use std::ops::ControlFlow;

use adapters::{Format, Framing, Input, Mapped, Mapper};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::fixtures::{assert_valid, render_outcome};

const CHUNK: usize = 64 << 10;

fn format() -> &'static Format {
    adapters::find("evtx").unwrap()
}

/// What becomes of each record, with its number.
fn read(body: &[u8]) -> Vec<(u64, Result<Mapped, adapters::Refusal>)> {
    let mut outcomes = Vec::new();
    format().read(&mut Mapper::default(), &Input { body, device: "" }, &mut |number, outcome| {
        outcomes.push((number, outcome));
        ControlFlow::Continue(())
    });
    outcomes
}

/// One line a record: number, and table with action, or kind, or reason.
#[track_caller]
fn check(body: &[u8], expected: Expect) {
    let lines = read(body).into_iter().map(|(number, outcome)| match outcome {
        Ok(Mapped::Row(row)) => {
            assert_valid(&row);
            format!("{number} {} {} {}\n", row.table.name, row.text("ActionType"), row.text("FolderPath"))
        }
        Ok(Mapped::Unmapped { kind }) => format!("{number} unmapped {kind}\n"),
        Ok(Mapped::Merged) => format!("{number} merged\n"),
        Err(refusal) => format!("{number} {}: {refusal}\n", refusal.code()),
    });
    expected.assert_eq(&lines.collect::<String>());
    assert_eq!(format().count(body), read(body).len() as u64);
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A chunk in the making. Names are written where they are used first, as Windows does.
struct ChunkWriter {
    bytes: Vec<u8>,
    names: Vec<(String, u32)>,
    template: Option<u32>,
    last_id: u64,
}

/// A value of the template: its type and its bytes.
type Value = (u8, Vec<u8>);

impl ChunkWriter {
    fn new() -> ChunkWriter {
        let mut bytes = vec![0; 512];
        bytes[..8].copy_from_slice(b"ElfChnk\0");
        ChunkWriter { bytes, names: Vec::new(), template: None, last_id: 0 }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn at(&self) -> u32 {
        self.bytes.len() as u32
    }

    fn name(&mut self, name: &str) {
        if let Some((_, at)) = self.names.iter().find(|(known, _)| known == name) {
            let at = *at;
            return self.put(&at.to_le_bytes());
        }
        let at = self.at() + 4;
        self.names.push((name.to_owned(), at));
        self.put(&at.to_le_bytes());
        self.put(&[0; 6]);
        self.put(&(name.encode_utf16().count() as u16).to_le_bytes());
        self.put(&utf16(name));
        self.put(&[0; 2]);
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &[u8])]) {
        self.put(&[if attributes.is_empty() { 0x01 } else { 0x41 }, 0xff, 0xff, 0, 0, 0, 0]);
        self.name(name);
        if !attributes.is_empty() {
            self.put(&[0; 4]);
        }
        for (name, value) in attributes {
            self.put(&[0x06]);
            self.name(name);
            self.put(value);
        }
        self.put(&[0x02]);
    }

    /// An element whose text is a value of the template.
    fn leaf(&mut self, name: &str, attributes: &[(&str, &[u8])], substitution: &[u8]) {
        self.open(name, attributes);
        self.put(substitution);
        self.put(&[0x04]);
    }

    /// A template, as long as what it holds.
    fn define(&mut self, template: fn(&mut ChunkWriter)) {
        let start = self.bytes.len();
        self.put(&[0; 24]);
        self.put(&[0x0f, 1, 1, 0]);
        template(self);
        self.put(&[0x00]);
        let length = (self.bytes.len() - start - 24) as u32;
        self.bytes[start + 20..start + 24].copy_from_slice(&length.to_le_bytes());
    }

    /// `<Event>` with the values 0 to 4 in `System`, and the others in `EventData`.
    fn event(&mut self) {
        self.open("Event", &[]);
        self.open("System", &[]);
        self.open("Provider", &[("Name", &text("Microsoft-Windows-Sysmon"))]);
        self.put(&[0x04]);
        self.leaf("EventID", &[], &substitution(0));
        self.open("TimeCreated", &[("SystemTime", &substitution(1))]);
        self.put(&[0x04]);
        self.leaf("EventRecordID", &[], &substitution(2));
        self.leaf("Channel", &[], &text("Microsoft-Windows-Sysmon/Operational"));
        self.leaf("Computer", &[], &substitution(3));
        self.open("Security", &[("UserID", &substitution(4))]);
        self.put(&[0x04]);
        self.put(&[0x04]);
        self.open("EventData", &[]);
        for (index, name) in ["ProcessId", "Image", "ProcessGuid", "Hashes"].into_iter().enumerate() {
            self.leaf("Data", &[("Name", &text(name))], &substitution(5 + index as u16));
        }
        self.put(&[0x04, 0x04]);
    }

    fn record(&mut self, id: u64, values: &[Value]) {
        self.record_with(id, ChunkWriter::event, values);
    }

    fn record_with(&mut self, id: u64, template: fn(&mut ChunkWriter), values: &[Value]) {
        let start = self.bytes.len();
        self.put(b"**\0\0\0\0\0\0");
        self.put(&id.to_le_bytes());
        self.put(&[0; 8]);
        self.put(&[0x0f, 1, 1, 0, 0x0c, 1, 7, 0, 0, 0]);
        match self.template {
            Some(at) => self.put(&at.to_le_bytes()),
            None => {
                let at = self.at() + 4;
                self.template = Some(at);
                self.put(&at.to_le_bytes());
                self.define(template);
            }
        }
        self.put(&(values.len() as u32).to_le_bytes());
        for (kind, bytes) in values {
            self.put(&(bytes.len() as u16).to_le_bytes());
            self.put(&[*kind, 0]);
        }
        values.iter().for_each(|(_, bytes)| self.put(bytes));
        self.put(&[0x00]);
        let size = (self.bytes.len() - start + 4) as u32;
        self.put(&size.to_le_bytes());
        self.bytes[start + 4..start + 8].copy_from_slice(&size.to_le_bytes());
        self.last_id = id;
    }

    fn finish(mut self) -> Vec<u8> {
        let end = self.at();
        self.bytes[48..52].copy_from_slice(&end.to_le_bytes());
        self.bytes[32..40].copy_from_slice(&self.last_id.to_le_bytes());
        self.bytes.resize(CHUNK, 0);
        self.bytes
    }
}

fn text(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().count() as u16;
    [vec![0x05, 0x01], units.to_le_bytes().to_vec(), utf16(text)].concat()
}

fn substitution(index: u16) -> Vec<u8> {
    let [low, high] = index.to_le_bytes();
    vec![0x0e, low, high, 0x01]
}

/// A file created by notepad, at 2024-05-06.
fn values(event_id: u16, record_id: u64) -> Vec<Value> {
    vec![
        (0x06, event_id.to_le_bytes().to_vec()),
        (0x11, 133_594_455_891_234_567u64.to_le_bytes().to_vec()),
        (0x0a, record_id.to_le_bytes().to_vec()),
        (0x01, utf16("PC-7.example.org")),
        (0x13, b"\x01\x01\0\0\0\0\0\x05\x12\0\0\0".to_vec()),
        (0x08, 4312u32.to_le_bytes().to_vec()),
        (0x01, utf16("C:\\Windows\\notepad.exe")),
        (0x0f, (1..=16).collect()),
        (0x01, utf16("MD5=0CC175B9C0F1B6A831C399E269772661\0")),
    ]
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut file = vec![0; 4096];
    file[..8].copy_from_slice(b"ElfFile\0");
    file.extend(chunks.iter().flatten());
    file
}

/// Events 6, 5 and 255 of Sysmon.
fn chunk() -> ChunkWriter {
    let mut chunk = ChunkWriter::new();
    chunk.record(70, &values(25, 70));
    chunk.record(71, &values(5, 71));
    chunk.record(72, &values(255, 72));
    chunk
}

#[test]
fn records_become_the_rows_of_their_events() {
    let body = file(&[chunk().finish(), vec![0; CHUNK]]);
    check(
        &body,
        expect![[r#"
            1 DeviceEvents ProcessTampering C:\Windows\notepad.exe
            2 DeviceEvents ProcessTerminated C:\Windows\notepad.exe
            3 unmapped Sysmon/255
        "#]],
    );
    let (_, first) = read(&body).swap_remove(0);
    expect![[r#"
        {
          "table": "DeviceEvents",
          "Timestamp": "2024-05-06T05:06:29.1234567Z",
          "DeviceName": "pc-7.example.org",
          "ActionType": "ProcessTampering",
          "FileName": "notepad.exe",
          "FolderPath": "C:\\Windows\\notepad.exe",
          "ProcessId": 4312,
          "InitiatingProcessFileName": "notepad.exe",
          "InitiatingProcessFolderPath": "c:\\windows\\notepad.exe",
          "InitiatingProcessId": 4312,
          "ReportId": 70,
          "AdditionalFields": {
            "SourceProvider": "Microsoft-Windows-Sysmon",
            "SourceEventId": 25,
            "SourceRecordId": 70,
            "SourceChannel": "Microsoft-Windows-Sysmon/Operational",
            "ProcessGuid": "{04030201-0605-0807-090A-0B0C0D0E0F10}",
            "Hashes": "MD5=0CC175B9C0F1B6A831C399E269772661"
          }
        }
    "#]]
    .assert_eq(&format!("{:#}\n", render_outcome(first)));
}

#[test]
fn every_piece_of_a_file_that_the_framing_allows_is_a_file() {
    let chunks = [chunk().finish(), chunk().finish()];
    let Framing::Chunks { header_bytes, chunk_bytes } = format().framing else { panic!() };
    let body = file(&chunks);
    let pieces = body[header_bytes..].chunks(chunk_bytes);
    let counts: Vec<u64> =
        pieces.map(|piece| format().count(&[&body[..header_bytes], piece].concat())).collect();
    assert_eq!((counts, format().count(&body)), (vec![3, 3], 6));
}

#[test]
fn what_is_damaged_is_counted_and_the_rest_is_read() {
    let whole = chunk().finish();
    let mut no_header = whole.clone();
    no_header[..8].fill(b'x');
    let second = 512 + u32::from_le_bytes(whole[516..520].try_into().unwrap()) as usize;
    let mut no_record = whole.clone();
    no_record[second..second + 4].fill(b'x');
    let mut no_xml = whole.clone();
    no_xml[second + 28] = 0x3f;
    let mut no_template = whole.clone();
    no_template[second + 34..second + 38].fill(0xff);
    check(
        &file(&[no_header, no_record, no_xml, no_template]),
        expect![[r#"
            1 Damaged: chunk 1 is damaged: its header is not one
            2 DeviceEvents ProcessTampering C:\Windows\notepad.exe
            3 DeviceEvents ProcessTerminated C:\Windows\notepad.exe
            4 unmapped Sysmon/255
            5 DeviceEvents ProcessTampering C:\Windows\notepad.exe
            6 Damaged: chunk 2 is damaged: there are bytes that are no record
            7 unmapped Sysmon/255
            8 DeviceEvents ProcessTampering C:\Windows\notepad.exe
            9 Damaged: record 71 is damaged: its binary XML has a token that is not known
            10 unmapped Sysmon/255
            11 DeviceEvents ProcessTampering C:\Windows\notepad.exe
            12 Damaged: record 71 is damaged: its binary XML breaks off
            13 unmapped Sysmon/255
        "#]],
    );
    check(
        &file(std::slice::from_ref(&whole))[..4096 + second + 20],
        expect![[r#"
        1 DeviceEvents ProcessTampering C:\Windows\notepad.exe
        2 Damaged: chunk 1 is damaged: a record breaks off
    "#]],
    );
    check(&file(&[whole])[..4096], expect![[""]]);
    check(
        b"MZ",
        expect![[r#"
        1 Damaged: the file is damaged: it does not begin as an event log of Windows does, with ElfFile
    "#]],
    );
    check(
        b"",
        expect![[r#"
        1 Damaged: the file is damaged: it does not begin as an event log of Windows does, with ElfFile
    "#]],
    );
}

#[test]
fn newer_records_behind_the_told_end_are_read_and_older_ones_are_not() {
    let newer = chunk().finish();
    let third = chunk();
    let told_end = third.bytes.len() as u32;
    let mut newer_chunk = third;
    newer_chunk.record(73, &values(5, 73));
    newer_chunk.record(12, &values(5, 12));
    let mut newer_chunk = newer_chunk.finish();
    newer_chunk[48..52].copy_from_slice(&told_end.to_le_bytes());
    assert_eq!(format().count(&file(&[newer_chunk])), format().count(&file(&[newer])) + 1);
}

/// A template that has a value many times, which is a fragment of the same template, and so on.
#[test]
fn a_fragment_that_grows_is_stopped() {
    let mut chunk = ChunkWriter::new();
    let tenfold = |chunk: &mut ChunkWriter| (0..10).for_each(|_| chunk.put(&substitution(0)));
    chunk.record_with(1, tenfold, &[(0x21, vec![0x0f, 1, 1, 0])]);
    let template = chunk.template.unwrap().to_le_bytes();
    let mut fragment = vec![0x0f, 1, 1, 0];
    for _ in 0..5 {
        let start = [&[0x0f, 1, 1, 0, 0x0c, 1, 7, 0, 0, 0][..], &template, &[1, 0, 0, 0]].concat();
        let size = (fragment.len() as u16).to_le_bytes();
        fragment = [&start[..], &size, &[0x21, 0], &fragment].concat();
        chunk.record(chunk.last_id + 1, &[(0x21, fragment.clone())]);
    }
    check(
        &file(&[chunk.finish()]),
        expect![[r#"
        1 NotAnEvent: the line is not an event: it takes a usable event id (a number from 0)
        2 NotAnEvent: the line is not an event: it takes a usable event id (a number from 0)
        3 NotAnEvent: the line is not an event: it takes a usable event id (a number from 0)
        4 Damaged: record 4 is damaged: its binary XML stands for more than is read
        5 Damaged: record 5 is damaged: its binary XML stands for more than is read
        6 Damaged: record 6 is damaged: its binary XML stands for more than is read
    "#]],
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_and_counted(body: Vec<u8>, chunk: Vec<u8>) {
        for body in [body, file(&[chunk])] {
            assert_eq!(format().count(&body), read(&body).len() as u64);
        }
    }

    #[test]
    fn any_damage_is_survived(changes in prop::collection::vec((512usize..4096, any::<u8>()), 1..24), cut in 0usize..8192) {
        let mut chunk = chunk().finish();
        for (at, byte) in changes {
            chunk[at] = byte;
        }
        let mut body = file(&[chunk]);
        if cut > 4096 {
            body.truncate(cut);
        }
        let outcomes = read(&body);
        assert_eq!(format().count(&body), outcomes.len() as u64);
        for (at, (number, outcome)) in outcomes.into_iter().enumerate() {
            assert_eq!(number, at as u64 + 1);
            if let Ok(Mapped::Row(row)) = outcome {
                assert_valid(&row);
            }
        }
    }
}
