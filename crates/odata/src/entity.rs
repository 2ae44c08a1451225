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
        let names: Vec<_> = self.properties.iter().filter(|p| keep(p)).map(|p| p.name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
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
    /// An object or a collection of objects: can be selected, never compared.
    Complex,
}

impl Property {
    /// A property that can only be selected.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Property { name, kind, filter: false, order: false, values: &[] }
    }

    /// A property of kind [`Kind::Enum`] that can only be selected.
    pub const fn enumeration(name: &'static str, values: &'static [&'static str]) -> Self {
        Property { values, ..Property::new(name, Kind::Enum) }
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
        self.order && !matches!(self.kind, Kind::Strings | Kind::Complex)
    }
}

/// The name alone: trees of filters stay readable.
impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
