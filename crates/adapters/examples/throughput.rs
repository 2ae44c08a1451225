//! Measures how many events a second one core maps to rows: `throughput FOLDER [ROUNDS]`.
//!
//! Reads the JSON lines of all archives below a folder into memory, maps them ROUNDS times, each archive with
//! a mapper of its own, and prints rates by the time the thread had of the processor, as Linux counts it. Unmapped and refused lines count as well: they
//! have to be read like any other.

use std::error::Error;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use adapters::{Mapped, Mapper};
use flate2::read::GzDecoder;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().ok_or("the folder of the archives is missing")?;
    let rounds = arguments.next().and_then(|rounds| rounds.to_str()?.parse().ok()).unwrap_or(5);
    let mut archives = Vec::new();
    find_archives(Path::new(&folder), &mut archives)?;
    archives.sort();
    let bodies: Vec<Vec<u8>> =
        archives.iter().map(|archive| read_archive(archive)).collect::<Result<_, _>>()?;
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let mut best = Duration::MAX;
    for round in 1..=rounds {
        let start = cpu_time()?;
        let (mut lines, mut rows) = (0u32, 0u32);
        for body in &bodies {
            let mut mapper = Mapper::default();
            let ends = memchr::memchr_iter(b'\n', body);
            let mut start = 0;
            for end in ends {
                let line = &body[start..end];
                start = end + 1;
                if line.is_empty() {
                    continue;
                }
                lines += 1;
                rows += u32::from(matches!(black_box(mapper.map(line)), Ok(Mapped::Row(_))));
            }
        }
        let elapsed = cpu_time()? - start;
        best = best.min(elapsed);
        println!(
            "round {round}: {lines} lines, {rows} rows, {:.0} lines/s, {:.0} MB/s",
            f64::from(lines) / elapsed.as_secs_f64(),
            bytes as f64 / 1e6 / elapsed.as_secs_f64()
        );
    }
    println!("best round: {:.3} s", best.as_secs_f64());
    Ok(())
}

/// What this thread has had of the processor, so that other work on the machine does not count.
fn cpu_time() -> Result<Duration, Box<dyn Error>> {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = statistics.split(' ').next().unwrap_or_default();
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

fn find_archives(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.to_string_lossy().to_lowercase();
        if path.is_dir() {
            find_archives(&path, found)?;
        } else if name.ends_with(".zip") || name.ends_with(".tar.gz") {
            found.push(path);
        }
    }
    Ok(())
}

/// The members of an archive behind each other.
fn read_archive(archive: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let file = BufReader::new(File::open(archive)?);
    let mut body = Vec::new();
    if archive.extension().is_some_and(|extension| extension == "gz") {
        // Some archives have padding behind them, which is no entry.
        for mut entry in tar::Archive::new(GzDecoder::new(file)).entries()?.flatten() {
            entry.read_to_end(&mut body)?;
            body.push(b'\n');
        }
        return Ok(body);
    }
    let mut zip = zip::ZipArchive::new(file)?;
    for at in 0..zip.len() {
        let mut member = zip.by_index(at)?;
        if member.is_file() && member.name().is_ok_and(|name| !name.contains("__MACOSX")) {
            member.read_to_end(&mut body)?;
            body.push(b'\n');
        }
    }
    Ok(body)
}
