//! Points, lines and polygons on the sphere, as GeoJSON has them. Edges are the shortest ways between their ends.

use serde_json::{Value, json};

/// The radius that distances are calculated with, in meters: the mean one of the Earth.
pub(super) const RADIUS: f64 = 6_371_010.0;

/// A direction from the middle of the sphere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vector(pub f64, pub f64, pub f64);

impl Vector {
    /// The point at degrees of longitude and latitude; `None` outside of 180 and 90.
    pub fn at(longitude: f64, latitude: f64) -> Option<Vector> {
        if longitude.is_nan() || latitude.is_nan() || longitude.abs() > 180.0 || latitude.abs() > 90.0 {
            return None;
        }
        let (longitude, latitude) = (longitude.to_radians(), latitude.to_radians());
        Some(Vector(latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()))
    }

    /// Longitude and latitude in degrees.
    pub fn degrees(self) -> [f64; 2] {
        let latitude = self.2.atan2(self.0.hypot(self.1));
        [self.1.atan2(self.0).to_degrees(), latitude.to_degrees()]
    }

    pub fn dot(self, other: Vector) -> f64 {
        self.0 * other.0 + self.1 * other.1 + self.2 * other.2
    }

    pub fn cross(self, other: Vector) -> Vector {
        Vector(
            self.1 * other.2 - self.2 * other.1,
            self.2 * other.0 - self.0 * other.2,
            self.0 * other.1 - self.1 * other.0,
        )
    }

    pub fn plus(self, other: Vector) -> Vector {
        Vector(self.0 + other.0, self.1 + other.1, self.2 + other.2)
    }

    pub fn times(self, factor: f64) -> Vector {
        Vector(self.0 * factor, self.1 * factor, self.2 * factor)
    }

    pub fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// With length 1; `None` of nothing.
    pub fn unit(self) -> Option<Vector> {
        let length = self.length();
        (length > 1e-18).then(|| self.times(1.0 / length))
    }

    /// The angle between two directions.
    pub fn angle(self, other: Vector) -> f64 {
        self.cross(other).length().atan2(self.dot(other))
    }
}

/// The shortest way between two points.
pub(super) type Edge = (Vector, Vector);

pub(super) fn edges(points: &[Vector]) -> impl Iterator<Item = Edge> + '_ {
    points.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)))
}

/// The point of an edge that is nearest to another point.
pub(super) fn nearest_on((from, to): Edge, point: Vector) -> Vector {
    let normal = from.cross(to);
    let foot = normal.unit().and_then(|normal| point.plus(normal.times(-normal.dot(point))).unit());
    if let Some(foot) = foot
        && normal.dot(from.cross(foot)) >= 0.0
        && normal.dot(foot.cross(to)) >= 0.0
    {
        return foot;
    }
    if point.angle(from) <= point.angle(to) { from } else { to }
}

/// Where two edges cross.
pub(super) fn crossing(one: Edge, other: Edge) -> Option<Vector> {
    let (normal, other_normal) = (one.0.cross(one.1), other.0.cross(other.1));
    let at = normal.cross(other_normal).unit()?;
    let is_within = |edge: Edge, normal: Vector, at: Vector| {
        let slack = -1e-15;
        normal.dot(edge.0.cross(at)) >= slack && normal.dot(at.cross(edge.1)) >= slack
    };
    [at, at.times(-1.0)]
        .into_iter()
        .find(|at| is_within(one, normal, *at) && is_within(other, other_normal, *at))
}

pub(super) fn point_json(point: Vector) -> Value {
    json!({ "type": "Point", "coordinates": point.degrees() })
}

/// Points of one geometry that are looked at.
const POINTS_MAX: usize = 100_000;

fn point(value: &Value) -> Option<Vector> {
    let [longitude, latitude] = value.as_array()?.as_slice() else { return None };
    Vector::at(longitude.as_f64()?, latitude.as_f64()?)
}

fn points(value: &Value, least: usize) -> Option<Vec<Vector>> {
    let values = value.as_array()?;
    if values.len() > POINTS_MAX {
        return None;
    }
    let mut points = values.iter().map(point).collect::<Option<Vec<_>>>()?;
    points.dedup();
    (points.len() >= least).then_some(points)
}

/// The lines of a GeoJSON line string or several; `None` when it is none, or not valid.
pub(super) fn lines(json: Option<&str>) -> Option<Vec<Vec<Vector>>> {
    let value: Value = serde_json::from_str(json?).ok()?;
    let coordinates = value.get("coordinates")?;
    let lines = match value.get("type")?.as_str()? {
        "LineString" => vec![points(coordinates, 2)?],
        "MultiLineString" => {
            coordinates.as_array()?.iter().map(|line| points(line, 2)).collect::<Option<Vec<_>>>()?
        }
        _ => return None,
    };
    (!lines.is_empty()).then_some(lines)
}

/// The outer ring of a polygon and its holes. Rings are closed.
pub(super) type Rings = Vec<Vec<Vector>>;

fn rings(value: &Value) -> Option<Rings> {
    let rings = value.as_array()?.iter().map(|ring| {
        let ring = points(ring, 4)?;
        let mut corners = ring[..ring.len() - 1].to_vec();
        corners.sort_by(|a, b| {
            (a.0, a.1, a.2).partial_cmp(&(b.0, b.1, b.2)).unwrap_or(std::cmp::Ordering::Equal)
        });
        corners.dedup();
        (ring.first() == ring.last() && corners.len() == ring.len() - 1).then_some(ring)
    });
    let rings = rings.collect::<Option<Rings>>()?;
    (!rings.is_empty()).then_some(rings)
}

/// The polygons of a GeoJSON polygon or several; `None` when it is none, or not valid.
pub(super) fn polygons(json: Option<&str>) -> Option<Vec<Rings>> {
    let value: Value = serde_json::from_str(json?).ok()?;
    let coordinates = value.get("coordinates")?;
    let polygons = match value.get("type")?.as_str()? {
        "Polygon" => vec![rings(coordinates)?],
        "MultiPolygon" => coordinates.as_array()?.iter().map(rings).collect::<Option<Vec<_>>>()?,
        _ => return None,
    };
    (!polygons.is_empty()).then_some(polygons)
}

/// The signed area of a ring on the unit sphere: that on the left of its way.
pub(super) fn signed_area(ring: &[Vector]) -> f64 {
    let Some(first) = ring.first() else { return 0.0 };
    let triangle = |(from, to): Edge| {
        // The spherical excess of the triangle with the first corner, by Eriksson's formula.
        let volume = first.dot(from.cross(to));
        2.0 * volume.atan2(1.0 + first.dot(from) + from.dot(to) + to.dot(*first))
    };
    edges(ring).map(triangle).sum()
}

/// Whether a point is within a ring: its angles at the point go once around.
pub(super) fn is_in_ring(ring: &[Vector], point: Vector) -> bool {
    let turn = |(from, to): Edge| {
        let (from, to) = (point.cross(from), point.cross(to));
        from.cross(to).dot(point).atan2(from.dot(to))
    };
    edges(ring).map(turn).sum::<f64>().abs() > std::f64::consts::PI
}

pub(super) fn is_in_polygon(rings: &Rings, point: Vector) -> bool {
    rings.split_first().is_some_and(|(outer, holes)| {
        is_in_ring(outer, point) && !holes.iter().any(|hole| is_in_ring(hole, point))
    })
}
