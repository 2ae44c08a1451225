//! What is known of files, as a table that queries put beside rows which name files.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::stream::try_unfold;
use profiles::{Certificate, File, Known, Reader};
use store::TenantStore;

/// Files that are read at a time.
const FILES_MAX: u64 = 1_000;
/// An id with more is a SHA-256.
const SHA1_DIGITS: usize = 40;

/// Every file of a tenant, one row for each of its hashes.
pub(crate) fn table(store: TenantStore) -> Result<Arc<dyn TableProvider>> {
    let schema = batch(&[])?.schema();
    let files = Arc::new(Files { store, schema: schema.clone() });
    Ok(Arc::new(StreamingTable::try_new(schema, vec![files])?))
}

/// The same table without a row.
pub(crate) fn nothing() -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(EmptyTable::new(batch(&[])?.schema())))
}

#[derive(Debug)]
struct Files {
    store: TenantStore,
    schema: SchemaRef,
}

impl PartitionStream for Files {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let pages = try_unfold((self.store.clone(), Some(String::new())), |(store, after)| async move {
            let Some(after) = after else { return Ok(None) };
            let files = Reader::new(&store).files_after(&after, FILES_MAX).await;
            let files = files.map_err(|error| DataFusionError::External(Box::new(error)))?;
            let is_last = (files.len() as u64) < FILES_MAX;
            let next = files.last().filter(|_| !is_last).map(|(id, _)| id.clone());
            Ok(Some((batch(&files)?, (store, next))))
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), pages))
    }
}

/// One of a file's hashes, and the file.
struct Row<'f> {
    hash: &'f str,
    id: &'f str,
    known: &'f Known<File>,
}

impl<'f> Row<'f> {
    /// A row for each hash that the file can be named by.
    fn of((id, known): &'f (String, Known<File>)) -> impl Iterator<Item = Row<'f>> {
        let file = &known.profile;
        let others = [file.sha256.as_deref(), file.md5.as_deref()].into_iter().flatten();
        let hashes = std::iter::once(id.as_str()).chain(others.filter(move |hash| *hash != id));
        hashes.map(move |hash| Row { hash, id, known })
    }

    fn file(&self) -> &'f File {
        &self.known.profile
    }

    fn sha1(&self) -> &'f str {
        if self.id.len() == SHA1_DIGITS { self.id } else { "" }
    }

    fn sha256(&self) -> &'f str {
        let own = if self.id.len() > SHA1_DIGITS { self.id } else { "" };
        self.file().sha256.as_deref().unwrap_or(own)
    }

    fn certificate(&self) -> Option<&'f Certificate> {
        self.file().certificate.as_ref().map(|latest| &latest.value)
    }

    fn signature_state(&self) -> &'static str {
        match self.certificate().and_then(|certificate| certificate.is_trusted) {
            Some(true) => "SignedValid",
            Some(false) => "SignedInvalid",
            None => "Unknown",
        }
    }
}

fn batch(files: &[(String, Known<File>)]) -> Result<RecordBatch> {
    let rows: Vec<Row<'_>> = files.iter().flat_map(Row::of).collect();
    fn texts<'f>(rows: &[Row<'f>], text: impl Fn(&Row<'f>) -> &'f str) -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(rows.iter().map(text)))
    }
    fn longs<'f>(rows: &[Row<'f>], long: impl Fn(&Row<'f>) -> Option<i64>) -> ArrayRef {
        Arc::new(Int64Array::from_iter(rows.iter().map(long)))
    }
    fn of_certificate<'f>(rows: &[Row<'f>], text: fn(&Certificate) -> &str) -> ArrayRef {
        texts(rows, |row| row.certificate().map_or("", text))
    }
    let trusted = rows.iter().map(|row| row.certificate().and_then(|certificate| certificate.is_trusted));
    let prevalence = |row: &Row<'_>| i64::try_from(row.file().devices.device_count(None)).ok();
    let columns: [(&str, ArrayRef); 15] = [
        ("Hash", texts(&rows, |row| row.hash)),
        ("SHA1", texts(&rows, Row::sha1)),
        ("SHA256", texts(&rows, Row::sha256)),
        ("MD5", texts(&rows, |row| row.file().md5.as_deref().unwrap_or_default())),
        ("FileSize", longs(&rows, |row| row.file().size)),
        ("GlobalPrevalence", longs(&rows, |row| prevalence(row).map(|count| count.min(i32::MAX.into())))),
        // In ticks.
        ("GlobalFirstSeen", longs(&rows, |row| Some(row.known.span.first))),
        ("GlobalLastSeen", longs(&rows, |row| Some(row.known.span.last))),
        ("Signer", of_certificate(&rows, |certificate| &certificate.signer)),
        ("Issuer", of_certificate(&rows, |certificate| &certificate.issuer)),
        ("SignerHash", of_certificate(&rows, |certificate| &certificate.signer_hash)),
        ("IsCertificateValid", Arc::new(BooleanArray::from_iter(trusted))),
        ("SignatureState", texts(&rows, |row| row.signature_state())),
        ("Publisher", texts(&rows, |row| row.file().publisher.as_deref().unwrap_or_default())),
        ("SoftwareName", texts(&rows, |row| row.file().product.as_deref().unwrap_or_default())),
    ];
    let available: ArrayRef = Arc::new(StringViewArray::from_iter_values(rows.iter().map(|_| "Available")));
    let columns = columns.into_iter().chain([("ProfileAvailability", available)]);
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) =
        columns.map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array)).unzip();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}
