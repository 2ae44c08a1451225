//! `geo_intersection_2polygons(polygon1, polygon2)`, `geo_intersection_line_with_polygon(line, polygon)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::geo_plane::{
    Plane, SAME, Segment, Shape, Spot, along, cross, intersection, is_on, is_same, is_within, meets, minus,
    outline, segments,
};
use super::geo_sphere::{lines, polygons};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static GEO_INTERSECTION_2POLYGONS: Function = Function {
    name: "geo_intersection_2polygons",
    summary: "What two GeoJSON polygons, each of which may be several, have in common: polygons, lines where their \
              outlines lie on each other, points where they touch, an empty collection where there is nothing. Null \
              when one is none, and of shapes that are of more than a part of the Earth.",
    params: &[Param::one("polygon1", Accepts::Dynamic), Param::one("polygon2", Accepts::Dynamic)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print round(geo_polygon_area(geo_intersection_2polygons(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}), dynamic({"type": "Polygon", "coordinates": [[[1, 0], [3, 0], [3, 2], [1, 2], [1, 0]]]}))) / 1e6)"#,
            result: "24725.0",
        },
        Example {
            query: r#"print shape = geo_intersection_2polygons(dynamic({"type": "Polygon", "coordinates": [[[2, 45], [0, 45], [1, 44], [2, 45]]]}), dynamic({"type": "Polygon", "coordinates": [[[3, 44], [2, 45], [2, 43], [3, 44]]]})) | project shape.type, round(todouble(shape.coordinates[0]), 9)"#,
            result: "Point | 2.0",
        },
        Example {
            query: r#"print geo_intersection_2polygons(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]}), dynamic({"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, -2], [0, 0]]]})).type"#,
            result: "LineString",
        },
        Example {
            query: r#"print geo_intersection_2polygons(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]}), dynamic({"type": "Polygon", "coordinates": [[[5, 5], [6, 5], [6, 6], [5, 5]]]}))"#,
            result: r#"{"type":"GeometryCollection","geometries":[]}"#,
        },
    ],
    lower: |_, args| Ok(call("geo_intersection_2polygons", Kind::Dynamic, of_polygons, args)),
};

pub(super) static GEO_INTERSECTION_LINE_WITH_POLYGON: Function = Function {
    name: "geo_intersection_line_with_polygon",
    summary: "The parts of a GeoJSON line, or of several, that are in a polygon or on its outline, and the points in \
              which they touch it; an empty collection where there is nothing. Null when one is none, and of shapes \
              that are of more than a part of the Earth.",
    params: &[Param::one("line", Accepts::Dynamic), Param::one("polygon", Accepts::Dynamic)],
    examples: &[
        Example {
            query: r#"print shape = geo_intersection_line_with_polygon(dynamic({"type": "LineString", "coordinates": [[-1, 0], [5, 0]]}), dynamic({"type": "Polygon", "coordinates": [[[0, -1], [3, -1], [3, 1], [0, 1], [0, -1]], [[1, -0.5], [1, 0.5], [2, 0.5], [2, -0.5], [1, -0.5]]]})) | project shape.type, round(geo_line_length(shape))"#,
            result: "MultiLineString | 222390.0",
        },
        Example {
            query: r#"print geo_intersection_line_with_polygon(dynamic({"type": "LineString", "coordinates": [[-1, 5], [1, 5]]}), dynamic({"type": "Polygon", "coordinates": [[[0, -1], [3, -1], [3, 1], [0, -1]]]})).geometries"#,
            result: "[]",
        },
    ],
    lower: |_, args| Ok(call("geo_intersection_line_with_polygon", Kind::Dynamic, of_lines, args)),
    ..GEO_INTERSECTION_2POLYGONS
};

/// Spots and segments that are compared, for the shapes of a row.
const COMPARED_MAX: usize = 16_000_000;

fn of_polygons(args: &Args) -> Result<ArrayRef> {
    let (one, other) = (args.texts(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| {
        let (one, other) = (polygons(one.get(row))?, polygons(other.get(row))?);
        let plane = Plane::around(one.iter().chain(&other).flatten().flatten())?;
        let [one, other] =
            [one, other].map(|all| all.iter().map(|rings| plane.shape(rings)).collect::<Vec<_>>());
        let shapes = intersection(&one, &other)?;
        // Outlines that only touch leave nothing of an area.
        let rings = one.iter().flatten().map(|ring| ring.iter().chain(ring.first()).copied().collect());
        let mut found = Found::new();
        let (rings, other_outline): (Vec<Vec<Spot>>, _) = (rings.collect(), outline(&other));
        for ring in &rings {
            found.add(ring, &other, &other_outline)?;
        }
        let area = outline(&shapes);
        found.compare(
            2 * (found.points.len() + found.lines.iter().map(Vec::len).sum::<usize>()),
            area.len(),
        )?;
        let is_left = |spot: Spot| !is_on(spot, &area) && !is_within(spot, &shapes);
        found.lines.retain(|line| segments(line).any(|segment| is_left(along(segment, 0.5))));
        found.points.retain(|point| is_left(*point));
        let points = found.points_alone()?;
        Some(plane.geometry(&points, &found.lines, &shapes).to_string())
    }))
}

fn of_lines(args: &Args) -> Result<ArrayRef> {
    let (line, polygon) = (args.texts(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| {
        let (lines, polygons) = (lines(line.get(row))?, polygons(polygon.get(row))?);
        let plane = Plane::around(lines.iter().chain(polygons.iter().flatten()).flatten())?;
        let shapes: Vec<Shape> = polygons.iter().map(|rings| plane.shape(rings)).collect();
        let (mut found, outline) = (Found::new(), outline(&shapes));
        for line in &lines {
            found.add(&plane.path(line), &shapes, &outline)?;
        }
        let points = found.points_alone()?;
        Some(plane.geometry(&points, &found.lines, &[]).to_string())
    }))
}

/// What paths and shapes have in common.
struct Found {
    lines: Vec<Vec<Spot>>,
    /// Where a path meets an outline, begins or ends, within a shape.
    points: Vec<Spot>,
    /// Comparisons that may still be made.
    room: usize,
}

impl Found {
    fn new() -> Found {
        Found { lines: Vec::new(), points: Vec::new(), room: COMPARED_MAX }
    }

    /// `None` when there is too much to compare.
    fn compare(&mut self, some: usize, others: usize) -> Option<()> {
        self.room = self.room.checked_sub(some.saturating_mul(others))?;
        Some(())
    }

    /// Adds the parts of a path that are in shapes; `None` when there is too much to compare.
    fn add(&mut self, path: &[Spot], shapes: &[Shape], outline: &[Segment]) -> Option<()> {
        let is_in = |spot: Spot| is_on(spot, outline) || is_within(spot, shapes);
        self.compare(path.len(), outline.len())?;
        let mut part: Vec<Spot> = Vec::new();
        for segment in segments(path) {
            for cuts in cuts(segment, outline).windows(2) {
                let ends = (along(segment, cuts[0]), along(segment, cuts[1]));
                self.compare(3, outline.len())?;
                self.points.extend([ends.0, ends.1].into_iter().filter(|spot| is_in(*spot)));
                if is_in(along(ends, 0.5)) {
                    if part.is_empty() {
                        part.push(ends.0);
                    }
                    part.push(ends.1);
                } else if !part.is_empty() {
                    self.lines.push(straightened(std::mem::take(&mut part)));
                }
            }
        }
        if !part.is_empty() {
            self.lines.push(straightened(part));
        }
        Some(())
    }

    /// The points that are on no line, each once.
    fn points_alone(&mut self) -> Option<Vec<Spot>> {
        let lines: Vec<Segment> = self.lines.iter().flat_map(|line| segments(line)).collect();
        let mut alone: Vec<Spot> = Vec::new();
        for point in std::mem::take(&mut self.points) {
            self.compare(1, lines.len() + alone.len())?;
            if !is_on(point, &lines) && !alone.iter().any(|known| is_same(*known, point)) {
                alone.push(point);
            }
        }
        Some(alone)
    }
}

/// The shares of a segment's way at which it meets an outline, its ends included, in order.
fn cuts(segment: Segment, outline: &[Segment]) -> Vec<f64> {
    let mut cuts = vec![0.0, 1.0];
    cuts.extend(outline.iter().flat_map(|other| meets(segment, *other)).flatten());
    cuts.sort_unstable_by(f64::total_cmp);
    cuts.dedup_by(|one, other| is_same(along(segment, *one), along(segment, *other)));
    if cuts.len() == 1 {
        cuts.push(1.0);
    }
    cuts
}

/// A line without spots in the middle of straight ways.
fn straightened(line: Vec<Spot>) -> Vec<Spot> {
    let mut kept: Vec<Spot> = Vec::with_capacity(line.len());
    for (at, spot) in line.iter().enumerate() {
        let is_between = kept.last().zip(line.get(at + 1)).is_some_and(|(before, after)| {
            let (way, other) = (minus(*spot, *before), minus(*after, *spot));
            let lengths = way[0].hypot(way[1]) * other[0].hypot(other[1]);
            cross(way, other).abs() <= SAME * lengths && way[0] * other[0] + way[1] * other[1] >= 0.0
        });
        if !is_between {
            kept.push(*spot);
        }
    }
    kept
}
