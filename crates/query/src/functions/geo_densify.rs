//! `geo_line_densify(line, tolerance)`, `geo_polygon_densify(polygon, tolerance)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;
use serde_json::{Number, Value};

use super::geo_sphere::{RADIUS, Vector, lines, polygons};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static GEO_LINE_DENSIFY: Function = Function {
    name: "geo_line_densify",
    summary: "A GeoJSON line, or several, whose edges are straight on a map of degrees, with so many points between \
              that the shortest ways from one to the next are as near to them as a tolerance says: 0.1 to 10,000 \
              meters, 10 unless given. Null when it is none.",
    params: &[Param::one("line", Accepts::Dynamic), Param::optional("tolerance", Accepts::Number)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print geo_line_densify(dynamic({"type": "LineString", "coordinates": [[50, 50], [51, 51]]}), 50).coordinates"#,
            result: "[[50,50],[50.25,50.25],[50.5,50.5],[50.75,50.75],[51,51]]",
        },
        Example {
            query: r#"print geo_line_densify(dynamic({"type": "LineString", "coordinates": [[179.5, 60], [-179.5, 60]]}), 50).coordinates"#,
            result: "[[179.5,60],[180,60],[-179.5,60]]",
        },
        Example {
            query: r#"print isnull(geo_line_densify(dynamic({"type": "LineString", "coordinates": [[1, 1], [2, 2]]}), 0))"#,
            result: "true",
        },
    ],
    lower: |_, args| Ok(call("geo_line_densify", Kind::Dynamic, dense_lines, args)),
};

pub(super) static GEO_POLYGON_DENSIFY: Function = Function {
    name: "geo_polygon_densify",
    summary: "The same as `geo_line_densify` of a GeoJSON polygon, or of several; null when it is none.",
    params: &[Param::one("polygon", Accepts::Dynamic), Param::optional("tolerance", Accepts::Number)],
    examples: &[Example {
        query: r#"print geo_polygon_densify(dynamic({"type": "Polygon", "coordinates": [[[10, 10], [11, 10], [11, 11], [10, 10]]]}), 20).coordinates"#,
        result: "[[[10,10],[10.5,10],[11,10],[11,11],[10.75,10.75],[10.5,10.5],[10.25,10.25],[10,10]]]",
    }],
    lower: |_, args| Ok(call("geo_polygon_densify", Kind::Dynamic, dense_polygons, args)),
    ..GEO_LINE_DENSIFY
};

/// In meters.
const TOLERANCE: f64 = 10.0;
/// Points that a shape may come to have.
const POINTS_MAX: usize = 100_000;
/// Where along an edge its two forms are about as far apart as they ever are, seen from either end.
const FARTHEST: f64 = 0.312_156_910_822_483_12;
/// How much of the greatest distance there is at that place, at the least.
const SHARE: f64 = 0.838_299_925_698_885_1;

fn dense_lines(args: &Args) -> Result<ArrayRef> {
    dense(args, |json| lines(json).is_some())
}

fn dense_polygons(args: &Args) -> Result<ArrayRef> {
    dense(args, |json| polygons(json).is_some())
}

fn dense(args: &Args, is_valid: impl Fn(Option<&str>) -> bool) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    let tolerances = if args.len() > 1 { Some(args.reals(1)?) } else { None };
    Ok(text_rows(args.rows, |row| {
        let tolerance = tolerances
            .as_ref()
            .map_or(Some(TOLERANCE), |given| given.is_valid(row).then(|| given.value(row)))?;
        let json = texts.get(row).filter(|json| is_valid(Some(json)))?;
        if !(0.1..=10_000.0).contains(&tolerance) {
            return None;
        }
        let mut shape: Value = serde_json::from_str(json).ok()?;
        let mut room = POINTS_MAX;
        densify(shape.get_mut("coordinates")?, tolerance / RADIUS * SHARE, &mut room)?;
        Some(shape.to_string())
    }))
}

/// Puts points between those of each list of points; `None` when there is no room for them.
fn densify(coordinates: &mut Value, tolerance: f64, room: &mut usize) -> Option<()> {
    let parts = coordinates.as_array_mut()?;
    let points: Option<Vec<[f64; 2]>> = parts.iter().map(point).collect();
    let Some(points) = points else {
        return parts.iter_mut().try_for_each(|part| densify(part, tolerance, room));
    };
    let mut dense = Vec::with_capacity(points.len());
    dense.extend(points.first().copied());
    for pair in points.windows(2) {
        between(pair[0], pair[1], tolerance, room, &mut dense)?;
    }
    *parts = dense.into_iter().map(|point| Value::Array(point.map(number).to_vec())).collect();
    Some(())
}

fn point(value: &Value) -> Option<[f64; 2]> {
    let [longitude, latitude] = value.as_array()?.as_slice() else { return None };
    Some([longitude.as_f64()?, latitude.as_f64()?])
}

/// The points behind the first end of an edge, the other end included.
fn between(
    from: [f64; 2],
    to: [f64; 2],
    tolerance: f64,
    room: &mut usize,
    dense: &mut Vec<[f64; 2]>,
) -> Option<()> {
    if is_near(from, to, tolerance)? {
        *room = room.checked_sub(1)?;
        dense.push(to);
        return Some(());
    }
    let middle = along(from, to, 0.5);
    between(from, middle, tolerance, room, dense)?;
    between(middle, to, tolerance, room, dense)
}

/// Whether the shortest way is as near to the straight line of the map as a tolerance in radians says.
fn is_near(from: [f64; 2], to: [f64; 2], tolerance: f64) -> Option<bool> {
    let at = |[longitude, latitude]: [f64; 2]| Vector::at(longitude, latitude);
    let (start, end) = (at(from)?, at(to)?);
    let angle = start.angle(end);
    if start.dot(end) < -1e-14 {
        return Some(false);
    }
    if angle < tolerance {
        return Some(true);
    }
    for part in [FARTHEST, 1.0 - FARTHEST] {
        let on_map = at(along(from, to, part))?;
        let weights = [((1.0 - part) * angle).sin(), (part * angle).sin()];
        let on_sphere = start.times(weights[0]).plus(end.times(weights[1])).unit()?;
        if on_map.angle(on_sphere) > tolerance {
            return Some(false);
        }
    }
    Some(true)
}

/// A point of the straight line of the map, which crosses the line where days change when that is shorter.
fn along(from: [f64; 2], to: [f64; 2], part: f64) -> [f64; 2] {
    let wrapped = |degrees: f64| (degrees + 180.0).rem_euclid(360.0) - 180.0;
    let near = |degrees: f64| if degrees.abs() <= 180.0 { degrees } else { wrapped(degrees) };
    let longitude = near(from[0] + near(to[0] - from[0]) * part);
    [longitude, from[1] + (to[1] - from[1]) * part]
}

/// A whole number is written as one.
fn number(value: f64) -> Value {
    let whole = value as i64;
    match whole as f64 == value {
        true => Value::from(whole),
        false => Number::from_f64(value).map_or(Value::Null, Value::Number),
    }
}
