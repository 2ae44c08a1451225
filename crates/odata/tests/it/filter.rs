//! `$filter`: expression to tree, or to the error a client reads.

use expect_test::{Expect, expect};
use odata::limits::{DEPTH_MAX, IN_VALUES_MAX, NODES_MAX, TEXT_BYTES_MAX};
use odata::{EntityType, Filter};

use crate::entities::{ACTION, ALERT, INDICATOR, MACHINE};

/// Each expression, and under it the filter as parsed or the error.
#[track_caller]
fn check(entity: &'static EntityType, expressions: &[&str], expected: Expect) {
    let mut actual = String::new();
    for expression in expressions {
        actual += expression;
        actual += "\n    ";
        actual += &read(entity, expression);
        actual += "\n";
    }
    expected.assert_eq(&actual);
}

fn read(entity: &'static EntityType, expression: &str) -> String {
    match Filter::parse(entity, expression) {
        Ok(filter) => filter.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn what_clients_send_about_machines() {
    check(
        &MACHINE,
        &[
            "computerDnsName eq 'web-1' and healthStatus eq 'Active' and riskScore eq 'High' and osPlatform eq 'Windows10' and lastIpAddress eq '10.0.0.5'",
            "computerDnsName eq 'web-1' AND healthStatus eq 'Active'",
            "ComputerDNSName eq 'web-1'",
            "startswith(computerDnsName,'web')",
            "lastSeen gt 2018-08-01Z",
            "id eq 'a1'",
        ],
        expect![[r#"
            computerDnsName eq 'web-1' and healthStatus eq 'Active' and riskScore eq 'High' and osPlatform eq 'Windows10' and lastIpAddress eq '10.0.0.5'
                computerDnsName eq 'web-1' and healthStatus eq 'Active' and riskScore eq 'High' and osPlatform eq 'Windows10' and lastIpAddress eq '10.0.0.5'
            computerDnsName eq 'web-1' AND healthStatus eq 'Active'
                computerDnsName eq 'web-1' and healthStatus eq 'Active'
            ComputerDNSName eq 'web-1'
                computerDnsName eq 'web-1'
            startswith(computerDnsName,'web')
                startswith(computerDnsName,'web')
            lastSeen gt 2018-08-01Z
                lastSeen gt 2018-08-01T00:00:00.0000000Z
            id eq 'a1'
                id eq 'a1'
        "#]],
    );
}

#[test]
fn what_clients_send_about_actions() {
    check(
        &ACTION,
        &[
            "(machineId eq 'a' and status eq 'Succeeded') or (machineId eq 'b' and status eq 'Failed')",
            "status in ('Pending','InProgress') AND type eq 'Isolate'",
            "type+eq+'Isolate'",
            "lastUpdateTimeUtc ge 2024-01-01T00:00:00Z",
            "lastUpdateDateTimeUtc gt 2024-01-01T00:00:00Z",
        ],
        expect![[r#"
            (machineId eq 'a' and status eq 'Succeeded') or (machineId eq 'b' and status eq 'Failed')
                machineId eq 'a' and status eq 'Succeeded' or machineId eq 'b' and status eq 'Failed'
            status in ('Pending','InProgress') AND type eq 'Isolate'
                status in ('Pending','InProgress') and type eq 'Isolate'
            type+eq+'Isolate'
                type eq 'Isolate'
            lastUpdateTimeUtc ge 2024-01-01T00:00:00Z
                lastUpdateDateTimeUtc ge 2024-01-01T00:00:00.0000000Z
            lastUpdateDateTimeUtc gt 2024-01-01T00:00:00Z
                lastUpdateDateTimeUtc gt 2024-01-01T00:00:00.0000000Z
        "#]],
    );
}

#[test]
fn what_clients_send_about_alerts_and_indicators() {
    check(
        &ALERT,
        &[
            "lastUpdateTime gt 2024-01-01T00:00:00.1234567Z",
            "alertCreationTime gt 2024-01-01T00:00:00Z and alertCreationTime le 2024-01-02T00:00:00.5Z",
            "severity eq 'High'and alertCreationTime+gt+2024-01-01T00:00:00Z",
            "(severity eq 'High'or severity eq 'Low')and(alertCreationTime+gt+2024-01-01T00:00:00+00:00+and+id+ne+'x')",
        ],
        expect![[r#"
            lastUpdateTime gt 2024-01-01T00:00:00.1234567Z
                lastUpdateTime gt 2024-01-01T00:00:00.1234567Z
            alertCreationTime gt 2024-01-01T00:00:00Z and alertCreationTime le 2024-01-02T00:00:00.5Z
                alertCreationTime gt 2024-01-01T00:00:00.0000000Z and alertCreationTime le 2024-01-02T00:00:00.5000000Z
            severity eq 'High'and alertCreationTime+gt+2024-01-01T00:00:00Z
                severity eq 'High' and alertCreationTime gt 2024-01-01T00:00:00.0000000Z
            (severity eq 'High'or severity eq 'Low')and(alertCreationTime+gt+2024-01-01T00:00:00+00:00+and+id+ne+'x')
                (severity eq 'High' or severity eq 'Low') and (alertCreationTime gt 2024-01-01T00:00:00.0000000Z and id ne 'x')
        "#]],
    );
    check(
        &INDICATOR,
        &["indicatorValue in ['10.0.0.5','x']", "indicatorValue eq 'http://a/?b=c&d=''e'''"],
        expect![[r#"
            indicatorValue in ['10.0.0.5','x']
                indicatorValue in ('10.0.0.5','x')
            indicatorValue eq 'http://a/?b=c&d=''e'''
                indicatorValue eq 'http://a/?b=c&d=''e'''
        "#]],
    );
}

#[test]
fn the_tree_is_typed() {
    let filter = Filter::parse(
        &ALERT,
        "severity in ('high') and not (incidentId gt 4 or isFailed) and lastUpdateTime lt 0001-01-02",
    );
    expect![[r#"And([In { property: severity, values: [String("High")] }, Not(Or([Compare { property: incidentId, op: Gt, value: Int(4) }, Compare { property: isFailed, op: Eq, value: Bool(true) }])), Compare { property: lastUpdateTime, op: Lt, value: DateTime(864000000000) }])"#]].assert_eq(&format!("{:?}", filter.expect("valid")));
}

#[test]
fn precedence_and_parentheses() {
    check(
        &ALERT,
        &[
            "id eq 'a' or id eq 'b' and id eq 'c'",
            "(id eq 'a' or id eq 'b') and id eq 'c'",
            "((id eq 'a')) and (id eq 'b' and id eq 'c')",
            "not id eq 'a' and id eq 'b'",
            "NOT(id eq 'a' Or id Eq 'b')",
            "not not isFailed",
            "isFailed and not isFailed",
        ],
        expect![[r#"
            id eq 'a' or id eq 'b' and id eq 'c'
                id eq 'a' or id eq 'b' and id eq 'c'
            (id eq 'a' or id eq 'b') and id eq 'c'
                (id eq 'a' or id eq 'b') and id eq 'c'
            ((id eq 'a')) and (id eq 'b' and id eq 'c')
                id eq 'a' and (id eq 'b' and id eq 'c')
            not id eq 'a' and id eq 'b'
                not (id eq 'a') and id eq 'b'
            NOT(id eq 'a' Or id Eq 'b')
                not (id eq 'a' or id eq 'b')
            not not isFailed
                not not (isFailed eq true)
            isFailed and not isFailed
                isFailed eq true and not (isFailed eq true)
        "#]],
    );
}

#[test]
fn values() {
    check(
        &ALERT,
        &[
            "id eq 'it''s'",
            "id eq \"say \"\"it's\"\"\"",
            "id eq ''",
            "id eq '1 + 1'",
            "id eq 9C2B1F5E-0000-4000-8000-00000000ABCD",
            "id eq guid'9C2B1F5E-0000-4000-8000-00000000ABCD'",
            "assignedTo eq null",
            "assignedTo ne NULL",
            "id gt 'm'",
            "incidentId eq -9223372036854775808",
            "cvssV3 ge 7.5 and cvssV3 lt 9",
            "isFailed eq true or isFailed ne FALSE",
            "severity eq 'hIGH'",
            "severity eq medium",
            "severity eq Microsoft.Api.Severity'Low'and id eq 'x'",
            "severity in(High,'low',A.B'Medium')",
        ],
        expect![[r#"
            id eq 'it''s'
                id eq 'it''s'
            id eq "say ""it's"""
                id eq 'say "it''s"'
            id eq ''
                id eq ''
            id eq '1 + 1'
                id eq '1 + 1'
            id eq 9C2B1F5E-0000-4000-8000-00000000ABCD
                id eq '9C2B1F5E-0000-4000-8000-00000000ABCD'
            id eq guid'9C2B1F5E-0000-4000-8000-00000000ABCD'
                id eq '9C2B1F5E-0000-4000-8000-00000000ABCD'
            assignedTo eq null
                assignedTo eq null
            assignedTo ne NULL
                assignedTo ne null
            id gt 'm'
                id gt 'm'
            incidentId eq -9223372036854775808
                incidentId eq -9223372036854775808
            cvssV3 ge 7.5 and cvssV3 lt 9
                cvssV3 ge 7.5 and cvssV3 lt 9
            isFailed eq true or isFailed ne FALSE
                isFailed eq true or isFailed ne false
            severity eq 'hIGH'
                severity eq 'High'
            severity eq medium
                severity eq 'Medium'
            severity eq Microsoft.Api.Severity'Low'and id eq 'x'
                severity eq 'Low' and id eq 'x'
            severity in(High,'low',A.B'Medium')
                severity in ('High','Low','Medium')
        "#]],
    );
}

#[test]
fn times() {
    check(
        &ALERT,
        &[
            "lastUpdateTime gt '2024-02-29T12:30:45Z'",
            "lastUpdateTime gt \"2024-02-29T12:30:45.1Z\"",
            "lastUpdateTime gt datetime'2024-02-29T12:30:45'",
            "lastUpdateTime gt 2024-02-29t12:30z",
            "lastUpdateTime gt 2024-02-29T12:30:45.123456789Z",
            "lastUpdateTime gt 2024-01-01T00:00:00+01:00",
            "lastUpdateTime gt 2024-01-01T00:00:00 00:00 and id eq 'x'",
            "(lastUpdateTime gt 2024-01-01T00:00:00.5 05:30)",
            "lastUpdateTime gt 2024-01-01T00:00:00-05:00",
            "lastUpdateTime gt '2024-01-01T00:00:00 02:00'",
            "lastUpdateTime ge 2018-08-01",
            "lastUpdateTime in (2018-08-01Z,'2018-08-02')",
        ],
        expect![[r#"
            lastUpdateTime gt '2024-02-29T12:30:45Z'
                lastUpdateTime gt 2024-02-29T12:30:45.0000000Z
            lastUpdateTime gt "2024-02-29T12:30:45.1Z"
                lastUpdateTime gt 2024-02-29T12:30:45.1000000Z
            lastUpdateTime gt datetime'2024-02-29T12:30:45'
                lastUpdateTime gt 2024-02-29T12:30:45.0000000Z
            lastUpdateTime gt 2024-02-29t12:30z
                lastUpdateTime gt 2024-02-29T12:30:00.0000000Z
            lastUpdateTime gt 2024-02-29T12:30:45.123456789Z
                lastUpdateTime gt 2024-02-29T12:30:45.1234567Z
            lastUpdateTime gt 2024-01-01T00:00:00+01:00
                lastUpdateTime gt 2023-12-31T23:00:00.0000000Z
            lastUpdateTime gt 2024-01-01T00:00:00 00:00 and id eq 'x'
                lastUpdateTime gt 2024-01-01T00:00:00.0000000Z and id eq 'x'
            (lastUpdateTime gt 2024-01-01T00:00:00.5 05:30)
                lastUpdateTime gt 2023-12-31T18:30:00.5000000Z
            lastUpdateTime gt 2024-01-01T00:00:00-05:00
                lastUpdateTime gt 2024-01-01T05:00:00.0000000Z
            lastUpdateTime gt '2024-01-01T00:00:00 02:00'
                lastUpdateTime gt 2023-12-31T22:00:00.0000000Z
            lastUpdateTime ge 2018-08-01
                lastUpdateTime ge 2018-08-01T00:00:00.0000000Z
            lastUpdateTime in (2018-08-01Z,'2018-08-02')
                lastUpdateTime in (2018-08-01T00:00:00.0000000Z,2018-08-02T00:00:00.0000000Z)
        "#]],
    );
}

#[test]
fn functions() {
    check(
        &MACHINE,
        &[
            "contains(computerDnsName, 'web')",
            "StartsWith(computerDnsName,'web') eq true",
            "endswith(computerDnsName,'.lan') eq false and contains(osPlatform,'x') ne true",
            "tolower(computerDnsName) eq 'web-1'",
            "contains(toupper(computerDnsName),tolower('WEB'))",
            "toupper(computerDnsName) eq toupper('web-1')",
            "contains(healthStatus,'active')",
        ],
        expect![[r#"
            contains(computerDnsName, 'web')
                contains(computerDnsName,'web')
            StartsWith(computerDnsName,'web') eq true
                startswith(computerDnsName,'web')
            endswith(computerDnsName,'.lan') eq false and contains(osPlatform,'x') ne true
                not endswith(computerDnsName,'.lan') and not contains(osPlatform,'x')
            tolower(computerDnsName) eq 'web-1'
                computerDnsName eq 'web-1'
            contains(toupper(computerDnsName),tolower('WEB'))
                contains(computerDnsName,'WEB')
            toupper(computerDnsName) eq toupper('web-1')
                computerDnsName eq 'web-1'
            contains(healthStatus,'active')
                contains(healthStatus,'active')
        "#]],
    );
}

#[test]
fn collections() {
    check(
        &MACHINE,
        &[
            "machineTags/any(tag: tag eq 'x')",
            "MachineTags/Any(t:T eq 'x' or startswith(t,'y') and not endswith(tolower(t),'z'))",
            "machineTags/any(t: t in ('a','b')) eq false",
            "machineTags/any()",
            "machineTags/all(t: t eq 'x')",
            "ipAddresses/any(a: a/ipAddress eq '10.0.0.5' and (a/Type eq 'ethernet' or A/lastSeen gt 2024-01-01))",
            "ipAddresses/all(a: startswith(tolower(a/ipAddress),'10.')) eq false",
            "ipAddresses/any()",
            "machineTags eq 'x'",
            "machineTags ne 'x'",
            "machineTags in ('a','b')",
            "contains(machineTags,'x')",
        ],
        expect![[r#"
            machineTags/any(tag: tag eq 'x')
                machineTags/any(item: item eq 'x')
            MachineTags/Any(t:T eq 'x' or startswith(t,'y') and not endswith(tolower(t),'z'))
                machineTags/any(item: item eq 'x' or startswith(item,'y') and not endswith(item,'z'))
            machineTags/any(t: t in ('a','b')) eq false
                not machineTags/any(item: item in ('a','b'))
            machineTags/any()
                machineTags/any()
            machineTags/all(t: t eq 'x')
                not machineTags/any(item: not (item eq 'x'))
            ipAddresses/any(a: a/ipAddress eq '10.0.0.5' and (a/Type eq 'ethernet' or A/lastSeen gt 2024-01-01))
                ipAddresses/any(item: item/ipAddress eq '10.0.0.5' and (item/type eq 'Ethernet' or item/lastSeen gt 2024-01-01T00:00:00.0000000Z))
            ipAddresses/all(a: startswith(tolower(a/ipAddress),'10.')) eq false
                not not ipAddresses/any(item: not startswith(item/ipAddress,'10.'))
            ipAddresses/any()
                ipAddresses/any()
            machineTags eq 'x'
                machineTags/any(item: item eq 'x')
            machineTags ne 'x'
                not machineTags/any(item: item eq 'x')
            machineTags in ('a','b')
                machineTags/any(item: item in ('a','b'))
            contains(machineTags,'x')
                machineTags/any(item: contains(item,'x'))
        "#]],
    );
}

#[test]
fn unknown_names() {
    check(
        &MACHINE,
        &[
            "foo eq 'x'",
            "id eq 'a' and foo/any(f: f eq 'x')",
            "agentVersion eq '1'",
            "ipAddresses/any(i: i/ipAdress eq 'x')",
            "ipAddresses/any(i: i eq 'x')",
            "ipAddresses/any(i: i/details eq 'x')",
            "ipAddresses eq '10.0.0.5'",
            "ipAddresses/all()",
            "indexof(id,'x') eq 1",
            "id has 'x'",
            "id = 'x'",
            "id eq 'ü' and foo eq 1",
            "machineTags/all(t: t eq 'x')",
            "machineTags/any(t: id eq 'x')",
            "machineTags/any(t: t/any(u: u eq 'x'))",
            "id/any(t: t eq 'x')",
        ],
        expect![[r#"
            foo eq 'x'
                error: $filter: unknown property 'foo' at position 0; valid: id, computerDnsName, aadDeviceId, osPlatform, lastIpAddress, lastSeen, healthStatus, riskScore, rbacGroupId, isAadJoined, exposureScore, machineTags, ipAddresses, version
            id eq 'a' and foo/any(f: f eq 'x')
                error: $filter: unknown property 'foo' at position 14; valid: id, computerDnsName, aadDeviceId, osPlatform, lastIpAddress, lastSeen, healthStatus, riskScore, rbacGroupId, isAadJoined, exposureScore, machineTags, ipAddresses, version
            agentVersion eq '1'
                error: $filter: property 'agentVersion' cannot be filtered at position 0; valid: id, computerDnsName, aadDeviceId, osPlatform, lastIpAddress, lastSeen, healthStatus, riskScore, rbacGroupId, isAadJoined, exposureScore, machineTags, ipAddresses, version
            ipAddresses/any(i: i/ipAdress eq 'x')
                error: $filter: unknown member 'ipAdress' of 'ipAddresses' at position 21; valid: ipAddress, type, lastSeen
            ipAddresses/any(i: i eq 'x')
                error: $filter: 'i' is an object and cannot be compared at position 21; i/ and one of: ipAddress, type, lastSeen
            ipAddresses/any(i: i/details eq 'x')
                error: $filter: unknown member 'details' of 'ipAddresses' at position 21; valid: ipAddress, type, lastSeen
            ipAddresses eq '10.0.0.5'
                error: $filter: 'ipAddresses' is a collection and cannot be compared at position 12; such as ipAddresses/any(x: x/ipAddress ...)
            ipAddresses/all()
                error: $filter: expected a variable, got ')' at position 16
            indexof(id,'x') eq 1
                error: $filter: unknown function 'indexof' at position 0; valid: contains, startswith, endswith, tolower, toupper
            id has 'x'
                error: $filter: unknown operator 'has' at position 3; valid: eq, ne, gt, ge, lt, le, in
            id = 'x'
                error: $filter: unexpected '=' at position 3; operators are words: eq, ne, gt, ge, lt, le, in, and, or, not
            id eq 'ü' and foo eq 1
                error: $filter: unknown property 'foo' at position 14; valid: id, computerDnsName, aadDeviceId, osPlatform, lastIpAddress, lastSeen, healthStatus, riskScore, rbacGroupId, isAadJoined, exposureScore, machineTags, ipAddresses, version
            machineTags/all(t: t eq 'x')
                not machineTags/any(item: not (item eq 'x'))
            machineTags/any(t: id eq 'x')
                error: $filter: 'id' cannot be used inside any() at position 19; only the variable can: 't'
            machineTags/any(t: t/any(u: u eq 'x'))
                error: $filter: 't' is not a collection at position 20
            id/any(t: t eq 'x')
                error: $filter: 'id' is not a collection at position 2
        "#]],
    );
}

#[test]
fn wrong_values() {
    check(
        &ALERT,
        &[
            "incidentId eq 'four'",
            "incidentId eq 4.5",
            "incidentId eq 9223372036854775808",
            "cvssV3 gt inf",
            "cvssV3 gt 1e999",
            "isFailed eq 1",
            "severity eq 'Hgih'",
            "severity gt 'Low'",
            "severity eq 5",
            "id eq x",
            "id eq 5",
            "id eq guid'5'",
            "lastUpdateTime gt 'yesterday'",
            "lastUpdateTime gt 2023-02-29",
            "lastUpdateTime gt 2024-01-01T24:00:00Z",
            "lastUpdateTime gt 0001-01-01T00:00:00+01:00",
            "lastUpdateTime gt null",
            "id in ('a',null)",
            "contains(incidentId,'4')",
            "contains(id,4)",
            "tolower(incidentId) eq 4",
        ],
        expect![[r#"
            incidentId eq 'four'
                error: $filter: 'incidentId' takes a whole number, not the text 'four' at position 14; such as 42
            incidentId eq 4.5
                error: $filter: 'incidentId' takes a whole number, not '4.5' at position 14; such as 42
            incidentId eq 9223372036854775808
                error: $filter: 'incidentId' takes a whole number, not '9223372036854775808' at position 14; such as 42
            cvssV3 gt inf
                error: $filter: 'cvssV3' takes a number, not 'inf' at position 10; such as 7.5
            cvssV3 gt 1e999
                error: $filter: 'cvssV3' takes a number, not '1e999' at position 10; such as 7.5
            isFailed eq 1
                error: $filter: 'isFailed' takes true or false, not '1' at position 12
            severity eq 'Hgih'
                error: $filter: 'severity' takes one of its members, not the text 'Hgih' at position 12; valid: UnSpecified, Informational, Low, Medium, High
            severity gt 'Low'
                error: $filter: 'severity' cannot be compared with gt at position 9; valid: eq, ne, in
            severity eq 5
                error: $filter: 'severity' takes one of its members, not '5' at position 12; valid: UnSpecified, Informational, Low, Medium, High
            id eq x
                error: $filter: 'id' takes text in quotes, not 'x' at position 6; such as 'text'
            id eq 5
                error: $filter: 'id' takes text in quotes, not '5' at position 6; such as 'text'
            id eq guid'5'
                error: $filter: 'id' takes text in quotes, not guid'5' at position 6; such as 'text'
            lastUpdateTime gt 'yesterday'
                error: $filter: 'lastUpdateTime' takes a date and time, not the text 'yesterday' at position 18; such as 2024-01-31T12:30:00Z
            lastUpdateTime gt 2023-02-29
                error: $filter: 'lastUpdateTime' takes a date and time, not '2023-02-29' at position 18; such as 2024-01-31T12:30:00Z
            lastUpdateTime gt 2024-01-01T24:00:00Z
                error: $filter: 'lastUpdateTime' takes a date and time, not '2024-01-01T24:00:00Z' at position 18; such as 2024-01-31T12:30:00Z
            lastUpdateTime gt 0001-01-01T00:00:00+01:00
                error: $filter: 'lastUpdateTime' takes a date and time, not '0001-01-01T00:00:00+01:00' at position 18; such as 2024-01-31T12:30:00Z
            lastUpdateTime gt null
                error: $filter: null cannot be compared with gt at position 18; valid: eq, ne
            id in ('a',null)
                error: $filter: null cannot be in a list at position 11; write: property eq null or property in (...)
            contains(incidentId,'4')
                error: $filter: contains takes text, and 'incidentId' is not at position 9
            contains(id,4)
                error: $filter: expected a string in quotes, got '4' at position 12
            tolower(incidentId) eq 4
                error: $filter: tolower takes text, and 'incidentId' is not at position 0
        "#]],
    );
    check(
        &MACHINE,
        &["machineTags gt 'x'", "machineTags eq null", "machineTags/any(t: t eq null)"],
        expect![[r#"
            machineTags gt 'x'
                error: $filter: 'machineTags' cannot be compared with gt at position 12; valid: eq, ne, in
            machineTags eq null
                error: $filter: an element of 'machineTags' is never null at position 15
            machineTags/any(t: t eq null)
                error: $filter: an element of 'machineTags' is never null at position 24
        "#]],
    );
}

#[test]
fn databases_cannot_hold_a_nul() {
    expect!["error: $filter: a string cannot hold a NUL character at position 6"]
        .assert_eq(&read(&ALERT, "id eq 'a\0b'"));
}

#[test]
fn broken_syntax() {
    check(
        &ALERT,
        &[
            "",
            "+ +",
            "id",
            "id eq",
            "id eq 'it's'",
            "id eq 'x",
            "'x' eq id",
            "and id eq 'x'",
            "id and isFailed",
            "id eq 'x' and",
            "id eq 'x' id eq 'y'",
            "(id eq 'x'",
            "id eq 'x')",
            "()",
            "not",
            "id in 'x'",
            "id in ()",
            "id in ('x',)",
            "id in ['x')",
            "contains(id)",
            "contains(id,'x'",
            "contains(id,'x') eq 1",
            "tolower(id eq 'x'",
            "id; drop",
        ],
        expect![[r#"

                error: $filter: expected a property or a function, got the end at position 0
            + +
                error: $filter: expected a property or a function, got the end at position 3
            id
                error: $filter: expected an operator after 'id', got the end at position 2; valid: eq, ne, gt, ge, lt, le, in
            id eq
                error: $filter: expected a value for 'id', got the end at position 5; such as 'text'
            id eq 'it's'
                error: $filter: the string that starts here has no closing quote at position 11; write a quote inside a string twice, such as 'it''s'
            id eq 'x
                error: $filter: the string that starts here has no closing quote at position 6; write a quote inside a string twice, such as 'it''s'
            'x' eq id
                error: $filter: expected a property or a function, got the text 'x' at position 0
            and id eq 'x'
                error: $filter: unknown property 'and' at position 0; valid: id, incidentId, severity, assignedTo, alertCreationTime, lastUpdateTime, category, cvssV3, isFailed
            id and isFailed
                error: $filter: expected an operator after 'id', got 'and' at position 3; valid: eq, ne, gt, ge, lt, le, in
            id eq 'x' and
                error: $filter: expected a property or a function, got the end at position 13
            id eq 'x' id eq 'y'
                error: $filter: unexpected 'id' at position 10; join conditions with and, or
            (id eq 'x'
                error: $filter: expected ')', got the end at position 10
            id eq 'x')
                error: $filter: unexpected ')' at position 9; join conditions with and, or
            ()
                error: $filter: expected a property or a function, got ')' at position 1
            not
                error: $filter: expected a property or a function, got the end at position 3
            id in 'x'
                error: $filter: expected a list after in, got the text 'x' at position 6; such as ('a','b')
            id in ()
                error: $filter: expected a value for 'id', got ')' at position 7; such as 'text'
            id in ('x',)
                error: $filter: expected a value for 'id', got ')' at position 11; such as 'text'
            id in ['x')
                error: $filter: expected ']', got ')' at position 10
            contains(id)
                error: $filter: expected ',', got ')' at position 11
            contains(id,'x'
                error: $filter: expected ')', got the end at position 15
            contains(id,'x') eq 1
                error: $filter: expected true or false, got '1' at position 20
            tolower(id eq 'x'
                error: $filter: expected ')', got 'eq' at position 11
            id; drop
                error: $filter: unexpected ';' at position 2
        "#]],
    );
}

#[test]
fn limits_hold_on_hostile_filters() {
    let nested = |depth: usize| format!("{}isFailed{}", "(".repeat(depth), ")".repeat(depth));
    let negated = |depth: usize| format!("{}isFailed", "not ".repeat(depth));
    let listed = |count: usize| format!("incidentId in ({})", vec!["1"; count].join(","));
    let joined = |count: usize| vec!["isFailed"; count].join(" and ");
    let long = |bytes: usize| format!("id eq '{}'", "x".repeat(bytes - 8));
    let filters = [
        nested(DEPTH_MAX),
        negated(DEPTH_MAX),
        listed(IN_VALUES_MAX),
        joined(NODES_MAX - 1),
        long(TEXT_BYTES_MAX),
        nested(DEPTH_MAX + 1),
        negated(DEPTH_MAX + 1),
        listed(IN_VALUES_MAX + 1),
        joined(NODES_MAX),
        long(TEXT_BYTES_MAX + 1),
        "(".repeat(TEXT_BYTES_MAX),
        "(".repeat(100_000),
        "not ".repeat(TEXT_BYTES_MAX / 4),
        "tolower(".repeat(TEXT_BYTES_MAX / 8),
        format!("id eq {}", "tolower(".repeat(2_000)),
    ];
    let outcomes = filters.map(|filter| match Filter::parse(&ALERT, &filter) {
        Ok(_) => "parsed\n".to_owned(),
        Err(error) => format!("error: {error}\n"),
    });
    expect![[r#"
        parsed
        parsed
        parsed
        parsed
        parsed
        error: $filter: nested more than 64 deep at position 65
        error: $filter: nested more than 64 deep at position 260
        error: $filter: a list of more than 1000 values at position 2015
        error: $filter: more than 1000 conditions at position 12995
        error: $filter: 16385 bytes long, more than 16384
        error: $filter: nested more than 64 deep at position 65
        error: $filter: 100000 bytes long, more than 16384
        error: $filter: nested more than 64 deep at position 260
        error: $filter: expected a property, got the end at position 16384
        error: $filter: expected a string in quotes, got the end at position 16006
    "#]]
    .assert_eq(&outcomes.concat());
}

#[test]
fn numbers_may_be_in_quotes_as_documented_queries_have_them() {
    check(
        &ALERT,
        &["incidentId eq '4'", "incidentId in ('4', 5)", "incidentId gt ' 4 '"],
        expect![[r#"
            incidentId eq '4'
                incidentId eq 4
            incidentId in ('4', 5)
                incidentId in (4,5)
            incidentId gt ' 4 '
                incidentId gt 4
        "#]],
    );
}
