//! Functions over the order of rows, and functions that give several columns.

use expect_test::expect;

use crate::harness::{check, shown};

const SALARIES: &str = r#"datatable(name:string, month:int, salary:long)
    ["a", 1, 10, "b", 1, 7, "a", 2, 20, "b", 2, 7, "a", 3, 5] | sort by name asc, month asc"#;

#[test]
fn sums_and_numbers_start_again() {
    check(
        &format!(
            "{SALARIES} | extend total = row_cumsum(salary, name != prev(name)), n = row_number(1, name != prev(name))"
        ),
        expect![[r#"
            name:string | month:int | salary:long | total:long | n:long
            a | 1 | 10 | 10 | 1
            a | 2 | 20 | 30 | 2
            a | 3 | 5 | 35 | 3
            b | 1 | 7 | 7 | 1
            b | 2 | 7 | 14 | 2"#]],
    );
}

#[test]
fn rows_before_and_behind() {
    check(
        &format!(
            "{SALARIES} | project name, before = prev(salary), two = prev(salary, 2, -1), behind = next(name)"
        ),
        expect![[r#"
            name:string | before:long | two:long | behind:string
            a |  | -1 | a
            a | 10 | -1 | a
            a | 20 | 10 | b
            b | 5 | 20 | b
            b | 7 | 5 | "#]],
    );
}

#[test]
fn ranks_of_values_in_succession() {
    check(
        "datatable(x:long) [3, 100, 3, 2, 3] | sort by x asc | extend row_rank_dense(x), least = row_rank_min(x)",
        expect![[r#"
            x:long | Column1:long | least:long
            2 | 1 | 1
            3 | 2 | 2
            3 | 2 | 2
            3 | 2 | 2
            100 | 3 | 5"#]],
    );
}

#[test]
fn sessions_end_by_length_and_by_distance() {
    check(
        "range t from datetime(2024-01-01) to datetime(2024-01-01 02:00) step 25m | sort by t asc \
         | project t, session = row_window_session(t, 1h, 30m)",
        expect![[r#"
            t:datetime | session:datetime
            2024-01-01T00:00:00.0000000Z | 2024-01-01T00:00:00.0000000Z
            2024-01-01T00:25:00.0000000Z | 2024-01-01T00:00:00.0000000Z
            2024-01-01T00:50:00.0000000Z | 2024-01-01T00:00:00.0000000Z
            2024-01-01T01:15:00.0000000Z | 2024-01-01T01:15:00.0000000Z
            2024-01-01T01:40:00.0000000Z | 2024-01-01T01:15:00.0000000Z"#]],
    );
}

#[test]
fn order_survives_what_follows() {
    check(
        &format!(
            "{SALARIES} | extend n = row_number() | where n % 2 == 1 | extend m = row_number() | project n, m, name"
        ),
        expect![[r#"
            n:long | m:long | name:string
            1 | 1 | a
            3 | 2 | a
            5 | 3 | b"#]],
    );
    check(
        "range x from 5 to 1 step -1 | serialize n = row_number() | where n > 3",
        expect![[r#"
        x:long | n:long
        2 | 4
        1 | 5"#]],
    );
}

#[test]
fn rows_without_an_order_are_refused() {
    for query in [
        "range x from 1 to 3 step 1 | summarize count() by x | extend row_number()",
        "range x from 1 to 3 step 1 | sort by x | summarize row_number()",
        "print row_number(x)",
        "range x from 1 to 3 step 1 | sort by x | extend prev(x, -1)",
    ] {
        let shown = shown(query);
        assert!(shown.contains("error"), "{query}: {shown}");
    }
}

#[test]
fn several_columns_of_one_call() {
    check(
        "print y = dynamic([1, 3]) | project series_stats(y)",
        expect![[r#"
        series_stats_y_min:real | series_stats_y_min_idx:long | series_stats_y_max:real | series_stats_y_max_idx:long | series_stats_y_avg:real | series_stats_y_stdev:real | series_stats_y_variance:real
        1.0 | 0 | 3.0 | 1 | 2.0 | 1.4142135623730951 | 2.0"#]],
    );
    check(
        "print y = dynamic([1, 3]) | extend (low, at) = series_stats(y) | project-away y",
        expect![[r#"
            low:real | at:long | series_stats_y_max:real | series_stats_y_max_idx:long | series_stats_y_avg:real | series_stats_y_stdev:real | series_stats_y_variance:real
            1.0 | 0 | 3.0 | 1 | 2.0 | 1.4142135623730951 | 2.0"#]],
    );
    check(
        "print y = dynamic([1, 3]) | extend (a, b, c, d, e, f, g, h) = series_stats(y)",
        expect!["error at 1:58: series_stats() gives 7 columns"],
    );
}

#[test]
fn columns_that_may_not_be_there() {
    check(
        r#"print a = 1 | project column_ifexists("a", 5), x = column_ifexists("b", "none"), all = pack_all()"#,
        expect![[r#"
            a:long | x:string | all:dynamic
            1 | none | {"a":1}"#]],
    );
}

#[test]
fn each_group_has_its_own_order() {
    check(
        &format!(
            "{SALARIES} | partition by name (sort by salary asc | extend n = row_number(), total = row_cumsum(salary)) \
             | sort by name asc, n asc"
        ),
        expect![[r#"
            name:string | month:int | salary:long | n:long | total:long
            a | 3 | 5 | 1 | 5
            a | 1 | 10 | 2 | 15
            a | 2 | 20 | 3 | 35
            b | 1 | 7 | 1 | 7
            b | 2 | 7 | 2 | 14"#]],
    );
    check(
        "datatable(a:string, d:dynamic) ['p', dynamic([5, 6]), 'q', dynamic([7, 8])] | sort by a asc \
         | mv-apply d to typeof(long) on (serialize | extend before = prev(d, 1, 0), n = row_number()) | sort by a asc, n asc",
        expect![[r#"
            a:string | d:long | before:long | n:long
            p | 5 | 0 | 1
            p | 6 | 5 | 2
            q | 7 | 0 | 1
            q | 8 | 7 | 2"#]],
    );
}
