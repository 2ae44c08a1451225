//! The files of queries: one JSON object a line.

use anyhow::{Context, bail};
use model::{Kind, Table};
use serde::Deserialize;
use serde_json::Value;

/// A name and the name of a type.
pub(super) type NamedType = (String, String);

/// A query and what is expected of it.
pub(super) struct Checked {
    /// Where it comes from, to find it again.
    pub origin: String,
    pub query: String,
    pub accepted: bool,
    pub columns: Columns,
    /// Why it should be refused.
    pub why: String,
}

/// What is known of the columns of a result.
pub(super) enum Columns {
    Known(Vec<NamedType>),
    /// The columns that do not depend on rows.
    Among(Vec<NamedType>),
    Count(usize),
    Unknown,
}

/// The queries of a file, and the tables they read when the file declares its own.
pub(super) struct CheckFile {
    pub tables: Option<Vec<&'static Table>>,
    pub queries: Vec<Checked>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Corpus {
        id: String,
        #[serde(default)]
        title: String,
        query: String,
        oracle: Oracle,
    },
    Vector {
        query: String,
        ok: bool,
        columns: Option<Vec<NamedType>>,
        #[serde(default)]
        schema_depends_on_data: bool,
        #[serde(default)]
        why: String,
    },
    /// A rule, as queries that should all be accepted.
    Converted {
        id: String,
        #[serde(default)]
        title: String,
        kql: Vec<String>,
    },
    Tables {
        tables: serde_json::Map<String, Value>,
    },
}

#[derive(Deserialize)]
struct Oracle {
    binds_m365: bool,
    columns: Option<Vec<NamedType>>,
    columns_count: Option<usize>,
    #[serde(default)]
    open_schema: bool,
    #[serde(default)]
    bind_errors: Vec<String>,
}

pub(super) fn checks(text: &str) -> anyhow::Result<CheckFile> {
    let mut file = CheckFile { tables: None, queries: Vec::new() };
    for (number, line) in lines(text) {
        let line: Line = serde_json::from_str(line).with_context(|| {
            format!("line {number} is neither a query with its verdict nor a list of tables")
        })?;
        match line {
            Line::Corpus { id, title, query, oracle } => file.queries.push(Checked {
                origin: format!("{id} {title}"),
                query,
                accepted: oracle.binds_m365,
                columns: columns(oracle.columns, oracle.columns_count, oracle.open_schema),
                why: oracle.bind_errors.join(" "),
            }),
            Line::Vector { query, ok, columns: names, schema_depends_on_data, why } => {
                file.queries.push(Checked {
                    origin: format!("line {number}"),
                    query,
                    accepted: ok,
                    columns: columns(names, None, schema_depends_on_data),
                    why,
                });
            }
            Line::Converted { id, title, kql } => {
                file.queries.extend(kql.into_iter().map(|query| Checked {
                    origin: format!("{id} {title}"),
                    query,
                    accepted: true,
                    columns: Columns::Unknown,
                    why: String::new(),
                }));
            }
            Line::Tables { tables } => {
                let declared = tables.iter().map(|(name, columns)| declare(name, columns));
                file.tables = Some(declared.collect::<anyhow::Result<Vec<_>>>()?);
            }
        }
    }
    Ok(file)
}

fn columns(names: Option<Vec<NamedType>>, count: Option<usize>, is_open: bool) -> Columns {
    match (names, count) {
        (Some(names), _) if is_open => Columns::Among(names),
        (Some(names), _) => Columns::Known(names),
        (None, Some(count)) if !is_open => Columns::Count(count),
        _ => Columns::Unknown,
    }
}

fn declare(name: &str, columns: &Value) -> anyhow::Result<&'static Table> {
    let Some(columns) = columns.as_object() else { bail!("table {name} has no columns") };
    let columns = columns.iter().map(|(column, ty)| {
        let kind = ty.as_str().and_then(Kind::parse);
        let kind =
            kind.with_context(|| format!("column {column} of table {name} has the unknown type {ty}"))?;
        Ok((column.clone(), kind))
    });
    Ok(Table::foreign(name, &columns.collect::<anyhow::Result<Vec<_>>>()?))
}

/// A documented query and its documented result.
#[derive(Deserialize)]
pub(super) struct Documented {
    pub id: String,
    pub source_path: String,
    pub query: String,
    pub expected_columns: Vec<String>,
    pub expected_rows: Vec<Vec<Option<String>>>,
    /// The documentation shows the first rows only.
    pub truncated: bool,
    pub maybe_nondeterministic: bool,
    /// The documented columns are those that the query gives.
    pub columns_agree: bool,
    pub used_in_hunting_queries: bool,
    pub order_fixed: bool,
    /// The types of the columns.
    pub types: Option<Vec<String>>,
}

impl Documented {
    /// Whether the documented result can be compared.
    pub fn is_comparable(&self) -> bool {
        self.columns_agree && !self.truncated && !self.maybe_nondeterministic
    }
}

pub(super) fn documented(text: &str) -> anyhow::Result<Vec<Documented>> {
    let read = |(number, line)| {
        serde_json::from_str(line).with_context(|| format!("line {number} is no documented example"))
    };
    lines(text).map(read).collect()
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_of_verdicts_are_read() {
        let text = r#"{"about": "x", "tables": {"T": {"a": "string", "b": "long"}}}
            {"query": "T", "ok": true, "columns": [["a", "string"], ["b", "long"]]}
            {"query": "T | x", "ok": false, "refused": "syntax", "why": "no"}

            {"id": "1", "title": "t", "query": "U", "oracle": {"binds_m365": true, "columns_count": 3}}"#;
        let file = checks(text).unwrap();
        assert_eq!(file.tables.unwrap()[0].columns[1].name, "b");
        let shapes: Vec<(bool, &str)> = file.queries.iter().map(|q| (q.accepted, q.query.as_str())).collect();
        assert_eq!(shapes, [(true, "T"), (false, "T | x"), (true, "U")]);
        assert!(matches!(file.queries[2].columns, Columns::Count(3)));
    }

    #[test]
    fn what_is_no_record_is_named() {
        let error = checks("{\"query\": 1}").err().unwrap();
        assert!(error.to_string().contains("line 1"), "{error}");
        let error = checks(r#"{"tables": {"T": {"a": "text"}}}"#).err().unwrap();
        assert!(error.to_string().contains("unknown type"), "{error}");
    }
}
