//! `geo_point_buffer(longitude, latitude, radius, [tolerance])`, `geo_line_buffer(line, radius, [tolerance])`,
//! `geo_polygon_buffer(polygon, radius, [tolerance])`

use std::f64::consts::{FRAC_PI_2, PI};

use datafusion::arrow::array::{Array, ArrayRef, Float64Array};
use datafusion::error::Result;
use model::Kind;
use serde_json::json;

use super::arguments::padded;
use super::geo_sphere::{Edge, RADIUS, Rings, Vector, edges, lines, polygons};
use super::geo_union::united;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static GEO_POINT_BUFFER: Function = Function {
    name: "geo_point_buffer",
    summary: "A GeoJSON polygon around what is within a radius of a point, in meters, and reaches beyond it by a \
              tolerance at most, 10 meters unless given. Null of coordinates that there are not, of a radius that is \
              not positive or of more than a part of the Earth, and of a tolerance below a millionth of the radius.",
    params: &[
        Param::one("longitude", Accepts::Number),
        Param::one("latitude", Accepts::Number),
        Param::one("radius", Accepts::Number),
        Param::optional("tolerance", Accepts::Number),
    ],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print area = geo_polygon_area(geo_point_buffer(10, 50, 1000, 1)) | project area between (3141592 .. 3148000)",
            result: "true",
        },
        Example { query: "print isnull(geo_point_buffer(10, 10, -1))", result: "true" },
    ],
    lower: |_, args| {
        Ok(call("geo_point_buffer", Kind::Dynamic, of_points, padded(args, 4, Typed::real(TOLERANCE))))
    },
};

pub(super) static GEO_LINE_BUFFER: Function = Function {
    name: "geo_line_buffer",
    summary: "The same as `geo_point_buffer` around a GeoJSON line, or several: a polygon or several. Null when it is \
              none.",
    params: &[
        Param::one("line", Accepts::Dynamic),
        Param::one("radius", Accepts::Number),
        Param::optional("tolerance", Accepts::Number),
    ],
    examples: &[
        Example {
            query: r#"print area = geo_polygon_area(geo_line_buffer(dynamic({"type": "LineString", "coordinates": [[0, 0], [1, 0]]}), 1000, 1)) | project area between (225531570 .. 225780000)"#,
            result: "true",
        },
        Example {
            query: r#"print isnull(geo_line_buffer(dynamic({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}), 0))"#,
            result: "true",
        },
    ],
    lower: |_, args| {
        Ok(call("geo_line_buffer", Kind::Dynamic, of_lines, padded(args, 3, Typed::real(TOLERANCE))))
    },
    ..GEO_POINT_BUFFER
};

pub(super) static GEO_POLYGON_BUFFER: Function = Function {
    name: "geo_polygon_buffer",
    summary: "The same as `geo_point_buffer` around a GeoJSON polygon, or several, which are in it. Null when it is \
              none.",
    params: &[
        Param::one("polygon", Accepts::Dynamic),
        Param::one("radius", Accepts::Number),
        Param::optional("tolerance", Accepts::Number),
    ],
    examples: &[
        Example {
            query: r#"print geo_point_in_polygon(-0.5, 0.5, geo_polygon_buffer(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}), 60000))"#,
            result: "true",
        },
        Example {
            query: r#"print isnull(geo_polygon_buffer(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}), -5))"#,
            result: "true",
        },
    ],
    lower: |_, args| {
        Ok(call("geo_polygon_buffer", Kind::Dynamic, of_polygons, padded(args, 3, Typed::real(TOLERANCE))))
    },
    ..GEO_POINT_BUFFER
};

/// In meters.
const TOLERANCE: f64 = 10.0;
/// The least tolerance, as a share of the radius.
const SHARE_MIN: f64 = 1e-6;
/// Corners of the polygons that are put together.
const CORNERS_MAX: usize = 100_000;

/// How far from a shape its outline goes: contains everything within a radius, and is nowhere farther than a tolerance
/// from that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Of the corners, in radians.
    distance: f64,
    /// Corners of a full turn.
    corners: usize,
    /// The longest way between corners along an edge, in radians.
    step: f64,
}

impl Reach {
    /// For a radius and a tolerance in meters.
    pub fn new(radius: f64, tolerance: f64) -> Option<Reach> {
        let is_valid = radius > 0.0 && radius < FRAC_PI_2 * RADIUS && tolerance >= radius * SHARE_MIN;
        if !is_valid {
            return None;
        }
        let tolerance = tolerance.min(radius) / RADIUS / 2.0;
        let radius = radius / RADIUS;
        let outer = radius + tolerance;
        if outer + tolerance >= FRAC_PI_2 {
            return None;
        }
        // Between two corners the shortest way comes as near as the radius; along an edge it goes as far as is allowed.
        let corners = (PI / (radius.tan() / outer.tan()).acos()).ceil().max(4.0);
        let distance = (radius.tan() / (PI / corners).cos()).atan();
        let step = 2.0 * (distance.tan() / (distance + tolerance).tan()).acos();
        Some(Reach { distance, corners: corners as usize, step })
    }

    /// The reach of each row, from the arguments at a place and behind it.
    fn of_rows(args: &Args, at: usize) -> Result<impl Fn(usize) -> Option<Reach>> {
        let (radii, tolerances) = (args.reals(at)?, args.reals(at + 1)?);
        let value = |values: &Float64Array, row| values.is_valid(row).then(|| values.value(row));
        Ok(move |row| Reach::new(value(&radii, row)?, value(&tolerances, row)?))
    }

    /// The corners of a turn around a point, from a direction and counterclockwise to another.
    fn turn(self, point: Vector, from: Vector, angle: f64) -> impl Iterator<Item = Vector> {
        let side = point.cross(from);
        let steps = ((angle / (2.0 * PI) * self.corners as f64).ceil() as usize).max(1);
        (0..=steps).map(move |at| {
            let turned = angle * at as f64 / steps as f64;
            let way = from.times(turned.cos()).plus(side.times(turned.sin()));
            point.times(self.distance.cos()).plus(way.times(self.distance.sin()))
        })
    }

    fn around_point(self, point: Vector) -> Option<Vec<Vector>> {
        let axis = if point.2.abs() < 0.9 { Vector(0.0, 0.0, 1.0) } else { Vector(1.0, 0.0, 0.0) };
        let mut ring: Vec<Vector> = self.turn(point, point.cross(axis).unit()?, 2.0 * PI).collect();
        if let Some((last, first)) =
            ring.last_mut().zip(Some(self.turn(point, point.cross(axis).unit()?, 0.0).next()?))
        {
            *last = first;
        }
        Some(ring)
    }

    fn around_edge(self, (from, to): Edge) -> Option<Vec<Vector>> {
        let normal = from.cross(to).unit()?;
        let angle = from.angle(to);
        let steps = (angle / self.step).ceil().min(CORNERS_MAX as f64) as usize;
        let beside = |side: Vector| {
            let between = (1..steps).map(move |at| angle * at as f64 / steps as f64);
            between.map(move |way| {
                let on_edge = from.times(way.cos()).plus(normal.cross(from).times(way.sin()));
                on_edge.times(self.distance.cos()).plus(side.times(self.distance.sin()))
            })
        };
        let right = normal.times(-1.0);
        let mut ring: Vec<Vector> = self.turn(from, normal, PI).collect();
        ring.extend(beside(right));
        ring.extend(self.turn(to, right, PI));
        let back: Vec<Vector> = beside(normal).collect();
        ring.extend(back.into_iter().rev());
        ring.extend(ring.first().copied());
        Some(ring)
    }

    /// Polygons around edges; `None` when there would be too many corners.
    fn around(self, edges: impl Iterator<Item = Edge>) -> Option<Vec<Rings>> {
        let mut corners = 0;
        let around = edges.map(|edge| {
            let ring = self.around_edge(edge)?;
            corners += ring.len();
            (corners <= CORNERS_MAX).then(|| vec![ring])
        });
        around.collect()
    }

    pub fn around_lines(self, lines: &[Vec<Vector>]) -> Option<Vec<Rings>> {
        self.around(lines.iter().flat_map(|line| edges(line)))
    }

    pub fn around_polygons(self, polygons: &[Rings]) -> Option<Vec<Rings>> {
        let around = self.around(polygons.iter().flatten().flat_map(|ring| edges(ring)))?;
        Some(around.into_iter().chain(polygons.iter().cloned()).collect())
    }
}

fn of_points(args: &Args) -> Result<ArrayRef> {
    let (longitudes, latitudes) = (args.reals(0)?, args.reals(1)?);
    let reach = Reach::of_rows(args, 2)?;
    Ok(text_rows(args.rows, |row| {
        let known = longitudes.is_valid(row) && latitudes.is_valid(row);
        let point = Vector::at(longitudes.value(row), latitudes.value(row)).filter(|_| known)?;
        let ring = reach(row)?.around_point(point)?;
        let ring: Vec<[f64; 2]> = ring.into_iter().map(Vector::degrees).collect();
        Some(json!({ "type": "Polygon", "coordinates": [ring] }).to_string())
    }))
}

fn of_lines(args: &Args) -> Result<ArrayRef> {
    let (texts, reach) = (args.texts(0)?, Reach::of_rows(args, 1)?);
    Ok(text_rows(args.rows, |row| united(&reach(row)?.around_lines(&lines(texts.get(row))?)?)))
}

fn of_polygons(args: &Args) -> Result<ArrayRef> {
    let (texts, reach) = (args.texts(0)?, Reach::of_rows(args, 1)?);
    Ok(text_rows(args.rows, |row| united(&reach(row)?.around_polygons(&polygons(texts.get(row))?)?)))
}

#[cfg(test)]
mod tests {
    use super::super::geo_sphere::{nearest_on, signed_area};
    use super::*;

    #[test]
    fn outlines_are_as_far_as_they_may_be() {
        let edge = (Vector::at(10.0, 50.0).unwrap(), Vector::at(12.0, 51.0).unwrap());
        for (radius, tolerance) in [(1_000.0, 10.0), (50_000.0, 1.0), (200_000.0, 100.0), (5.0, 50.0)] {
            let reach = Reach::new(radius, tolerance).unwrap();
            let ring = reach.around_edge(edge).unwrap();
            assert!(signed_area(&ring) > 0.0);
            for (from, to) in edges(&ring) {
                for share in 0..=10 {
                    let share = f64::from(share) / 10.0;
                    let on = from.times(1.0 - share).plus(to.times(share)).unit().unwrap();
                    let far = on.angle(nearest_on(edge, on)) * RADIUS;
                    assert!(far > radius - 1e-4, "{radius} {tolerance}: {far}");
                    assert!(far < radius + tolerance.min(radius) + 1e-4, "{radius} {tolerance}: {far}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_reach() {
        for (radius, tolerance) in [
            (0.0, 10.0),
            (-1.0, 10.0),
            (f64::NAN, 10.0),
            (2e7, 100.0),
            (1e6, 0.5),
            (10.0, 0.0),
            (10.0, f64::NAN),
        ] {
            assert!(Reach::new(radius, tolerance).is_none(), "{radius} {tolerance}");
        }
    }
}
