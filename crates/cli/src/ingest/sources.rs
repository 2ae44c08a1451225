//! Finding and opening what is to be sent: files, folders and archives.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::gzip::GzipMembers;

const FOLDER_DEPTH_MAX: usize = 32;

/// What is read of a file to tell whether it holds records.
const HEAD_BYTES: u64 = 16 << 10;

/// How the bytes of a file are packed, told by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    /// Plain, and records only if its beginning says so.
    Unsure,
    Gzip,
    Tar,
    TarGzip,
    Zip,
}

fn packing_of(name: &str) -> Option<Packing> {
    let name = name.to_ascii_lowercase();
    // Logs that were put aside have a number behind their name.
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix('.');
    let name = plain.filter(|name| name.ends_with(".log")).unwrap_or(&name);
    let endings: [(&[&str], Packing); 6] = [
        (&[".tar.gz", ".tgz"], Packing::TarGzip),
        (&[".gz"], Packing::Gzip),
        (&[".tar"], Packing::Tar),
        (&[".zip"], Packing::Zip),
        (&[".json", ".jsonl", ".ndjson", ".log", ".evtx"], Packing::Plain),
        (&[".txt", ".xml"], Packing::Unsure),
    ];
    let found = endings.iter().find(|(endings, _)| endings.iter().any(|ending| name.ends_with(ending)));
    found.map(|(_, packing)| *packing)
}

/// A file to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub path: PathBuf,
    pub bytes: u64,
}

/// The files that the paths name, those of folders in the order of their names. A file that is named itself
/// is taken whatever its ending; in folders only known endings are.
pub(crate) fn find(paths: &[PathBuf]) -> (Vec<Source>, Vec<String>) {
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => walk(path, 0, &mut sources, &mut problems),
            Ok(found) => sources.push(Source { path: path.clone(), bytes: found.len() }),
            Err(error) => problems.push(format!("{}: {error}", path.display())),
        }
    }
    (sources, problems)
}

fn walk(folder: &Path, depth: usize, sources: &mut Vec<Source>, problems: &mut Vec<String>) {
    if depth > FOLDER_DEPTH_MAX {
        return problems.push(format!("{}: folders are nested too deep", folder.display()));
    }
    let entries = match fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => return problems.push(format!("{}: {error}", folder.display())),
    };
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort_unstable();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Links are not followed, so there are no loops.
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if found.is_dir() && name != "__MACOSX" {
            walk(&path, depth + 1, sources, problems);
        } else if found.is_file() && !name.starts_with("._") && holds_records(&path, &name) {
            sources.push(Source { path, bytes: found.len() });
        }
    }
}

/// Whether a file holds records, by its name or else by its beginning. One that cannot be opened is for
/// reading to complain about.
fn holds_records(path: &Path, name: &str) -> bool {
    match packing_of(name) {
        None => false,
        Some(Packing::Unsure) => {
            File::open(path).is_ok_and(|mut file| is_recognised(&mut file).is_ok_and(|(is, _)| is))
        }
        Some(_) => true,
    }
}

/// Whether a format is recognised, and the bytes that were read for it.
fn is_recognised(reader: &mut dyn Read) -> io::Result<(bool, Vec<u8>)> {
    let mut head = Vec::new();
    reader.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok((adapters::recognise(&head).is_some(), head))
}

/// What an opened file is made of, as it is handed over.
pub(crate) struct Member<'a> {
    /// The name inside the archive; empty for a file that is none.
    pub name: &'a str,
    pub reader: &'a mut dyn Read,
}

/// Opens a file and hands over its members one after the other. `read_bytes` counts the bytes of the file as
/// they are read. Answers with what was left out and why; `visit` returns false to stop early.
pub(crate) fn each_member(
    path: &Path,
    read_bytes: &Arc<AtomicU64>,
    visit: &mut dyn FnMut(Member<'_>) -> io::Result<bool>,
) -> io::Result<Vec<String>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = Counted { file: File::open(path)?, read_bytes: read_bytes.clone() };
    let mut left_out = Vec::new();
    match packing_of(&name).unwrap_or(Packing::Plain) {
        // It was named, or its beginning was looked at already.
        Packing::Plain | Packing::Unsure => {
            visit(Member { name: "", reader: &mut { file } })?;
        }
        Packing::Gzip => {
            let mut members = GzipMembers::new(BufReader::new(file));
            visit(Member { name: "", reader: &mut members })?;
            note_leftover(&members, &mut left_out);
        }
        Packing::Tar => each_of_tar(&mut BufReader::new(file), visit, &mut left_out)?,
        Packing::TarGzip => {
            let mut members = GzipMembers::new(BufReader::new(file));
            each_of_tar(&mut members, visit, &mut left_out)?;
            note_leftover(&members, &mut left_out);
        }
        Packing::Zip => each_of_zip(file, visit, &mut left_out)?,
    }
    Ok(left_out)
}

fn note_leftover<R: io::BufRead>(members: &GzipMembers<R>, left_out: &mut Vec<String>) {
    if members.has_leftover() {
        left_out.push("what follows the last whole gzip member".to_owned());
    }
}

fn each_of_tar(
    reader: &mut dyn Read,
    visit: &mut dyn FnMut(Member<'_>) -> io::Result<bool>,
    left_out: &mut Vec<String>,
) -> io::Result<()> {
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_file() && !visit_member(&name, &mut entry, visit, left_out)? {
            break;
        }
    }
    Ok(())
}

fn each_of_zip(
    file: Counted,
    visit: &mut dyn FnMut(Member<'_>) -> io::Result<bool>,
    left_out: &mut Vec<String>,
) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(io::Error::other)?;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(io::Error::other)?;
        let name = member.name().map_err(io::Error::other)?.into_owned();
        if member.is_file() && !visit_member(&name, &mut member, visit, left_out)? {
            break;
        }
    }
    Ok(())
}

/// Hands a member of an archive over if its name says that it holds records.
fn visit_member(
    name: &str,
    reader: &mut dyn Read,
    visit: &mut dyn FnMut(Member<'_>) -> io::Result<bool>,
    left_out: &mut Vec<String>,
) -> io::Result<bool> {
    let is_resource_fork = name.split('/').any(|part| part == "__MACOSX" || part.starts_with("._"));
    if is_resource_fork {
        return Ok(true);
    }
    match packing_of(name) {
        Some(Packing::Plain) => visit(Member { name, reader }),
        Some(Packing::Gzip) => {
            let mut members = GzipMembers::new(BufReader::new(reader));
            visit(Member { name, reader: &mut members })
        }
        Some(Packing::Tar | Packing::TarGzip | Packing::Zip) => {
            left_out.push(format!("{name}: an archive in the archive"));
            Ok(true)
        }
        Some(Packing::Unsure) | None => {
            let (is_recognised, head) = is_recognised(reader)?;
            if is_recognised {
                return visit(Member { name, reader: &mut io::Cursor::new(head).chain(reader) });
            }
            left_out.push(format!("{name}: not a file of records by its name and its beginning"));
            Ok(true)
        }
    }
}

struct Counted {
    file: File,
    read_bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read_bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Zip archives are read from their end.
impl io::Seek for Counted {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::gzip::gzip;
    use super::*;

    /// What reading a file hands over: names and contents, and how many things were left out.
    fn read(path: &Path) -> (Vec<(String, String)>, Vec<String>) {
        let mut members = Vec::new();
        let left_out = each_member(path, &Arc::default(), &mut |member| {
            let mut text = String::new();
            member.reader.read_to_string(&mut text)?;
            members.push((member.name.to_owned(), text));
            Ok(true)
        });
        (members, left_out.unwrap())
    }

    fn tar(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_zip_is_read_member_by_member_without_folders_and_resource_forks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.Zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        zip.add_directory("in/", options).unwrap();
        for (name, text) in [
            ("in/a.json", "{\"a\":1}\n"),
            ("__MACOSX/in/._a.json", "fork"),
            ("readme.txt", "read me"),
            ("b.jsonl", "{\"b\":2}\n"),
            ("attack_data.txt", "{\"EventID\":1}\n"),
        ] {
            zip.start_file(name, options).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        let (members, left_out) = read(&path);
        let expected = [
            ("in/a.json", "{\"a\":1}\n"),
            ("b.jsonl", "{\"b\":2}\n"),
            ("attack_data.txt", "{\"EventID\":1}\n"),
        ];
        assert_eq!(members, pairs(&expected));
        assert_eq!(left_out, ["readme.txt: not a file of records by its name and its beginning"]);
    }

    #[test]
    fn a_tar_with_padding_behind_its_gzip_member_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.tar.gz");
        let packed = gzip(&tar(&[("in/a.json", "one"), ("in/b.log", "two")]));
        fs::write(&path, [packed, vec![0; 512]].concat()).unwrap();
        assert_eq!(read(&path).0, pairs(&[("in/a.json", "one"), ("in/b.log", "two")]));
    }

    #[test]
    fn folders_are_walked_in_order_and_files_are_told_by_their_endings() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("b/c");
        fs::create_dir_all(&inner).unwrap();
        fs::create_dir(folder.path().join("__MACOSX")).unwrap();
        for name in ["z.json", "a.NDJSON", "notes.txt", "b/c/m.log", "__MACOSX/x.json", "b/n.tgz", "odd"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::write(folder.path().join("audit.log.1"), "x").unwrap();
        fs::write(folder.path().join("export.xml"), "<Events><Event xmlns='x'>").unwrap();
        let odd = folder.path().join("odd");
        let (sources, problems) = find(&[folder.path().to_owned(), odd, folder.path().join("absent")]);
        let names: Vec<String> = sources
            .iter()
            .map(|source| source.path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["a.NDJSON", "audit.log.1", "b/c/m.log", "b/n.tgz", "export.xml", "z.json", "odd"]);
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn a_gzip_file_is_read_as_the_file_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json.gz");
        fs::write(&path, gzip(b"{\"a\":1}")).unwrap();
        assert_eq!(read(&path).0, pairs(&[("", "{\"a\":1}")]));
        assert!(each_member(&folder.path().join("absent"), &Arc::default(), &mut |_| Ok(true)).is_err());
    }
}
