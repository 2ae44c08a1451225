//! What an editor offers: names with what they mean.

use model::Table;

use super::operators::{INFIX, OPERATORS, OperatorHelp, SOURCES, words_of};
use crate::aggregates::AGGREGATES;
use crate::functions::{FUNCTIONS, Param, usage};
use crate::saved::SavedFunction;
use crate::windows::WINDOWS;

/// One thing that can stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub label: String,
    pub kind: ItemKind,
    /// Its type, its usage, or how it is defined.
    pub detail: String,
    pub documentation: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    Table,
    Column,
    Function,
    Aggregate,
    /// A name of the query.
    Variable,
    Operator,
    Keyword,
}

impl ItemKind {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            ItemKind::Table => "Table",
            ItemKind::Column => "Column",
            ItemKind::Function => "Function",
            ItemKind::Aggregate => "Aggregate",
            ItemKind::Variable => "Variable",
            ItemKind::Operator => "Operator",
            ItemKind::Keyword => "Keyword",
        }
    }
}

impl Item {
    pub(super) fn new(label: &str, kind: ItemKind, detail: &str, documentation: &str) -> Item {
        let (detail, documentation) = (detail.to_owned(), documentation.to_owned());
        Item { label: label.to_owned(), kind, detail, documentation }
    }
}

pub(super) fn of_table(table: &Table) -> Item {
    let detail = format!("{} columns", table.columns.len());
    Item::new(table.name, ItemKind::Table, &detail, table.summary)
}

pub(super) fn of_saved(function: &SavedFunction) -> Item {
    let detail = format!("{}({})", function.name, function.parameters);
    Item::new(&function.name, ItemKind::Function, &detail, "A saved function.")
}

fn of_operator(help: &OperatorHelp) -> Item {
    Item::new(help.name, ItemKind::Operator, help.usage, help.summary)
}

pub(super) fn operators() -> impl Iterator<Item = Item> {
    OPERATORS.iter().map(of_operator)
}

pub(super) fn infix() -> impl Iterator<Item = Item> {
    INFIX.iter().map(of_operator)
}

pub(super) fn sources() -> impl Iterator<Item = Item> {
    let keyword = |help| Item { kind: ItemKind::Keyword, ..of_operator(help) };
    SOURCES.iter().map(keyword)
}

pub(super) fn words(operator: &str) -> impl Iterator<Item = Item> {
    words_of(operator).iter().map(|word| Item::new(word, ItemKind::Keyword, "", ""))
}

pub(super) fn functions() -> impl Iterator<Item = Item> {
    let scalar = FUNCTIONS.iter().map(|function| {
        let examples = function.examples.iter();
        let examples = examples.map(|example| format!("\n{}  // {}", example.query, example.result));
        let documentation = format!("{}{}", function.summary, examples.collect::<String>());
        let detail = format!("{}: {}", function.usage(), function.returns);
        Item::new(function.name, ItemKind::Function, &detail, &documentation)
    });
    let windows = WINDOWS.iter().map(|window| of_params(window.name, window.params, window.summary));
    scalar.chain(windows.map(|item| Item { kind: ItemKind::Function, ..item }))
}

pub(super) fn aggregates() -> impl Iterator<Item = Item> {
    AGGREGATES.iter().map(|aggregate| of_params(aggregate.name, aggregate.params, aggregate.summary))
}

fn of_params(name: &str, params: &[Param], summary: &str) -> Item {
    Item::new(name, ItemKind::Aggregate, &usage(name, params), summary)
}

/// What a name means wherever it stands.
pub(super) fn meaning(word: &str) -> Option<Item> {
    let table = model::tables::find(word).map(of_table);
    table
        .or_else(|| operators().chain(infix()).find(|item| item.label == word))
        .or_else(|| functions().chain(aggregates()).find(|item| item.label == word))
        .or_else(|| sources().find(|item| item.label == word))
}
