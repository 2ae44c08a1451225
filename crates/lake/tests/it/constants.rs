//! Columns that have one value in a file, of which nothing is read: answers are those of the rows.

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::functions_aggregate::expr_fn::{count, min};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext, ident, lit};
use expect_test::expect;
use lake::Rows;
use model::Row;

use crate::harness::{World, tenant};

const TABLE: &str = "DeviceProcessEvents";

/// A row; what is not given is left out.
fn row(number: i64, action: &str, account: Option<&str>) -> Row {
    let mut row = Row::new(model::tables::find(TABLE).unwrap());
    row.set("Timestamp", model::Ticks::parse("2024-05-06T10:00:00Z").unwrap().plus_seconds(number));
    row.set("ReportId", number);
    row.set("ActionType", action.to_owned());
    if let Some(account) = account {
        row.set("AccountName", account.to_owned());
        row.set("ProcessId", 7_i64 + number);
    }
    row
}

async fn shown(frame: DataFrame) -> String {
    let batches = frame.collect().await.unwrap();
    format!("{}\n", pretty_format_batches(&batches).unwrap())
}

const LONG: &str = "ProcessCreated by something";

async fn answers(table: DataFrame) -> String {
    let how_many = || count(lit(1)).alias("rows");
    let keys = vec![ident("ActionType"), ident("AccountName")];
    let sort = keys.iter().map(|key| key.clone().sort(true, true)).collect();
    let values =
        vec![how_many(), count(ident("ProcessId")).alias("ids"), min(ident("ReportId")).alias("first")];
    let grouped = table.clone().aggregate(keys, values).unwrap().sort(sort).unwrap();
    let of_long = table.clone().filter(ident("ActionType").eq(lit(LONG))).unwrap();
    let of_long = of_long.select(vec![ident("ReportId"), ident("AccountName")]).unwrap();
    let others = table.clone().filter(ident("ActionType").not_eq(lit("OpenProcess"))).unwrap();
    let empty = table.clone().select(vec![ident("FolderPath"), ident("ProcessTokenElevation")]).unwrap();
    let without_id = table.filter(ident("ProcessId").is_null()).unwrap();
    let mut answers = shown(grouped).await;
    answers += &shown(of_long.sort_by(vec![ident("ReportId")]).unwrap()).await;
    answers += &shown(others.aggregate(vec![], vec![how_many()]).unwrap()).await;
    answers += &shown(empty.limit(0, Some(3)).unwrap()).await;
    answers += &shown(without_id.aggregate(vec![], vec![how_many()]).unwrap()).await;
    answers
}

#[tokio::test]
async fn answers_are_the_same_once_footers_are_known() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    let append = async |given: &[Row]| {
        lake.tenant(tenant(1)).append(Rows::of(given).unwrap(), None).await.unwrap();
    };
    append(&(0..4).map(|at| row(at, LONG, None)).collect::<Vec<_>>()).await;
    lake.flush().await.unwrap();
    let action = |at| if at > 4 { "OpenProcess" } else { "" };
    append(&(4..7).map(|at| row(at, action(at), Some("ann"))).collect::<Vec<_>>()).await;
    lake.flush().await.unwrap();
    append(&[row(7, LONG, Some("bob"))]).await;
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    context.runtime_env().register_object_store(lake::object_store_url().as_ref(), lake.object_store());
    let table = lake.tenant(tenant(1)).snapshot().table(model::tables::find(TABLE).unwrap());
    let table = context.read_table(table).unwrap();
    // The first time nothing is known of the files.
    let first = answers(table.clone()).await;
    expect![[r#"
        +-----------------------------+-------------+------+-----+-------+
        | ActionType                  | AccountName | rows | ids | first |
        +-----------------------------+-------------+------+-----+-------+
        |                             | ann         | 1    | 1   | 4     |
        | OpenProcess                 | ann         | 2    | 2   | 5     |
        | ProcessCreated by something |             | 4    | 0   | 0     |
        | ProcessCreated by something | bob         | 1    | 1   | 7     |
        +-----------------------------+-------------+------+-----+-------+
        +----------+-------------+
        | ReportId | AccountName |
        +----------+-------------+
        | 0        |             |
        | 1        |             |
        | 2        |             |
        | 3        |             |
        | 7        | bob         |
        +----------+-------------+
        +------+
        | rows |
        +------+
        | 6    |
        +------+
        +------------+-----------------------+
        | FolderPath | ProcessTokenElevation |
        +------------+-----------------------+
        |            |                       |
        |            |                       |
        |            |                       |
        +------------+-----------------------+
        +------+
        | rows |
        +------+
        | 4    |
        +------+
    "#]]
    .assert_eq(&first);
    assert_eq!(answers(table).await, first);
}
