//! What can stand at a place of a query, and what the name there means: for editors.
//!
//! The text may be broken anywhere. Columns are those of the rows that reach the cursor: the pipeline in front of it
//! is planned, and where a part of it is wrong, the part before that.

mod items;
mod operators;
mod place;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Once};

use kql::ast::{LetValue, Statement};
use kql::{Diagnostic, Span};
use model::{Kind, Ticks};

pub use self::items::{Item, ItemKind};
use self::place::{Place, Wants};
use crate::bind::{Answers, BindFailure, Bound, Surroundings, Tables, bind, find_table};
use crate::functions::Context;
use crate::saved::SavedFunction;

/// Items of one answer.
const ITEMS_MAX: usize = 1_000;
/// Parts of a pipeline that are left out, one after the other, to find one that can be planned.
const PARTS_MAX: usize = 40;
/// Tables inside a query that are taken as empty while it is planned.
const NEEDS_MAX: usize = 64;

/// What an editor asks about.
#[derive(Clone)]
pub struct Editing {
    pub text: Arc<str>,
    /// In bytes; an offset inside a character counts as its start.
    pub offset: usize,
    pub tables: Arc<dyn Tables>,
    pub functions: Arc<[SavedFunction]>,
    pub now: Ticks,
}

/// What is known about a place.
#[derive(Debug)]
pub struct Completion {
    /// The text that an item takes the place of.
    pub replaces: Span,
    /// In the order of their worth.
    pub items: Vec<Item>,
    /// What the name at the place means.
    pub hover: Option<Item>,
    /// What is wrong with the whole query.
    pub diagnostics: Vec<Diagnostic>,
}

impl Editing {
    /// Plans parts of the query and runs nothing.
    pub fn complete(&self) -> Completion {
        let mut offset = self.offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let place = place::find(&self.text, offset);
        let typed = self.text.get(place.word.start..offset).unwrap_or_default();
        let word = self.text.get(place.word.start..place.word.end).unwrap_or_default();
        let mut items = if place.wants == Wants::Nothing { Vec::new() } else { self.items(&place) };
        let hover = items.iter().find(|item| item.label == word).cloned();
        let hover = hover.or_else(|| items::meaning(word));
        items.retain(|item| fits(&item.label, typed));
        items.sort_by_key(|item| !starts(&item.label, typed));
        items.truncate(ITEMS_MAX);
        let diagnostics = self.diagnostics();
        Completion { replaces: place.word, items, hover: hover.filter(|_| !word.is_empty()), diagnostics }
    }

    fn items(&self, place: &Place) -> Vec<Item> {
        let mut items = Vec::new();
        match &place.wants {
            Wants::Nothing => {}
            Wants::Source => {
                items.extend(self.tables.declared().iter().map(|table| items::of_table(table)));
                items.extend(self.named(place));
                items.extend(items::sources());
                items.extend(items::functions());
            }
            Wants::Operator => items.extend(items::operators()),
            Wants::Operand { operator } => {
                items.extend(self.columns(place).into_iter().map(|(name, kind)| self.column(name, kind)));
                items.extend(self.named(place));
                let operator = operator.as_deref().unwrap_or_default();
                items.extend(items::words(operator));
                if ["summarize", "make-series", "top-nested", "evaluate", "mv-apply"].contains(&operator) {
                    items.extend(items::aggregates());
                }
                if !["project-away", "project-keep", "project-reorder"].contains(&operator) {
                    items.extend(items::functions());
                }
            }
            Wants::Infix { operator } => {
                items.extend(items::infix());
                items.extend(items::words(operator.as_deref().unwrap_or_default()));
            }
        }
        items
    }

    /// The names that statements in front of the place define, and the saved functions.
    fn named(&self, place: &Place) -> Vec<Item> {
        let before = self.text.get(..place.statement).unwrap_or_default();
        let mut items: Vec<Item> = Vec::new();
        for statement in &kql::parse(before).query.statements {
            let Statement::Let(binding) = statement else { continue };
            let text = self.text.get(binding.span.start..binding.span.end).unwrap_or_default();
            items.push(match &binding.value {
                LetValue::Function(_) => Item::new(&binding.name.name, ItemKind::Function, text, ""),
                LetValue::Pipeline(_) => Item::new(&binding.name.name, ItemKind::Variable, text, ""),
            });
        }
        // The last one of a name is the one that holds.
        items.reverse();
        let mut seen = std::collections::HashSet::new();
        items.retain(|item| seen.insert(item.label.clone()));
        items.extend(self.functions.iter().map(items::of_saved));
        items
    }

    fn column(&self, name: String, kind: Kind) -> Item {
        let columns = self.tables.declared().iter().flat_map(|table| table.columns);
        let summary = columns.into_iter().find(|column| column.name == name && column.kind == kind);
        Item::new(&name, ItemKind::Column, kind.name(), summary.map_or("", |column| column.summary))
    }

    /// The columns of the rows that reach the place.
    fn columns(&self, place: &Place) -> Vec<(String, Kind)> {
        let before = self.text.get(..place.statement).unwrap_or_default();
        let mut texts = place.inputs.iter().filter_map(|span| self.text.get(span.start..span.end));
        texts.find_map(|pipeline| self.columns_of(before, pipeline)).unwrap_or_default()
    }

    /// The columns of a pipeline, or of the longest beginning of it that can be planned.
    fn columns_of(&self, before: &str, mut pipeline: &str) -> Option<Vec<(String, Kind)>> {
        for _ in 0..PARTS_MAX {
            // A statement in front may be broken as well.
            for statements in [before, ""] {
                if let Ok(columns) = self.plan(&format!("{statements}\n{pipeline}")) {
                    return Some(columns);
                }
            }
            let Some((shorter, _)) = pipeline.rsplit_once('|') else { break };
            pipeline = shorter;
        }
        let last_word = pipeline.split_whitespace().last().unwrap_or_default();
        let table = find_table(self.tables.as_ref(), last_word)?;
        let shown = table.columns.iter().filter(|column| !column.is_extension);
        Some(shown.map(|column| (column.name.to_owned(), column.kind)).collect())
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        let is_blank = self.text.trim().is_empty();
        if is_blank { Vec::new() } else { self.plan(&self.text).err().unwrap_or_default() }
    }

    /// The columns that a query gives, with tables inside of it taken as empty.
    fn plan(&self, text: &str) -> Result<Vec<(String, Kind)>, Vec<Diagnostic>> {
        let parsed = kql::parse(text);
        if !parsed.diagnostics.is_empty() {
            return Err(parsed.diagnostics);
        }
        let (geo_missed, seeds) = (Once::new(), AtomicU64::new(0));
        let context = Context { now: self.now, geo: None, external: None, geo_missed, seeds };
        let mut answers = Answers::new();
        for _ in 0..NEEDS_MAX {
            let surroundings = Surroundings {
                tables: self.tables.as_ref(),
                context: &context,
                answers: &answers,
                describes: true,
                functions: &self.functions,
                times: None,
                window: None,
            };
            match bind(&parsed.query, surroundings) {
                Ok(Bound::Plan(relation)) => return Ok(relation.columns_shown()),
                Ok(Bound::Needs(needs)) => {
                    needs.into_iter().for_each(|need| answers.insert(need.key, Vec::new()));
                }
                Err(BindFailure::Diagnostics(diagnostics)) => return Err(diagnostics),
                Err(BindFailure::Engine(_)) => return Err(Vec::new()),
            }
        }
        Err(Vec::new())
    }
}

fn starts(label: &str, typed: &str) -> bool {
    label.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed))
}

fn fits(label: &str, typed: &str) -> bool {
    typed.is_empty() || label.to_ascii_lowercase().contains(&typed.to_ascii_lowercase())
}
