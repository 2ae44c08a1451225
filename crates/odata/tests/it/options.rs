//! The options around the filter.

use expect_test::{Expect, expect};
use odata::{Limits, parse};

use crate::entities::ALERT;

const LIMITS: Limits = Limits::new(10_000);

/// Each query string, and under it the query as parsed or the error.
#[track_caller]
fn check(limits: Limits, queries: &[&str], expected: Expect) {
    let mut actual = String::new();
    for query in queries {
        let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        actual += query;
        actual += "\n    ";
        actual += &match parse(&ALERT, &pairs, limits) {
            Ok(query) => format!("{query:?}"),
            Err(error) => format!("error: {error}"),
        };
        actual += "\n";
    }
    expected.assert_eq(&actual);
}

#[test]
fn what_clients_send() {
    check(
        LIMITS,
        &[
            "",
            "$filter=lastUpdateTime gt 2024-01-01T00:00:00Z&$expand=evidence",
            "$filter=id ne 'x'&$orderby=lastUpdateTime asc&$top=1000&$skip=2000",
            "$filter=id eq 'x'&$count=true",
        ],
        expect![[r#"

                Query { filter: None, order: [], top: None, skip: 0, count: false, expand: [], select: [] }
            $filter=lastUpdateTime gt 2024-01-01T00:00:00Z&$expand=evidence
                Query { filter: Some(Compare { property: lastUpdateTime, op: Gt, value: DateTime(638396640000000000) }), order: [], top: None, skip: 0, count: false, expand: ["evidence"], select: [] }
            $filter=id ne 'x'&$orderby=lastUpdateTime asc&$top=1000&$skip=2000
                Query { filter: Some(Compare { property: id, op: Ne, value: String("x") }), order: [Order { property: lastUpdateTime, descending: false }], top: Some(1000), skip: 2000, count: false, expand: [], select: [] }
            $filter=id eq 'x'&$count=true
                Query { filter: Some(Compare { property: id, op: Eq, value: String("x") }), order: [], top: None, skip: 0, count: true, expand: [], select: [] }
        "#]],
    );
}

#[test]
fn names_need_no_dollar_and_no_case() {
    check(
        LIMITS,
        &["$Filter=isFailed&TOP=5&skip=1", "OrderBy=ID&$COUNT=True", "sinceTime=x&deviceName=y&$top=1"],
        expect![[r#"
            $Filter=isFailed&TOP=5&skip=1
                Query { filter: Some(Compare { property: isFailed, op: Eq, value: Bool(true) }), order: [], top: Some(5), skip: 1, count: false, expand: [], select: [] }
            OrderBy=ID&$COUNT=True
                Query { filter: None, order: [Order { property: id, descending: false }], top: None, skip: 0, count: true, expand: [], select: [] }
            sinceTime=x&deviceName=y&$top=1
                Query { filter: None, order: [], top: Some(1), skip: 0, count: false, expand: [], select: [] }
        "#]],
    );
}

#[test]
fn order() {
    check(
        LIMITS,
        &[
            "$orderby=id",
            "$orderby=severity desc,LastUpdateTime  ASC , id+Desc",
            "$orderby=",
            "$orderby=id sideways",
            "$orderby=id,",
            "$orderby=incidentId",
            "$orderby=evidence",
            "$orderby=foo desc",
            "$orderby=id,id,id,id,id,id,id,id",
            "$orderby=id,id,id,id,id,id,id,id,id",
        ],
        expect![[r#"
            $orderby=id
                Query { filter: None, order: [Order { property: id, descending: false }], top: None, skip: 0, count: false, expand: [], select: [] }
            $orderby=severity desc,LastUpdateTime  ASC , id+Desc
                Query { filter: None, order: [Order { property: severity, descending: true }, Order { property: lastUpdateTime, descending: false }, Order { property: id, descending: true }], top: None, skip: 0, count: false, expand: [], select: [] }
            $orderby=
                error: $orderby: expected a property, got the end at position 0
            $orderby=id sideways
                error: $orderby: unexpected 'sideways' at position 3; write: property asc, property desc
            $orderby=id,
                error: $orderby: expected a property, got the end at position 3
            $orderby=incidentId
                error: $orderby: property 'incidentId' cannot be sorted by at position 0; valid: id, severity, assignedTo, alertCreationTime, lastUpdateTime, category, cvssV3
            $orderby=evidence
                error: $orderby: property 'evidence' cannot be sorted by at position 0; valid: id, severity, assignedTo, alertCreationTime, lastUpdateTime, category, cvssV3
            $orderby=foo desc
                error: $orderby: unknown property 'foo' at position 0; valid: id, severity, assignedTo, alertCreationTime, lastUpdateTime, category, cvssV3
            $orderby=id,id,id,id,id,id,id,id
                Query { filter: None, order: [Order { property: id, descending: false }, Order { property: id, descending: false }, Order { property: id, descending: false }, Order { property: id, descending: false }, Order { property: id, descending: false }, Order { property: id, descending: false }, Order { property: id, descending: false }, Order { property: id, descending: false }], top: None, skip: 0, count: false, expand: [], select: [] }
            $orderby=id,id,id,id,id,id,id,id,id
                error: $orderby: more than 8 properties at position 24
        "#]],
    );
}

#[test]
fn numbers_and_flags() {
    check(
        LIMITS,
        &[
            "$top=0",
            "$top= 10000 ",
            "$top=10001",
            "$top=99999999999999999999",
            "$top=-1",
            "$top=+1",
            "$top=1.5",
            "$top=",
            "$top=all",
            "$skip=9223372036854775807",
            "$skip=9223372036854775808",
            "$skip=-5",
            "$count=false",
            "$count=1",
        ],
        expect![[r#"
            $top=0
                Query { filter: None, order: [], top: Some(0), skip: 0, count: false, expand: [], select: [] }
            $top= 10000 
                Query { filter: None, order: [], top: Some(10000), skip: 0, count: false, expand: [], select: [] }
            $top=10001
                error: $top: '10001' is above the maximum of 10000; page through the rest with $skip
            $top=99999999999999999999
                error: $top: '99999999999999999999' is above the maximum of 10000; page through the rest with $skip
            $top=-1
                error: $top: expected a whole number from 0, got '-1'
            $top=+1
                error: $top: expected a whole number from 0, got '+1'
            $top=1.5
                error: $top: expected a whole number from 0, got '1.5'
            $top=
                error: $top: expected a whole number from 0, got ''
            $top=all
                error: $top: expected a whole number from 0, got 'all'
            $skip=9223372036854775807
                Query { filter: None, order: [], top: None, skip: 9223372036854775807, count: false, expand: [], select: [] }
            $skip=9223372036854775808
                error: $skip: '9223372036854775808' is too large
            $skip=-5
                error: $skip: expected a whole number from 0, got '-5'
            $count=false
                Query { filter: None, order: [], top: None, skip: 0, count: false, expand: [], select: [] }
            $count=1
                error: $count: expected true or false, got '1'
        "#]],
    );
}

#[test]
fn top_can_be_clamped() {
    check(
        LIMITS.clamped(),
        &["$top=10001", "$top=99999999999999999999", "$top=-1"],
        expect![[r#"
        $top=10001
            Query { filter: None, order: [], top: Some(10000), skip: 0, count: false, expand: [], select: [] }
        $top=99999999999999999999
            Query { filter: None, order: [], top: Some(10000), skip: 0, count: false, expand: [], select: [] }
        $top=-1
            error: $top: expected a whole number from 0, got '-1'
    "#]],
    );
}

#[test]
fn expand_and_select() {
    check(
        LIMITS,
        &[
            "$expand=Evidence, comments,evidence",
            "$expand=",
            "$expand=foo",
            "$expand=evidence($select=id)",
            "$select=ID, severity,id,evidence",
            "$select=*",
            "$select=id,foo",
            "$select=id,",
        ],
        expect![[r#"
            $expand=Evidence, comments,evidence
                Query { filter: None, order: [], top: None, skip: 0, count: false, expand: ["evidence", "comments"], select: [] }
            $expand=
                error: $expand: '' cannot be expanded at position 0; valid: evidence, comments
            $expand=foo
                error: $expand: 'foo' cannot be expanded at position 0; valid: evidence, comments
            $expand=evidence($select=id)
                error: $expand: options inside an expand are not supported at position 8; name the property alone
            $select=ID, severity,id,evidence
                Query { filter: None, order: [], top: None, skip: 0, count: false, expand: [], select: [id, severity, evidence] }
            $select=*
                Query { filter: None, order: [], top: None, skip: 0, count: false, expand: [], select: [] }
            $select=id,foo
                error: $select: unknown property 'foo' at position 3; valid: id, incidentId, severity, assignedTo, alertCreationTime, lastUpdateTime, category, cvssV3, isFailed, evidence
            $select=id,
                error: $select: unknown property '' at position 3; valid: id, incidentId, severity, assignedTo, alertCreationTime, lastUpdateTime, category, cvssV3, isFailed, evidence
        "#]],
    );
}

#[test]
fn refused_options() {
    check(
        LIMITS,
        &[
            "$search=x",
            "$Apply=groupby((id))",
            "compute=1",
            "$skiptoken=abc",
            "$stop=5",
            "$format=json",
            "$format=application/json;odata.metadata=minimal",
            "$format=xml",
            "$top=1&$top=2",
            "$filter=isFailed&filter=isFailed",
        ],
        expect![[r#"
            $search=x
                error: $search: this option is not supported
            $Apply=groupby((id))
                error: $apply: this option is not supported
            compute=1
                error: $compute: this option is not supported
            $skiptoken=abc
                error: $skiptoken: this option is not supported
            $stop=5
                error: $stop: unknown option; valid: $filter, $orderby, $top, $skip, $count, $expand, $select, $format
            $format=json
                Query { filter: None, order: [], top: None, skip: 0, count: false, expand: [], select: [] }
            $format=application/json;odata.metadata=minimal
                Query { filter: None, order: [], top: None, skip: 0, count: false, expand: [], select: [] }
            $format=xml
                error: $format: cannot answer as 'xml'; valid: json
            $top=1&$top=2
                error: $top: given more than once
            $filter=isFailed&filter=isFailed
                error: $filter: given more than once
        "#]],
    );
}
