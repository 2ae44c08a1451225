//! `geo_line_simplify(line, [tolerance])`, `geo_polygon_simplify(polygon, [tolerance])`,
//! `geo_simplify_polygons_array(polygons, [tolerance])`

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;
use serde_json::{Value, json};

use super::arguments::padded;
use super::arrays::elements;
use super::geo_plane::one_or_several;
use super::geo_sphere::{RADIUS, Rings, Vector, lines, nearest_on, polygons};
use super::geo_union::united;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static GEO_LINE_SIMPLIFY: Function = Function {
    name: "geo_line_simplify",
    summary: "A GeoJSON line, or several, without the points that are as near to the way between others as a tolerance \
              says: 0.1 to 10,000 meters, 10 unless given. Null when it is none.",
    params: &[Param::one("line", Accepts::Dynamic), Param::optional("tolerance", Accepts::Number)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print array_length(geo_line_simplify(dynamic({"type": "LineString", "coordinates": [[0, 0], [1, 0.0001], [2, 0], [2, 2]]}), 100).coordinates)"#,
            result: "3",
        },
        Example {
            query: r#"print isnull(geo_line_simplify(dynamic({"type": "LineString", "coordinates": [[1, 1], [2, 2]]}), -1))"#,
            result: "true",
        },
    ],
    lower: |_, args| {
        Ok(call("geo_line_simplify", Kind::Dynamic, of_lines, padded(args, 2, Typed::real(TOLERANCE))))
    },
};

pub(super) static GEO_POLYGON_SIMPLIFY: Function = Function {
    name: "geo_polygon_simplify",
    summary: "The same as `geo_line_simplify` of a GeoJSON polygon; of several, what is in one of them. Null when it is \
              none, and when nothing is left of it.",
    params: &[Param::one("polygon", Accepts::Dynamic), Param::optional("tolerance", Accepts::Number)],
    examples: &[
        Example {
            query: r#"print array_length(geo_polygon_simplify(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [1, -0.00001], [2, 0], [2, 2], [0, 0]]]})).coordinates[0])"#,
            result: "4",
        },
        Example {
            query: r#"print isnull(geo_polygon_simplify(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [0.001, 0], [0.001, 0.001], [0, 0]]]}), 1000))"#,
            result: "true",
        },
    ],
    lower: |_, args| {
        Ok(call("geo_polygon_simplify", Kind::Dynamic, of_polygons, padded(args, 2, Typed::real(TOLERANCE))))
    },
    ..GEO_LINE_SIMPLIFY
};

pub(super) static GEO_SIMPLIFY_POLYGONS_ARRAY: Function = Function {
    name: "geo_simplify_polygons_array",
    summary: "The same as `geo_polygon_simplify` of an array of GeoJSON polygons, so that those that border each other \
              still do; the tolerance may be up to 7,800,000 meters. Null when one is none, and when nothing is left.",
    params: &[Param::one("polygons", Accepts::Dynamic), Param::optional("tolerance", Accepts::Number)],
    examples: &[
        Example {
            query: r#"print shape = geo_simplify_polygons_array(dynamic([{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1.00001, 1], [1, 2], [0, 2], [0, 0]]]}, {"type": "Polygon", "coordinates": [[[1, 0], [2, 0], [2, 2], [1, 2], [1.00001, 1], [1, 0]]]}])).coordinates | project array_length(shape[0][0]), array_length(shape[1][0])"#,
            result: "5 | 5",
        },
        Example {
            query: r#"print isnull(geo_simplify_polygons_array(dynamic([{"type": "Polygon", "coordinates": [[[0, 0]]]}])))"#,
            result: "true",
        },
    ],
    lower: |_, args| {
        Ok(call(
            "geo_simplify_polygons_array",
            Kind::Dynamic,
            of_arrays,
            padded(args, 2, Typed::real(TOLERANCE)),
        ))
    },
    ..GEO_LINE_SIMPLIFY
};

/// In meters.
const TOLERANCE: f64 = 10.0;
const TOLERANCES: RangeInclusive<f64> = 0.1..=10_000.0;
const TOLERANCES_OF_ARRAYS: RangeInclusive<f64> = 0.0..=7_800_000.0;
/// Points that are compared with ways, for the shapes of a row.
const COMPARED_MAX: usize = 10_000_000;

/// The tolerance of each row, in radians.
fn tolerances(args: &Args, valid: RangeInclusive<f64>) -> Result<impl Fn(usize) -> Option<f64>> {
    let tolerances = args.reals(1)?;
    Ok(move |row| {
        let tolerance = tolerances.is_valid(row).then(|| tolerances.value(row))?;
        valid.contains(&tolerance).then_some(tolerance / RADIUS)
    })
}

fn of_lines(args: &Args) -> Result<ArrayRef> {
    let (texts, tolerance) = (args.texts(0)?, tolerances(args, TOLERANCES)?);
    Ok(text_rows(args.rows, |row| {
        let (lines, mut simple) = (lines(texts.get(row))?, Simple::new(tolerance(row)?));
        let lines = lines.iter().map(|line| Some(coordinates(&simple.way(line)?)));
        Some(one_or_several("LineString", lines.collect::<Option<Vec<_>>>()?)?.to_string())
    }))
}

fn of_polygons(args: &Args) -> Result<ArrayRef> {
    let (texts, tolerance) = (args.texts(0)?, tolerances(args, TOLERANCES)?);
    Ok(text_rows(args.rows, |row| {
        let (polygons, mut simple) = (polygons(texts.get(row))?, Simple::new(tolerance(row)?));
        let left = simple.polygons(&polygons)?;
        match left.as_slice() {
            [_, _, ..] => united(&left),
            _ => several(&left),
        }
    }))
}

fn of_arrays(args: &Args) -> Result<ArrayRef> {
    let (arrays, tolerance) = (args.texts(0)?, tolerances(args, TOLERANCES_OF_ARRAYS)?);
    Ok(text_rows(args.rows, |row| {
        let all = elements(arrays.get(row))?.into_iter().map(|polygon| polygons(Some(polygon)));
        let all: Vec<Rings> = all.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
        several(&Simple::new(tolerance(row)?).polygons(&all)?)
    }))
}

fn coordinates(points: &[Vector]) -> Value {
    json!(points.iter().map(|point| point.degrees()).collect::<Vec<_>>())
}

fn several(polygons: &[Rings]) -> Option<String> {
    let parts = polygons.iter().map(|rings| rings.iter().map(|ring| coordinates(ring)).collect());
    Some(one_or_several("Polygon", parts.collect())?.to_string())
}

/// A point by the bits of its parts.
type Key = [u64; 3];

fn key(point: Vector) -> Key {
    // Zero has two signs.
    [point.0, point.1, point.2].map(|part| (part + 0.0).to_bits())
}

struct Simple {
    /// In radians.
    tolerance: f64,
    /// Comparisons that may still be made.
    room: usize,
}

impl Simple {
    fn new(tolerance: f64) -> Simple {
        Simple { tolerance, room: COMPARED_MAX }
    }

    /// A way with the points alone that are farther from it than the tolerance, by Douglas and Peucker, and from each
    /// other. Its ends stay. `None` when there is too much to compare.
    fn way(&mut self, way: &[Vector]) -> Option<Vec<Vector>> {
        let mut is_kept = vec![false; way.len()];
        let last = way.len().checked_sub(1)?;
        (is_kept[0], is_kept[last]) = (true, true);
        let mut parts = vec![(0, last)];
        while let Some((from, to)) = parts.pop() {
            self.room = self.room.checked_sub(to - from)?;
            let edge = (way[from], way[to]);
            let far = (from + 1..to).map(|at| (at, nearest_on(edge, way[at]).angle(way[at])));
            let Some((at, angle)) = far.max_by(|one, other| one.1.total_cmp(&other.1)) else { continue };
            if angle > self.tolerance {
                is_kept[at] = true;
                parts.extend([(from, at), (at, to)]);
            }
        }
        let mut simple: Vec<Vector> = Vec::new();
        for (at, point) in way.iter().enumerate().filter(|(at, _)| is_kept[*at]) {
            let is_near = simple.last().is_some_and(|known| known.angle(*point) < self.tolerance);
            if is_near && at == last && simple.len() > 1 {
                simple.pop();
            }
            if !is_near || at == last {
                simple.push(*point);
            }
        }
        Some(simple)
    }

    /// Polygons of which something is left. Between points where several outlines meet or part, each outline is the same
    /// way, whichever polygon it is of.
    fn polygons(&mut self, polygons: &[Rings]) -> Option<Vec<Rings>> {
        let fixed = junctions(polygons);
        let mut left = Vec::new();
        for rings in polygons {
            let mut simple = rings.iter().map(|ring| self.ring(ring, &fixed));
            let Some(outer) = simple.next()?? else { continue };
            let holes = simple.collect::<Option<Vec<_>>>()?.into_iter().flatten();
            left.push(std::iter::once(outer).chain(holes).collect());
        }
        Some(left)
    }

    /// A ring that is left, closed; `None` inside when nothing is.
    fn ring(&mut self, ring: &[Vector], fixed: &HashSet<Key>) -> Option<Option<Vec<Vector>>> {
        let corners = ring.get(..ring.len().checked_sub(1)?)?;
        let mut starts: Vec<usize> =
            (0..corners.len()).filter(|at| fixed.contains(&key(corners[*at]))).collect();
        if starts.len() < 2 {
            // The first corner, and the one that is farthest from it: the same ones for every ring of these corners.
            let first =
                starts.first().copied().or_else(|| (0..corners.len()).min_by_key(|at| key(corners[*at])))?;
            let far = |at: &usize| corners[*at].angle(corners[first]);
            let farthest = (0..corners.len()).max_by(|one, other| far(one).total_cmp(&far(other)))?;
            starts = vec![first.min(farthest), first.max(farthest)];
        }
        let mut simple: Vec<Vector> = Vec::new();
        for (at, start) in starts.iter().enumerate() {
            let end = starts.get(at + 1).copied().unwrap_or(starts[0] + corners.len());
            let mut way: Vec<Vector> = (*start..=end).map(|at| corners[at % corners.len()]).collect();
            let is_turned = key(way[0]) > key(way[way.len() - 1]);
            if is_turned {
                way.reverse();
            }
            let mut way = self.way(&way)?;
            if is_turned {
                way.reverse();
            }
            way.pop();
            simple.extend(way);
        }
        let is_near = |(one, other): (&Vector, &Vector)| one.angle(*other) < self.tolerance;
        if simple.len() < 3 || simple.iter().zip(simple.iter().skip(1)).any(is_near) {
            return Some(None);
        }
        // It begins where it began.
        if let Some(first) = simple.iter().position(|corner| key(*corner) == key(corners[0])) {
            simple.rotate_left(first);
        }
        simple.extend(simple.first().copied());
        Some(Some(simple))
    }
}

/// Corners that have more than two neighbors in all the rings, where outlines meet or part.
fn junctions(polygons: &[Rings]) -> HashSet<Key> {
    let mut neighbors: HashMap<Key, Vec<Key>> = HashMap::new();
    for pair in polygons.iter().flatten().flat_map(|ring| ring.windows(2)) {
        let (one, other) = (key(pair[0]), key(pair[1]));
        for (from, to) in [(one, other), (other, one)] {
            let known = neighbors.entry(from).or_default();
            // What has three is a junction already.
            if known.len() < 3 && !known.contains(&to) {
                known.push(to);
            }
        }
    }
    neighbors.into_iter().filter(|(_, known)| known.len() > 2).map(|(at, _)| at).collect()
}
