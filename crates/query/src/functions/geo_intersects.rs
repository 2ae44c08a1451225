//! `geo_intersects_2polygons(polygon1, polygon2)`, `geo_intersects_line_with_polygon(line, polygon)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::geo_lines::PAIRS_MAX;
use super::geo_sphere::{Edge, Rings, Vector, crossing, edges, is_in_polygon, lines, polygons};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call};

pub(super) static GEO_INTERSECTS_2POLYGONS: Function = Function {
    name: "geo_intersects_2polygons",
    summary: "Whether two GeoJSON polygons, each of which may be several, have points in common; null when one is \
              none.",
    params: &[Param::one("polygon1", Accepts::Dynamic), Param::one("polygon2", Accepts::Dynamic)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print geo_intersects_2polygons(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}), dynamic({"type": "Polygon", "coordinates": [[[8, 8], [20, 8], [20, 20], [8, 8]]]}))"#,
            result: "true",
        },
        Example {
            query: r#"print geo_intersects_2polygons(dynamic({"type": "Polygon", "coordinates": [[[4, 4], [5, 4], [5, 5], [4, 4]]]}), dynamic({"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}))"#,
            result: "true",
        },
        Example {
            query: r#"print geo_intersects_2polygons(dynamic({"type": "Polygon", "coordinates": [[[4, 4], [5, 4], [5, 5], [4, 4]]]}), dynamic({"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]], [[2, 2], [2, 7], [7, 7], [7, 2], [2, 2]]]}))"#,
            result: "false",
        },
        Example {
            query: r#"print isnull(geo_intersects_2polygons(dynamic({"type": "Polygon"}), dynamic({"type": "Polygon", "coordinates": [[[4, 4], [5, 4], [5, 5], [4, 4]]]})))"#,
            result: "true",
        },
    ],
    lower: |_, args| Ok(call("geo_intersects_2polygons", Kind::Bool, polygons_meet, args)),
};

pub(super) static GEO_INTERSECTS_LINE_WITH_POLYGON: Function = Function {
    name: "geo_intersects_line_with_polygon",
    summary: "Whether a GeoJSON line and a polygon, each of which may be several, have points in common; null when \
              one is none.",
    params: &[Param::one("line", Accepts::Dynamic), Param::one("polygon", Accepts::Dynamic)],
    examples: &[
        Example {
            query: r#"print geo_intersects_line_with_polygon(dynamic({"type": "LineString", "coordinates": [[-1, 1], [20, 1]]}), dynamic({"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}))"#,
            result: "true",
        },
        Example {
            query: r#"print geo_intersects_line_with_polygon(dynamic({"type": "LineString", "coordinates": [[1, 1], [2, 1]]}), dynamic({"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}))"#,
            result: "true",
        },
        Example {
            query: r#"print geo_intersects_line_with_polygon(dynamic({"type": "LineString", "coordinates": [[-1, 1], [-2, 1]]}), dynamic({"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}))"#,
            result: "false",
        },
    ],
    lower: |_, args| Ok(call("geo_intersects_line_with_polygon", Kind::Bool, line_meets, args)),
    ..GEO_INTERSECTS_2POLYGONS
};

fn polygons_meet(args: &Args) -> Result<ArrayRef> {
    let (one, other) = (args.texts(0)?, args.texts(1)?);
    Ok(bool_rows(args.rows, |row| {
        let (one, other) = (polygons(one.get(row))?, polygons(other.get(row))?);
        Some(
            meet(one.iter().flatten(), &other)?
                || holds(&one, other.iter().filter_map(|rings| rings.first())),
        )
    }))
}

fn line_meets(args: &Args) -> Result<ArrayRef> {
    let (line, polygon) = (args.texts(0)?, args.texts(1)?);
    Ok(bool_rows(args.rows, |row| {
        let (lines, polygons) = (lines(line.get(row))?, polygons(polygon.get(row))?);
        meet(lines.iter(), &polygons)
    }))
}

/// Whether paths cross the outlines of polygons, or begin in one; `None` when there are too many edges to compare.
fn meet<'p>(paths: impl Iterator<Item = &'p Vec<Vector>> + Clone, polygons: &[Rings]) -> Option<bool> {
    let all = |points: &'_ Vec<Vector>| edges(points).collect::<Vec<Edge>>();
    let one: Vec<Edge> = paths.clone().flat_map(all).collect();
    let other: Vec<Edge> = polygons.iter().flatten().flat_map(all).collect();
    if one.len().saturating_mul(other.len()) > PAIRS_MAX {
        return None;
    }
    let crosses = one.iter().any(|left| other.iter().any(|right| crossing(*left, *right).is_some()));
    Some(crosses || holds(polygons, paths))
}

fn holds<'p>(polygons: &[Rings], mut paths: impl Iterator<Item = &'p Vec<Vector>>) -> bool {
    paths.any(|path| {
        path.first().is_some_and(|start| polygons.iter().any(|rings| is_in_polygon(rings, *start)))
    })
}
