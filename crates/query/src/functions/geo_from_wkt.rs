//! `geo_from_wkt(text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use serde_json::{Number, Value, json};

use super::arrays::BYTES_MAX;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static GEO_FROM_WKT: Function = Function {
    name: "geo_from_wkt",
    summary: "A geometry in well-known text, such as `POINT (1 2)`, as GeoJSON; null when it is none.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print geo_from_wkt("POINT (1 2)")"#,
            result: r#"{"type":"Point","coordinates":[1,2]}"#,
        },
        Example {
            query: r#"print geo_from_wkt("multipolygon(((0 0,2 0,2 2.5,0 0)))").coordinates"#,
            result: "[[[[0,0],[2,0],[2,2.5],[0,0]]]]",
        },
        Example {
            query: r#"print geo_from_wkt("GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (1 2, 3 4))").geometries[1].type"#,
            result: "LineString",
        },
        Example { query: r#"print isnull(geo_from_wkt("POINT (1)"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("geo_from_wkt", Kind::Dynamic, rows, args)),
};

/// Geometries, and how deep their coordinates are nested.
const GEOMETRIES: [(&str, &str, usize); 6] = [
    ("POINT", "Point", 0),
    ("LINESTRING", "LineString", 1),
    ("POLYGON", "Polygon", 2),
    ("MULTIPOINT", "MultiPoint", 1),
    ("MULTILINESTRING", "MultiLineString", 2),
    ("MULTIPOLYGON", "MultiPolygon", 3),
];
const COLLECTIONS_MAX: usize = 8;

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let text = texts.text(row);
        if text.len() > BYTES_MAX {
            return None;
        }
        let mut rest = text;
        let geometry = geometry(&mut rest, 0)?;
        rest.trim().is_empty().then(|| geometry.to_string())
    }))
}

fn word<'t>(text: &mut &'t str) -> &'t str {
    *text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    *text = rest;
    word
}

fn take(text: &mut &str, expected: char) -> Option<()> {
    *text = text.trim_start().strip_prefix(expected)?;
    Some(())
}

fn geometry(text: &mut &str, depth: usize) -> Option<Value> {
    let name = word(text);
    if name.eq_ignore_ascii_case("GEOMETRYCOLLECTION") && depth < COLLECTIONS_MAX {
        let geometries = list(text, &mut |text| geometry(text, depth + 1))?;
        return Some(json!({ "type": "GeometryCollection", "geometries": geometries }));
    }
    let (_, name, levels) = GEOMETRIES.iter().find(|(known, _, _)| name.eq_ignore_ascii_case(known))?;
    let coordinates = match levels {
        0 => {
            take(text, '(')?;
            let position = position(text)?;
            take(text, ')')?;
            position
        }
        levels => coordinates(text, *levels, *name == "MultiPoint")?,
    };
    Some(json!({ "type": name, "coordinates": coordinates }))
}

/// `( item, item, ... )`
fn list(text: &mut &str, item: &mut dyn FnMut(&mut &str) -> Option<Value>) -> Option<Value> {
    take(text, '(')?;
    let mut items = Vec::new();
    loop {
        items.push(item(text)?);
        if take(text, ',').is_none() {
            take(text, ')')?;
            return Some(Value::Array(items));
        }
    }
}

fn coordinates(text: &mut &str, levels: usize, has_brackets: bool) -> Option<Value> {
    list(text, &mut |text| match levels {
        // The points of a multipoint may have brackets of their own.
        1 if has_brackets && take(text, '(').is_some() => {
            let position = position(text)?;
            take(text, ')')?;
            Some(position)
        }
        1 => position(text),
        levels => coordinates(text, levels - 1, has_brackets),
    })
}

/// Longitude and latitude; integers stay integers.
fn position(text: &mut &str) -> Option<Value> {
    let mut number = || {
        *text = text.trim_start();
        let end = text.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        *text = rest;
        let whole = number.parse::<i64>().ok().map(Number::from);
        whole.or_else(|| Number::from_f64(number.parse().ok()?)).map(Value::Number)
    };
    Some(Value::Array(vec![number()?, number()?]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[A-Za-z(), 0-9.-]{0,40}") {
            geometry(&mut text.as_str(), 0);
        }
    }
}
