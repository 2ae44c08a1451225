//! The operators of the language, for people who write queries.

/// An operator, how it is written, and what it does.
pub(super) struct OperatorHelp {
    pub name: &'static str,
    pub usage: &'static str,
    pub summary: &'static str,
}

const fn help(name: &'static str, usage: &'static str, summary: &'static str) -> OperatorHelp {
    OperatorHelp { name, usage, summary }
}

/// What can stand behind a `|`.
pub(super) static OPERATORS: &[OperatorHelp] = &[
    help("as", "as Name", "Gives the rows so far a name for the rest of the query."),
    help("assert-schema", "assert-schema (Column: type, ...)", "Fails unless the columns are these."),
    help("consume", "consume", "Reads the rows and gives none."),
    help("count", "count", "Counts the rows."),
    help("distinct", "distinct Column, ...", "Gives each combination of values once."),
    help("evaluate", "evaluate plugin(arguments)", "Runs a plugin over the rows."),
    help("extend", "extend Name = expression, ...", "Adds computed columns."),
    help("facet", "facet by Column, ...", "Counts the values of each of several columns."),
    help("filter", "filter condition", "Keeps the rows for which the condition holds."),
    help("fork", "fork (operators) (operators)", "Runs several continuations over the same rows."),
    help("getschema", "getschema", "Gives the names and types of the columns."),
    help("invoke", "invoke function(arguments)", "Calls a function with the rows as its first argument."),
    help(
        "join",
        "join kind = inner (table) on Column",
        "Puts rows of two tables together that have equal keys.",
    ),
    help("limit", "limit number", "Keeps so many rows."),
    help(
        "lookup",
        "lookup kind = leftouter (table) on Column",
        "Adds the columns of a small table by equal keys.",
    ),
    help(
        "make-series",
        "make-series aggregate on Time from start to end step length by Column",
        "Makes arrays of aggregates over even steps of time.",
    ),
    help(
        "mv-apply",
        "mv-apply Element = Column on (operators)",
        "Runs operators over the elements of each row.",
    ),
    help("mv-expand", "mv-expand Column", "Gives one row for each element of an array or bag."),
    help("order", "order by Column desc", "Sorts the rows."),
    help("parse", "parse Column with pattern", "Cuts text into columns by a pattern."),
    help("parse-kv", "parse-kv Column as (key: type, ...)", "Takes keys and values out of text."),
    help("parse-where", "parse-where Column with pattern", "As parse, and keeps only rows that match."),
    help("partition", "partition by Column (operators)", "Runs operators over the rows of each value."),
    help("project", "project Name = expression, ...", "Gives exactly these columns."),
    help("project-away", "project-away Column, ...", "Leaves columns out; names may end in *."),
    help("project-by-names", "project-by-names names", "Gives the columns of a list of names."),
    help("project-keep", "project-keep Column, ...", "Keeps columns in their order; names may end in *."),
    help("project-rename", "project-rename New = Old, ...", "Renames columns."),
    help("project-reorder", "project-reorder Column, ...", "Puts columns first."),
    help("render", "render chart", "Says how a portal should draw the rows; changes nothing."),
    help("sample", "sample number", "Keeps so many rows, whichever."),
    help(
        "sample-distinct",
        "sample-distinct number of Column",
        "Gives so many values of a column, whichever.",
    ),
    help(
        "scan",
        "scan with (step name: condition => Column = value;)",
        "Finds sequences of rows, step by step.",
    ),
    help("search", "search \"text\"", "Keeps rows with a text in any column."),
    help("serialize", "serialize Name = row_number()", "Fixes the order of the rows for functions over it."),
    help("sort", "sort by Column desc", "Sorts the rows."),
    help(
        "summarize",
        "summarize Name = aggregate, ... by Column, ...",
        "Groups rows and computes aggregates of each group.",
    ),
    help("take", "take number", "Keeps so many rows."),
    help("top", "top number by Column desc", "Keeps the first rows of an order."),
    help("top-hitters", "top-hitters number of Column", "Gives the most frequent values."),
    help(
        "top-nested",
        "top-nested number of Column by aggregate",
        "Gives the top values, and those within each.",
    ),
    help("union", "union table, ...", "Puts the rows of tables under each other."),
    help("where", "where condition", "Keeps the rows for which the condition holds."),
];

/// What can begin a query, besides names of tables and functions.
pub(super) static SOURCES: &[OperatorHelp] = &[
    help("datatable", "datatable(Name: type, ...) [value, ...]", "A table of constants."),
    help(
        "declare",
        "declare query_parameters(name: type = value)",
        "Declares parameters with their defaults.",
    ),
    help(
        "externaldata",
        "externaldata(Name: type, ...) [\"https://...\"] with (format = \"csv\")",
        "A table from a file elsewhere.",
    ),
    help("find", "find in (tables) where condition", "Rows of several tables for which a condition holds."),
    help("let", "let Name = value;", "Gives a value, table or function a name."),
    help("print", "print expression, ...", "One row of computed values."),
    help("range", "range Name from start to end step length", "A column of evenly spaced values."),
    help("search", "search in (tables) \"text\"", "Rows of several tables with a text in any column."),
    help("set", "set option = value;", "Sets an option of the query."),
    help("union", "union table, ...", "The rows of several tables."),
];

/// What can stand behind an operand.
pub(super) static INFIX: &[OperatorHelp] = &[
    help("and", "a and b", "Whether both hold."),
    help("between", "a between (low .. high)", "Whether a value is in a range, both ends included."),
    help("contains", "text contains part", "Whether a text has a part, in any letter case."),
    help("contains_cs", "text contains_cs part", "Whether a text has a part, in its letter case."),
    help("endswith", "text endswith part", "Whether a text ends so, in any letter case."),
    help("endswith_cs", "text endswith_cs part", "Whether a text ends so, in its letter case."),
    help("has", "text has term", "Whether a text has a whole term, in any letter case."),
    help("has_all", "text has_all (terms)", "Whether a text has all of several terms."),
    help("has_any", "text has_any (terms)", "Whether a text has any of several terms."),
    help("has_cs", "text has_cs term", "Whether a text has a whole term, in its letter case."),
    help("hasprefix", "text hasprefix part", "Whether a term of a text begins so, in any letter case."),
    help("hassuffix", "text hassuffix part", "Whether a term of a text ends so, in any letter case."),
    help("in", "value in (values)", "Whether a value is one of several."),
    help("in~", "text in~ (texts)", "Whether a text is one of several, in any letter case."),
    help("matches", "text matches regex pattern", "Whether a text matches a regular expression."),
    help("or", "a or b", "Whether one of them holds."),
    help("startswith", "text startswith part", "Whether a text begins so, in any letter case."),
    help("startswith_cs", "text startswith_cs part", "Whether a text begins so, in its letter case."),
];

/// Words with a meaning of their own inside of operators.
pub(super) fn words_of(operator: &str) -> &'static [&'static str] {
    match operator {
        "summarize" | "distinct" | "facet" => &["by"],
        "sort" | "order" => &["by", "asc", "desc", "nulls"],
        "top" | "top-hitters" | "top-nested" => &["by", "of", "asc", "desc"],
        "join" | "lookup" => &[
            "kind",
            "on",
            "inner",
            "innerunique",
            "leftouter",
            "rightouter",
            "fullouter",
            "leftanti",
            "rightanti",
            "leftsemi",
            "rightsemi",
            "$left",
            "$right",
        ],
        "parse" | "parse-where" => &["kind", "with", "regex", "simple", "relaxed"],
        "make-series" => &["on", "from", "to", "step", "by", "default", "kind"],
        "mv-expand" | "mv-apply" => &["to", "typeof", "limit", "on", "with_itemindex", "kind"],
        "union" => &["kind", "withsource", "isfuzzy", "inner", "outer"],
        "render" => &[
            "areachart",
            "barchart",
            "columnchart",
            "linechart",
            "piechart",
            "scatterchart",
            "table",
            "timechart",
            "with",
        ],
        "partition" => &["by"],
        "sample-distinct" => &["of"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_is_one_of_the_language() {
        for operator in OPERATORS {
            let parsed = kql::parse(&format!("T | {}", operator.name));
            let is_unknown = |d: &kql::Diagnostic| d.message.contains("unknown operator");
            assert!(!parsed.diagnostics.iter().any(is_unknown), "{}", operator.name);
        }
    }
}
