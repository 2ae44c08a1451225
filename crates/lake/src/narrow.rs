//! What a query's conditions leave of a file, as far as the index of its terms tells.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use datafusion::common::ScalarValue;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use futures::stream::{self, StreamExt};
use model::lake::DataFile;
use model::terms::{MatchOp, TextCondition};
use model::{Kind, Table};
use object_store::ObjectStore;
use tracing::warn;

use crate::terms::{BlockSet, Needle, TermIndex, TextMatch};
use crate::verified::PieceCache;

/// Values of one condition that are looked up. Longer lists are left to the rows.
const VALUES_MAX: usize = 64;
/// Heads of indexes that are kept, in bytes.
const HEADS_BYTES_MAX: usize = 32 << 20;
/// Heads that are read ahead at the same time.
const READ_AHEAD_AT_ONCE: usize = 4;

/// Tells the condition on text that an expression of the engine stands for, if it is one.
pub type Explain = fn(&Expr) -> Option<TextCondition>;

/// What to ask an index.
#[derive(Debug, PartialEq)]
pub(crate) enum Question {
    /// The terms of a value.
    Needle(Needle),
    All(Vec<Question>),
    Any(Vec<Question>),
}

impl Question {
    /// What conditions that all hold ask; none when an index cannot tell anything.
    pub fn of(table: &'static Table, filters: &[Expr], explain: Option<Explain>) -> Option<Question> {
        let mut parts = Vec::new();
        filters.iter().for_each(|filter| parts.extend(question(table, filter, explain)));
        (!parts.is_empty()).then_some(Question::All(parts))
    }

    /// The blocks that may hold rows for which the conditions hold.
    async fn ask(&self, index: &TermIndex) -> Result<BlockSet, crate::LakeError> {
        match self {
            Question::Needle(needle) => index.find(needle).await,
            Question::All(parts) => {
                let mut found = BlockSet::all(index.blocks());
                for part in parts {
                    found.intersect(&Box::pin(part.ask(index)).await?);
                    if found.is_empty() {
                        break;
                    }
                }
                Ok(found)
            }
            Question::Any(parts) => {
                let mut found = BlockSet::none(index.blocks());
                for part in parts {
                    found.unite(&Box::pin(part.ask(index)).await?);
                }
                Ok(found)
            }
        }
    }
}

fn question(table: &'static Table, filter: &Expr, explain: Option<Explain>) -> Option<Question> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            let parts = [left, right].into_iter().filter_map(|part| question(table, part, explain));
            let parts: Vec<Question> = parts.collect();
            (!parts.is_empty()).then_some(Question::All(parts))
        }
        // Unless both sides can be told, either may hold anywhere.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let parts = [left, right].into_iter().map(|part| question(table, part, explain));
            parts.collect::<Option<_>>().map(Question::Any)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            match (left.as_ref(), right.as_ref()) {
                (Expr::Column(column), Expr::Literal(value, _))
                | (Expr::Literal(value, _), Expr::Column(column)) => {
                    needle(table, &column.name, MatchOp::Equal, text(value)?)
                }
                _ => None,
            }
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let Expr::Column(column) = expr.as_ref() else { return None };
            let values = list.iter().map(|value| match value {
                Expr::Literal(value, _) => text(value),
                _ => None,
            });
            let values: Vec<&str> = values.collect::<Option<_>>()?;
            any(table, &column.name, MatchOp::Equal, values.into_iter())
        }
        other => {
            let condition = explain.and_then(|explain| explain(other))?;
            let values = condition.values.iter().map(String::as_str);
            if condition.needs_all {
                let parts = values.take(VALUES_MAX);
                let parts = parts.filter_map(|value| needle(table, &condition.column, condition.op, value));
                let parts: Vec<Question> = parts.collect();
                return (!parts.is_empty()).then_some(Question::All(parts));
            }
            any(table, &condition.column, condition.op, values)
        }
    }
}

/// A value of a list: a file has to be read when one of them cannot be told.
fn any<'a>(
    table: &'static Table,
    column: &str,
    op: MatchOp,
    values: impl ExactSizeIterator<Item = &'a str>,
) -> Option<Question> {
    if values.len() > VALUES_MAX {
        return None;
    }
    values.map(|value| needle(table, column, op, value)).collect::<Option<_>>().map(Question::Any)
}

fn needle(table: &'static Table, column: &str, op: MatchOp, value: &str) -> Option<Question> {
    let column = &table.columns[table.position(column)?];
    // The index has the text of JSON as it is spelled, and conditions compare what it says.
    if !matches!(column.kind, Kind::String | Kind::Guid) {
        return None;
    }
    Needle::new(column, TextMatch::new(op, value)).map(Question::Needle)
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

/// The heads of indexes that were asked lately.
pub(crate) struct IndexHeads {
    heads: Mutex<Heads>,
    /// Where pages of indexes are kept, if they are.
    cache: Option<Arc<PieceCache>>,
}

#[derive(Default)]
struct Heads {
    uses: u64,
    bytes: usize,
    known: HashMap<String, (u64, Arc<TermIndex>)>,
}

impl IndexHeads {
    pub fn new(cache: Option<Arc<PieceCache>>) -> IndexHeads {
        IndexHeads { heads: Mutex::default(), cache }
    }

    /// Forgets an index that is gone, or could not be used: what was read of it may be other than what is stored.
    pub fn forget(&self, path: &str) {
        let mut heads = crate::log::lock(&self.heads);
        if let Some((_, index)) = heads.known.remove(path) {
            heads.bytes -= index.memory();
        }
        if let Some(cache) = &self.cache {
            cache.forget(path);
        }
    }

    async fn open(
        &self,
        store: &Arc<dyn ObjectStore>,
        path: String,
    ) -> Result<Arc<TermIndex>, crate::LakeError> {
        {
            let mut heads = crate::log::lock(&self.heads);
            heads.uses += 1;
            let uses = heads.uses;
            if let Some((used, index)) = heads.known.get_mut(&path) {
                *used = uses;
                return Ok(index.clone());
            }
        }
        let index = Arc::new(TermIndex::open(store.clone(), &path).await?);
        self.keep(path, index.clone());
        Ok(index)
    }

    /// Keeps the head of an index that was just written.
    pub fn add(&self, store: &Arc<dyn ObjectStore>, path: String, bytes: &[u8]) {
        // What cannot be read is found out by whoever asks it.
        if let Ok(index) = TermIndex::of_bytes(store.clone(), &path, bytes) {
            self.keep(path, Arc::new(index));
        }
    }

    /// Reads the heads of indexes, the most wanted first, for as long as none has to go for another.
    pub async fn read_ahead(&self, store: &Arc<dyn ObjectStore>, paths: Vec<String>) {
        let read = paths.into_iter().map(async |path| {
            if crate::log::lock(&self.heads).bytes < HEADS_BYTES_MAX / 2 {
                // Whoever asks it says what is wrong with it.
                let _ = self.open(store, path).await;
            }
        });
        stream::iter(read).buffer_unordered(READ_AHEAD_AT_ONCE).collect::<()>().await;
    }

    fn keep(&self, path: String, index: Arc<TermIndex>) {
        let mut heads = crate::log::lock(&self.heads);
        let uses = heads.uses;
        heads.bytes += index.memory();
        if let Some((_, replaced)) = heads.known.insert(path, (uses, index)) {
            heads.bytes -= replaced.memory();
        }
        while heads.bytes > HEADS_BYTES_MAX {
            let oldest = heads.known.iter().min_by_key(|(_, (used, _))| *used).map(|(path, _)| path.clone());
            let Some((_, forgotten)) = oldest.and_then(|oldest| heads.known.remove(&oldest)) else { break };
            heads.bytes -= forgotten.memory();
        }
    }
}

/// What to read of a file.
#[derive(Debug, PartialEq)]
pub(crate) enum Narrowed {
    Everything,
    Nothing,
    Rows(RowSelection),
}

/// The rows of a file that are read, where not all are.
pub(crate) fn narrowed_rows(file: &PartitionedFile) -> Option<&RowSelection> {
    file.extension::<ParquetRowSelection>().map(ParquetRowSelection::selection)
}

/// Asks the index of a file. One that cannot be read leaves everything.
pub(crate) async fn narrow(
    heads: &IndexHeads,
    store: &Arc<dyn ObjectStore>,
    file: &DataFile,
    question: &Question,
) -> Narrowed {
    if file.index_bytes.is_none() {
        return Narrowed::Everything;
    }
    let asked = async {
        let index = heads.open(store, file.index_path()).await?;
        let blocks = question.ask(&index).await?;
        Ok::<_, crate::LakeError>((index, blocks))
    };
    match asked.await {
        Ok((index, _)) if index.rows() != file.rows as u64 => {
            warn!(path = file.index_path(), "an index is not that of its file; reading the whole file");
            Narrowed::Everything
        }
        Ok((_, blocks)) if blocks.is_all() => Narrowed::Everything,
        Ok((_, blocks)) if blocks.is_empty() => Narrowed::Nothing,
        Ok((index, blocks)) => Narrowed::Rows(selection(&blocks, index.rows_per_block(), file.rows)),
        Err(error) => {
            metrics::counter!("bartizan_lake_index_errors_total").increment(1);
            warn!(%error, "cannot ask an index; reading the whole file");
            heads.forget(&file.index_path());
            Narrowed::Everything
        }
    }
}

/// The rows of the blocks; every row of the file is either selected or skipped.
fn selection(blocks: &BlockSet, rows_per_block: u32, rows: i64) -> RowSelection {
    let rows_of = |block: u32| {
        let start = u64::from(block) * u64::from(rows_per_block);
        (rows as u64).saturating_sub(start).min(rows_per_block.into()) as usize
    };
    let selectors = (0..blocks.blocks()).map(|block| match blocks.contains(block) {
        true => RowSelector::select(rows_of(block)),
        false => RowSelector::skip(rows_of(block)),
    });
    selectors.collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, RecordBatch, StringViewArray};
    use datafusion::logical_expr::{col, lit};
    use expect_test::{Expect, expect};
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::*;
    use crate::terms::TermIndexBuilder;

    fn column(name: &str) -> Expr {
        Expr::Column(datafusion::common::Column::new_unqualified(name))
    }

    /// The shape of what is asked.
    fn shape(question: &Question) -> String {
        let list = |parts: &[Question]| parts.iter().map(shape).collect::<Vec<_>>().join(" ");
        match question {
            Question::Needle(_) => "n".to_owned(),
            Question::All(parts) => format!("all({})", list(parts)),
            Question::Any(parts) => format!("any({})", list(parts)),
        }
    }

    #[track_caller]
    fn check(filters: &[Expr], expected: Expect) {
        let table = model::tables::find("DeviceProcessEvents").unwrap();
        let explain = |expr: &Expr| {
            let Expr::Not(inner) = expr else { return None };
            let Expr::Column(column) = inner.as_ref() else { return None };
            let values = vec!["one two".to_owned(), "x".to_owned()];
            let needs_all = column.name == "FolderPath";
            Some(TextCondition { column: column.name.clone(), op: MatchOp::Has, values, needs_all })
        };
        let question = Question::of(table, filters, Some(explain));
        expected.assert_eq(&question.as_ref().map_or("nothing".to_owned(), shape));
    }

    #[test]
    fn conditions_become_questions() {
        let hash = || column("SHA256").eq(lit("ab"));
        check(&[hash()], expect!["all(n)"]);
        check(&[hash(), col("ProcessId").gt(lit(5))], expect!["all(n)"]);
        check(&[column("ProcessId").eq(lit(5)).and(hash()), hash()], expect!["all(all(n) n)"]);
        check(&[hash().or(column("FileName").eq(lit("a.exe")))], expect!["all(any(n n))"]);
        check(&[hash().or(col("ProcessId").gt(lit(5)))], expect!["nothing"]);
        check(&[column("SHA1").in_list(vec![lit("a"), lit("b")], false)], expect!["all(any(n n))"]);
        check(&[column("SHA1").in_list(vec![lit("a"), lit("b")], true)], expect!["nothing"]);
        check(&[column("SHA1").in_list(vec![lit("a"), column("SHA256")], false)], expect!["nothing"]);
        check(&[column("FileName").eq(lit(""))], expect!["nothing"]);
        check(&[column("NoSuchColumn").eq(lit("a"))], expect!["nothing"]);
        check(&[Expr::Not(Box::new(column("FolderPath")))], expect!["all(all(n))"]);
        check(&[Expr::Not(Box::new(column("FileName")))], expect!["nothing"]);
        let many = (0..100).map(|number| lit(format!("value{number}"))).collect();
        check(&[column("SHA1").in_list(many, false)], expect!["nothing"]);
    }

    #[tokio::test]
    async fn heads_are_known_before_anybody_asks() {
        let table = model::tables::find("DeviceEvents").unwrap();
        let names: ArrayRef = Arc::new(StringViewArray::from(vec!["cmd.exe", "sh"]));
        let mut builder = TermIndexBuilder::new(2);
        builder.add_block(table, &RecordBatch::try_from_iter([("FileName", names)]).unwrap()).unwrap();
        let bytes = builder.finish();
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        store.put(&Path::from("stored"), bytes.clone().into()).await.unwrap();

        let heads = IndexHeads::new(None);
        heads.read_ahead(&store, vec!["missing".to_owned(), "stored".to_owned()]).await;
        heads.add(&store, "written".to_owned(), &bytes);
        heads.add(&store, "damaged".to_owned(), b"nothing of the kind");
        store.delete(&Path::from("stored")).await.unwrap();
        for (path, is_known) in [("stored", true), ("written", true), ("missing", false), ("damaged", false)]
        {
            let opened = heads.open(&store, path.to_owned()).await;
            assert_eq!(opened.is_ok_and(|index| index.rows() == 2), is_known, "{path}");
        }
    }

    #[test]
    fn blocks_become_rows() {
        let mut blocks = BlockSet::none(3);
        blocks.insert(0);
        blocks.insert(2);
        let expected = vec![RowSelector::select(100), RowSelector::skip(100), RowSelector::select(50)];
        assert_eq!(selection(&blocks, 100, 250), RowSelection::from(expected));
    }
}
