//! One table of one tenant's snapshot, for the engine: files and hot rows in one plan.

use std::any::Any;
use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::physical_plan::parquet::{CachedParquetMetaData, ParquetRowSelection};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::{TableType, listing::PartitionedFile};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use futures::{StreamExt, stream};
use model::lake::DataFile;
use model::{Table, Ticks};
use object_store::ObjectStore;

use crate::adapt::AdapterFactory;
use crate::constants;
use crate::narrow::{Explain, IndexHeads, Narrowed, Question, narrow, narrowed_rows};
use crate::readers::{FOOTER_BYTES, Readers};
use crate::schema::{SEQUENCE_COLUMN, stored_schema};
use crate::state::TenantState;

/// The name under which sessions register the lake's object store.
pub fn object_store_url() -> ObjectStoreUrl {
    // A constant that parses: a test reads it.
    ObjectStoreUrl::parse("lake://files").unwrap_or_else(|_| ObjectStoreUrl::local_filesystem())
}

/// Indexes of files that are asked at the same time.
const ASKED_AT_ONCE: usize = 16;
/// Bytes of a file that are read as one piece.
const PIECE_BYTES_MIN: u64 = 16 << 20;
/// As many pieces are made for each partition, or more: a partition that is done with one takes the next.
const PIECES: u64 = 32;

pub(crate) struct LakeTable {
    pub table: &'static Table,
    pub state: TenantState,
    pub store: Arc<dyn ObjectStore>,
    pub heads: Arc<IndexHeads>,
    pub explain: Option<Explain>,
}

impl fmt::Debug for LakeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LakeTable({})", self.table.name)
    }
}

#[async_trait::async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        stored_schema(self.table)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// The engine filters again: files are only left out where statistics prove that no row can match.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut parts: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        if let Some(files) = self.scan_files(session, projection, filters, limit).await? {
            parts.push(files);
        }
        if let Some(hot) = self.scan_hot(session, projection)? {
            parts.push(hot);
        }
        if parts.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema().project(columns)?),
                None => self.schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        UnionExec::try_new(parts)
    }
}

impl LakeTable {
    async fn scan_files(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(files) = self.state.files.get(self.table.name) else { return Ok(None) };
        let (times, sequences) = (TimeRange::of(filters), SequenceRange::of(filters));
        let question = Question::of(self.table, filters, self.explain);
        let files: Vec<Arc<DataFile>> = files
            .listed
            .iter()
            .filter(|file| times.may_hold(file) && sequences.may_hold(file))
            .cloned()
            .collect();
        let question = question.as_ref();
        let asked = files.into_iter().map(async |file| self.part_of(&file, question).await);
        let files: Vec<PartitionedFile> =
            stream::iter(asked).buffered(ASKED_AT_ONCE).filter_map(std::future::ready).collect().await;
        if files.is_empty() {
            return Ok(None);
        }
        // The index of a file knows every value, and which rows have it.
        let asks_bloom_filters = !files.iter().all(|file| narrowed_rows(file).is_some());
        let partitions = session.config().target_partitions().max(1);
        let cache = session.runtime_env().cache_manager.get_file_metadata_cache();
        let files = self.with_constants(files, projection, cache.as_ref());
        let groups = dealt(pieces(files, partitions), partitions);
        let readers = Readers::new(self.store.clone(), cache);
        let source = ParquetSource::new(self.schema())
            .with_parquet_file_reader_factory(Arc::new(readers))
            .with_enable_page_index(true)
            .with_metadata_size_hint(FOOTER_BYTES)
            .with_pushdown_filters(decodes_late(self.table, projection, filters))
            .with_bloom_filter_on_read(asks_bloom_filters);
        let config = FileScanConfigBuilder::new(object_store_url(), Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_expr_adapter(Some(Arc::new(AdapterFactory(self.table))))
            .build();
        Ok(Some(DataSourceExec::from_data_source(config)))
    }

    /// The files with what is known of their columns by footers that were read before. A path never has another file.
    fn with_constants(
        &self,
        mut files: Vec<PartitionedFile>,
        projection: Option<&Vec<usize>>,
        footers: &FileMetadataCache,
    ) -> Vec<PartitionedFile> {
        let schema = self.schema();
        let columns = projection.cloned().unwrap_or_else(|| (0..schema.fields().len()).collect());
        for file in &mut files {
            let Some(footer) = footers.get(&file.object_meta.location) else { continue };
            let footer = footer.file_metadata.as_any().downcast_ref::<CachedParquetMetaData>();
            let constants =
                footer.map(|footer| constants::known(&schema, footer.parquet_metadata(), &columns));
            file.statistics = constants.flatten().map(Arc::new);
        }
        files
    }

    /// What has to be read of a file, if anything.
    async fn part_of(&self, file: &DataFile, question: Option<&Question>) -> Option<PartitionedFile> {
        let whole = || PartitionedFile::new(file.path.clone(), file.bytes as u64);
        let Some(question) = question else { return Some(whole()) };
        match narrow(&self.heads, &self.store, file, question).await {
            Narrowed::Everything => Some(whole()),
            Narrowed::Nothing => None,
            Narrowed::Rows(rows) => Some(whole().with_extension(ParquetRowSelection::new(rows))),
        }
    }

    fn scan_hot(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let hot = self.state.hot.iter().filter(|batch| batch.table.name == self.table.name);
        let batches = hot.map(|batch| batch.batch(projection.map(Vec::as_slice)));
        let batches = batches
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| DataFusionError::External(error.into()))?;
        let Some(first) = batches.first() else { return Ok(None) };
        let schema = first.schema();
        let partitions = session.config().target_partitions().clamp(1, batches.len());
        let mut parts = vec![Vec::new(); partitions];
        for (at, batch) in batches.into_iter().enumerate() {
            parts[at % partitions].push(batch);
        }
        let plan = MemorySourceConfig::try_new_exec(&parts, schema, None)?;
        Ok(Some(plan as Arc<dyn ExecutionPlan>))
    }
}

/// Whether rows are chosen before long texts are decoded: where conditions are on other columns only.
fn decodes_late(table: &Table, projection: Option<&Vec<usize>>, filters: &[Expr]) -> bool {
    let is_long = |name: &str| name == "AdditionalFields" || name.ends_with("CommandLine");
    let mut used = filters.iter().flat_map(Expr::column_refs).peekable();
    if used.peek().is_none() || used.any(|column| is_long(&column.name)) {
        return false;
    }
    let is_read = |at: usize| projection.is_none_or(|read| read.contains(&at));
    table.columns.iter().enumerate().any(|(at, column)| is_long(column.name) && is_read(at))
}

/// Large files in pieces of about the same size, with the bytes that are read of each, the largest first.
fn pieces(files: Vec<PartitionedFile>, partitions: usize) -> Vec<(u64, PartitionedFile)> {
    let bytes: u64 = files.iter().map(read_bytes).sum();
    let piece = (bytes / (PIECES * partitions as u64)).max(PIECE_BYTES_MIN);
    let mut pieces = Vec::with_capacity(files.len());
    for file in files {
        let (bytes, read) = (file.object_meta.size, read_bytes(&file));
        let count = (read / piece).max(1);
        for at in 0..count {
            let (start, end) = (bytes * at / count, bytes * (at + 1) / count);
            let (Ok(from), Ok(to)) = (i64::try_from(start), i64::try_from(end)) else { continue };
            let part = if count > 1 { file.clone().with_range(from, to) } else { file.clone() };
            pieces.push((read / count, part));
        }
    }
    pieces.sort_by_key(|(bytes, _)| Reverse(*bytes));
    pieces
}

/// About the bytes that are read of a file: the share that its selected rows have of all.
fn read_bytes(file: &PartitionedFile) -> u64 {
    let bytes = file.object_meta.size;
    let Some(rows) = narrowed_rows(file) else { return bytes };
    let (read, skipped) = (rows.row_count() as u128, rows.skipped_row_count() as u128);
    let share = u128::from(bytes) * read / (read + skipped).max(1);
    u64::try_from(share).unwrap_or(bytes)
}

/// Each piece to the partition that has the fewest bytes so far, so that partitions end together.
fn dealt(pieces: Vec<(u64, PartitionedFile)>, partitions: usize) -> Vec<FileGroup> {
    let mut hands = vec![(0, Vec::new()); partitions.min(pieces.len())];
    for (bytes, piece) in pieces {
        let Some(hand) = hands.iter_mut().min_by_key(|(bytes, _)| *bytes) else { continue };
        hand.0 += bytes;
        hand.1.push(piece);
    }
    hands.into_iter().map(|(_, files)| FileGroup::new(files)).filter(|group| !group.is_empty()).collect()
}

/// The `Timestamp` values, in ticks, that a conjunction of filters allows.
#[derive(Debug, PartialEq, Eq)]
struct TimeRange {
    first: i64,
    last: i64,
}

impl TimeRange {
    fn of(filters: &[Expr]) -> TimeRange {
        let mut range = TimeRange { first: i64::MIN, last: i64::MAX };
        filters.iter().for_each(|filter| range.narrow(filter));
        range
    }

    fn narrow(&mut self, filter: &Expr) {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return };
        if *op == Operator::And {
            self.narrow(left);
            self.narrow(right);
            return;
        }
        let (ticks, op) = match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(value, _)) if column.name == "Timestamp" => {
                (ticks(value), *op)
            }
            (Expr::Literal(value, _), Expr::Column(column)) if column.name == "Timestamp" => {
                let Some(op) = op.swap() else { return };
                (ticks(value), op)
            }
            _ => return,
        };
        let Some(ticks) = ticks else { return };
        // Ticks round the literal's nanoseconds down: `<` may still hold inside that tick.
        match op {
            Operator::Eq => {
                self.first = self.first.max(ticks);
                self.last = self.last.min(ticks);
            }
            Operator::Gt | Operator::GtEq => self.first = self.first.max(ticks),
            Operator::Lt | Operator::LtEq => self.last = self.last.min(ticks),
            _ => {}
        }
    }

    fn may_hold(&self, file: &DataFile) -> bool {
        file.last_time.is_none_or(|last| last >= self.first)
            && file.first_time.is_none_or(|first| first <= self.last)
    }
}

/// The sequences that a conjunction of filters allows, as parts of a query ask for them.
#[derive(Debug, PartialEq, Eq)]
struct SequenceRange {
    above: i64,
    until: i64,
}

impl SequenceRange {
    fn of(filters: &[Expr]) -> SequenceRange {
        let mut range = SequenceRange { above: i64::MIN, until: i64::MAX };
        filters.iter().for_each(|filter| range.narrow(filter));
        range
    }

    fn narrow(&mut self, filter: &Expr) {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return };
        if *op == Operator::And {
            self.narrow(left);
            self.narrow(right);
            return;
        }
        let (Expr::Column(column), Expr::Literal(ScalarValue::Int64(Some(number)), _)) =
            (left.as_ref(), right.as_ref())
        else {
            return;
        };
        match op {
            _ if column.name != SEQUENCE_COLUMN => {}
            Operator::Gt => self.above = self.above.max(*number),
            Operator::LtEq => self.until = self.until.min(*number),
            _ => {}
        }
    }

    fn may_hold(&self, file: &DataFile) -> bool {
        file.last_sequence > self.above && file.first_sequence <= self.until
    }
}

fn ticks(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampNanosecond(Some(nanos), _) => Some(Ticks::from_unix_nanos(*nanos).0),
        _ => None,
    }
}

/// Lets callers tell a lake table from another provider.
pub fn is_lake_table(provider: &dyn TableProvider) -> bool {
    (provider as &dyn Any).is::<LakeTable>()
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};
    use datafusion::parquet::arrow::arrow_reader::{RowSelection, RowSelector};

    use super::*;

    fn at(seconds: i64) -> Expr {
        lit(ScalarValue::TimestampNanosecond(Some(seconds * 1_000_000_000), Some("UTC".into())))
    }

    #[test]
    fn the_time_range_of_filters() {
        let ticks = |seconds| Ticks::from_unix_seconds(seconds).0;
        let time = || Expr::Column(datafusion::common::Column::new_unqualified("Timestamp"));
        let open = TimeRange { first: i64::MIN, last: i64::MAX };
        assert_eq!(TimeRange::of(&[col("a").eq(lit(1))]), open);
        assert_eq!(TimeRange::of(&[time().gt(at(5)).or(col("a").eq(lit(1)))]), open);
        assert_eq!(
            TimeRange::of(&[time().gt(at(5)).and(at(9).gt_eq(time())), time().gt_eq(at(3))]),
            TimeRange { first: ticks(5), last: ticks(9) }
        );
    }

    #[test]
    fn the_sequences_of_filters() {
        let sequence = || col(SEQUENCE_COLUMN);
        let range = |above, until| SequenceRange { above, until };
        for (filters, expected) in [
            (vec![col("a").gt(lit(5i64))], range(i64::MIN, i64::MAX)),
            (vec![sequence().gt(lit(5i64)).and(sequence().lt_eq(lit(9i64)))], range(5, 9)),
            (vec![sequence().gt(lit(5i64)), sequence().gt(lit(7i64))], range(7, i64::MAX)),
            (vec![sequence().lt_eq(lit(5i64)).or(col("a").eq(lit(1)))], range(i64::MIN, i64::MAX)),
        ] {
            assert_eq!(SequenceRange::of(&filters), expected, "{filters:?}");
        }
    }

    #[test]
    fn long_texts_are_decoded_late() {
        let table = model::tables::find("DeviceProcessEvents").unwrap();
        let column = |name: &str| Expr::Column(datafusion::common::Column::new_unqualified(name));
        let read = |name: &str| vec![table.position(name).unwrap()];
        let by_name = [column("FileName").eq(lit("a"))];
        for (filters, read, expected) in [
            (&by_name[..], Some(read("ProcessCommandLine")), true),
            (&by_name[..], Some(read("FileName")), false),
            (&by_name[..], None, true),
            (&[], None, false),
            (&[column("ProcessCommandLine").eq(column("FileName"))], None, false),
        ] {
            assert_eq!(decodes_late(table, read.as_ref(), filters), expected, "{filters:?} {read:?}");
        }
    }

    #[test]
    fn large_files_are_read_in_pieces() {
        let file = |mib: u64| PartitionedFile::new(format!("{mib}"), mib << 20);
        let narrowed = |mib, runs: Vec<RowSelector>| {
            file(mib).with_extension(ParquetRowSelection::new(RowSelection::from(runs)))
        };
        let half = narrowed(90, vec![RowSelector::select(500), RowSelector::skip(500)]);
        let few = narrowed(80, vec![RowSelector::skip(99), RowSelector::select(1)]);
        let pieces = pieces(vec![file(3), file(100), file(0), half, few], 2);
        let shown = |piece: &PartitionedFile| {
            let range = piece.range.as_ref().map(|range| (range.start >> 20, range.end >> 20));
            (piece.object_meta.size >> 20, range)
        };
        let all: Vec<_> = pieces.iter().map(|(_, piece)| shown(piece)).collect();
        assert_eq!(all[..2], [(90, Some((0, 45))), (90, Some((45, 90)))]);
        let mut ranges: Vec<_> = all[2..8].iter().map(|(_, range)| range.unwrap()).collect();
        ranges.sort_unstable();
        assert_eq!(ranges, [(0, 16), (16, 33), (33, 50), (50, 66), (66, 83), (83, 100)]);
        assert_eq!(all[8..], [(3, None), (80, None), (0, None)]);
        let dealt = dealt(pieces, 2);
        let hands = dealt.iter().map(|group| group.files().iter().map(|piece| shown(piece).0).collect());
        let hands: Vec<Vec<u64>> = hands.collect();
        assert_eq!(hands, [vec![90, 100, 100, 100, 3], vec![90, 100, 100, 100, 80, 0]]);
        assert!(super::dealt(Vec::new(), 2).is_empty());
    }

    #[test]
    fn the_object_store_url_parses() {
        assert_eq!(object_store_url().as_str(), "lake://files/");
    }
}
