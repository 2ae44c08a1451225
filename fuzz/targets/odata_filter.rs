//! Query options of any text are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use odata::{EntityType, Kind, Limits, Property};

const fn asked(name: &'static str, kind: Kind) -> Property {
    Property { name, kind, filter: true, order: true, values: &[] }
}

static ENTITY: EntityType = EntityType {
    name: "Alert",
    properties: &[
        asked("id", Kind::String),
        Property { name: "severity", kind: Kind::Enum, filter: true, order: true, values: &["Low", "High"] },
        asked("count", Kind::Int64),
        asked("score", Kind::Double),
        asked("isOpen", Kind::Bool),
        asked("created", Kind::DateTime),
        asked("tags", Kind::Strings),
        Property::new("evidence", Kind::Complex),
    ],
    expands: &["evidence"],
};

fuzz_target!(|texts: (&str, &str)| {
    let (filter, order) = texts;
    let options = [("$filter", filter), ("$orderby", order), ("$select", order), ("$top", order)];
    for option in options {
        let _ = odata::parse(&ENTITY, &[option], Limits::new(10_000));
    }
});
