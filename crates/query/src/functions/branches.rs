//! The common kind of values of which one is chosen: `iff`, `case`, `coalesce`, `max_of`.

use model::Kind;

use crate::convert;
use crate::typed::{Typed, is_numeric};

/// The kind that both can be; `None` when they are unrelated.
fn wider(left: Kind, right: Kind) -> Option<Kind> {
    if left == right {
        return Some(left);
    }
    let rank = |kind| [Kind::Int, Kind::Long, Kind::Real, Kind::Decimal].iter().position(|k| *k == kind);
    if is_numeric(left) && is_numeric(right) {
        return Some(if rank(left) > rank(right) { left } else { right });
    }
    None
}

/// The common kind of `values`, none of which may be dynamic beside others; `None` when there is none.
fn common(values: &[Typed]) -> Option<Kind> {
    let (first, rest) = values.split_first()?;
    rest.iter().try_fold(first.kind, |kind, value| wider(kind, value.kind))
}

/// Values as one kind. A dynamic takes the kind of the others; unrelated kinds all become dynamic.
pub(super) fn as_one_kind(values: Vec<Typed>) -> (Vec<Typed>, Kind) {
    let typed: Vec<Typed> = values.iter().filter(|value| value.kind != Kind::Dynamic).cloned().collect();
    let kind = if typed.is_empty() { Kind::Dynamic } else { common(&typed).unwrap_or(Kind::Dynamic) };
    (values.into_iter().map(|value| as_kind(value, kind)).collect(), kind)
}

/// Values as one kind, where unrelated kinds are an error.
pub(super) fn as_related_kind(values: Vec<Typed>) -> Result<(Vec<Typed>, Kind), String> {
    let Some(kind) = common(&values) else {
        let mut kinds: Vec<&str> = values.iter().map(|value| value.kind.name()).collect();
        kinds.dedup();
        return Err(format!("the arguments must be of one kind, not {}", kinds.join(", ")));
    };
    Ok((values.into_iter().map(|value| as_kind(value, kind)).collect(), kind))
}

fn as_kind(value: Typed, kind: Kind) -> Typed {
    if value.kind == kind {
        return value;
    }
    if is_numeric(value.kind) && is_numeric(kind) {
        return value.cast_number(kind);
    }
    convert::to_kind(value, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_branches() {
        use Kind::*;
        for (kinds, expected) in [
            (vec![Int, Long], Long),
            (vec![Long, Real, Int], Real),
            (vec![Dynamic, String], String),
            (vec![Dynamic, Dynamic], Dynamic),
            (vec![String, Long], Dynamic),
            (vec![String, Dynamic, Long], Dynamic),
            (vec![DateTime, DateTime], DateTime),
            (vec![DateTime, TimeSpan], Dynamic),
        ] {
            let values = kinds.iter().map(|kind| Typed::absent(*kind)).collect();
            assert_eq!(as_one_kind(values).1, expected, "{kinds:?}");
        }
        assert!(as_related_kind(vec![Typed::absent(Dynamic), Typed::absent(String)]).is_err());
    }
}
