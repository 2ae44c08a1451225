//! The names of columns that are computed and not named. (Source: the language service's binder.)

use kql::ast::{Expr, ExprKind, Literal};

use crate::functions::{self, Naming};

/// The name an expression gives its column; `None` where columns are numbered.
pub(super) fn name_of(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(ident) => Some(ident.name.clone()),
        ExprKind::Path { base, member } => Some(format!("{}_{}", name_of(base)?, member.name)),
        ExprKind::Index { base, index } => {
            let base = name_of(base)?;
            match &index.kind {
                ExprKind::Literal(Literal::String { value, .. }) => Some(format!("{base}_{value}")),
                ExprKind::Literal(Literal::Long(Some(number))) => Some(format!("{base}_{number}")),
                _ => Some(base),
            }
        }
        ExprKind::Call(call) => {
            let first = call.args.first().map(|arg| &arg.value);
            // A named argument gives its name.
            if let Some(name) = call.args.first().and_then(|arg| arg.name.as_ref()) {
                return Some(name.name.clone());
            }
            match call.name.name.as_str() {
                "bin_auto" => return name_of(first?),
                name @ ("node_degree_in" | "node_degree_out") => return Some(name.to_owned()),
                // As the column that is asked for.
                "column_ifexists" | "columnifexists" => {
                    return match &first?.kind {
                        ExprKind::Literal(Literal::String { value, .. }) => Some(value.clone()),
                        _ => None,
                    };
                }
                _ => {}
            }
            match functions::find(&call.name.name)?.naming {
                Naming::FirstArgument => name_of(first?).or_else(|| of_aggregate(first?)),
                Naming::Prefixed => Some(format!("{}_{}", call.name.name, name_of(first?)?)),
                Naming::Numbered => None,
            }
        }
        _ => None,
    }
}

/// The name of an aggregate that something is made of.
fn of_aggregate(expr: &Expr) -> Option<String> {
    let ExprKind::Call(call) = &expr.kind else { return None };
    super::aggregate::name_of_call(call)
}

/// Gives columns names that none of `taken` has, by putting a number behind.
pub(super) fn unique(name: String, taken: &mut Vec<String>) -> String {
    let mut unique = name.clone();
    let mut number = 0;
    while taken.contains(&unique) {
        number += 1;
        unique = format!("{name}{number}");
    }
    taken.push(unique.clone());
    unique
}
