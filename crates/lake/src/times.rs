//! Times as files hold them.
//!
//! In memory a time is nanoseconds. Other engines read those badly: the table formats know microseconds, and a
//! reader of them fails on the seventh digit or loses it. So a file has the time cut to the microsecond, and the
//! digit of 100 ns in a column of its own, which is empty where all of them are 0.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int8Array, PrimitiveArray, RecordBatch, TimestampMicrosecondArray,
    TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{
    DataType, Field, Int8Type, Schema, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};

use crate::LakeError;
use crate::schema::timestamp_type;

/// Ends the name of a column of digits, behind that of its times.
const TICK_SUFFIX: &str = "_tick";
pub(crate) const TICK_TYPE: DataType = DataType::Int8;
const NANOS_PER_MICRO: i64 = 1_000;
const NANOS_PER_TICK: i64 = 100;

/// The column that has the digits of a column of times.
pub(crate) fn tick_column(times: &str) -> String {
    format!("_{times}{TICK_SUFFIX}")
}

pub(crate) fn micros_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Times cut to the microsecond, and their digits of 100 ns; none when all of those are 0.
pub(crate) fn parted(times: &ArrayRef) -> Result<(ArrayRef, Option<ArrayRef>), LakeError> {
    let times = nanos_of(times)?;
    let micros: TimestampMicrosecondArray =
        times.unary::<_, TimestampMicrosecondType>(|nanos| nanos.div_euclid(NANOS_PER_MICRO));
    let digits = |nanos: i64| (nanos.rem_euclid(NANOS_PER_MICRO) / NANOS_PER_TICK) as i8;
    let is_whole = times.values().iter().all(|nanos| digits(*nanos) == 0);
    let digits = (!is_whole).then(|| -> ArrayRef { Arc::new(times.unary::<_, Int8Type>(digits)) });
    Ok((Arc::new(micros.with_timezone("UTC")), digits))
}

/// Times and digits of a file put together. What is of nanoseconds already is as older versions wrote it.
pub(crate) fn joined(times: &ArrayRef, digits: Option<&Int8Array>) -> Result<ArrayRef, LakeError> {
    let Some(micros) = times.as_primitive_opt::<TimestampMicrosecondType>() else {
        return Ok(times.clone());
    };
    let nanos: TimestampNanosecondArray = match digits.filter(|digits| digits.null_count() < digits.len()) {
        None => micros.unary::<_, TimestampNanosecondType>(|micros| nanos(micros, 0)),
        Some(digits) => {
            // The digit of a row without one is 0, which is what the values behind nulls may not be.
            let values = micros.values().iter().zip(digits.iter());
            let values = values.map(|(micros, digit)| nanos(*micros, digit.unwrap_or(0)));
            PrimitiveArray::new(values.collect(), micros.nulls().cloned())
        }
    };
    Ok(Arc::new(nanos.with_timezone("UTC")))
}

/// Files are checked before they are read and hold what was nanoseconds once, so nothing is out of range.
fn nanos(micros: i64, digit: i8) -> i64 {
    micros.saturating_mul(NANOS_PER_MICRO).saturating_add(i64::from(digit) * NANOS_PER_TICK)
}

fn nanos_of(times: &ArrayRef) -> Result<&TimestampNanosecondArray, LakeError> {
    let nanos = times.as_primitive_opt::<TimestampNanosecondType>();
    nanos.ok_or_else(|| LakeError::Rows(format!("a column of times is of type {}", times.data_type())))
}

/// A batch as a file has it, with its times as rows have them.
pub(crate) fn joined_batch(batch: &RecordBatch) -> Result<RecordBatch, LakeError> {
    let micros = micros_type();
    let schema = batch.schema_ref();
    if schema.fields().iter().all(|field| *field.data_type() != micros && *field.data_type() != TICK_TYPE) {
        return Ok(batch.clone());
    }
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        // The only ones of that type.
        if *field.data_type() == TICK_TYPE {
            continue;
        }
        if *field.data_type() != micros {
            fields.push(field.clone());
            columns.push(column.clone());
            continue;
        }
        let digits = batch.column_by_name(&tick_column(field.name()));
        let digits = digits.and_then(|digits| digits.as_primitive_opt::<Int8Type>());
        fields.push(Arc::new(Field::new(field.name(), timestamp_type(), true)));
        columns.push(joined(column, digits)?);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(nanos: &[Option<i64>]) -> (ArrayRef, bool) {
        let times = TimestampNanosecondArray::from(nanos.to_vec()).with_timezone("UTC");
        let (micros, digits) = parted(&(Arc::new(times) as ArrayRef)).unwrap();
        assert_eq!(*micros.data_type(), micros_type());
        let has_digits = digits.is_some();
        let back = joined(&micros, digits.as_ref().map(|digits| digits.as_primitive::<Int8Type>())).unwrap();
        (back, has_digits)
    }

    #[test]
    fn times_keep_their_last_digit() {
        for (nanos, has_digits) in [
            (vec![Some(1_700_000_000_123_456_700), None, Some(1_000)], true),
            (vec![Some(1_700_000_000_123_456_000), None], false),
            (vec![Some(-100), Some(-1_000), Some(-1_100)], true),
            (vec![Some(i64::MAX / 1_000 * 1_000), Some(i64::MIN / 1_000 * 1_000)], false),
            (vec![None, None], false),
            (vec![], false),
        ] {
            let expected = TimestampNanosecondArray::from(nanos.clone()).with_timezone("UTC");
            let (back, had_digits) = there_and_back(&nanos);
            assert_eq!(*back.as_primitive::<TimestampNanosecondType>(), expected);
            assert_eq!(had_digits, has_digits, "{nanos:?}");
        }
    }

    #[test]
    fn digits_of_another_batch_are_not_needed() {
        let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![5]).with_timezone("UTC"));
        let digits = Int8Array::from(vec![None::<i8>]);
        for digits in [None, Some(&digits)] {
            let nanos = joined(&micros, digits).unwrap();
            assert_eq!(nanos.as_primitive::<TimestampNanosecondType>().value(0), 5_000);
        }
    }
}
