//! H3 cells: `geo_point_to_h3cell(longitude, latitude, [resolution])`, `geo_h3cell_level(cell)`,
//! `geo_h3cell_parent(cell, [resolution])`, `geo_h3cell_children(cell, [resolution])`,
//! `geo_h3cell_neighbors(cell)`, `geo_h3cell_rings(cell, distance)`, `geo_h3cell_to_polygon(cell)`,
//! `geo_h3cell_to_central_point(cell)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use h3o::{CellIndex, LatLng, Resolution};
use model::Kind;
use serde_json::json;

use super::arguments::padded;
use super::arrays::{array_of, array_of_texts};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, Longs, call, int_rows, text_rows};
use crate::typed::Typed;

pub(super) static GEO_POINT_TO_H3CELL: Function = Function {
    name: "geo_point_to_h3cell",
    summary: "The H3 cell that a point is in, with a resolution from 0 to 15, 6 unless given. Empty of \
              coordinates or resolutions that there are not.",
    params: &[
        Param::one("longitude", Accepts::Number),
        Param::one("latitude", Accepts::Number),
        Param::optional("resolution", Accepts::Integer),
    ],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print geo_point_to_h3cell(-74.04450446039874, 40.689250859314974, 6)",
            result: "862a1072fffffff",
        },
        Example { query: "print geo_point_to_h3cell(1, 1, 16)", result: "" },
    ],
    lower: |_, args| {
        Ok(call("geo_point_to_h3cell", Kind::String, from_points, padded(args, 3, Typed::long(RESOLUTION))))
    },
};

pub(super) static GEO_H3CELL_LEVEL: Function = Function {
    name: "geo_h3cell_level",
    summary: "The resolution of an H3 cell; null when it is none.",
    params: &[Param::one("cell", Accepts::Text)],
    returns: "int",
    examples: &[Example { query: r#"print geo_h3cell_level("862a1072fffffff")"#, result: "6" }],
    lower: |_, args| Ok(call("geo_h3cell_level", Kind::Int, levels, args)),
    ..GEO_POINT_TO_H3CELL
};

pub(super) static GEO_H3CELL_PARENT: Function = Function {
    name: "geo_h3cell_parent",
    summary: "The H3 cell around another, of the next lower resolution or a given one. Empty when there is none.",
    params: &[Param::one("cell", Accepts::Text), Param::optional("resolution", Accepts::Integer)],
    examples: &[
        Example { query: r#"print geo_h3cell_parent("862a1072fffffff")"#, result: "852a1073fffffff" },
        Example { query: r#"print geo_h3cell_parent("862a1072fffffff", 1)"#, result: "812a3ffffffffff" },
        Example { query: r#"print geo_h3cell_parent("862a1072fffffff", 100)"#, result: "" },
    ],
    lower: |_, args| Ok(call("geo_h3cell_parent", Kind::String, parents, args)),
    ..GEO_POINT_TO_H3CELL
};

pub(super) static GEO_H3CELL_CHILDREN: Function = Function {
    name: "geo_h3cell_children",
    summary: "The H3 cells within another, of the next higher resolution or a given one up to five higher. Null \
              when there are none.",
    params: &[Param::one("cell", Accepts::Text), Param::optional("resolution", Accepts::Integer)],
    returns: "dynamic",
    examples: &[
        Example { query: r#"print geo_h3cell_children("862a1072fffffff")[0]"#, result: "872a10728ffffff" },
        Example { query: r#"print array_length(geo_h3cell_children("862a1072fffffff", 9))"#, result: "343" },
        Example { query: r#"print isnull(geo_h3cell_children("862a1072fffffff", 15))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("geo_h3cell_children", Kind::Dynamic, children, args)),
    ..GEO_POINT_TO_H3CELL
};

pub(super) static GEO_H3CELL_NEIGHBORS: Function = Function {
    name: "geo_h3cell_neighbors",
    summary: "The H3 cells around one; null when it is none.",
    params: &[Param::one("cell", Accepts::Text)],
    returns: "dynamic",
    examples: &[Example {
        query: r#"print array_length(geo_h3cell_neighbors("862a1072fffffff"))"#,
        result: "6",
    }],
    lower: |_, args| Ok(call("geo_h3cell_neighbors", Kind::Dynamic, neighbors, args)),
    ..GEO_POINT_TO_H3CELL
};

pub(super) static GEO_H3CELL_RINGS: Function = Function {
    name: "geo_h3cell_rings",
    summary: "The H3 cells around one, ring by ring up to a distance of 142: an array of arrays, the first with \
              the cell itself.",
    params: &[Param::one("cell", Accepts::Text), Param::one("distance", Accepts::Integer)],
    returns: "dynamic",
    examples: &[
        Example { query: r#"print array_length(geo_h3cell_rings("861f8894fffffff", 2)[2])"#, result: "12" },
        Example { query: r#"print isnull(geo_h3cell_rings("861f8894fffffff", 150))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("geo_h3cell_rings", Kind::Dynamic, rings, args)),
    ..GEO_POINT_TO_H3CELL
};

pub(super) static GEO_H3CELL_TO_CENTRAL_POINT: Function = Function {
    name: "geo_h3cell_to_central_point",
    summary: "The middle of an H3 cell, as a GeoJSON point; null when it is none.",
    params: &[Param::one("cell", Accepts::Text)],
    returns: "dynamic",
    examples: &[Example {
        query: r#"print round(todouble(geo_h3cell_to_central_point("862a1072fffffff").coordinates[0]), 6)"#,
        result: "-74.016008",
    }],
    lower: |_, args| Ok(call("geo_h3cell_to_central_point", Kind::Dynamic, middles, args)),
    ..GEO_POINT_TO_H3CELL
};

pub(super) static GEO_H3CELL_TO_POLYGON: Function = Function {
    name: "geo_h3cell_to_polygon",
    summary: "The outline of an H3 cell, as a GeoJSON polygon; null when it is none.",
    params: &[Param::one("cell", Accepts::Text)],
    returns: "dynamic",
    examples: &[Example {
        query: r#"print array_length(geo_h3cell_to_polygon("862a1072fffffff").coordinates[0])"#,
        result: "7",
    }],
    lower: |_, args| Ok(call("geo_h3cell_to_polygon", Kind::Dynamic, outlines, args)),
    ..GEO_POINT_TO_H3CELL
};

const RESOLUTION: i64 = 6;
/// How much finer children may be: 7 cells for each step.
const STEPS_MAX: i64 = 5;
const DISTANCE_MAX: i64 = 142;

fn cell(text: &str) -> Option<CellIndex> {
    text.parse().ok()
}

fn resolution(level: i64) -> Option<Resolution> {
    Resolution::try_from(u8::try_from(level).ok()?).ok()
}

fn level(cell: CellIndex) -> i64 {
    u8::from(cell.resolution()).into()
}

/// The resolutions of an optional argument.
fn given(args: &Args) -> Result<Option<Longs>> {
    (args.len() > 1).then(|| args.longs(1)).transpose()
}

fn from_points(args: &Args) -> Result<ArrayRef> {
    let (longitudes, latitudes, levels) = (args.reals(0)?, args.reals(1)?, args.longs(2)?);
    Ok(text_rows(args.rows, |row| {
        let cell = || {
            let (longitude, latitude) = (longitudes.value(row), latitudes.value(row));
            let known = longitudes.is_valid(row) && latitudes.is_valid(row);
            super::geo_sphere::Vector::at(longitude, latitude).filter(|_| known)?;
            Some(LatLng::new(latitude, longitude).ok()?.to_cell(resolution(levels.get(row)?)?).to_string())
        };
        Some(cell().unwrap_or_default())
    }))
}

fn levels(args: &Args) -> Result<ArrayRef> {
    let cells = args.texts(0)?;
    Ok(int_rows(args.rows, |row| i32::try_from(level(cell(cells.text(row))?)).ok()))
}

fn parents(args: &Args) -> Result<ArrayRef> {
    let (cells, given) = (args.texts(0)?, given(args)?);
    Ok(text_rows(args.rows, |row| {
        let parent = || {
            let cell = cell(cells.text(row))?;
            let wanted = given.as_ref().map_or(Some(level(cell) - 1), |given| given.get(row))?;
            if wanted >= level(cell) {
                return None;
            }
            Some(cell.parent(resolution(wanted)?)?.to_string())
        };
        Some(parent().unwrap_or_default())
    }))
}

fn children(args: &Args) -> Result<ArrayRef> {
    let (cells, given) = (args.texts(0)?, given(args)?);
    Ok(text_rows(args.rows, |row| {
        let cell = cell(cells.text(row))?;
        let wanted = given.as_ref().map_or(Some(level(cell) + 1), |given| given.get(row))?;
        if wanted <= level(cell) || wanted - level(cell) > STEPS_MAX {
            return None;
        }
        Some(array_of_texts(cell.children(resolution(wanted)?).map(|child| child.to_string())))
    }))
}

fn ring(cell: CellIndex, distance: u32) -> Vec<String> {
    let cells: Option<Vec<CellIndex>> = cell.grid_ring_fast(distance).collect();
    // Near a pentagon the fast way does not work.
    let cells = cells.unwrap_or_else(|| {
        let all = cell.grid_disk_distances_safe(distance);
        all.filter(|(_, far)| *far == distance).map(|(cell, _)| cell).collect()
    });
    let mut cells: Vec<String> = cells.into_iter().map(|cell| cell.to_string()).collect();
    // The language starts a ring one cell further.
    if distance > 0 && !cells.is_empty() {
        cells.rotate_left(1);
    }
    cells
}

fn neighbors(args: &Args) -> Result<ArrayRef> {
    let cells = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(array_of_texts(ring(cell(cells.text(row))?, 1)))))
}

fn rings(args: &Args) -> Result<ArrayRef> {
    let (cells, distances) = (args.texts(0)?, args.longs(1)?);
    Ok(text_rows(args.rows, |row| {
        let cell = cell(cells.text(row))?;
        let distance = distances.get(row).filter(|distance| (0..=DISTANCE_MAX).contains(distance))?;
        let distance = u32::try_from(distance).ok()?;
        Some(array_of((0..=distance).map(|distance| array_of_texts(ring(cell, distance)))))
    }))
}

fn middles(args: &Args) -> Result<ArrayRef> {
    let cells = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let middle = LatLng::from(cell(cells.text(row))?);
        Some(json!({ "type": "Point", "coordinates": [middle.lng(), middle.lat()] }).to_string())
    }))
}

fn outlines(args: &Args) -> Result<ArrayRef> {
    let cells = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let corners = cell(cells.text(row))?.boundary();
        let mut outline: Vec<[f64; 2]> = corners.iter().map(|corner| [corner.lng(), corner.lat()]).collect();
        outline.extend(outline.first().copied());
        Some(json!({ "type": "Polygon", "coordinates": [outline] }).to_string())
    }))
}
