//! The page of functions, written from their declarations.

use std::fmt::Write;

use crate::aggregates::{AGGREGATES, ROW_CHOICES};
use crate::functions::{FUNCTIONS, Function, usage};
use crate::windows::WINDOWS;

/// Every function as a page in Markdown: how it is called, what it gives, and examples, which tests run.
pub fn reference() -> String {
    let mut page = String::from(
        "# Functions of hunting queries\n\nWritten from the declarations of the functions; the examples are run as tests. \
         What else of the language works is in [KQL](kql.md).\n\n\
         ## Aggregates\n\nIn `summarize`, `make-series` and what is like them.\n\n| function | gives |\n| --- | --- |\n",
    );
    for aggregate in AGGREGATES {
        row(&mut page, &usage(aggregate.name, aggregate.params), aggregate.summary);
    }
    for (name, summary) in ROW_CHOICES {
        row(&mut page, name, summary);
    }
    page.push_str(
        "\n## The order of rows\n\nBehind `sort` or `serialize`.\n\n| function | gives |\n| --- | --- |\n",
    );
    for window in WINDOWS {
        row(&mut page, &usage(window.name, window.params), window.summary);
    }
    page.push_str("\n## Values\n");
    for function in FUNCTIONS {
        section(&mut page, function);
    }
    page
}

fn row(page: &mut String, usage: &str, summary: &str) {
    let _ = writeln!(page, "| `{}` | {} |", usage.replace('|', "\\|"), summary.replace('|', "\\|"));
}

fn section(page: &mut String, function: &Function) {
    let Function { name, summary, returns, examples, .. } = function;
    let _ = write!(page, "\n### {name}\n\n`{}`: {returns}\n\n{summary}\n\n```kusto\n", function.usage());
    for example in *examples {
        let result = example.result.lines().collect::<Vec<_>>().join("\n//   ");
        let _ = write!(page, "{}\n// {result}\n", example.query);
    }
    page.push_str("```\n");
}
