//! What the term index costs and what it spares, over rows of process events: `cargo bench -p lake --bench term_index`.
//!
//! With `-- FILE.parquet` it takes the rows of a file instead of making them; `-- ROWS` makes that many.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use lake::{Needle, ROWS_PER_BLOCK, TermIndex, TermIndexBuilder, TextMatch};
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};

const TABLE: &str = "DeviceProcessEvents";
const LOOK_UPS: usize = 2_000;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let argument = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let file = match argument {
        Some(path) if Path::new(&path).exists() => Bytes::from(std::fs::read(path)?),
        argument => made_file(argument.map_or(Ok(1_000_000), |rows| rows.parse())?)?,
    };
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone())?;
    let rows = reader.metadata().file_metadata().num_rows() as f64;
    println!("{rows} rows, {:.1} bytes each in the file", file.len() as f64 / rows);

    let table = model::tables::find(TABLE).ok_or("no such table")?;
    let mut builder = TermIndexBuilder::new(ROWS_PER_BLOCK);
    let mut taken = Duration::ZERO;
    for block in reader.with_batch_size(ROWS_PER_BLOCK as usize).build()? {
        let block = block?;
        let started = Instant::now();
        builder.add_block(table, &block)?;
        taken += started.elapsed();
    }
    let started = Instant::now();
    let index = builder.finish();
    let sorted = started.elapsed();
    println!(
        "built: {taken:.2?} of terms, {sorted:.2?} of sorting: {:.0} rows/s",
        rows / (taken + sorted).as_secs_f64()
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(look_up(index, file.len(), rows))
}

async fn look_up(bytes: Bytes, file_bytes: usize, rows: f64) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(folder.path())?);
    store.put(&"index".into(), bytes.clone().into()).await?;
    let started = Instant::now();
    let index = TermIndex::open(store, "index").await?;
    let opened = started.elapsed();
    println!(
        "size: {} bytes, {:.2} a row, {:.1}% of the file; {} terms of {:.2} bits; {} bytes in memory, opened in {opened:.1?}",
        bytes.len(),
        bytes.len() as f64 / rows,
        bytes.len() as f64 * 100.0 / file_bytes as f64,
        index.terms(),
        bytes.len() as f64 * 8.0 / index.terms() as f64,
        index.memory(),
    );
    let table = model::tables::find(TABLE).ok_or("no such table")?;
    let column =
        table.columns.iter().find(|column| column.name == "ProcessCommandLine").ok_or("no such column")?;
    let mut blocks = 0;
    let started = Instant::now();
    for at in 0..LOOK_UPS {
        let needle = Needle::new(column, TextMatch::Has(&format!("nowhere{at}"))).ok_or("no term")?;
        blocks += index.find(&needle).await?.len();
    }
    println!(
        "{LOOK_UPS} terms that are nowhere: {:.1?} each, {:.3} blocks of {} read for nothing",
        started.elapsed() / LOOK_UPS as u32,
        f64::from(blocks) / LOOK_UPS as f64,
        index.blocks(),
    );
    Ok(())
}

/// Rows of a fleet: what repeats and what never does, in about the parts that real events have them.
fn made_file(rows: usize) -> Result<Bytes, Failure> {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(3)?);
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let mut random = Random(1);
    let schema = made_rows(&mut random, 0, 0)?.schema();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    for start in (0..rows).step_by(100_000) {
        writer.write(&made_rows(&mut random, start, rows.min(start + 100_000))?)?;
    }
    Ok(writer.into_inner()?.into())
}

fn made_rows(random: &mut Random, from: usize, to: usize) -> Result<RecordBatch, Failure> {
    const PROGRAMS: &[(&str, &str)] = &[
        ("svchost.exe", "C:\\Windows\\System32\\svchost.exe -k LocalService -p -s {u} -seq {n} -run {h}"),
        (
            "cmd.exe",
            "C:\\Windows\\system32\\cmd.exe /d /s /c \"C:\\ProgramData\\jobs\\{h}.cmd --user {u} --log {h}.log\"",
        ),
        (
            "powershell.exe",
            "powershell.exe -NoProfile -File C:\\scripts\\inventory.ps1 -Site {n} -Run {h}{h}",
        ),
        (
            "python3",
            "/usr/bin/python3 /opt/worker.py --queue {h} --tenant {n} --trace {h}{h} --output /var/lib/{h}.json",
        ),
        (
            "chrome.exe",
            "\"C:\\Program Files\\Google\\Chrome\\chrome.exe\" --type=renderer --client={n} --handle={n},{h},{h}",
        ),
    ];
    let count = to - from;
    let mut columns: Vec<(&str, Vec<String>)> = [
        "DeviceId",
        "FileName",
        "SHA256",
        "ProcessCommandLine",
        "AccountName",
        "InitiatingProcessFileName",
        "InitiatingProcessCommandLine",
    ]
    .map(|name| (name, Vec::with_capacity(count)))
    .into();
    for row in from..to {
        let user = format!("user{}", random.below(20_000));
        let (name, line) = PROGRAMS[random.below(PROGRAMS.len() as u64) as usize];
        let (parent, parent_line) = PROGRAMS[random.below(PROGRAMS.len() as u64) as usize];
        let version = random.below(300);
        let values = [
            format!("{:040x}", row / 200),
            name.to_owned(),
            format!("{:064x}", Random(version * 8 + name.len() as u64).next()),
            random.fill(line, &user),
            user.clone(),
            parent.to_owned(),
            random.fill(parent_line, &user),
        ];
        columns.iter_mut().zip(values).for_each(|((_, column), value)| column.push(value));
    }
    let text =
        columns.into_iter().map(|(name, values)| (name, Arc::new(StringArray::from(values)) as ArrayRef));
    let mut columns: Vec<(&str, ArrayRef)> = text.collect();
    // What has no text is in the file and not in the index.
    for (name, below) in [("Timestamp", 1 << 40), ("ProcessId", 40_000), ("InitiatingProcessId", 40_000)] {
        let numbers: Int64Array = (from..to).map(|_| Some(random.below(below) as i64)).collect();
        columns.push((name, Arc::new(numbers)));
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// Numbers that are the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn fill(&mut self, template: &str, user: &str) -> String {
        let mut line = String::with_capacity(template.len() + 32);
        for piece in template.split_inclusive('}') {
            let (text, place) = match piece.rfind('{') {
                Some(at) => piece.split_at(at),
                None => (piece, ""),
            };
            line.push_str(text);
            // Writing to a string does not fail.
            let _ = match place {
                "{h}" => write!(line, "{:08x}", self.next() as u32),
                "{n}" => write!(line, "{}", self.below(65_536)),
                "{u}" => write!(line, "{user}"),
                other => write!(line, "{other}"),
            };
        }
        line
    }
}
