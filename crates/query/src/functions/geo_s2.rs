//! `geo_point_to_s2cell(longitude, latitude, [level])`, `geo_s2cell_neighbors(cell)`,
//! `geo_s2cell_to_central_point(cell)`, `geo_s2cell_to_polygon(cell)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;
use serde_json::json;

use super::arguments::padded;
use super::arrays::array_of_texts;
use super::geo_sphere::{Vector, point_json};
use super::s2::{Cell, LEVEL_MAX};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static GEO_POINT_TO_S2CELL: Function = Function {
    name: "geo_point_to_s2cell",
    summary: "The token of the S2 cell that a point is in, at a level from 0 to 30, 11 unless given. Empty of \
              coordinates or levels that there are not.",
    params: &[
        Param::one("longitude", Accepts::Number),
        Param::one("latitude", Accepts::Number),
        Param::optional("level", Accepts::Integer),
    ],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print geo_point_to_s2cell(-80.195829, 25.802215, 8)", result: "88d9b" },
        Example { query: "print geo_point_to_s2cell(1, 1, 35)", result: "" },
    ],
    lower: |_, args| Ok(call("geo_point_to_s2cell", Kind::String, cells, padded(args, 3, Typed::long(11)))),
};

pub(super) static GEO_S2CELL_NEIGHBORS: Function = Function {
    name: "geo_s2cell_neighbors",
    summary: "The S2 cells around one; null when it is none.",
    params: &[Param::one("cell", Accepts::Text)],
    returns: "dynamic",
    examples: &[Example {
        query: r#"print geo_s2cell_neighbors("89c259")"#,
        result: r#"["89c25d","89c2f9","89c251","89c257","89c25f","89c25b","89c2f7","89c2f5"]"#,
    }],
    lower: |_, args| Ok(call("geo_s2cell_neighbors", Kind::Dynamic, neighbors, args)),
    ..GEO_POINT_TO_S2CELL
};

pub(super) static GEO_S2CELL_TO_CENTRAL_POINT: Function = Function {
    name: "geo_s2cell_to_central_point",
    summary: "The middle of an S2 cell, as a GeoJSON point; null when it is none.",
    params: &[Param::one("cell", Accepts::Text)],
    returns: "dynamic",
    examples: &[Example {
        query: r#"print round(todouble(geo_s2cell_to_central_point("1234567").coordinates[1]), 6)"#,
        result: "27.468393",
    }],
    lower: |_, args| Ok(call("geo_s2cell_to_central_point", Kind::Dynamic, middles, args)),
    ..GEO_POINT_TO_S2CELL
};

pub(super) static GEO_S2CELL_TO_POLYGON: Function = Function {
    name: "geo_s2cell_to_polygon",
    summary: "The outline of an S2 cell, as a GeoJSON polygon; null when it is none.",
    params: &[Param::one("cell", Accepts::Text)],
    returns: "dynamic",
    examples: &[Example {
        query: r#"print array_length(geo_s2cell_to_polygon("89c259").coordinates[0])"#,
        result: "5",
    }],
    lower: |_, args| Ok(call("geo_s2cell_to_polygon", Kind::Dynamic, outlines, args)),
    ..GEO_POINT_TO_S2CELL
};

fn cells(args: &Args) -> Result<ArrayRef> {
    let (longitudes, latitudes, levels) = (args.reals(0)?, args.reals(1)?, args.longs(2)?);
    Ok(text_rows(args.rows, |row| {
        let cell = || {
            let known = longitudes.is_valid(row) && latitudes.is_valid(row);
            let point = Vector::at(longitudes.value(row), latitudes.value(row)).filter(|_| known)?;
            let level = u32::try_from(levels.get(row)?).ok().filter(|level| *level <= LEVEL_MAX)?;
            Some(Cell::at(point, level).token())
        };
        Some(cell().unwrap_or_default())
    }))
}

fn neighbors(args: &Args) -> Result<ArrayRef> {
    let cells = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let neighbors = Cell::parse(cells.text(row))?.neighbors();
        Some(array_of_texts(neighbors.into_iter().map(Cell::token)))
    }))
}

fn middles(args: &Args) -> Result<ArrayRef> {
    let cells = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(point_json(Cell::parse(cells.text(row))?.middle()).to_string())))
}

fn outlines(args: &Args) -> Result<ArrayRef> {
    let cells = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let corners = Cell::parse(cells.text(row))?.corners();
        let mut outline: Vec<[f64; 2]> = corners.iter().map(|corner| corner.degrees()).collect();
        outline.extend(outline.first().copied());
        Some(json!({ "type": "Polygon", "coordinates": [outline] }).to_string())
    }))
}
