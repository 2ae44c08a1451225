//! What an entity looks like to a client's query: declared once, in constants.

use std::fmt;

/// An entity and what may be asked of it.
#[derive(Debug)]
pub struct EntityType {
    pub name: &'static str,
    pub properties: &'static [Property],
    /// What `$expand` may name.
    pub expands: &'static [&'static str],
}

impl EntityType {
    /// The property of that wire name, in any letter case.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name.eq_ignore_ascii_case(name))
    }

    /// The names of the properties that pass, for messages.
    pub(crate) fn names(&self, keep: impl Fn(&Property) -> bool) -> String {
        names(self.properties, keep)
    }
}

pub(crate) fn names(properties: &[Property], keep: impl Fn(&Property) -> bool) -> String {
    let names: Vec<_> = properties.iter().filter(|p| keep(p)).map(|p| p.name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// One property of an entity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Property {
    /// The name on the wire, in its canonical case.
    pub name: &'static str,
    pub kind: Kind,
    /// `$filter` may name it.
    pub filter: bool,
    /// `$orderby` may name it.
    pub order: bool,
    /// The members of a [`Kind::Enum`] in their canonical case; empty for every other kind.
    pub values: &'static [&'static str],
    /// The members of the elements of a [`Kind::Objects`]; empty for every other kind.
    pub elements: &'static [Property],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    String,
    /// A string out of [`Property::values`].
    Enum,
    Int64,
    Double,
    Bool,
    DateTime,
    /// A collection of strings.
    Strings,
    /// A collection of objects: filtered by what holds of its elements.
    Objects,
    /// An object, or a collection of objects that nothing is asked of: can be selected, never compared.
    Complex,
}

impl Property {
    /// A property that can only be selected.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Property { name, kind, filter: false, order: false, values: &[], elements: &[] }
    }

    /// A property of kind [`Kind::Enum`] that can only be selected.
    pub const fn enumeration(name: &'static str, values: &'static [&'static str]) -> Self {
        Property { values, ..Property::new(name, Kind::Enum) }
    }

    /// A collection of objects with these members, filtered by lambdas.
    pub const fn objects(name: &'static str, elements: &'static [Property]) -> Self {
        Property { filter: true, elements, ..Property::new(name, Kind::Objects) }
    }

    pub const fn filterable(self) -> Self {
        Property { filter: true, ..self }
    }

    pub const fn sortable(self) -> Self {
        Property { order: true, ..self }
    }

    pub(crate) fn can_filter(&self) -> bool {
        self.filter && self.kind != Kind::Complex
    }

    pub(crate) fn can_order(&self) -> bool {
        self.order && !matches!(self.kind, Kind::Strings | Kind::Objects | Kind::Complex)
    }
}

/// The name alone: trees of filters stay readable.
impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
