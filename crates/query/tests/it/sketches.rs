//! Aggregates that keep a summary of each group.

use expect_test::expect;

use crate::harness::check;

#[test]
fn percentiles_are_values_of_the_group() {
    check(
        "range x from 1 to 200 step 1 | summarize percentile(x, 95), percentiles(x, 5, 99.5), \
         percentiles_array(x, dynamic([10, 90])) by even = x % 2",
        expect![[r#"
            even:long | percentile_x_95:long | percentile_x_5:long | percentile_x_99_5:long | percentiles_x:dynamic
            1 | 189 | 9 | 199 | [19,179]
            0 | 190 | 10 | 200 | [20,180]"#]],
    );
    check(
        "datatable(n:long, v:long) [8, 10, 6, 20, 3, 30, 1, 40] | summarize percentilesw(v, n, 50, 75, 99.9)",
        expect![[r#"
            percentile_v_50:long | percentile_v_75:long | percentile_v_99_9:long
            20 | 20 | 40"#]],
    );
    check(
        "range t from 1h to 9h step 1h | summarize (a, b) = percentiles(t, 50, 100), round(percentile(1.5, 50), 1)",
        expect![[r#"
            a:timespan | b:timespan | percentile_:real
            05:00:00 | 09:00:00 | 1.5"#]],
    );
    check(
        "range x from 1 to 9 step 1 | summarize percentile(x, 101)",
        expect!["error at 1:40: percentile(): a percentage is a number from 0 to 100, not 101"],
    );
}

#[test]
fn summaries_are_merged_over_groups() {
    check(
        "range x from 1 to 30000 step 1 | summarize h = hll(x % 500), d = tdigest(x) by g = x % 7 \
         | summarize dcount = dcount_hll(hll_merge(h)), p = percentile_tdigest(tdigest_merge(d), 100)",
        expect![[r#"
            dcount:long | p:dynamic
            500 | 30000"#]],
    );
}

#[test]
fn bags_and_schemas() {
    check(
        r#"datatable(d:dynamic) [dynamic({"a": 1}), dynamic({"b": "x", "a": 2.5}), dynamic([1]), dynamic(null)]
           | summarize make_bag(d), buildschema(d), make_bag_if(d, isnotempty(d.b), 1), make_list_with_nulls(d.b)"#,
        expect![[r#"
            bag_d:dynamic | schema_d:dynamic | bag_d1:dynamic | list_d_b:dynamic
            {"a":1,"b":"x"} | [{"a":["long","double"],"b":"string"},{"`indexer`":"long"}] | {"b":"x"} | [null,"x",null,null]"#]],
    );
}

#[test]
fn spreads_of_samples_and_populations() {
    check(
        "range x from 1 to 5 step 1 | summarize stdev(x), stdevp(x), variance(x), variancep(x), \
         covariance(x, x * 2), covariancep(x, x), varianceif(x, x > 3), binary_all_or(x)",
        expect![[r#"
            stdev_x:real | stdevp_x:real | variance_x:real | variancep_x:real | covariance_x:real | covariancep_x:real | varianceif_x:real | x:long
            1.5811388300841898 | 1.4142135623730951 | 2.5 | 2.0 | 5.0 | 2.0 | 0.5 | 7"#]],
    );
    check(
        "range x from 1 to 5 step 1 | where x > 9 | summarize stdev(x), percentile(x, 50), make_bag(dynamic({})), hll(x)",
        expect![[r#"
            stdev_x:real | percentile_x_50:long | bag_:dynamic | hll_x:dynamic
            0.0 |  | {} | [["hll",0],[],""]"#]],
    );
}

#[test]
fn arrays_are_taken_apart_by_lists_and_sets() {
    check(
        "datatable(d:dynamic) [dynamic([1, 2]), dynamic([2, null]), dynamic(3)] | summarize make_list(d), make_set(d)",
        expect![[r#"
            list_d:dynamic | set_d:dynamic
            [1,2,2,3] | [1,2,3]"#]],
    );
}
