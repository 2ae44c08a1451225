//! Query options of any text are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use odata::{EntityType, Kind, Limits, Property};

const fn asked(name: &'static str, kind: Kind) -> Property {
    Property { filter: true, order: true, ..Property::new(name, kind) }
}

static ENTITY: EntityType = EntityType {
    name: "Alert",
    properties: &[
        asked("id", Kind::String),
        Property { values: &["Low", "High"], ..asked("severity", Kind::Enum) },
        asked("count", Kind::Int64),
        asked("score", Kind::Double),
        asked("isOpen", Kind::Bool),
        asked("created", Kind::DateTime),
        asked("tags", Kind::Strings),
        Property { elements: &[asked("sha1", Kind::String)], ..asked("evidence", Kind::Objects) },
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
