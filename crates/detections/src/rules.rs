//! A set of rules, ready to be asked about rows.

use std::collections::HashMap;

use model::Row;
use rsigma_eval::{CompiledRule, Engine};

use crate::fields::RowView;
use crate::logsource::{Key, Product};
use crate::meta::RuleMeta;

/// Rules that can be asked about rows, from any number of threads.
pub struct RuleSet {
    metas: Vec<RuleMeta>,
    engines: HashMap<Key, Engine>,
}

/// A rule that compiled. Its compiled form carries its position among the rules as its id.
pub(crate) struct Ready {
    pub key: Key,
    pub meta: RuleMeta,
    pub compiled: CompiledRule,
}

impl RuleSet {
    pub(crate) fn build(rules: Vec<Ready>) -> RuleSet {
        let mut metas = Vec::with_capacity(rules.len());
        let mut compiled: HashMap<Key, Vec<CompiledRule>> = HashMap::new();
        for (position, mut rule) in rules.into_iter().enumerate() {
            rule.compiled.id = Some(position.to_string());
            compiled.entry(rule.key).or_default().push(rule.compiled);
            metas.push(rule.meta);
        }
        let engines = compiled.into_iter().map(|(key, rules)| {
            let mut engine = Engine::new();
            engine.extend_compiled_rules(rules);
            (key, engine)
        });
        RuleSet { metas, engines: engines.collect() }
    }

    pub fn len(&self) -> usize {
        self.metas.len()
    }

    pub fn is_empty(&self) -> bool {
        self.metas.is_empty()
    }

    /// What is known about each rule, in the order they were loaded.
    pub fn metas(&self) -> &[RuleMeta] {
        &self.metas
    }

    /// The rules that a row matches, in the order they were loaded.
    pub fn evaluate(&self, row: &Row) -> Vec<&RuleMeta> {
        if self.is_empty() {
            return Vec::new();
        }
        let view = RowView::new(row);
        let mut hits: Vec<usize> = Vec::new();
        for key in keys(&view) {
            let Some(engine) = self.engines.get(&key) else { continue };
            let results = engine.evaluate(&view);
            hits.extend(
                results.iter().filter_map(|hit| hit.header.rule_id.as_deref()?.parse::<usize>().ok()),
            );
        }
        hits.sort_unstable();
        hits.iter().filter_map(|position| self.metas.get(*position)).collect()
    }
}

/// Every way in which a rule can name a log source of the row.
fn keys(view: &RowView<'_>) -> impl Iterator<Item = Key> {
    let route = view.route;
    let products: &[Option<Product>] = match route.product {
        Some(Product::Windows) => &[None, Some(Product::Windows)],
        Some(Product::Linux) => &[None, Some(Product::Linux)],
        // Nothing tells the operating system: rules of either may fit.
        None => &[None, Some(Product::Windows), Some(Product::Linux)],
    };
    let or_none = |names: &'static [&'static str]| names.iter().map(|name| Some(*name)).chain([None]);
    products.iter().flat_map(move |product| {
        or_none(route.categories).flat_map(move |category| {
            or_none(route.services).map(move |service| Key { product: *product, category, service })
        })
    })
}
