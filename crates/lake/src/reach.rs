//! The rows of some devices only: for callers who reach no others.
//!
//! A row is of the device in its `DeviceId`. Rows without one are of no device group, and whoever is narrowed to
//! groups does not see them, nor the tables without that column, but for those that say something about no device and
//! no event: knowledge that is the same for everybody.

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TableProviderFilterPushDown, Volatility, lit,
};
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use model::{DeviceId, Table};

use crate::LakeError;

const DEVICE_ID: &str = "DeviceId";
/// As many devices are named to the scan, so that it leaves out what holds none of them.
const NAMED_MAX: usize = 64;

/// Tables of knowledge that is about no device.
static SHARED_TABLES: &[&str] = &[
    "DeviceBaselineComplianceAssessmentKB",
    "DeviceBaselineComplianceProfiles",
    "DeviceTvmBrowserExtensionsKB",
    "DeviceTvmInfoGatheringKB",
    "DeviceTvmSecureConfigurationAssessmentKB",
    "DeviceTvmSoftwareVulnerabilitiesKB",
];

type Digits = [u8; 20];

/// The devices whose rows are seen. Cheap to clone.
#[derive(Clone)]
pub struct Devices(Arc<HashSet<Digits, foldhash::fast::RandomState>>);

/// What is seen of a table.
enum Seen {
    All,
    Nothing,
    /// The rows of the devices that this column names.
    OfDevices(usize),
}

impl Devices {
    pub fn new<'d>(devices: impl IntoIterator<Item = &'d DeviceId>) -> Devices {
        Devices(Arc::new(devices.into_iter().filter_map(|device| digits(device.as_str())).collect()))
    }

    pub fn contains(&self, device: &str) -> bool {
        digits(device).is_some_and(|digits| self.0.contains(&digits))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn seen(table: &'static Table) -> Seen {
        if SHARED_TABLES.contains(&table.name) {
            return Seen::All;
        }
        table.position(DEVICE_ID).map_or(Seen::Nothing, Seen::OfDevices)
    }

    /// The rows of a stored batch that are seen.
    pub(crate) fn rows(
        &self,
        table: &'static Table,
        batch: RecordBatch,
    ) -> std::result::Result<RecordBatch, LakeError> {
        match Devices::seen(table) {
            Seen::All => Ok(batch),
            Seen::Nothing => Ok(batch.slice(0, 0)),
            Seen::OfDevices(_) => {
                let Some(devices) = batch.column_by_name(DEVICE_ID) else { return Ok(batch.slice(0, 0)) };
                let devices = devices.as_string_view();
                let seen: BooleanArray =
                    devices.iter().map(|device| Some(device.is_some_and(|id| self.contains(id)))).collect();
                Ok(filter_record_batch(&batch, &seen)?)
            }
        }
    }

    /// The expressions by which rows are told: the one that decides, and one that helps to leave files out.
    fn conditions(&self) -> (Expr, Option<Expr>) {
        let column = || Expr::Column(Column::new_unqualified(DEVICE_ID));
        let udf = ScalarUDF::new_from_impl(InReach {
            devices: self.clone(),
            signature: Signature::any(1, Volatility::Immutable),
        });
        let named = (self.len() <= NAMED_MAX).then(|| {
            let mut ids: Vec<_> = self.0.iter().map(text).collect();
            ids.sort_unstable();
            column().in_list(ids.into_iter().map(lit).collect(), false)
        });
        (udf.call(vec![column()]), named)
    }
}

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Devices({})", self.len())
    }
}

impl PartialEq for Devices {
    fn eq(&self, other: &Devices) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Devices {}

fn digits(text: &str) -> Option<Digits> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: &[u8; 40] = text.as_bytes().try_into().ok()?;
    let mut digits = Digits::default();
    for (pair, place) in bytes.chunks_exact(2).zip(&mut digits) {
        *place = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(digits)
}

fn text(digits: &Digits) -> String {
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A table without the rows of other devices.
pub(crate) struct NarrowedTable {
    name: &'static str,
    table: Arc<dyn TableProvider>,
    devices: Devices,
    seen: Option<usize>,
}

impl NarrowedTable {
    /// The table as whoever reaches the devices sees it.
    pub fn of(
        table: &'static Table,
        whole: Arc<dyn TableProvider>,
        devices: &Devices,
    ) -> Arc<dyn TableProvider> {
        let seen = match Devices::seen(table) {
            Seen::All => return whole,
            Seen::Nothing => None,
            Seen::OfDevices(column) => Some(column),
        };
        Arc::new(NarrowedTable { name: table.name, table: whole, devices: devices.clone(), seen })
    }
}

impl fmt::Debug for NarrowedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NarrowedTable({}, {:?})", self.name, self.devices)
    }
}

#[async_trait::async_trait]
impl TableProvider for NarrowedTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        let all: Vec<usize> = (0..schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let Some(own) = self.seen.filter(|_| !self.devices.is_empty()) else {
            return Ok(Arc::new(EmptyExec::new(Arc::new(schema.project(wanted)?))));
        };
        let mut read = wanted.clone();
        if !read.contains(&own) {
            read.push(own);
        }
        let (decides, helps) = self.devices.conditions();
        let filters: Vec<Expr> = filters.iter().cloned().chain(helps).collect();
        let scan = self.table.scan(session, Some(&read), &filters, None).await?;
        let scanned = DFSchema::try_from(scan.schema())?;
        let predicate = session.create_physical_expr(decides, &scanned)?;
        let filtered = Arc::new(FilterExec::try_new(predicate, scan)?);
        let columns = wanted.iter().enumerate().map(|(at, column)| {
            let name = schema.field(*column).name();
            (Arc::new(PhysicalColumn::new(name, at)) as _, name.clone())
        });
        Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), filtered)?))
    }
}

/// Whether a text names one of the devices.
#[derive(Debug)]
struct InReach {
    devices: Devices,
    signature: Signature,
}

impl PartialEq for InReach {
    fn eq(&self, other: &InReach) -> bool {
        self.devices == other.devices
    }
}

impl Eq for InReach {}

impl Hash for InReach {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.devices.0).hash(state);
    }
}

impl ScalarUDFImpl for InReach {
    fn name(&self) -> &str {
        "in_reach"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let devices = datafusion::arrow::compute::cast(&arrays[0], &DataType::Utf8View)?;
        let devices = devices.as_string_view();
        // Files are sorted by device: the same one comes many times in a row.
        let mut last: (Option<&str>, bool) = (None, false);
        let seen: BooleanArray = devices
            .iter()
            .map(|device| {
                if device != last.0 {
                    last = (device, device.is_some_and(|id| self.devices.contains(id)));
                }
                Some(last.1)
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(seen)))
    }
}

/// Lets callers tell whether a provider is narrowed.
pub fn is_narrowed(provider: &dyn TableProvider) -> bool {
    (provider as &dyn Any).is::<NarrowedTable>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_by_their_digits() {
        let (one, other) = ("0123456789abcdef0123456789abcdef01234567", "f".repeat(40));
        let devices = Devices::new(&[DeviceId::parse(one).unwrap()]);
        assert!(devices.contains(one) && devices.contains(&one.to_uppercase()));
        for text in [other.as_str(), "", &one[1..], &format!("{one}0"), &one.replace('f', "g")] {
            assert!(!devices.contains(text), "{text}");
        }
        assert_eq!(text(&digits(one).unwrap()), one);
    }

    #[test]
    fn tables_of_shared_knowledge_exist_and_are_about_no_device() {
        for name in SHARED_TABLES {
            let table = model::tables::find(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(table.position(DEVICE_ID), None, "{name}");
        }
    }
}
