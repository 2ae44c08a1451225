//! `geo_union_polygons_array(polygons)`, `geo_union_lines_array(lines)`

use std::collections::{HashMap, HashSet};

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::elements;
use super::geo_lines::PAIRS_MAX;
use super::geo_plane::{Plane, SAME, Segment, Spot, along, is_same, meets, segments, union};
use super::geo_sphere::{Rings, Vector, lines, polygons};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static GEO_UNION_POLYGONS_ARRAY: Function = Function {
    name: "geo_union_polygons_array",
    summary: "What is in one of an array of GeoJSON polygons, each of which may be several, as a polygon or several. \
              Null when one is none, and of polygons that are of more than a part of the Earth.",
    params: &[Param::one("polygons", Accepts::Dynamic)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print shape = geo_union_polygons_array(dynamic([{"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}, {"type": "Polygon", "coordinates": [[[1, 0], [3, 0], [3, 2], [1, 2], [1, 0]]]}])) | project shape.type, round(geo_polygon_area(shape) / 1e6)"#,
            result: "Polygon | 74180.0",
        },
        Example {
            query: r#"print geo_union_polygons_array(dynamic([{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}, {"type": "Polygon", "coordinates": [[[5, 5], [6, 5], [6, 6], [5, 5]]]}])).type"#,
            result: "MultiPolygon",
        },
        Example {
            query: r#"print isnull(geo_union_polygons_array(dynamic([{"type": "Polygon", "coordinates": [[[0, 0]]]}])))"#,
            result: "true",
        },
    ],
    lower: |_, args| Ok(call("geo_union_polygons_array", Kind::Dynamic, of_polygons, args)),
};

pub(super) static GEO_UNION_LINES_ARRAY: Function = Function {
    name: "geo_union_lines_array",
    summary: "An array of GeoJSON lines, each of which may be several, as one line or several that do not cross and \
              have each way once. Null when one is none, and of lines that are of more than a part of the Earth.",
    params: &[Param::one("lines", Accepts::Dynamic)],
    examples: &[
        Example {
            query: r#"print shape = geo_union_lines_array(dynamic([{"type": "LineString", "coordinates": [[0, 0], [1, 0], [2, 1]]}, {"type": "LineString", "coordinates": [[1, 0], [2, 1], [3, 0]]}])) | project shape.type, array_length(shape.coordinates)"#,
            result: "LineString | 4",
        },
        Example {
            query: r#"print array_length(geo_union_lines_array(dynamic([{"type": "LineString", "coordinates": [[-1, 0], [1, 0]]}, {"type": "LineString", "coordinates": [[0, -1], [0, 1]]}])).coordinates)"#,
            result: "4",
        },
        Example {
            query: r#"print isnull(geo_union_lines_array(dynamic([{"type": "LineString", "coordinates": [[1, 1]]}])))"#,
            result: "true",
        },
    ],
    lower: |_, args| Ok(call("geo_union_lines_array", Kind::Dynamic, of_lines, args)),
    ..GEO_UNION_POLYGONS_ARRAY
};

/// Spots in which lines may meet.
const SPOTS_MAX: usize = 200_000;

fn of_polygons(args: &Args) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let all = elements(arrays.get(row))?.into_iter().map(|polygon| polygons(Some(polygon)));
        let all: Vec<Rings> = all.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
        united(&all)
    }))
}

/// What is in one of the polygons, as GeoJSON.
pub(super) fn united(polygons: &[Rings]) -> Option<String> {
    let plane = Plane::around(polygons.iter().flatten().flatten())?;
    let shapes = union(polygons.iter().map(|rings| plane.shape(rings)).collect())?;
    Some(plane.geometry(&[], &[], &shapes).to_string())
}

fn of_lines(args: &Args) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let all = elements(arrays.get(row))?.into_iter().map(|line| lines(Some(line)));
        let all: Vec<Vec<Vector>> = all.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
        let plane = Plane::around(all.iter().flatten())?;
        let ways: Vec<Segment> =
            all.iter().flat_map(|line| segments(&plane.path(line)).collect::<Vec<_>>()).collect();
        let net = Net::of(&ways)?;
        Some(plane.geometry(&[], &net.lines(), &[]).to_string())
    }))
}

/// Spots and the ways between them, each once.
#[derive(Default)]
struct Net {
    spots: Vec<Spot>,
    /// Numbers of spots by the square of a grid that they are in.
    squares: HashMap<(i64, i64), Vec<usize>>,
    ways: HashSet<(usize, usize)>,
    /// The spots next to each, in the order in which they came.
    next: Vec<Vec<usize>>,
}

impl Net {
    /// The net of ways, cut where they meet; `None` when there are too many to compare.
    fn of(ways: &[Segment]) -> Option<Net> {
        PAIRS_MAX.checked_sub(ways.len().saturating_mul(ways.len()))?;
        let mut net = Net::default();
        for way in ways {
            let mut cuts = vec![0.0, 1.0];
            cuts.extend(ways.iter().flat_map(|other| meets(*way, *other)).flatten());
            cuts.sort_unstable_by(f64::total_cmp);
            let spots: Vec<usize> = cuts.iter().map(|share| net.spot(along(*way, *share))).collect();
            spots.windows(2).for_each(|pair| net.add(pair[0], pair[1]));
            if net.spots.len() > SPOTS_MAX {
                return None;
            }
        }
        Some(net)
    }

    /// The number of a spot, or of one that is the same.
    fn spot(&mut self, spot: Spot) -> usize {
        let square = spot.map(|axis| (axis / SAME / 2.0).floor() as i64);
        let near = (-1..=1).flat_map(|x| (-1..=1).map(move |y| (square[0] + x, square[1] + y)));
        let mut known = near.filter_map(|square| self.squares.get(&square)).flatten();
        if let Some(at) = known.find(|at| is_same(self.spots[**at], spot)) {
            return *at;
        }
        self.squares.entry((square[0], square[1])).or_default().push(self.spots.len());
        self.spots.push(spot);
        self.next.push(Vec::new());
        self.spots.len() - 1
    }

    fn add(&mut self, from: usize, to: usize) {
        if from != to && self.ways.insert((from.min(to), from.max(to))) {
            self.next[from].push(to);
            self.next[to].push(from);
        }
    }

    /// Lines along all ways, each of which goes on until it meets others or ends.
    fn lines(mut self) -> Vec<Vec<Spot>> {
        let mut lines = Vec::new();
        let (ends, rest): (Vec<usize>, Vec<usize>) =
            (0..self.spots.len()).partition(|at| self.next[*at].len() != 2);
        for start in ends.into_iter().chain(rest) {
            for second in self.next[start].clone() {
                if let Some(line) = self.walk(start, second) {
                    lines.push(line.into_iter().map(|at| self.spots[at]).collect());
                }
            }
        }
        lines
    }

    /// The spots of a line that was not walked yet.
    fn walk(&mut self, start: usize, second: usize) -> Option<Vec<usize>> {
        let mut line = vec![start];
        let mut next = second;
        loop {
            let last = *line.last()?;
            if !self.ways.remove(&(last.min(next), last.max(next))) {
                return (line.len() > 1).then_some(line);
            }
            line.push(next);
            let [one, other] = self.next[next][..] else { return Some(line) };
            next = if one == last { other } else { one };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_net() {
        let ring = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]];
        for (ways, expected) in [
            (vec![([0.0, 0.0], [2.0, 0.0]), ([1.0, 0.0], [3.0, 0.0])], vec![4]),
            (vec![([0.0, 0.0], [2.0, 0.0]), ([1.0, -1.0], [1.0, 1.0])], vec![2, 2, 2, 2]),
            (vec![([0.0, 0.0], [1.0, 0.0]), ([5.0, 0.0], [6.0, 0.0])], vec![2, 2]),
            (segments(&ring).collect(), vec![4]),
        ] {
            let lines = Net::of(&ways).unwrap().lines();
            assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), expected, "{ways:?}");
        }
    }
}
