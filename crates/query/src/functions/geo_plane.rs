//! Shapes of the sphere on a plane. Seen from the middle of the sphere, the shortest ways are straight lines: what meets on
//! the one meets on the other.

use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay_rule::OverlayRule;
use i_overlay::float::single::SingleFloatOverlay;
use serde_json::{Value, json};

use super::geo_sphere::{Rings, Vector};

/// A place on the plane, in radii of the sphere.
pub(super) type Spot = [f64; 2];
/// The outer ring and the holes of a polygon, without the last corner, which is the first one again.
pub(super) type Shape = Vec<Vec<Spot>>;
pub(super) type Segment = (Spot, Spot);

/// Spots that are nearer to each other are the same: six micrometers.
pub(super) const SAME: f64 = 1e-12;
/// How far points may be from the middle of all, as a cosine: 84 degrees.
const COSINE_MIN: f64 = 0.1;

/// A plane that touches the sphere.
pub(super) struct Plane {
    east: Vector,
    north: Vector,
    up: Vector,
}

impl Plane {
    /// The plane at the middle of points; `None` when they are of more than a part of the sphere.
    pub fn around<'p>(points: impl Iterator<Item = &'p Vector> + Clone) -> Option<Plane> {
        let up = points.clone().fold(Vector(0.0, 0.0, 0.0), |sum, point| sum.plus(*point)).unit()?;
        let axis = if up.2.abs() < 0.9 { Vector(0.0, 0.0, 1.0) } else { Vector(1.0, 0.0, 0.0) };
        let east = axis.cross(up).unit()?;
        let is_near = points.map(|point| point.dot(up)).all(|cosine| cosine >= COSINE_MIN);
        is_near.then(|| Plane { east, north: up.cross(east), up })
    }

    pub fn flat(&self, point: Vector) -> Spot {
        let depth = point.dot(self.up);
        [point.dot(self.east) / depth, point.dot(self.north) / depth]
    }

    pub fn path(&self, points: &[Vector]) -> Vec<Spot> {
        points.iter().map(|point| self.flat(*point)).collect()
    }

    /// A polygon with its outer ring counterclockwise and its holes clockwise, whatever they were.
    pub fn shape(&self, rings: &Rings) -> Shape {
        let rings = rings.iter().enumerate().map(|(at, ring)| {
            let mut ring = self.path(ring.get(..ring.len() - 1).unwrap_or_default());
            if (signed_area(&ring) < 0.0) == (at == 0) {
                ring.reverse();
            }
            ring
        });
        rings.collect()
    }

    pub fn round(&self, spot: Spot) -> Vector {
        let point = self.up.plus(self.east.times(spot[0])).plus(self.north.times(spot[1]));
        point.unit().unwrap_or(self.up)
    }

    /// What is in one of the polygons; `None` when too many of their edges may cross.
    pub fn united(&self, polygons: &[Rings]) -> Option<Vec<Rings>> {
        let shapes = union(polygons.iter().map(|rings| self.shape(rings)).collect())?;
        let closed =
            |ring: &Vec<Spot>| ring.iter().chain(ring.first()).map(|spot| self.round(*spot)).collect();
        Some(shapes.iter().map(|shape| shape.iter().map(closed).collect()).collect())
    }

    /// Coordinates as GeoJSON has them.
    fn degrees(&self, path: &[Spot]) -> Vec<[f64; 2]> {
        path.iter().map(|spot| self.round(*spot).degrees()).collect()
    }

    /// The coordinates of a polygon. Its rings are closed again.
    fn coordinates(&self, shape: &Shape) -> Value {
        let rings = shape.iter().map(|ring| {
            let mut ring = self.degrees(ring);
            ring.extend(ring.first().copied());
            ring
        });
        json!(rings.collect::<Vec<_>>())
    }

    /// Points, lines and polygons as one GeoJSON geometry: a collection where there are several kinds, or none.
    pub fn geometry(&self, points: &[Spot], lines: &[Vec<Spot>], shapes: &[Shape]) -> Value {
        let parts = [
            ("Point", self.degrees(points).into_iter().map(|point| json!(point)).collect()),
            ("LineString", lines.iter().map(|line| json!(self.degrees(line))).collect()),
            ("Polygon", shapes.iter().map(|shape| self.coordinates(shape)).collect()),
        ];
        let mut geometries: Vec<Value> =
            parts.into_iter().filter_map(|(kind, parts)| one_or_several(kind, parts)).collect();
        match geometries.len() {
            1 => geometries.remove(0),
            _ => json!({ "type": "GeometryCollection", "geometries": geometries }),
        }
    }
}

/// A GeoJSON geometry of one or several parts of a kind.
pub(super) fn one_or_several(kind: &str, mut parts: Vec<Value>) -> Option<Value> {
    match parts.len() {
        0 => None,
        1 => Some(json!({ "type": kind, "coordinates": parts.remove(0) })),
        _ => Some(json!({ "type": format!("Multi{kind}"), "coordinates": parts })),
    }
}

fn signed_area(ring: &[Spot]) -> f64 {
    ring_segments(ring).map(|(from, to)| cross(from, to)).sum()
}

/// Shapes that are put together at once. What they have within each other is gone before the next ones come.
const TOGETHER: usize = 8;
/// Pairs of segments that may cross, besides some for each segment, and pairs that are looked at to find those.
const CROSSINGS_MAX: usize = 1_000_000;
const CROSSINGS_OF_EACH: usize = 8;
const COMPARED_MAX: usize = 50_000_000;

/// What is in one of the shapes; `None` when too many segments may cross.
pub(super) fn union(shapes: Vec<Shape>) -> Option<Vec<Shape>> {
    let mut groups: Vec<Vec<Shape>> = shapes.into_iter().map(|shape| vec![shape]).collect();
    loop {
        let united = groups.chunks(TOGETHER).map(|groups| {
            let shapes: Vec<Shape> = groups.concat();
            let none: Vec<Shape> = Vec::new();
            are_few(&outline(&shapes))
                .then(|| shapes.overlay_as::<i64>(&none, OverlayRule::Subject, FillRule::NonZero))
        });
        groups = united.collect::<Option<_>>()?;
        if groups.len() < 2 {
            return Some(groups.pop().unwrap_or_default());
        }
    }
}

/// What is in a shape of both; `None` when too many segments may cross.
pub(super) fn intersection(one: &Vec<Shape>, other: &Vec<Shape>) -> Option<Vec<Shape>> {
    let segments: Vec<Segment> = outline(one).into_iter().chain(outline(other)).collect();
    are_few(&segments).then(|| one.overlay_as::<i64>(other, OverlayRule::Intersect, FillRule::NonZero))
}

/// Whether few pairs of segments may cross, as the rectangles around them tell.
fn are_few(segments: &[Segment]) -> bool {
    let rectangle = |(from, to): &Segment| {
        let sides = |axis: usize| (from[axis].min(to[axis]), from[axis].max(to[axis]));
        (sides(0), sides(1))
    };
    let mut rectangles: Vec<_> = segments.iter().map(rectangle).collect();
    rectangles.sort_unstable_by(|one, other| one.0.0.total_cmp(&other.0.0));
    let (mut compared, mut crossings) = (0, 0);
    let mut before: Vec<((f64, f64), (f64, f64))> = Vec::new();
    for (x, y) in rectangles {
        compared += before.len();
        before.retain(|(other, _)| other.1 >= x.0);
        crossings += before.iter().filter(|(_, other)| other.0 <= y.1 && other.1 >= y.0).count();
        if compared > COMPARED_MAX || crossings > CROSSINGS_MAX + CROSSINGS_OF_EACH * segments.len() {
            return false;
        }
        before.push((x, y));
    }
    true
}

pub(super) fn cross(one: Spot, other: Spot) -> f64 {
    one[0] * other[1] - one[1] * other[0]
}

pub(super) fn minus(one: Spot, other: Spot) -> Spot {
    [one[0] - other[0], one[1] - other[1]]
}

pub(super) fn is_same(one: Spot, other: Spot) -> bool {
    let [x, y] = minus(one, other);
    x.hypot(y) < SAME
}

/// The spot at a share of the way.
pub(super) fn along((from, to): Segment, share: f64) -> Spot {
    let way = minus(to, from);
    [from[0] + way[0] * share, from[1] + way[1] * share]
}

pub(super) fn segments(path: &[Spot]) -> impl Iterator<Item = Segment> + '_ {
    path.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)))
}

/// The segments of a ring, the last of which leads back.
pub(super) fn ring_segments(ring: &[Spot]) -> impl Iterator<Item = Segment> + '_ {
    let back = ring.last().copied().zip(ring.first().copied());
    segments(ring).chain(back)
}

pub(super) fn outline(shapes: &[Shape]) -> Vec<Segment> {
    shapes.iter().flatten().flat_map(|ring| ring_segments(ring)).collect()
}

/// Where a segment meets another, as shares of its way: twice where they lie on each other.
pub(super) fn meets((from, to): Segment, other: Segment) -> [Option<f64>; 2] {
    let (way, other_way, between) = (minus(to, from), minus(other.1, other.0), minus(other.0, from));
    let (length, other_length) = (way[0].hypot(way[1]), other_way[0].hypot(other_way[1]));
    if length == 0.0 || other_length == 0.0 {
        return [None, None];
    }
    let shares = |share: f64, slack: f64| (-slack..=1.0 + slack).contains(&share);
    let turn = cross(way, other_way);
    if turn.abs() > SAME * length * other_length {
        let (share, other_share) = (cross(between, other_way) / turn, cross(between, way) / turn);
        let is_there = shares(share, SAME / length) && shares(other_share, SAME / other_length);
        return [is_there.then(|| share.clamp(0.0, 1.0)), None];
    }
    if (cross(between, way) / length).abs() > SAME {
        return [None, None];
    }
    [other.0, other.1].map(|end| {
        let [x, y] = minus(end, from);
        let share = (x * way[0] + y * way[1]) / (length * length);
        shares(share, SAME / length).then(|| share.clamp(0.0, 1.0))
    })
}

/// Whether a spot lies on one of the segments.
pub(super) fn is_on(spot: Spot, segments: &[Segment]) -> bool {
    segments.iter().any(|segment| {
        let (way, to_spot) = (minus(segment.1, segment.0), minus(spot, segment.0));
        let length = way[0] * way[0] + way[1] * way[1];
        let share = (to_spot[0] * way[0] + to_spot[1] * way[1]) / length.max(f64::MIN_POSITIVE);
        is_same(along(*segment, share.clamp(0.0, 1.0)), spot)
    })
}

/// Whether a spot is within a ring: a line from it to the right meets the ring an odd number of times.
fn is_in_ring([x, y]: Spot, ring: &[Spot]) -> bool {
    let is_met = |(from, to): &Segment| {
        (from[1] > y) != (to[1] > y) && x < (to[0] - from[0]) * (y - from[1]) / (to[1] - from[1]) + from[0]
    };
    ring_segments(ring).filter(is_met).count() % 2 == 1
}

pub(super) fn is_within(spot: Spot, shapes: &[Shape]) -> bool {
    shapes.iter().any(|shape| {
        shape.split_first().is_some_and(|(outer, holes)| {
            is_in_ring(spot, outer) && !holes.iter().any(|hole| is_in_ring(spot, hole))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(longitude: f64, latitude: f64) -> Vector {
        Vector::at(longitude, latitude).unwrap()
    }

    #[test]
    fn what_is_flat_can_be_round_again() {
        for middle in [(0.0, 0.0), (179.0, 60.0), (10.0, 90.0), (-100.0, -89.0)] {
            let points = [point(middle.0, middle.1), point(middle.0, middle.1 * 0.9 - 0.1)];
            let plane = Plane::around(points.iter()).unwrap();
            for point in points {
                assert!(plane.round(plane.flat(point)).angle(point) < 1e-14, "{middle:?}");
            }
        }
        let far = [point(0.0, 0.0), point(90.0, 0.0), point(179.0, 0.0)];
        assert!(Plane::around(far.iter()).is_none());
        assert!(Plane::around([].iter()).is_none());
    }

    #[test]
    fn where_segments_meet() {
        let segment = ([0.0, 0.0], [4.0, 0.0]);
        for (other, expected) in [
            (([1.0, -1.0], [1.0, 1.0]), [Some(0.25), None]),
            (([1.0, 0.0], [1.0, 1.0]), [Some(0.25), None]),
            (([1.0, 1.0], [1.0, 2.0]), [None, None]),
            (([1.0, 0.0], [9.0, 0.0]), [Some(0.25), None]),
            (([1.0, 0.0], [3.0, 0.0]), [Some(0.25), Some(0.75)]),
            (([0.0, 1.0], [4.0, 1.0]), [None, None]),
            (([5.0, 0.0], [6.0, 0.0]), [None, None]),
            (([1.0, 0.0], [1.0, 0.0]), [None, None]),
        ] {
            assert_eq!(meets(segment, other), expected, "{other:?}");
        }
    }

    #[test]
    fn shapes_that_would_cross_too_often_are_refused() {
        let comb = |teeth: usize, turned: bool| {
            let tooth = |at: usize| {
                let (x, next) = (at as f64 / teeth as f64, (at as f64 + 0.5) / teeth as f64);
                [[x, 1.0], [next, 1.0], [next, 0.0], [(at as f64 + 1.0) / teeth as f64, 0.0]]
            };
            let mut ring: Vec<Spot> = (0..teeth).flat_map(tooth).chain([[1.0, -0.1], [0.0, -0.1]]).collect();
            if turned {
                ring = ring.into_iter().map(|[x, y]| [y, 1.0 - x]).collect();
            }
            vec![vec![ring]]
        };
        let [few, few_turned, many, many_turned] = [(20, false), (20, true), (5_000, false), (5_000, true)]
            .map(|(teeth, turned)| comb(teeth, turned));
        assert!(intersection(&few, &few_turned).is_some_and(|shapes| shapes.len() > 100));
        assert!(intersection(&many, &many_turned).is_none());
        assert!(union([few, few_turned].concat()).is_some());
        assert!(union([many.clone(), many_turned].concat()).is_none());
        assert!(union(many).is_some());
    }

    #[test]
    fn spots_within_shapes() {
        let square = |from: f64, to: f64| vec![[from, from], [to, from], [to, to], [from, to]];
        let shapes = [vec![square(0.0, 4.0), square(1.0, 2.0)]];
        for (spot, within, on) in [
            ([0.5, 0.5], true, false),
            ([1.5, 1.5], false, false),
            ([1.5, 1.0], false, true),
            ([5.0, 1.0], false, false),
        ] {
            assert_eq!(is_within(spot, &shapes) && !is_on(spot, &outline(&shapes)), within, "{spot:?}");
            assert_eq!(is_on(spot, &outline(&shapes)), on, "{spot:?}");
        }
    }
}
