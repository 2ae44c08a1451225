//! `geo_polygon_to_h3cells(polygon, [resolution], [radius])`, `geo_line_to_s2cells(line, [level], [radius])`,
//! `geo_polygon_to_s2cells(polygon, [level], [radius])`

use std::collections::BTreeSet;

use datafusion::arrow::array::{Array, ArrayRef, Float64Array};
use datafusion::error::Result;
use h3o::{CellIndex, LatLng, Resolution};
use model::Kind;

use super::arguments::padded;
use super::arrays::array_of_texts;
use super::geo_buffer::Reach;
use super::geo_plane::{Shape, along, is_within, outline};
use super::geo_sphere::{
    Edge, RADIUS, Rings, Vector, crossing, edges, is_in_polygon, lines, nearest_on, polygons,
};
use super::geo_union::united;
use super::s2::{Cell, LEVEL_MAX};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, Longs, Texts, call, text_rows};
use crate::typed::Typed;

pub(super) static GEO_POLYGON_TO_H3CELLS: Function = Function {
    name: "geo_polygon_to_h3cells",
    summary: "The H3 cells whose middles are in a GeoJSON polygon, or one of several, or within a radius around it, in \
              meters: with a resolution from 0 to 15, 6 unless given. Null when it is none, and of more than 61,680 \
              cells.",
    params: &[
        Param::one("polygon", Accepts::Dynamic),
        Param::optional("resolution", Accepts::Integer),
        Param::optional("radius", Accepts::Number),
    ],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print array_length(geo_polygon_to_h3cells(dynamic({"type": "Polygon", "coordinates": [[[10, 10], [11, 10], [11, 11], [10, 11], [10, 10]]]}), 5))"#,
            result: "51",
        },
        Example {
            query: r#"print isnull(geo_polygon_to_h3cells(dynamic({"type": "Polygon", "coordinates": [[[10, 10], [11, 10], [11, 11], [10, 11], [10, 10]]]}), 15))"#,
            result: "true",
        },
    ],
    lower: |_, args| {
        Ok(call("geo_polygon_to_h3cells", Kind::Dynamic, h3_of_polygons, with_defaults(args, 6)))
    },
};

pub(super) static GEO_LINE_TO_S2CELLS: Function = Function {
    name: "geo_line_to_s2cells",
    summary: "The tokens of the S2 cells that cover a GeoJSON line, or several, and what is within a radius around it, \
              in meters: at a level from 0 to 30, 11 unless given. Null when it is none, and of more than 65,536 cells.",
    params: &[
        Param::one("line", Accepts::Dynamic),
        Param::optional("level", Accepts::Integer),
        Param::optional("radius", Accepts::Number),
    ],
    examples: &[
        Example {
            query: r#"print geo_line_to_s2cells(dynamic({"type": "LineString", "coordinates": [[1, 1], [9, 1]]}), 4)"#,
            result: r#"["101","107"]"#,
        },
        Example {
            query: r#"print isnull(geo_line_to_s2cells(dynamic({"type": "LineString", "coordinates": [[1, 1], [5, 1]]}), 31))"#,
            result: "true",
        },
    ],
    lower: |_, args| Ok(call("geo_line_to_s2cells", Kind::Dynamic, s2_of_lines, with_defaults(args, 11))),
    ..GEO_POLYGON_TO_H3CELLS
};

pub(super) static GEO_POLYGON_TO_S2CELLS: Function = Function {
    name: "geo_polygon_to_s2cells",
    summary: "The same as `geo_line_to_s2cells` of a GeoJSON polygon, or several.",
    params: &[
        Param::one("polygon", Accepts::Dynamic),
        Param::optional("level", Accepts::Integer),
        Param::optional("radius", Accepts::Number),
    ],
    examples: &[
        Example {
            query: r#"print array_length(geo_polygon_to_s2cells(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [0, 50], [100, 50], [0, 0]]]}), 5))"#,
            result: "286",
        },
        Example {
            query: r#"print isnull(geo_polygon_to_s2cells(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [0, 50], [100, 50], [0, 0]]]}), 30))"#,
            result: "true",
        },
    ],
    lower: |_, args| {
        Ok(call("geo_polygon_to_s2cells", Kind::Dynamic, s2_of_polygons, with_defaults(args, 11)))
    },
    ..GEO_POLYGON_TO_H3CELLS
};

const H3_CELLS_MAX: usize = 61_680;
const S2_CELLS_MAX: usize = 65_536;
/// Places along outlines that are looked at.
const PLACES_MAX: usize = 1_000_000;
/// Cells and edges that are compared, for the shapes of a row: on a map, and on the sphere, which takes longer.
const COMPARED_ON_MAP_MAX: usize = 300_000_000;
const COMPARED_MAX: usize = 20_000_000;
/// In meters.
const TOLERANCE: f64 = 10.0;

fn with_defaults(args: Vec<Typed>, level: i64) -> Vec<Typed> {
    padded(padded(args, 2, Typed::long(level)), 3, Typed::real(0.0))
}

/// Shapes, levels and radii of rows.
struct Asked {
    shapes: Texts,
    levels: Longs,
    radii: Float64Array,
}

impl Asked {
    fn of(args: &Args) -> Result<Asked> {
        Ok(Asked { shapes: args.texts(0)?, levels: args.longs(1)?, radii: args.reals(2)? })
    }

    fn level(&self, row: usize) -> Option<u32> {
        u32::try_from(self.levels.get(row)?).ok()
    }

    /// In meters.
    fn radius(&self, row: usize) -> Option<f64> {
        self.radii.is_valid(row).then(|| self.radii.value(row)).filter(|radius| *radius >= 0.0)
    }
}

fn h3_of_polygons(args: &Args) -> Result<ArrayRef> {
    let asked = Asked::of(args)?;
    Ok(text_rows(args.rows, |row| {
        let resolution = Resolution::try_from(u8::try_from(asked.level(row)?).ok()?).ok()?;
        let mut shapes = polygons(asked.shapes.get(row))?;
        let radius = asked.radius(row)?;
        if radius > 0.0 {
            let wide = Reach::new(radius, TOLERANCE.max(radius / 1_000.0))?.around_polygons(&shapes)?;
            shapes = polygons(united(&wide).as_deref())?;
        }
        let cells = h3_cells(&shapes, resolution)?;
        Some(array_of_texts(cells.into_iter().map(|cell| cell.to_string())))
    }))
}

/// A polygon on the map of degrees. Longitudes go on beyond 180 where it crosses the line where days change.
fn on_map(rings: &Rings) -> Shape {
    let mut before = None;
    let mut map = |point: &Vector| {
        let [longitude, latitude] = point.degrees();
        let turns = before.map_or(0.0, |before: f64| ((before - longitude) / 360.0).round());
        before = Some(longitude + turns * 360.0);
        [longitude + turns * 360.0, latitude]
    };
    rings.iter().map(|ring| ring.iter().skip(1).map(&mut map).collect()).collect()
}

/// The cells whose middles are in a shape of the map of degrees: from those along the outline on, from neighbor to
/// neighbor. `None` when there are too many.
fn h3_cells(polygons: &[Rings], resolution: Resolution) -> Option<BTreeSet<CellIndex>> {
    let shapes: Vec<Shape> = polygons.iter().map(on_map).collect();
    let is_in = |cell: CellIndex| {
        let middle = LatLng::from(cell);
        [-360.0, 0.0, 360.0].iter().any(|turn| is_within([middle.lng() + turn, middle.lat()], &shapes))
    };
    // Places are so near to each other that no cell between them is passed over, with the neighbors of each.
    let step = (resolution.edge_length_m() / 2.0 / RADIUS).to_degrees();
    let mut places = 0;
    let mut near: BTreeSet<CellIndex> = BTreeSet::new();
    for segment in outline(&shapes) {
        let length = (segment.1[0] - segment.0[0]).hypot(segment.1[1] - segment.0[1]);
        let steps = (length / step).ceil().clamp(1.0, PLACES_MAX as f64) as usize;
        places += steps;
        if places > PLACES_MAX || near.len() > 8 * H3_CELLS_MAX {
            return None;
        }
        for at in 0..steps {
            let [longitude, latitude] = along(segment, at as f64 / steps as f64);
            near.insert(LatLng::new(latitude, longitude).ok()?.to_cell(resolution));
        }
    }
    let edges = 3 * outline(&shapes).len();
    let mut room = COMPARED_ON_MAP_MAX;
    let beside = |cell: CellIndex, far: u32| cell.grid_disk_safe(far).collect::<Vec<_>>();
    let mut cells: BTreeSet<CellIndex> = BTreeSet::new();
    let mut next: Vec<CellIndex> = near.into_iter().flat_map(|cell| beside(cell, 2)).collect();
    let mut seen: BTreeSet<CellIndex> = BTreeSet::new();
    while let Some(cell) = next.pop() {
        if !seen.insert(cell) {
            continue;
        }
        room = room.checked_sub(edges)?;
        if !is_in(cell) {
            continue;
        }
        cells.insert(cell);
        if cells.len() > H3_CELLS_MAX {
            return None;
        }
        next.extend(beside(cell, 1));
    }
    Some(cells)
}

fn s2_of_lines(args: &Args) -> Result<ArrayRef> {
    let asked = Asked::of(args)?;
    Ok(text_rows(args.rows, |row| {
        let all = lines(asked.shapes.get(row))?;
        let edges = all.iter().flat_map(|line| edges(line)).collect();
        Covering::new(asked.level(row)?, asked.radius(row)?, &[])?.of(edges)
    }))
}

fn s2_of_polygons(args: &Args) -> Result<ArrayRef> {
    let asked = Asked::of(args)?;
    Ok(text_rows(args.rows, |row| {
        let all = polygons(asked.shapes.get(row))?;
        let edges = all.iter().flatten().flat_map(|ring| edges(ring)).collect();
        Covering::new(asked.level(row)?, asked.radius(row)?, &all)?.of(edges)
    }))
}

/// The cells of a level that cover a shape.
struct Covering<'s> {
    level: u32,
    /// In radians.
    radius: f64,
    polygons: &'s [Rings],
    cells: Vec<Cell>,
    /// Comparisons that may still be made.
    room: usize,
}

impl<'s> Covering<'s> {
    fn new(level: u32, radius: f64, polygons: &'s [Rings]) -> Option<Covering<'s>> {
        let is_valid = level <= LEVEL_MAX && radius < std::f64::consts::PI * RADIUS;
        is_valid.then(|| Covering {
            level,
            radius: radius / RADIUS,
            polygons,
            cells: Vec::new(),
            room: COMPARED_MAX,
        })
    }

    /// The tokens of the cells, in their order; `None` when there are too many.
    fn of(mut self, edges: Vec<Edge>) -> Option<String> {
        for face in Cell::faces() {
            self.add(face, &edges)?;
        }
        Some(array_of_texts(self.cells.into_iter().map(Cell::token)))
    }

    /// Adds what covers the part of the shape in a cell. `edges` are those that are near to what the cell is in.
    fn add(&mut self, cell: Cell, edges: &[Edge]) -> Option<()> {
        let Some(square) = Square::of(cell) else { return Some(()) };
        self.room = self.room.checked_sub(edges.len())?;
        let near: Vec<Edge> =
            edges.iter().filter(|edge| square.is_near(**edge, self.radius)).copied().collect();
        if near.is_empty() {
            // No outline is near: the cell is in the shape, or far from it.
            let middle = cell.middle().unit()?;
            let corners = self.polygons.iter().flatten().map(Vec::len).sum();
            self.room = self.room.checked_sub(corners)?;
            if self.polygons.iter().any(|rings| is_in_polygon(rings, middle)) {
                self.add_all(cell)?;
            }
            return Some(());
        }
        if cell.level() == self.level {
            return self.push(cell);
        }
        cell.children().into_iter().try_for_each(|child| self.add(child, &near))
    }

    fn add_all(&mut self, cell: Cell) -> Option<()> {
        if cell.level() == self.level {
            return self.push(cell);
        }
        cell.children().into_iter().try_for_each(|child| self.add_all(child))
    }

    fn push(&mut self, cell: Cell) -> Option<()> {
        self.cells.push(cell);
        (self.cells.len() <= S2_CELLS_MAX).then_some(())
    }
}

/// The corners of a cell, counterclockwise.
struct Square([Vector; 4]);

impl Square {
    fn of(cell: Cell) -> Option<Square> {
        let [a, b, c, d] = cell.corners().map(Vector::unit);
        Some(Square([a?, b?, c?, d?]))
    }

    fn sides(&self) -> impl Iterator<Item = Edge> + '_ {
        (0..4).map(|at| (self.0[at], self.0[(at + 1) % 4]))
    }

    fn holds(&self, point: Vector) -> bool {
        self.sides().all(|(from, to)| from.cross(to).dot(point) >= -1e-15)
    }

    /// Whether a point of an edge is in the square, or as near to it as a radius.
    fn is_near(&self, edge: Edge, radius: f64) -> bool {
        if self.holds(edge.0) || self.holds(edge.1) || self.sides().any(|side| crossing(edge, side).is_some())
        {
            return true;
        }
        let is_far = |edge: Edge, point: Vector| nearest_on(edge, point).angle(point) > radius;
        radius > 0.0
            && !(self.0.iter().all(|corner| is_far(edge, *corner))
                && self.sides().all(|side| is_far(side, edge.0) && is_far(side, edge.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RING: &str = r#"{"type": "Polygon", "coordinates": [[[170, 50], [-175, 55], [-178, 60], [172, 61], [170, 50]],
        [[-179, 56], [178, 55], [178, 57], [-179, 56]]]}"#;

    #[test]
    fn h3_cells_are_those_whose_middles_are_within() {
        let polygons = polygons(Some(RING)).unwrap();
        let shapes: Vec<Shape> = polygons.iter().map(on_map).collect();
        for resolution in [Resolution::Zero, Resolution::Two, Resolution::Four] {
            let mut expected = BTreeSet::new();
            for (x, y) in (0..800).flat_map(|x| (0..600).map(move |y| (x, y))) {
                let at = LatLng::new(45.0 + f64::from(y) / 30.0, 165.0 + f64::from(x) / 30.0).unwrap();
                let cell = at.to_cell(resolution);
                let middle = LatLng::from(cell);
                let longitude = middle.lng().rem_euclid(360.0) - 360.0;
                if is_within([longitude, middle.lat()], &shapes) {
                    expected.insert(cell);
                }
            }
            assert_eq!(h3_cells(&polygons, resolution), Some(expected), "{resolution}");
        }
        assert_eq!(h3_cells(&polygons, Resolution::Eight), None);
    }

    #[test]
    fn s2_cells_are_those_that_hold_a_point_of_the_shape() {
        let polygons = polygons(Some(RING)).unwrap();
        let all: Vec<Edge> = polygons.iter().flatten().flat_map(|ring| edges(ring)).collect();
        let tokens = |radius: f64| {
            let covering = Covering::new(7, radius, &polygons).unwrap().of(all.clone()).unwrap();
            serde_json::from_str::<BTreeSet<String>>(&covering).unwrap()
        };
        let (near, wide) = (tokens(0.0), tokens(50_000.0));
        let mut inside = BTreeSet::new();
        for (x, y) in (0..800).flat_map(|x| (0..600).map(move |y| (x, y))) {
            let longitude = 165.0 + f64::from(x) / 30.0;
            let longitude = if longitude > 180.0 { longitude - 360.0 } else { longitude };
            let point = Vector::at(longitude, 45.0 + f64::from(y) / 30.0).unwrap();
            let token = Cell::at(point, 7).token();
            let far =
                all.iter().map(|edge| nearest_on(*edge, point).angle(point)).fold(f64::INFINITY, f64::min);
            if polygons.iter().any(|rings| is_in_polygon(rings, point)) {
                assert!(near.contains(&token) && wide.contains(&token), "{point:?}");
                inside.insert(token);
            } else if far * RADIUS < 50_000.0 {
                assert!(wide.contains(&token), "{point:?}");
            }
        }
        // A grid of places passes over cells of which the shape has a corner only.
        assert!(near.len() - inside.len() < near.len() / 20, "{} {}", near.len(), inside.len());
        assert!(near.is_subset(&wide) && wide.len() > near.len());
    }
}
