//! `geo_line_length(line)`, `geo_line_centroid(line)`, `geo_line_locate_point(line, longitude, latitude)`,
//! `geo_distance_point_to_line(longitude, latitude, line)`, `geo_closest_point_on_line`,
//! `geo_intersects_2lines(line1, line2)`, `geo_intersection_2lines(line1, line2)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;
use serde_json::{Value, json};

use super::geo_sphere::{Edge, RADIUS, Vector, crossing, edges, lines, nearest_on, point_json};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call, real_rows, text_rows};

pub(super) static GEO_LINE_LENGTH: Function = Function {
    name: "geo_line_length",
    summary: "The length of a GeoJSON line, or of several, in meters; null when it is none.",
    params: &[Param::one("line", Accepts::Dynamic)],
    returns: "real",
    naming: Naming::Numbered,
    examples: &[Example {
        query: r#"print round(geo_line_length(dynamic({"type": "LineString", "coordinates": [[0, 0], [0, 1], [0, 0]]})))"#,
        result: "222390.0",
    }],
    lower: |_, args| Ok(call("geo_line_length", Kind::Real, lengths, args)),
};

pub(super) static GEO_LINE_CENTROID: Function = Function {
    name: "geo_line_centroid",
    summary: "The middle of a GeoJSON line, or of several, weighted by length, as a GeoJSON point; null when it \
              is none.",
    returns: "dynamic",
    examples: &[Example {
        query: r#"print geo_line_centroid(dynamic({"type": "LineString", "coordinates": [[0, 0], [20, 0]]})).coordinates"#,
        result: "[10.0,0.0]",
    }],
    lower: |_, args| Ok(call("geo_line_centroid", Kind::Dynamic, centroids, args)),
    ..GEO_LINE_LENGTH
};

pub(super) static GEO_LINE_LOCATE_POINT: Function = Function {
    name: "geo_line_locate_point",
    summary: "How far along a GeoJSON line the place nearest to a point is, from 0 to 1; null when it is no line \
              or no point.",
    params: &[
        Param::one("line", Accepts::Dynamic),
        Param::one("longitude", Accepts::Number),
        Param::one("latitude", Accepts::Number),
    ],
    examples: &[Example {
        query: r#"print round(geo_line_locate_point(dynamic({"type": "LineString", "coordinates": [[0, 0], [4, 0]]}), 1, 0), 6)"#,
        result: "0.25",
    }],
    lower: |_, args| Ok(call("geo_line_locate_point", Kind::Real, fractions, args)),
    ..GEO_LINE_LENGTH
};

pub(super) static GEO_LINE_INTERPOLATE_POINT: Function = Function {
    name: "geo_line_interpolate_point",
    summary: "The point of a GeoJSON line as far along it as a fraction from 0 to 1 says, as a GeoJSON point; null \
              when it is no line or no such fraction.",
    params: &[Param::one("line", Accepts::Dynamic), Param::one("fraction", Accepts::Number)],
    returns: "dynamic",
    examples: &[
        Example {
            query: r#"print point = geo_line_interpolate_point(dynamic({"type": "LineString", "coordinates": [[0, 0], [1, 0], [4, 0]]}), 0.5).coordinates | project round(todouble(point[0]), 9)"#,
            result: "2.0",
        },
        Example {
            query: r#"print geo_line_interpolate_point(dynamic({"type": "LineString", "coordinates": [[0, 0], [10, 0]]}), 1).coordinates"#,
            result: "[10.0,0.0]",
        },
        Example {
            query: r#"print isnull(geo_line_interpolate_point(dynamic({"type": "LineString", "coordinates": [[0, 0], [1, 0]]}), 1.5))"#,
            result: "true",
        },
    ],
    lower: |_, args| Ok(call("geo_line_interpolate_point", Kind::Dynamic, interpolated, args)),
    ..GEO_LINE_LENGTH
};

pub(super) static GEO_DISTANCE_POINT_TO_LINE: Function = Function {
    name: "geo_distance_point_to_line",
    summary: "The shortest way from a point to a GeoJSON line, or one of several, in meters; null when it is no \
              line or no point.",
    params: &[
        Param::one("longitude", Accepts::Number),
        Param::one("latitude", Accepts::Number),
        Param::one("line", Accepts::Dynamic),
    ],
    examples: &[Example {
        query: r#"print round(geo_distance_point_to_line(2, 1, dynamic({"type": "LineString", "coordinates": [[0, 0], [4, 0]]})))"#,
        result: "111195.0",
    }],
    lower: |_, args| Ok(call("geo_distance_point_to_line", Kind::Real, distances, args)),
    ..GEO_LINE_LENGTH
};

pub(super) static GEO_CLOSEST_POINT_ON_LINE: Function = Function {
    name: "geo_closest_point_on_line",
    summary: "The place on a GeoJSON line, or one of several, that is nearest to a point; null when it is no line \
              or no point.",
    returns: "dynamic",
    examples: &[Example {
        query: r#"print geo_closest_point_on_line(9, 1, dynamic({"type": "LineString", "coordinates": [[0, 0], [4, 0]]})).coordinates"#,
        result: "[4.0,0.0]",
    }],
    lower: |_, args| Ok(call("geo_closest_point_on_line", Kind::Dynamic, nearest_places, args)),
    ..GEO_DISTANCE_POINT_TO_LINE
};

pub(super) static GEO_INTERSECTS_2LINES: Function = Function {
    name: "geo_intersects_2lines",
    summary: "Whether two GeoJSON lines, each of which may be several, cross; null when one is none.",
    params: &[Param::one("line1", Accepts::Dynamic), Param::one("line2", Accepts::Dynamic)],
    returns: "bool",
    examples: &[Example {
        query: r#"print geo_intersects_2lines(dynamic({"type": "LineString", "coordinates": [[-1, 0], [1, 0]]}), dynamic({"type": "LineString", "coordinates": [[0, -1], [0, 1]]}))"#,
        result: "true",
    }],
    lower: |_, args| Ok(call("geo_intersects_2lines", Kind::Bool, intersects, args)),
    ..GEO_LINE_LENGTH
};

pub(super) static GEO_INTERSECTION_2LINES: Function = Function {
    name: "geo_intersection_2lines",
    summary: "Where two GeoJSON lines, each of which may be several, cross: a point, several, or an empty \
              collection; null when one is none.",
    params: &[Param::one("line1", Accepts::Dynamic), Param::one("line2", Accepts::Dynamic)],
    returns: "dynamic",
    examples: &[
        Example {
            query: r#"print geo_intersection_2lines(dynamic({"type": "LineString", "coordinates": [[-1, 0], [1, 0]]}), dynamic({"type": "LineString", "coordinates": [[0, -1], [0, 1]]}))"#,
            result: r#"{"type":"Point","coordinates":[0.0,0.0]}"#,
        },
        Example {
            query: r#"print geo_intersection_2lines(dynamic({"type": "LineString", "coordinates": [[1, 1], [2, 2]]}), dynamic({"type": "LineString", "coordinates": [[3, 3], [4, 4]]})).geometries"#,
            result: "[]",
        },
    ],
    lower: |_, args| Ok(call("geo_intersection_2lines", Kind::Dynamic, intersections, args)),
    ..GEO_LINE_LENGTH
};

/// Pairs of edges that are compared, for lines of a row.
pub(super) const PAIRS_MAX: usize = 4_000_000;

fn all_edges(json: Option<&str>) -> Option<Vec<Edge>> {
    Some(lines(json)?.iter().flat_map(|line| edges(line)).collect())
}

fn lengths(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(real_rows(args.rows, |row| {
        let edges = all_edges(texts.get(row))?;
        Some(edges.into_iter().map(|(from, to)| from.angle(to)).sum::<f64>() * RADIUS)
    }))
}

fn centroids(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let edges = all_edges(texts.get(row))?;
        // The mean of an arc's points points to its middle, and is longer the longer the arc.
        let sum = edges.into_iter().fold(Vector(0.0, 0.0, 0.0), |sum, (from, to)| {
            let half = from.angle(to) / 2.0;
            let middle = from.plus(to).unit().unwrap_or(from);
            sum.plus(middle.times(2.0 * half.sin()))
        });
        Some(point_json(sum.unit()?).to_string())
    }))
}

fn fractions(args: &Args) -> Result<ArrayRef> {
    let (texts, longitudes, latitudes) = (args.texts(0)?, args.reals(1)?, args.reals(2)?);
    Ok(real_rows(args.rows, |row| {
        let lines = lines(texts.get(row))?;
        let [line] = lines.as_slice() else { return None };
        let known = longitudes.is_valid(row) && latitudes.is_valid(row);
        let point = Vector::at(longitudes.value(row), latitudes.value(row)).filter(|_| known)?;
        let (mut before, mut best) = (0.0, (f64::INFINITY, 0.0));
        for edge in edges(line) {
            let place = nearest_on(edge, point);
            let distance = place.angle(point);
            if distance < best.0 {
                best = (distance, before + edge.0.angle(place));
            }
            before += edge.0.angle(edge.1);
        }
        Some(best.1 / before)
    }))
}

fn interpolated(args: &Args) -> Result<ArrayRef> {
    let (texts, fractions) = (args.texts(0)?, args.reals(1)?);
    Ok(text_rows(args.rows, |row| {
        let lines = lines(texts.get(row))?;
        let [line] = lines.as_slice() else { return None };
        let fraction = fractions.is_valid(row).then(|| fractions.value(row))?;
        if !(0.0..=1.0).contains(&fraction) {
            return None;
        }
        let mut left = edges(line).map(|(from, to)| from.angle(to)).sum::<f64>() * fraction;
        for (from, to) in edges(line) {
            let angle = from.angle(to);
            if left < angle {
                let weights = [(angle - left).sin(), left.sin()];
                return Some(
                    point_json(from.times(weights[0]).plus(to.times(weights[1])).unit()?).to_string(),
                );
            }
            left -= angle;
        }
        Some(point_json(*line.last()?).to_string())
    }))
}

/// The place on some edges that is nearest to a point.
pub(super) fn nearest(edges: impl IntoIterator<Item = Edge>, point: Vector) -> Option<Vector> {
    let places = edges.into_iter().map(|edge| nearest_on(edge, point));
    places.min_by(|one, other| one.angle(point).total_cmp(&other.angle(point)))
}

/// The point of each row, and the place nearest to it.
fn places(args: &Args) -> Result<Vec<Option<(Vector, Vector)>>> {
    let (longitudes, latitudes, texts) = (args.reals(0)?, args.reals(1)?, args.texts(2)?);
    let places = (0..args.rows).map(|row| {
        let known = longitudes.is_valid(row) && latitudes.is_valid(row);
        let point = Vector::at(longitudes.value(row), latitudes.value(row)).filter(|_| known)?;
        Some((point, nearest(all_edges(texts.get(row))?, point)?))
    });
    Ok(places.collect())
}

fn distances(args: &Args) -> Result<ArrayRef> {
    let places = places(args)?;
    Ok(real_rows(args.rows, |row| places[row].map(|(point, place)| point.angle(place) * RADIUS)))
}

fn nearest_places(args: &Args) -> Result<ArrayRef> {
    let places = places(args)?;
    Ok(text_rows(args.rows, |row| Some(point_json(places[row]?.1).to_string())))
}

/// The points in which the lines of a row cross.
fn crossings(one: Option<&str>, other: Option<&str>) -> Option<Vec<Vector>> {
    let (one, other) = (all_edges(one)?, all_edges(other)?);
    if one.len() * other.len() > PAIRS_MAX {
        return None;
    }
    let mut found: Vec<Vector> = Vec::new();
    for left in &one {
        for right in &other {
            let Some(at) = crossing(*left, *right) else { continue };
            if !found.iter().any(|known| known.angle(at) < 1e-14) {
                found.push(at);
            }
        }
    }
    Some(found)
}

fn intersects(args: &Args) -> Result<ArrayRef> {
    let (one, other) = (args.texts(0)?, args.texts(1)?);
    Ok(bool_rows(args.rows, |row| Some(!crossings(one.get(row), other.get(row))?.is_empty())))
}

fn intersections(args: &Args) -> Result<ArrayRef> {
    let (one, other) = (args.texts(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| {
        let found = crossings(one.get(row), other.get(row))?;
        let json: Value = match found.as_slice() {
            [] => json!({ "type": "GeometryCollection", "geometries": [] }),
            [at] => point_json(*at),
            several => {
                let points: Vec<[f64; 2]> = several.iter().map(|at| at.degrees()).collect();
                json!({ "type": "MultiPoint", "coordinates": points })
            }
        };
        Some(json.to_string())
    }))
}
