//! Query text in, diagnostics out.

use expect_test::{Expect, expect};

#[track_caller]
fn check(text: &str, expected: Expect) {
    let index = kql::LineIndex::new(text);
    let mut lines = Vec::new();
    for diagnostic in kql::parse(text).diagnostics {
        let at = index.position(diagnostic.span.start);
        let marked = &text[diagnostic.span.start..diagnostic.span.end];
        let mut line = format!("{}:{} [{marked}] {}", at.line, at.column, diagnostic.message);
        if !diagnostic.suggestions.is_empty() {
            line.push_str(&format!(" (try {})", diagnostic.suggestions.join(", ")));
        }
        lines.push(line);
    }
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn operators() {
    check(
        "T | wehre a | foo | Summarize count() | | count",
        expect![[r#"
            1:5 [wehre] unknown operator `wehre` (try where)
            1:15 [foo] unknown operator `foo`
            1:21 [Summarize] unknown operator `Summarize` (try summarize)
            1:41 [|] expected an operator, found `|`"#]],
    );
    check(
        "T | project-awy a | macro-expand force_remote=true G as X (X.T) | execute-and-cache | take 1",
        expect![[r#"
            1:5 [project-awy] unknown operator `project-awy` (try project-away)
            1:21 [macro-expand] operator `macro-expand` is not supported yet
            1:67 [execute-and-cache] operator `execute-and-cache` is not supported yet"#]],
    );
    check("T | where", expect!["1:10 [] expected an expression, but the query ends here"]);
    check(
        "T | where a, b | take 5 6 | count",
        expect![[r#"
        1:12 [,] `where` takes one condition, put `and` between several
        1:25 [6] unexpected `6`"#]],
    );
    check("T where a", expect!["1:3 [where] unexpected `where`, there is a `|` in front of every operator"]);
    check(
        "T | take 1\n\n// another\nU | take 2",
        expect!["4:1 [U] unexpected `U`, there is a `;` between two queries"],
    );
    check("| where a", expect!["1:1 [|] a pipeline begins with a table or another source of rows"]);
}

#[test]
fn several_at_once() {
    check(
        "let x = ;\nlet y = 1 +;\nT\n| where a ==\n| join (U | wher b | extend c =) on a\n| summarize by\n| take 1)",
        expect![[r#"
            1:9 [;] expected an expression, found `;`
            2:12 [;] expected an expression, found `;`
            5:1 [|] expected an expression, found `|`
            5:13 [wher] unknown operator `wher` (try where)
            5:32 [)] expected an expression, found `)`
            7:1 [|] expected an expression, found `|`
            7:9 [)] unexpected `)`"#]],
    );
}

#[test]
fn conditions() {
    check("T | where not a has 'x'", expect!["1:11 [not] `not` is a function, write `not(...)`"]);
    check("T | where !(a) or b", expect!["1:11 [!] `!` is not an operator of its own, use `not(...)`"]);
    check(
        "T | where a && b || c",
        expect![[r#"
            1:13 [&&] `&&` is not an operator of the language, use `and`
            1:18 [||] `||` is not an operator of the language, use `or`"#]],
    );
    check(
        "T | where a AND b Contains 'c'",
        expect![[r#"
        1:13 [AND] unknown operator `AND`, operators are in lower case (try and)
        1:19 [Contains] unknown operator `Contains`, operators are in lower case (try contains)"#]],
    );
    check(
        "T | where a !has_any ('x')",
        expect!["1:13 [!has_any] there is no `!has_any`, use `not(... has_any ...)`"],
    );
    check("T | where a in 'x'", expect!["1:16 ['x'] expected `(` and the values for `in`, found `'x'`"]);
    check("T | where a between 1 .. 2", expect!["1:21 [1] expected `(`, found `1`"]);
    check(
        "T | where a == [1, 2]",
        expect!["1:16 [[] an array is written `dynamic([...])` or `pack_array(...)`"],
    );
    check("T | where a == 'x' and", expect!["1:23 [] expected an expression, but the query ends here"]);
    check("T | where and a", expect!["1:11 [and] expected an expression, found the keyword `and`"]);
    check("T | where a = 1", expect!["1:13 [=] unexpected `=`, values are compared with `==`"]);
}

#[test]
fn lists() {
    check(
        "T | project a, | extend x = f(1,) | where a in (1,)",
        expect![[r#"
        1:16 [|] expected an expression, found `|`
        1:33 [)] expected an expression, found `)`
        1:51 [)] expected an expression, found `)`"#]],
    );
    check("T | top 5 by b, a", expect!["1:15 [,] unexpected `,`"]);
    check("T | extend d.x = 1, d.0", expect!["1:16 [=] unexpected `=`, values are compared with `==`"]);
    check(
        "datatable(a: long, b: strng) [1, 'x', 2]",
        expect![[r#"
        1:23 [strng] unknown type `strng` (try string)
        1:1 [datatable(a: long, b: strng) [1, 'x', 2]] 3 values do not fill rows of 2 columns"#]],
    );
    check(
        "print f(1, (2, 3)",
        expect![[r#"
        1:14 [,] unexpected `,`
        1:18 [] expected `,` or `)`, but the query ends here"#]],
    );
}

#[test]
fn literals() {
    check(
        "print 'abc\n| where \"x",
        expect![[r#"
        1:7 ['abc] this string has no closing quote
        2:9 ["x] this string has no closing quote"#]],
    );
    check(
        r"print 'c:\Windows\q'",
        expect![[
            r#"1:10 [\] unknown escape in this string, a backslash is written `\\`, or `@` in front of the string"#
        ]],
    );
    check("print “abc”", expect![[r#"1:7 [“] `“` is a typographic quote, strings need `"` or `'`"#]]);
    check(
        "print 9223372036854775808, 1.5x, 1w, int(x), datetime(2024-13-01), guid(1), string(null)",
        expect![[r#"
            1:7 [9223372036854775808] this number does not fit into 64 bits
            1:28 [1.5x] `1.5x` is neither a number nor a length of time
            1:38 [int(x)] `int(x)` is not valid, expected a whole number of 32 bits
            1:46 [datetime(2024-13-01)] `datetime(2024-13-01)` is not valid, expected a date and time such as `2024-05-06T07:08:09Z`
            1:68 [guid(1)] `guid(1)` is not valid, expected a guid
            1:77 [string] a string has no null and no literal of this form, use `''` or `tostring()`"#]],
    );
    check(
        "print dynamic([a]), dynamic({a: 1}), dynamic([1,])",
        expect![
            "1:16 [a] `dynamic(...)` holds constants only, use `pack_array()` or `bag_pack()` for others"
        ],
    );
    check("print ```abc", expect!["1:7 [```] this string has no closing mark"]);
    check("T | where a == 1 # note", expect!["1:18 [# note] unexpected character `# note`"]);
}

#[test]
fn joins() {
    check(
        "T | join kind=Inner U on a | join kind=cross U on a",
        expect![[r#"
        1:15 [Inner] unknown kind `Inner`, expected one of innerunique, inner, leftouter, rightouter, fullouter, leftanti, anti, leftantisemi, rightanti, rightantisemi, leftsemi, rightsemi (try inner, innerunique)
        1:40 [cross] unknown kind `cross`, expected one of innerunique, inner, leftouter, rightouter, fullouter, leftanti, anti, leftantisemi, rightanti, rightantisemi, leftsemi, rightsemi"#]],
    );
    check(
        "T | join U on $right.a == $left.a, tolower(b), c == d",
        expect![[r#"
        1:15 [$right.a] this side of the join condition must be `$left.` and a column
        1:36 [tolower(b)] a join condition is the name of a common column or `$left.a == $right.b`
        1:48 [c] this side of the join condition must be `$left.` and a column"#]],
    );
    check(
        "T | join (U) | join on a",
        expect![[r#"
        1:14 [|] expected `on`, found `|`
        1:24 [a] expected `on`, found `a`"#]],
    );
    check(
        "T | union kind=left U | union isfuzzy=x U",
        expect![[r#"
        1:16 [left] unknown kind `left`, expected one of inner, outer
        1:39 [x] `isfuzzy` needs `true` or `false`"#]],
    );
}

#[test]
fn functions() {
    check(
        "let f = (x) { x }; print f(1)",
        expect!["1:11 [)] expected `:` and the parameter's type, found `)`"],
    );
    check(
        "let f = (x: lnog) { let y = x; }; f(1)",
        expect![[r#"
        1:13 [lnog] unknown type `lnog` (try long)
        1:9 [(x: lnog) { let y = x; }] a function's body ends with an expression"#]],
    );
    check(
        "let f = (x: long) { T | where x ; print 1",
        expect!["1:42 [] expected `}`, but the query ends here"],
    );
    check(
        "declare pattern P = (a: string); restrict access to (T); T",
        expect![[r#"
        1:9 [pattern] `declare pattern` is not supported yet
        1:34 [restrict] `restrict access` is not supported yet"#]],
    );
}
