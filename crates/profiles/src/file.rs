//! Files by their content.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::found::Profiles;
use crate::merge::{Latest, Merge, kept, offer, raise};
use crate::rows::{Groups, Longs, Rows, Span, Texts};
use crate::sample::{Sample, TICKS_PER_HOUR};

const SHA1_DIGITS: usize = 40;
const SHA256_DIGITS: usize = 64;
const MD5_DIGITS: usize = 32;
/// Names that one device is remembered to have for a file: those it used last.
const NAMES_MAX: usize = 3;

/// What is known of a file. Its id is its SHA-1, or its SHA-256 where no event says more.
///
/// What follows from the content is the same in every event that tells the truth; of several values the
/// greatest is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub sha256: Option<String>,
    pub md5: Option<String>,
    /// In bytes.
    pub size: Option<i64>,
    /// The company in the version information of a program.
    pub publisher: Option<String>,
    pub product: Option<String>,
    pub certificate: Option<Latest<Certificate>>,
    pub devices: Sample<Names>,
}

/// Who signed a file, as a device found it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Certificate {
    pub signer: String,
    pub signer_hash: String,
    pub issuer: String,
    pub is_trusted: Option<bool>,
}

/// The names of a file on one device, latest first, each with the hour in which it was last used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names(Vec<(i64, String)>);

impl File {
    /// The names that most devices have for it, the most common one first. Each device that is kept has a say.
    pub fn top_names(&self, names_max: usize) -> Vec<&str> {
        let mut devices: HashMap<&str, (u32, i64)> = HashMap::new();
        for (hour, name) in self.devices.devices().flat_map(|seen| &seen.detail.0) {
            let (count, latest) = devices.entry(name).or_insert((0, *hour));
            *count += 1;
            *latest = (*latest).max(*hour);
        }
        let mut names: Vec<_> = devices.into_iter().collect();
        names.sort_unstable_by(|(one, by), (other, than)| than.cmp(by).then(one.cmp(other)));
        names.into_iter().take(names_max).map(|(name, _)| name).collect()
    }
}

impl Merge for File {
    fn merge(&mut self, other: File) {
        raise(&mut self.sha256, other.sha256);
        raise(&mut self.md5, other.md5);
        raise(&mut self.size, other.size);
        raise(&mut self.publisher, other.publisher);
        raise(&mut self.product, other.product);
        raise(&mut self.certificate, other.certificate);
        self.devices.merge(other.devices);
    }
}

impl Names {
    fn of(names: &[(i64, &str)]) -> Names {
        Names(names.iter().map(|(hour, name)| (*hour, (*name).to_owned())).collect())
    }
}

impl Merge for Names {
    fn merge(&mut self, other: Names) {
        other.0.into_iter().for_each(|(hour, name)| add_name(&mut self.0, hour, name));
    }
}

/// Keeps each name with its latest hour, and of too many names those with the latest hours.
fn add_name<T: Ord>(names: &mut Vec<(i64, T)>, hour: i64, name: T) {
    match names.iter_mut().find(|(_, known)| *known == name) {
        Some((latest, _)) if *latest >= hour => return,
        Some((latest, _)) => *latest = hour,
        None => names.push((hour, name)),
    }
    names.sort_unstable_by(|one, other| other.cmp(one));
    names.truncate(NAMES_MAX);
}

/// The columns that tell of one file of a row.
struct Columns<'a> {
    sha1: Texts<'a>,
    sha256: Texts<'a>,
    md5: Texts<'a>,
    name: Texts<'a>,
    publisher: Texts<'a>,
    product: Texts<'a>,
    size: Longs<'a>,
}

/// What rows of a batch say of a file on a device.
struct Group<'a> {
    span: Span,
    sha256: Greatest<'a>,
    md5: Greatest<'a>,
    publisher: Greatest<'a>,
    product: Greatest<'a>,
    size: Option<i64>,
    names: Vec<(i64, &'a str)>,
}

/// The greatest of some texts, as the profile has it, and the last text that was looked at: as a rule all of
/// them are the same.
#[derive(Default)]
struct Greatest<'a> {
    last: &'a str,
    value: Option<String>,
}

impl<'a> Greatest<'a> {
    fn offer(&mut self, text: &'a str, read: impl FnOnce(&str) -> Option<String>) {
        if text != self.last {
            self.last = text;
            raise(&mut self.value, read(text));
        }
    }
}

pub(crate) fn fold(rows: &Rows<'_>, found: &mut Profiles<File>) {
    fold_files(rows, "", "ProcessVersionInfo", found);
    fold_files(rows, "InitiatingProcess", "InitiatingProcessVersionInfo", found);
    if rows.table.name == "DeviceFileCertificateInfo" {
        fold_certificates(rows, found);
    }
}

fn fold_files<'a>(rows: &Rows<'a>, prefix: &str, version: &str, found: &mut Profiles<File>) {
    let text = |name: &str| rows.text(&format!("{prefix}{name}"));
    let columns: Columns<'a> = Columns {
        sha1: text("SHA1"),
        sha256: text("SHA256"),
        md5: text("MD5"),
        name: text("FileName"),
        publisher: rows.text(&format!("{version}CompanyName")),
        product: rows.text(&format!("{version}ProductName")),
        size: rows.long(&format!("{prefix}FileSize")),
    };
    if columns.sha1.is_absent() && columns.sha256.is_absent() {
        return;
    }
    let mut groups: Groups<(&'a str, u32), Group<'a>> = Groups::new();
    for seen in rows.iter() {
        let (sha1, sha256) = (columns.sha1.at(seen.row), columns.sha256.at(seen.row));
        let key = if sha1.len() == SHA1_DIGITS { sha1 } else { sha256 };
        if key.is_empty() {
            continue;
        }
        let group = groups.of((key, seen.device), || Group::new(seen.at));
        group.span.include(Span::at(seen.at));
        group.sha256.offer(sha256, |text| hash_of(text, SHA256_DIGITS));
        group.md5.offer(columns.md5.at(seen.row), |text| hash_of(text, MD5_DIGITS));
        group.publisher.offer(columns.publisher.at(seen.row), |text| kept(text).map(str::to_owned));
        group.product.offer(columns.product.at(seen.row), |text| kept(text).map(str::to_owned));
        group.size = group.size.max(columns.size.at(seen.row));
        if let Some(name) = kept(columns.name.at(seen.row)) {
            add_name(&mut group.names, seen.at.div_euclid(TICKS_PER_HOUR), name);
        }
    }
    for ((hash, device), group) in groups.into_groups() {
        let Some(id) = file_id(hash) else { continue };
        let file = found.seen(&id, group.span);
        raise(&mut file.sha256, group.sha256.value);
        raise(&mut file.md5, group.md5.value);
        raise(&mut file.publisher, group.publisher.value);
        raise(&mut file.product, group.product.value);
        raise(&mut file.size, group.size);
        file.devices.add(rows.device(device).key, group.span.last, Names::of(&group.names));
    }
}

impl Group<'_> {
    fn new(at: i64) -> Self {
        Group {
            span: Span::at(at),
            sha256: Greatest::default(),
            md5: Greatest::default(),
            publisher: Greatest::default(),
            product: Greatest::default(),
            size: None,
            names: Vec::new(),
        }
    }
}

/// Signatures are told of seldom, so rows are looked at one by one.
fn fold_certificates(rows: &Rows<'_>, found: &mut Profiles<File>) {
    let hashes = rows.text("SHA1");
    let (signers, signer_hashes, issuers) =
        (rows.text("Signer"), rows.text("SignerHash"), rows.text("Issuer"));
    let trusted = rows.truth("IsTrusted");
    for seen in rows.iter() {
        let Some(id) = file_id(hashes.at(seen.row)) else { continue };
        let text = |column: &Texts<'_>| kept(column.at(seen.row)).unwrap_or_default().to_owned();
        let certificate = Certificate {
            signer: text(&signers),
            signer_hash: text(&signer_hashes).to_lowercase(),
            issuer: text(&issuers),
            is_trusted: trusted.at(seen.row),
        };
        if certificate != Certificate::default() {
            let file = found.seen(&id, Span::at(seen.at));
            offer(&mut file.certificate, seen.at, Some(certificate));
        }
    }
}

/// The hash as profiles name a file by it: SHA-1 or SHA-256 in lower-case hexadecimal digits.
pub fn file_id(hash: &str) -> Option<String> {
    hash_of(hash, SHA1_DIGITS).or_else(|| hash_of(hash, SHA256_DIGITS))
}

fn hash_of(text: &str, digits: usize) -> Option<String> {
    let is_hash = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_names_are_kept_in_any_order() {
        let all = [(5, "a"), (7, "b"), (3, "c"), (9, "a"), (7, "d"), (8, "c"), (7, "e")];
        let names = |order: &[(i64, &'static str)]| {
            let mut names = Vec::new();
            order.iter().for_each(|(hour, name)| add_name(&mut names, *hour, *name));
            names
        };
        let expected = vec![(9, "a"), (8, "c"), (7, "e")];
        let mut order = all;
        for _ in 0..all.len() {
            order.rotate_left(1);
            assert_eq!(names(&order), expected);
            let reversed: Vec<_> = order.iter().rev().copied().collect();
            assert_eq!(names(&reversed), expected);
        }
    }

    #[test]
    fn a_file_has_the_id_of_its_content() {
        let (sha1, sha256) = ("Ab".repeat(20), "cD".repeat(32));
        assert_eq!(file_id(&sha1), Some("ab".repeat(20)));
        assert_eq!(file_id(&sha256), Some("cd".repeat(32)));
        for other in ["", "ab", &"g".repeat(40), &"a".repeat(32)] {
            assert_eq!(file_id(other), None, "{other}");
        }
    }
}
