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
    /// The property of that wire name or alias, in any letter case.
    pub fn property(&self, name: &str) -> Option<&Property> {
        let by_name = self.properties.iter().find(|property| property.name.eq_ignore_ascii_case(name));
        let is_alias = |property: &&Property| !name.is_empty() && property.alias.eq_ignore_ascii_case(name);
        by_name.or_else(|| self.properties.iter().find(is_alias))
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
    /// A [`Kind::Complex`] that is a collection.
    pub is_list: bool,
    /// Another name by which queries may ask for it; empty for none.
    pub alias: &'static str,
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
        let (values, elements) = (&[], &[]);
        Property { name, kind, filter: false, order: false, values, is_list: false, alias: "", elements }
    }

    /// A property of kind [`Kind::Enum`] that can only be selected.
    pub const fn enumeration(name: &'static str, values: &'static [&'static str]) -> Self {
        Property { values, ..Property::new(name, Kind::Enum) }
    }

    /// A collection of objects with these members, filtered by lambdas.
    pub const fn objects(name: &'static str, elements: &'static [Property]) -> Self {
        Property { filter: true, elements, ..Property::new(name, Kind::Objects) }
    }

    /// A collection of objects that nothing is asked of.
    pub const fn list(name: &'static str) -> Self {
        Property { is_list: true, ..Property::new(name, Kind::Complex) }
    }

    /// The same, that queries may call by another name, too.
    pub const fn also_called(self, alias: &'static str) -> Self {
        Property { alias, ..self }
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
