//! What holds for every input.

use odata::{
    CompareOp, Filter, Kind, Limits, Property, TextFn, Value, format_datetime, parse, parse_datetime,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::entities::{ALERT, MACHINE};

/// Text that is close to being a filter: pieces of filters in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "id",
        "lastSeen",
        "machineTags",
        "riskScore",
        "rbacGroupId",
        "any",
        "all",
        "ipAddresses/any(t:t/ipAddress",
        "tolower",
        "contains",
        "in",
        "not",
        "and",
        "or",
        "eq",
        "ne",
        "gt",
        "null",
        "true",
        "t",
        "5",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "00:00",
        "'x'",
        "'High'",
        "\"y\"",
        "'",
        "(",
        ")",
        "[",
        "]",
        ",",
        "/",
        ":",
        "+",
        "-",
        ".",
        " ",
        " ",
        " ",
        "é",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn property(kinds: &'static [Kind]) -> impl Strategy<Value = &'static Property> {
    let is_wanted = |property: &&Property| property.filter && kinds.contains(&property.kind);
    select(MACHINE.properties.iter().filter(is_wanted).collect::<Vec<_>>())
}

fn string() -> impl Strategy<Value = String> {
    "[^\\x00]{0,8}"
}

fn value_of(property: &'static Property) -> BoxedStrategy<Value> {
    match property.kind {
        Kind::Enum => select(property.values).prop_map(|member| Value::String(member.to_owned())).boxed(),
        Kind::Int64 => any::<i64>().prop_map(Value::Int).boxed(),
        Kind::Double => any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::Double).boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::DateTime => (0..3_155_378_975_999_999_999i64).prop_map(Value::DateTime).boxed(),
        Kind::String | Kind::Strings | Kind::Objects | Kind::Complex => {
            string().prop_map(Value::String).boxed()
        }
    }
}

fn op(property: &'static Property) -> impl Strategy<Value = CompareOp> {
    let equality = [CompareOp::Eq, CompareOp::Ne];
    let order = [CompareOp::Gt, CompareOp::Ge, CompareOp::Lt, CompareOp::Le];
    let ordered = !matches!(property.kind, Kind::Enum | Kind::Bool);
    select(if ordered { [&equality[..], &order[..]].concat() } else { equality.to_vec() })
}

/// Conditions on that property, or on an element of it.
fn leaf(property: &'static Property) -> BoxedStrategy<Filter> {
    let compare = (op(property), value_of(property)).prop_map(move |(op, value)| Filter::Compare {
        property,
        op,
        value,
    });
    let list = prop::collection::vec(value_of(property), 1..4)
        .prop_map(move |values| Filter::In { property, values });
    let function = select(vec![TextFn::Contains, TextFn::StartsWith, TextFn::EndsWith]);
    let text =
        (function, string()).prop_map(move |(function, value)| Filter::Text { function, property, value });
    if matches!(property.kind, Kind::String | Kind::Strings | Kind::Enum) {
        prop_oneof![compare, list, text].boxed()
    } else {
        prop_oneof![compare, list].boxed()
    }
}

fn joined(leaf: BoxedStrategy<Filter>) -> BoxedStrategy<Filter> {
    leaf.prop_recursive(4, 24, 4, |inner| {
        let parts = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            parts().prop_map(Filter::And),
            parts().prop_map(Filter::Or),
            inner.clone().prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
    .boxed()
}

fn filter() -> impl Strategy<Value = Filter> {
    use Kind::{Bool, DateTime, Double, Enum, Int64, String, Strings};
    let null = (property(&[String, Enum, Int64, DateTime]), select(vec![CompareOp::Eq, CompareOp::Ne]))
        .prop_map(|(property, op)| Filter::Compare { property, op, value: Value::Null });
    let any = property(&[Strings]).prop_flat_map(|property| {
        prop::option::of(joined(leaf(property)))
            .prop_map(move |test| Filter::Any { property, test: test.map(Box::new) })
    });
    let members = || {
        property(&[Kind::Objects]).prop_flat_map(|property| {
            let member = select(property.elements.iter().filter(|member| member.filter).collect::<Vec<_>>());
            prop::option::of(joined(member.prop_flat_map(leaf).boxed()))
                .prop_map(move |test| Filter::Any { property, test: test.map(Box::new) })
        })
    };
    let own = property(&[String, Enum, Int64, Double, Bool, DateTime]).prop_flat_map(leaf);
    joined(prop_oneof![4 => own, 1 => null, 1 => any, 1 => members()].boxed())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), name in "\\$?[a-zA-Z]{0,8}") {
        let _ = Filter::parse(&MACHINE, &text).map_err(|error| error.to_string());
        let _ = parse_datetime(&text);
        for option in ["$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$select", "$format", &name] {
            let _ = parse(&ALERT, &[(option, &text)], Limits::new(10)).map_err(|error| error.to_string());
        }
    }

    #[test]
    fn near_filters_are_read_or_refused(text in pieces()) {
        if let Ok(filter) = Filter::parse(&MACHINE, &text) {
            prop_assert_eq!(Filter::parse(&MACHINE, &filter.to_string()), Ok(filter));
        }
        let _ = parse(&MACHINE, &[("$orderby", &text)], Limits::new(10));
    }

    #[test]
    fn a_filter_reads_as_it_was_written(filter in filter()) {
        prop_assert_eq!(Filter::parse(&MACHINE, &filter.to_string()), Ok(filter));
    }

    #[test]
    fn positions_are_inside_the_text(text in pieces()) {
        if let Err(error) = Filter::parse(&MACHINE, &text) {
            prop_assert!(error.position.is_some_and(|position| position <= text.chars().count()), "{}", error);
        }
    }

    #[test]
    fn any_ticks_can_be_written(ticks in any::<i64>()) {
        let text = format_datetime(ticks);
        prop_assert!(parse_datetime(&text).is_none_or(|read| read == ticks), "{}", text);
    }
}
