//! `evaluate` and `reduce`: what many rows have in common, and users over time.

use expect_test::expect;

use crate::harness::check;

const VISITS: &str = "datatable(user:string, day:datetime, app:string)[
    'a', datetime(2024-05-01), 'x', 'b', datetime(2024-05-01), 'x', 'a', datetime(2024-05-02), 'y',
    'c', datetime(2024-05-02 10:00), 'x', 'a', datetime(2024-05-04), 'x']";

#[test]
fn users_are_followed() {
    let between = "datetime(2024-05-01), datetime(2024-05-04)";
    check(
        &format!("{VISITS} | evaluate activity_counts_metrics(user, day, {between}, 1d)"),
        expect![[r#"
        day:datetime | count:long | dcount:long | new_dcount:long | aggregated_dcount:long
        2024-05-01T00:00:00.0000000Z | 2 | 2 | 2 | 2
        2024-05-02T00:00:00.0000000Z | 2 | 2 | 1 | 3
        2024-05-04T00:00:00.0000000Z | 1 | 1 | 0 | 3"#]],
    );
    check(
        &format!("{VISITS} | evaluate activity_counts_metrics(user, day, {between}, 2d, app)"),
        expect![[r#"
        day:datetime | app:string | count:long | dcount:long | new_dcount:long | aggregated_dcount:long
        2024-05-01T00:00:00.0000000Z | x | 3 | 3 | 3 | 3
        2024-05-01T00:00:00.0000000Z | y | 1 | 1 | 1 | 1
        2024-05-03T00:00:00.0000000Z | x | 1 | 1 | 0 | 3"#]],
    );
    check(
        &format!("{VISITS} | evaluate activity_metrics(user, day, {between}, 1d)"),
        expect![[r#"
        day:datetime | dcount_values:long | dcount_newvalues:long | retention_rate:real | churn_rate:real
        2024-05-01T00:00:00.0000000Z | 2 | 2 | NaN | NaN
        2024-05-02T00:00:00.0000000Z | 2 | 1 | 0.5 | 0.5
        2024-05-04T00:00:00.0000000Z | 1 | 0 | 0.5 | 0.5"#]],
    );
    check(
        &format!(
            "{VISITS} | evaluate new_activity_metrics(user, day, {between}, 1d) | project from_day, to_day, dcount_retained_values"
        ),
        expect![[r#"
            from_day:datetime | to_day:datetime | dcount_retained_values:long
            2024-05-01T00:00:00.0000000Z | 2024-05-01T00:00:00.0000000Z | 2
            2024-05-01T00:00:00.0000000Z | 2024-05-02T00:00:00.0000000Z | 1
            2024-05-01T00:00:00.0000000Z | 2024-05-04T00:00:00.0000000Z | 1
            2024-05-02T00:00:00.0000000Z | 2024-05-02T00:00:00.0000000Z | 1
            2024-05-02T00:00:00.0000000Z | 2024-05-04T00:00:00.0000000Z | 0
            2024-05-04T00:00:00.0000000Z | 2024-05-04T00:00:00.0000000Z | 0"#]],
    );
    check(
        &format!("{VISITS} | evaluate sliding_window_counts(user, day, {between}, 2d, 1d)"),
        expect![[r#"
        day:datetime | Count:long | Dcount:long
        2024-05-01T00:00:00.0000000Z | 2 | 2
        2024-05-02T00:00:00.0000000Z | 4 | 3
        2024-05-03T00:00:00.0000000Z | 2 | 2
        2024-05-04T00:00:00.0000000Z | 1 | 1"#]],
    );
    check(
        &format!("{VISITS} | evaluate active_users_count(user, day, {between}, 3d, 1d, 2, 1d)"),
        expect![[r#"
        day:datetime | dcount:long
        2024-05-01T00:00:00.0000000Z | 0
        2024-05-02T00:00:00.0000000Z | 1
        2024-05-03T00:00:00.0000000Z | 1
        2024-05-04T00:00:00.0000000Z | 1"#]],
    );
    check(
        &format!("{VISITS} | evaluate activity_engagement(user, day, {between}, 1d, 2d)"),
        expect![[r#"
        day:datetime | dcount_activities_inner:long | dcount_activities_outer:long | activity_ratio:real
        2024-05-01T00:00:00.0000000Z | 2 | 2 | 1.0
        2024-05-02T00:00:00.0000000Z | 2 | 3 | 0.6666666666666666
        2024-05-04T00:00:00.0000000Z | 1 | 1 | 1.0"#]],
    );
    check(
        &format!("{VISITS} | evaluate activity_metrics(user)"),
        expect!["error at 3:77: activity_metrics() takes a user, a time, start, end, window and columns"],
    );
}

#[test]
fn rows_have_patterns() {
    let rows = "range i from 1 to 20 step 1 | project os = iff(i % 4 == 0, 'linux', 'windows'), app = iff(i % 4 == 0, 'sh', 'cmd'), code = i % 2, set = iff(i <= 10, 'old', 'new')";
    check(
        &format!("{rows} | evaluate basket(0.6)"),
        expect![[r#"
        SegmentId:long | Count:long | Percent:real | os:string | app:string | code:long | set:string
        0 | 15 | 75.0 | windows | cmd |  | 
        1 | 15 | 75.0 | windows |  |  | 
        2 | 15 | 75.0 |  | cmd |  | "#]],
    );
    check(
        &format!("{rows} | project os, app | evaluate autocluster()"),
        expect![[r#"
        SegmentId:long | Count:long | Percent:real | os:string | app:string
        0 | 15 | 75.0 | windows | cmd
        1 | 5 | 25.0 | linux | sh"#]],
    );
    check(
        "datatable(v:string, os:string, n:long)['good','a',1, 'good','a',2, 'bad','b',3, 'bad','b',4, 'bad','a',5] | project v, os | evaluate diffpatterns(v, 'good', 'bad')",
        expect![[r#"
            SegmentId:long | CountA:long | CountB:long | PercentA:real | PercentB:real | PercentDiffAB:real | os:string
            0 | 2 | 1 | 100.0 | 33.33 | 66.67 | a
            1 | 0 | 2 | 0.0 | 66.67 | 66.67 | b"#]],
    );
    check(
        &format!("{rows} | evaluate basket(7)"),
        expect!["error at 1:166: basket() takes a number from 0.015 to 1"],
    );
}

#[test]
fn texts_are_reduced() {
    check(
        "range x from 1 to 10 step 1 | project str = strcat('fooZ', x) | reduce by str with characters='Z'",
        expect![[r#"
            Pattern:string | Count:long | Representative:string
            foo* | 10 | fooZ1"#]],
    );
    check(
        "datatable(line:string)['user ann logged on', 'user bob logged on', 'disk full', 'user eve logged on'] | reduce by line",
        expect![[r#"
            Pattern:string | Count:long | Representative:string
            user*logged on | 3 | user ann logged on
            disk full | 1 | disk full"#]],
    );
    check(
        "print x = 'a' | reduce by x with threshold = 7",
        expect!["error at 1:46: 'reduce' operator: the threshold is from 0 to 1"],
    );
}

#[test]
fn rows_and_summaries() {
    check(
        "range x from 1 to 10 step 1 | evaluate rows_near(x == 5, 1, 2)",
        expect![[r#"
        x:long
        4
        5
        6
        7"#]],
    );
    check(
        "range x from 1 to 100 step 1 | summarize a = hll(iff(x % 2 == 0, x, 0)), b = hll(iff(x % 3 == 0, x, 0)) | evaluate dcount_intersect(a, b) | project s0, s1",
        expect![[r#"
            s0:long | s1:long
            51 | 17"#]],
    );
    check(
        "range i from 0 to 95 step 1 | project t = datetime(2018-01-01) + 1h * i, v = i + 1, g = iff(i % 2 == 0, 'e', 'o') | evaluate rolling_percentile(v, 50, t, 1d, 2)",
        expect![[r#"
            t:datetime | rolling_2_percentile_v_50:long
            2018-01-01T00:00:00.0000000Z | 12
            2018-01-02T00:00:00.0000000Z | 24
            2018-01-03T00:00:00.0000000Z | 48
            2018-01-04T00:00:00.0000000Z | 72"#]],
    );
    check(
        "range i from 0 to 3 step 1 | project t = datetime(2018-01-01) + 12h * i, v = toreal(i), g = iff(i % 2 == 0, 'e', 'o') | evaluate rolling_percentile(v, 50, t, 1d, 2, g)",
        expect![[r#"
            t:datetime | g:string | rolling_2_percentile_v_50:real
            2018-01-01T00:00:00.0000000Z | e | 0.0
            2018-01-01T00:00:00.0000000Z | o | 1.0
            2018-01-02T00:00:00.0000000Z | e | 0.0
            2018-01-02T00:00:00.0000000Z | o | 1.0"#]],
    );
}

#[test]
fn partitions_may_be_pipelines() {
    check(
        "let T = datatable(k:string, v:long)['a',1,'a',5,'b',3]; T | partition by k { T | where k == toscalar(k) | top 1 by v } | sort by v asc",
        expect![[r#"
            k:string | v:long
            b | 3
            a | 5"#]],
    );
}

#[test]
fn optional_steps_are_passed_over() {
    let rows = "datatable(t:long, e:string)[1,'start', 2,'stop', 3,'start', 4,'pause', 5,'stop', 6,'stop'] | sort by t asc";
    check(
        &format!(
            "{rows} | scan with_match_id=id with (step s: e == 'start'; step p optional: e == 'pause'; step x: e == 'stop' and t - s.t < 5;)"
        ),
        expect![[r#"
            t:long | e:string | id:long
            1 | start | 0
            2 | stop | 0
            3 | start | 1
            4 | pause | 1
            5 | stop | 1
            6 | stop | 1"#]],
    );
}

#[test]
fn rows_that_are_kept_are_the_same_each_time() {
    check(
        "let T = materialize(range x from 1 to 100 step 1 | extend r = rand()); T | join kind=inner T on x | where r != r1 | count",
        expect![[r#"
            Count:long
            0"#]],
    );
    check(
        "range x from 1 to 100 step 1 | sample 7 | summarize count(), dcount(x)",
        expect![[r#"
        count_:long | dcount_x:long
        7 | 7"#]],
    );
    check(
        "range x from 1 to 1000 step 1 | sample 500 | summarize m = max(x) | project m > 500",
        expect![[r#"
        Column1:bool
        true"#]],
    );
}

#[test]
fn decimals_are_exact() {
    check(
        "print decimal(0.1) + decimal(0.2), decimal(1) / 3, decimal(2.50) * 2, todecimal('12345678901234567890.5')",
        expect![[r#"
            print_0:decimal | print_1:decimal | print_2:decimal | print_3:decimal
            0.3 | 0.333333333333333333333333333333 | 5 | 12345678901234567890.5"#]],
    );
    check(
        "datatable(d:decimal)[1.5, 2.25, decimal(null)] | summarize sum(d), max(d), min(d), avg(d), count()",
        expect![[r#"
            sum_d:decimal | max_d:decimal | min_d:decimal | avg_d:real | count_:long
            3.75 | 2.25 | 1.5 | 1.875 | 3"#]],
    );
    check(
        "print v = parse_version('10.0.19041.1') | extend later = v < parse_version('10.0.19041.2'), text = tostring(v)",
        expect![[r#"
            v:decimal | later:bool | text:string
            10000000000001904100000001 | true | 10000000000001904100000001"#]],
    );
    check(
        "datatable(d:decimal, n:string)[3.5,'a', 10.25,'b'] | summarize arg_max(d, n) | extend x = d > 3, y = round(d, 1), z = abs(-d), w = d == 10.25",
        expect![[r#"
            d:decimal | n:string | x:bool | y:decimal | z:decimal | w:bool
            10.25 | b | true | 10.3 | 10.25 | true"#]],
    );
}

#[test]
fn sessions_and_sequences() {
    check(
        "range t from 1 to 300 step 1 | mv-expand id = range(1, 50) to typeof(long) | where t % id == 0
        | evaluate session_count(id, t, 1, 300, 100, 41)",
        expect![[r#"
            t:long | count_sessions:long
            1 | 59
            101 | 59
            201 | 60"#]],
    );
    let logons = "datatable(user:string, at:datetime, what:string)[
        'a', datetime(2024-05-01 10:00), 'failed', 'a', datetime(2024-05-01 10:01), 'failed',
        'a', datetime(2024-05-01 10:02), 'done', 'b', datetime(2024-05-01 10:00), 'failed',
        'b', datetime(2024-05-01 12:00), 'done', 'c', datetime(2024-05-01 10:00), 'done',
        'c', datetime(2024-05-02 10:00), 'failed', 'c', datetime(2024-05-02 10:05), 'done']";
    check(
        &format!(
            "{logons} | evaluate sequence_detect(at, 10m, 1h, bad = what == 'failed', good = what == 'done', user)"
        ),
        expect![[r#"
            user:string | bad_at:datetime | good_at:datetime | Duration:timespan
            a | 2024-05-01T10:00:00.0000000Z | 2024-05-01T10:02:00.0000000Z | 00:02:00
            a | 2024-05-01T10:01:00.0000000Z | 2024-05-01T10:02:00.0000000Z | 00:01:00
            c | 2024-05-02T10:00:00.0000000Z | 2024-05-02T10:05:00.0000000Z | 00:05:00"#]],
    );
    check(
        &format!(
            "{logons} | evaluate funnel_sequence_completion(user, at, datetime(2024-05-01), datetime(2024-05-02),
            1d, what, dynamic(['failed', 'done']), dynamic([10m, 3h]))"
        ),
        expect![[r#"
            at:datetime | what:string | Period:timespan | dcount:long
            2024-05-01T00:00:00.0000000Z | failed | 00:10:00 | 2
            2024-05-01T00:00:00.0000000Z | done | 00:10:00 | 1
            2024-05-01T00:00:00.0000000Z | failed | 03:00:00 | 2
            2024-05-01T00:00:00.0000000Z | done | 03:00:00 | 2"#]],
    );
    check(
        &format!("{logons} | evaluate sequence_detect(at, 10m, 1h, user)"),
        expect!["error at 5:95: sequence_detect() takes 1 to 64 conditions"],
    );
    check(
        "range t from 1 to 3000 step 1 | evaluate sequence_detect(t, 3000, 3000, t > 0, t > 1)",
        expect!["error: there are more than 1000000 sequences: use narrower windows"],
    );
}

#[test]
fn points_find_shapes() {
    let shapes = r#"let squares = datatable(name:string, square:dynamic)[
        "west", dynamic({"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}),
        "east", dynamic({"type":"Polygon","coordinates":[[[1,0],[2,0],[2,1],[1,1],[1,0]]]})];
        let roads = datatable(name:string, road:dynamic)[
        "equator", dynamic({"type":"LineString","coordinates":[[0,0],[10,0]]})];
        let points = datatable(point:string, lon:real, lat:real)[
        "a", 0.5, 0.5, "b", 1.5, 0.5, "c", 2.001, 0.5, "d", 5.0, 0.001];"#;
    for (lookup, expected) in [
        (
            "geo_polygon_lookup(squares, square, lon, lat)",
            expect![[r#"
            point:string | lon:real | lat:real | name:string
            a | 0.5 | 0.5 | west
            b | 1.5 | 0.5 | east"#]],
        ),
        (
            "geo_polygon_lookup(squares, square, lon, lat, radius = 500, return_unmatched = true)",
            expect![[r#"
                point:string | lon:real | lat:real | name:string
                a | 0.5 | 0.5 | west
                b | 1.5 | 0.5 | east
                c | 2.001 | 0.5 | east
                d | 5.0 | 0.001 | "#]],
        ),
        (
            "geo_line_lookup(roads, road, lon, lat, 200, return_lookup_key = true)",
            expect![[r#"
            point:string | lon:real | lat:real | name:string | road:dynamic
            d | 5.0 | 0.001 | equator | {"type":"LineString","coordinates":[[0,0],[10,0]]}"#]],
        ),
        (
            "geo_line_lookup(roads, road, lon, lat)",
            expect!["error at 7:83: geo_line_lookup() needs a radius"],
        ),
        (
            "geo_line_lookup(roads, road, lon, lat, 200, 300)",
            expect!["error at 7:136: geo_line_lookup(): 'return_unmatched' is one bool"],
        ),
    ] {
        check(&format!("{shapes} points | evaluate {lookup} | order by point asc"), expected);
    }
}
