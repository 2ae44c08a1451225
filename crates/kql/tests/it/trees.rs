//! Query text in, tree out.

use expect_test::{Expect, expect};

use crate::{assert_prints_and_parses_again, parsed, spans};

/// Checks the canonical text of a query.
#[track_caller]
fn prints(text: &str, expected: Expect) {
    let query = parsed(text);
    expected.assert_eq(&kql::print(&query));
    assert_prints_and_parses_again(text, &query);
}

/// Checks the tree of the query's first statement, without spans.
#[track_caller]
fn tree(text: &str, expected: Expect) {
    let query = parsed(text);
    let text = spans::without(&query).replace("span: , ", "").replace(", span: ", "");
    expected.assert_eq(&text);
}

#[test]
fn a_pipeline() {
    tree(
        "T | where a == 1 | take 5",
        expect![[
            r#"Query { statements: [Expression(Pipeline { source: Expr(Expr { kind: Name(Ident { name: "T" }) }), operators: [Operator { kind: Where(Expr { kind: Binary { op: Equal, left: Expr { kind: Name(Ident { name: "a" }) }, right: Expr { kind: Literal(Long(Some(1))) } } }) }, Operator { kind: Take(Expr { kind: Literal(Long(Some(5))) }) }] })] }"#
        ]],
    );
}

#[test]
fn and_binds_tighter_than_or() {
    tree(
        "print a or b and not(c) or d",
        expect![[
            r#"Query { statements: [Expression(Pipeline { source: Print(Print { columns: [Column { names: [], expr: Expr { kind: Or([Expr { kind: Name(Ident { name: "a" }) }, Expr { kind: And([Expr { kind: Name(Ident { name: "b" }) }, Expr { kind: Call(Call { name: Ident { name: "not" }, args: [Arg { name: None, value: Expr { kind: Name(Ident { name: "c" }) } }] }) }]) }, Expr { kind: Name(Ident { name: "d" }) }]) } }] }), operators: [] })] }"#
        ]],
    );
}

#[test]
fn text_operators_bind_tighter_than_comparisons() {
    prints(
        "T | where (a has 'x') == (true) and (a + b) * -c > 1",
        expect![[r#"
        T
        | where a has "x" == true and (a + b) * -c > 1"#]],
    );
    prints(
        "T | where a has 'x' == true",
        expect![[r#"
        T
        | where a has "x" == true"#]],
    );
    prints(
        "T | where a - (b - c) - d == 1 and (b or c)",
        expect![[r#"
        T
        | where a - (b - c) - d == 1 and (b or c)"#]],
    );
}

#[test]
fn all_operators_between_operands() {
    prints(
        "T | where a == 1 or a != 1 or a <> 1 or a < 1 or a <= 1 or a > 1 or a >= 1 or a =~ 'x' or a !~ 'x'",
        expect![[r#"
            T
            | where a == 1 or a != 1 or a != 1 or a < 1 or a <= 1 or a > 1 or a >= 1 or a =~ "x" or a !~ "x""#]],
    );
    prints(
        "T | where a has b or a !has b or a has_cs b or a !has_cs b or a hasprefix b or a !hasprefix_cs b or a \
         hassuffix b or a !hassuffix b or a contains b or a !contains_cs b or a notcontains b or a startswith b \
         or a !startswith_cs b or a endswith b or a !endswith b or a matches regex b or a like b or a notlike b",
        expect![[r#"
            T
            | where a has b or a !has b or a has_cs b or a !has_cs b or a hasprefix b or a !hasprefix_cs b or a hassuffix b or a !hassuffix b or a contains b or a !contains_cs b or a !contains b or a startswith b or a !startswith_cs b or a endswith b or a !endswith b or a matches regex b or a like b or a notlike b"#]],
    );
    prints(
        "T | where a in (1, 2) or a !in (T) or a in~ ((T | project x)) or a !in~ ('x') or a has_any (l) or a \
         has_all ('x', 'y') or a between (1 .. 2) or ts !between (ago(1d) .. 2h) or b in ()",
        expect![[r#"
            T
            | where a in (1, 2) or a !in (T) or a in~ (T | project x) or a !in~ ("x") or a has_any (l) or a has_all ("x", "y") or a between (1 .. 2) or ts !between (ago(1d) .. 2h) or b in ()"#]],
    );
}

#[test]
fn numbers_and_timespans() {
    prints(
        "print 1, 0x1F, 1.5, 1e3, 2.5e-3, 1d, 36h, 5m, 10s, 1ms, 3microsecond, 1tick, 2days, 1hr, 30min, 1.5h",
        expect!["print 1, 31, 1.5, 1000.0, 0.0025, 1d, 36h, 5m, 10s, 1ms, 30tick, 1tick, 2d, 1h, 30m, 90m"],
    );
    prints(
        "print int(5), long(-5), long(7), real(-1.5), real(nan), double(+inf), decimal(-1.50), bool(1), int(null), \
         timespan(2), time(-1.02:03:04.5), timespan(null), guid(74be27de-1e4e-49d9-b579-fe0b331d3642)",
        expect![
            "print int(5), long(-5), 7, real(-1.5), real(NaN), real(inf), decimal(-1.50), true, int(null), 2d, timespan(-1.02:03:04.5000000), timespan(null), guid(74be27de-1e4e-49d9-b579-fe0b331d3642)"
        ],
    );
    prints(
        "print datetime(2024-05-06 07:08), date(2024-05), datetime(), datetime('2024-05-06T07:08:09.1Z'), \
         datetime(Sat, 8 Nov 14 15:05:02 GMT), true, False, bool(null), 1_000_a, ['1d']",
        expect![[
            r#"print datetime(2024-05-06T07:08:00.0000000Z), datetime(2024-05-01T00:00:00.0000000Z), datetime(null), datetime(2024-05-06T07:08:09.1000000Z), datetime(2014-11-08T15:05:02.0000000Z), true, false, bool(null), ["1_000_a"], ["1d"]"#
        ]],
    );
}

#[test]
fn strings() {
    prints(
        r#"print "a\tb\"c", 'it''s', 'x\'y', @"c:\a ""b""", @'d:\''e', h"secret", H@'\s', @h'v'"#,
        expect![[r#"print "a\tb\"c", "its", "x'y", "c:\\a \"b\"", "d:\\'e", h"secret", h"\\s", h"v""#]],
    );
    prints(
        "print ```raw \"text\"\nline``` , ~~~a\\b~~~, h```x```, 'a' // one\n  \"b\" @'\\c'",
        expect![[r#"print "raw \"text\"\nline", "a\\b", h"x", "ab\\c""#]],
    );
    prints(r"print 'http://a//b', '\u00e9\x41\ud83d\ude00'", expect![[r#"print "http://a//b", "éA😀""#]]);
}

#[test]
fn dynamic_values() {
    prints(
        "print dynamic({'a': [1, -2.5, 007, 'it\\'s', @'\\d', null, True], \"b\": {}, \
         'c': datetime(2024-05-06), 'd': 1h, 'e': int(5), 'f': \"x\" 'y'}), dynamic(null), dynamic(1d), dynamic()",
        expect![[
            r#"print dynamic({"a":[1,-2.5,7,"it's","\\d",null,true],"b":{},"c":"2024-05-06T00:00:00.0000000Z","d":"01:00:00","e":5,"f":"xy"}), dynamic(null), dynamic("1.00:00:00"), dynamic(null)"#
        ]],
    );
}

#[test]
fn members_and_indexes() {
    prints(
        "T | extend d.a.b, d['a b'], d.['where'], d[0], d[-1], d[c], d.[c], parse_json(x).a[0].b, ['my col'].x, \
         split(a, ',')[0], d.type.by",
        expect![[r#"
            T
            | extend d.a.b, d["a b"], d.["where"], d[0], d[-1], d[c], d[c], parse_json(x).a[0].b, ["my col"].x, split(a, ",")[0], d.type.["by"]"#]],
    );
}

#[test]
fn names_that_are_words_of_the_language() {
    prints(
        "T | extend kind = 1, type = 2, title = 3, count_ = 4, ['where'] = 5, [\"a-b\"] = 6, count = 7 | project \
         kind, Type = type, from, step, with, hint, to",
        expect![[r#"
            T
            | extend ["kind"] = 1, type = 2, title = 3, count_ = 4, ["where"] = 5, ["a-b"] = 6, count = 7
            | project ["kind"], Type = type, ["from"], ["step"], ["with"], ["hint"], ["to"]"#]],
    );
}

#[test]
fn let_statements() {
    prints(
        "let x = ago(1d); let t = T | where a > x; let m = materialize(T | project a); let ['my name'] = (T | count); \
         let s = toscalar(t | summarize max(a)); m",
        expect![[r#"
            let x = ago(1d);
            let t = T
            | where a > x;
            let m = materialize(T | project a);
            let ["my name"] = T
            | count;
            let s = toscalar(t | summarize max(a));
            m"#]],
    );
    prints(
        "let f = (t: (a: string, b: long), u: (*), x: real = 1.5, y: string) { let z = x; t | where b > z }; let v = \
         view () { T }; let g = (){1}; T | invoke f(1, y = 'a')",
        expect![[r#"
            let f = (t: (a: string, b: long), u: (*), x: real = 1.5, y: string) { let z = x; t | where b > z };
            let v = view () { T };
            let g = () { 1 };
            T
            | invoke f(1, y = "a")"#]],
    );
    prints(
        "set notruncation; set maxmemory = 5; declare query_parameters(d: timespan = 1d, s: string); alias database \
         x = cluster('c').database('d'); x",
        expect![[r#"
            set notruncation;
            set maxmemory = 5;
            declare query_parameters(d: timespan = 1d, s: string);
            alias database x = cluster("c").database("d");
            x"#]],
    );
}

#[test]
fn sources() {
    prints(
        "print x = 1, 'a' | extend y = 2",
        expect![[r#"
        print x = 1, "a"
        | extend y = 2"#]],
    );
    prints(
        "range x from 1 to 10 step 1 | count",
        expect![[r#"
        range x from 1 to 10 step 1
        | count"#]],
    );
    prints(
        "datatable(a: string, ['b c']: int)['x', 1, 'y', int(2),] | count",
        expect![[r#"
        datatable(a: string, ["b c"]: int) ["x", 1, "y", int(2)]
        | count"#]],
    );
    prints(
        "(externaldata(a: string)\n[@'https://example.org/a', h'b']\nwith (format='csv', ignoreFirstRecord=true))\n\
         | take 1",
        expect![[r#"
            externaldata(a: string) ["https://example.org/a", h"b"] with (format = "csv", ignoreFirstRecord = true)
            | take 1"#]],
    );
    prints(
        "union isfuzzy=true withsource=S kind=outer (T | where a), Device*, *Events, f(1) | count",
        expect![[r#"
            union withsource = "S" isfuzzy = true (T | where a), Device*, *Events, f(1)
            | count"#]],
    );
    prints(
        "T | union U, (V) | union kind=inner hint.spread=5 W",
        expect![[r#"
        T
        | union U, V
        | union kind = inner hint.spread = 5 W"#]],
    );
    prints(
        "search 'x' and (a: 'y*' or not(b:'z'))",
        expect![[r#"search "x" and (a : "y*" or not(b : "z"))"#]],
    );
    prints(
        "search kind=case_sensitive in (T, D*) 'x' | search a: 'b'",
        expect![[r#"
        search kind = case_sensitive in (T, D*) "x"
        | search a : "b""#]],
    );
    prints(
        "find withsource=S in (T, D*) where a == 1 project a, b: string",
        expect![[r#"find withsource = "S" in (T, D*) where a == 1 project a, b: string"#]],
    );
    prints(
        "cluster('c').database('d').T | where a == 1",
        expect![[r#"
        cluster("c").database("d").T
        | where a == 1"#]],
    );
    prints(
        "((T | where a) | where b) | count as n",
        expect![[r#"
        T
        | where a
        | where b
        | count
        | project-rename n = Count"#]],
    );
}

#[test]
fn joins() {
    prints(
        "T | join U on a",
        expect![[r#"
        T
        | join U on a"#]],
    );
    prints(
        "T | join kind=leftouter hint.strategy=shuffle (U | where b == 1) on $left.a == $right.b, c",
        expect![[r#"
            T
            | join kind = leftouter hint.strategy = shuffle (U | where b == 1) on $left.a == $right.b, c"#]],
    );
    prints(
        "T | join kind=anti (U) on $left.a == $right.['b c'] and $left.d==$right.d",
        expect![[r#"
        T
        | join kind = leftanti U on $left.a == $right.["b c"], $left.d == $right.d"#]],
    );
    prints(
        "T | lookup kind=inner (U) on a, b | lookup f('x') on a",
        expect![[r#"
        T
        | lookup kind = inner U on a, b
        | lookup f("x") on a"#]],
    );
}

#[test]
fn operators_with_columns() {
    prints(
        "T | project a, b = c + 1, (x, y) = f(a), d.e | extend g",
        expect![[r#"
        T
        | project a, b = c + 1, (x, y) = f(a), d.e
        | extend g"#]],
    );
    prints(
        "T | project-away a, b*, *c, ['x y'] | project-keep a* | project-rename n = o, ['p q'] = r",
        expect![[r#"
            T
            | project-away a, b*, *c, ["x y"]
            | project-keep a*
            | project-rename n = o, ["p q"] = r"#]],
    );
    prints(
        "T | project-reorder a, b* asc, c desc, d granny-asc",
        expect![[r#"
        T
        | project-reorder a, b* asc, c desc, d granny-asc"#]],
    );
    prints(
        "T | summarize hint.shufflekey=a count(), x = dcount(b), arg_max(ts, *) by a, bin(ts, 1h), k = tolower(c) | \
         summarize by a | summarize max(a)",
        expect![[r#"
            T
            | summarize hint.shufflekey = a count(), x = dcount(b), arg_max(ts, *) by a, bin(ts, 1h), k = tolower(c)
            | summarize by a
            | summarize max(a)"#]],
    );
    prints(
        "T | distinct * | distinct a, tolower(b) | count",
        expect![[r#"
        T
        | distinct *
        | distinct a, tolower(b)
        | count"#]],
    );
    prints(
        "T | sort by a, b asc, c desc nulls first | order by d nulls last | top 5 by a + b asc",
        expect![[r#"
            T
            | sort by a, b asc, c desc nulls first
            | sort by d nulls last
            | top 5 by a + b asc"#]],
    );
    prints(
        "T | filter a | limit 10 | take n | sample 5 | sample-distinct 3 of a",
        expect![[r#"
        T
        | where a
        | take 10
        | take n
        | sample 5
        | sample-distinct 3 of a"#]],
    );
    prints(
        "T | as hint.materialized=true X | serialize | serialize n = row_number() | getschema",
        expect![[r#"
            T
            | as hint.materialized = true X
            | serialize
            | serialize n = row_number()
            | getschema"#]],
    );
    prints(
        "T | make-series n = count() default=0, avg(b) on ts from ago(1d) to now() step 1h by a | make-series \
         max(c) on ts in range(x, y, 1d)",
        expect![[r#"
            T
            | make-series n = count() default = 0, avg(b) on ts from ago(1d) to now() step 1h by a
            | make-series max(c) on ts from x to y step 1d"#]],
    );
    prints(
        "T | top-nested 3 of a with others='x' by count() desc, top-nested of b by sum(c)",
        expect![[r#"
        T
        | top-nested 3 of a with others = "x" by count() desc, top-nested of b by sum(c)"#]],
    );
    prints(
        "T | reduce by a with threshold=0.2, characters='X' | partition by a (top 1 by b | count)",
        expect![[r#"
            T
            | reduce by a with threshold = 0.2, characters = "X"
            | partition by a (top 1 by b | count)"#]],
    );
    prints(
        "T | partition hint.strategy=native by a { U | where b == 1 }",
        expect![[r#"
        T
        | partition hint.strategy = native by a { U | where b == 1 }"#]],
    );
}

#[test]
fn operators_that_expand_and_parse() {
    prints(
        "T | mv-expand a | mv-expand bagexpansion=array with_itemindex=i x = parse_json(d).y to typeof(long), b limit \
         5 | mvexpand c",
        expect![[r#"
            T
            | mv-expand a
            | mv-expand kind = array with_itemindex = "i" x = parse_json(d).y to typeof(long), b limit 5
            | mvexpand c"#]],
    );
    prints(
        "T | mv-apply x = d to typeof(string) on (where x has 'a' | summarize n = count())",
        expect![[r#"
            T
            | mv-apply x = d to typeof(string) on (where x has "a" | summarize n = count())"#]],
    );
    prints(
        "T | parse a with * 'x' b: long ',' ['c d'] \"e\" * | parse-where kind=regex flags=Ui a with 'b' c",
        expect![[r#"
            T
            | parse a with * "x" b: long "," ["c d"] "e" *
            | parse-where kind = regex flags = "Ui" a with "b" c"#]],
    );
    prints(
        "T | parse-kv a as (b: string, c: long) with (pair_delimiter=',', kv_delimiter='=')",
        expect![[r#"
            T
            | parse-kv a as (b: string, c: long) with (pair_delimiter = ",", kv_delimiter = "=")"#]],
    );
    prints(
        "T | evaluate bag_unpack(d, 'p_') : (*, a: long) | evaluate hint.distribution=single pivot(a, sum(b), c)",
        expect![[r#"
            T
            | evaluate bag_unpack(d, "p_") : (*, a: long)
            | evaluate hint.distribution = single pivot(a, sum(b), c)"#]],
    );
    prints(
        "T | invoke FileProfile(SHA1, 1000) | render timechart with (title='x', ycolumns=a, b, legend=hidden)",
        expect![[r#"
            T
            | invoke FileProfile(SHA1, 1000)
            | render timechart with (title = "x", ycolumns = a, b, legend = hidden)"#]],
    );
    prints(
        "T | render columnchart kind=stacked",
        expect![[r#"
        T
        | render columnchart with (kind = stacked)"#]],
    );
}

#[test]
fn comments_directives_and_blanks() {
    prints(
        "#connect x\n// a comment\n\u{feff}T // where b\n\n| where\u{a0}a // end",
        expect![[r#"
        T
        | where a"#]],
    );
    prints("", expect![[""]]);
    prints(
        ";;T;;U;",
        expect![[r#"
        T;
        U"#]],
    );
}

#[test]
fn operators_with_several_bodies_and_lists() {
    prints(
        "T | fork x=(count) (where a == 1 | take 5) | facet by a, ['b c'] with (take 1 | count)",
        expect![[r#"
            T
            | fork x = (count) (where a == 1 | take 5)
            | facet by a, ["b c"] with (take 1 | count)"#]],
    );
    prints(
        "T | top-hitters 3 of a by n = b | project-by-names 'a*', b*, dynamic(['c']) | assert-schema (*, a: string) | consume decodeblocks=true",
        expect![[r#"
            T
            | top-hitters 3 of a by n = b
            | project-by-names "a*", b*, dynamic(["c"])
            | assert-schema (*, a: string)
            | consume decodeblocks = true"#]],
    );
    prints(
        "T | sort by a asc | scan hint.x=1 with_match_id=m declare (n: long = 0, s: string) with (step s1 output=last: a == 1 => n = s1.n + 1, s = 'x'; step s2 optional: true;)",
        expect![[r#"
            T
            | sort by a asc
            | scan hint.x = 1 with_match_id = "m" declare (n: long = 0, s: string) with (step s1 output = last: a == 1 => n = s1.n + 1, s = "x"; step s2 optional: true;)"#]],
    );
}

#[test]
fn a_time_alone_is_one_of_today() {
    prints(
        "print datetime(8:00:00 AM), datetime('17:30')",
        expect!["print startofday(now()) + 8h, startofday(now()) + 1050m"],
    );
}
