//! Writes small databases in the format of MaxMind: a search tree over the bits of addresses, the records its
//! leaves lead to, and a description behind a marker.

use std::net::IpAddr;

use serde_json::Value;

const MARKER: &[u8] = b"\xAB\xCD\xEFMaxMind.com";
/// Zero bytes between the tree and the records.
const SEPARATOR: usize = 16;
/// Types of values.
const TEXT: u8 = 2;
const DOUBLE: u8 = 3;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const UINT64: u8 = 9;
const ARRAY: u8 = 11;

#[derive(Clone, Copy)]
enum Child {
    Nothing,
    Node(usize),
    /// Where a record begins.
    Record(usize),
}

/// A database of networks, such as `192.0.2.0/24`, and their records. `ip_version` is 4 or 6; of version 6 it
/// holds IPv4 networks below `::/96`.
pub fn database(ip_version: u8, networks: &[(&str, Value)]) -> Vec<u8> {
    let mut nodes = vec![[Child::Nothing; 2]];
    let mut records = Vec::new();
    for (network, record) in networks {
        insert(&mut nodes, &bits(ip_version, network), Child::Record(records.len()));
        put_value(&mut records, record);
    }
    let mut bytes = Vec::new();
    for child in nodes.iter().flatten() {
        let number = match child {
            Child::Nothing => nodes.len(),
            Child::Node(at) => *at,
            Child::Record(at) => nodes.len() + SEPARATOR + at,
        };
        bytes.extend_from_slice(&u32::try_from(number).unwrap().to_be_bytes()[1..]);
    }
    bytes.extend_from_slice(&[0; SEPARATOR]);
    bytes.extend_from_slice(&records);
    bytes.extend_from_slice(MARKER);
    put_metadata(&mut bytes, ip_version, nodes.len());
    bytes
}

/// The bits of a network's prefix, from the root of the tree.
fn bits(ip_version: u8, network: &str) -> Vec<usize> {
    let (address, prefix) = network.split_once('/').unwrap();
    let prefix: usize = prefix.parse().unwrap();
    let (address, width, skipped) = match address.parse().unwrap() {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32, if ip_version == 6 { 96 } else { 0 }),
        IpAddr::V6(address) => (u128::from(address), 128, 0),
    };
    let own = (0..prefix).map(|at| (address >> (width - 1 - at) & 1) as usize);
    std::iter::repeat_n(0, skipped).chain(own).collect()
}

fn insert(nodes: &mut Vec<[Child; 2]>, bits: &[usize], record: Child) {
    let (last, path) = bits.split_last().unwrap();
    let mut at = 0;
    for bit in path {
        at = match nodes[at][*bit] {
            Child::Node(next) => next,
            _ => {
                nodes.push([Child::Nothing; 2]);
                nodes[at][*bit] = Child::Node(nodes.len() - 1);
                nodes.len() - 1
            }
        };
    }
    nodes[at][*last] = record;
}

/// The type and the size of a value: one byte, and one more for types above 7 and sizes above 28.
fn put_head(out: &mut Vec<u8>, kind: u8, size: usize) {
    let short = size.min(29) as u8;
    out.push(if kind > 7 { short } else { kind << 5 | short });
    out.extend((kind > 7).then(|| kind - 7));
    out.extend((size > 28).then(|| u8::try_from(size - 29).unwrap()));
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_head(out, TEXT, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn put_bytes(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    put_head(out, kind, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(map) => {
            put_head(out, MAP, map.len());
            for (key, value) in map {
                put_text(out, key);
                put_value(out, value);
            }
        }
        Value::Array(values) => {
            put_head(out, ARRAY, values.len());
            values.iter().for_each(|value| put_value(out, value));
        }
        Value::Number(number) => match number.as_u64() {
            Some(whole) => put_bytes(out, UINT32, &u32::try_from(whole).unwrap().to_be_bytes()),
            None => put_bytes(out, DOUBLE, &number.as_f64().unwrap().to_be_bytes()),
        },
        Value::String(text) => put_text(out, text),
        Value::Bool(_) | Value::Null => panic!("these records hold no {value}"),
    }
}

fn put_metadata(out: &mut Vec<u8>, ip_version: u8, nodes: usize) {
    put_head(out, MAP, 9);
    for (key, number) in [
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
        ("ip_version", u16::from(ip_version)),
        ("record_size", 24),
    ] {
        put_text(out, key);
        put_bytes(out, UINT16, &number.to_be_bytes());
    }
    put_text(out, "node_count");
    put_bytes(out, UINT32, &u32::try_from(nodes).unwrap().to_be_bytes());
    put_text(out, "build_epoch");
    put_bytes(out, UINT64, &1_700_000_000_u64.to_be_bytes());
    put_text(out, "database_type");
    put_text(out, "Fixture-City");
    put_text(out, "languages");
    put_head(out, ARRAY, 1);
    put_text(out, "en");
    put_text(out, "description");
    put_head(out, MAP, 1);
    put_text(out, "en");
    put_text(out, "Places of addresses set apart for documentation");
}
