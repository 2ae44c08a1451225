//! `geo_point_in_polygon(longitude, latitude, polygon)`, `geo_distance_point_to_polygon`,
//! `geo_closest_point_on_polygon`, `geo_polygon_area(polygon)`, `geo_polygon_perimeter(polygon)`,
//! `geo_polygon_centroid(polygon)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use super::geo_lines::nearest;
use super::geo_plane::Plane;
use super::geo_sphere::{RADIUS, Rings, Vector, edges, is_in_polygon, point_json, polygons, signed_area};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call, real_rows, text_rows};

pub(super) static GEO_POINT_IN_POLYGON: Function = Function {
    name: "geo_point_in_polygon",
    summary: "Whether a point is in a GeoJSON polygon, or one of several; null when it is no polygon or no point.",
    params: &[
        Param::one("longitude", Accepts::Number),
        Param::one("latitude", Accepts::Number),
        Param::one("polygon", Accepts::Dynamic),
    ],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print geo_point_in_polygon(1, 1, dynamic({"type": "Polygon", "coordinates": [[[0, 0], [3, 0], [0, 3], [0, 0]]]}))"#,
            result: "true",
        },
        Example {
            query: r#"print geo_point_in_polygon(2, 2, dynamic({"type": "Polygon", "coordinates": [[[0, 0], [3, 0], [0, 3], [0, 0]]]}))"#,
            result: "false",
        },
        Example {
            query: r#"print isnull(geo_point_in_polygon(1, 1, dynamic({"type": "Polygon", "coordinates": [[[0, 0], [9, 9], [9, 9], [0, 0]]]})))"#,
            result: "true",
        },
    ],
    lower: |_, args| Ok(call("geo_point_in_polygon", Kind::Bool, within, args)),
};

pub(super) static GEO_DISTANCE_POINT_TO_POLYGON: Function = Function {
    name: "geo_distance_point_to_polygon",
    summary: "The shortest way from a point to a GeoJSON polygon, or one of several, in meters; 0 inside of it, \
              null when it is no polygon or no point.",
    returns: "real",
    examples: &[Example {
        query: r#"print geo_distance_point_to_polygon(1, 1, dynamic({"type": "Polygon", "coordinates": [[[0, 0], [3, 0], [0, 3], [0, 0]]]}))"#,
        result: "0.0",
    }],
    lower: |_, args| Ok(call("geo_distance_point_to_polygon", Kind::Real, distances, args)),
    ..GEO_POINT_IN_POLYGON
};

pub(super) static GEO_CLOSEST_POINT_ON_POLYGON: Function = Function {
    name: "geo_closest_point_on_polygon",
    summary: "The place of a GeoJSON polygon, or of several, that is nearest to a point: that itself inside of \
              it. Null when it is no polygon or no point.",
    returns: "dynamic",
    examples: &[Example {
        query: r#"print geo_closest_point_on_polygon(-1, 0, dynamic({"type": "Polygon", "coordinates": [[[0, 0], [3, 0], [0, 3], [0, 0]]]})).coordinates"#,
        result: "[0.0,0.0]",
    }],
    lower: |_, args| Ok(call("geo_closest_point_on_polygon", Kind::Dynamic, nearest_places, args)),
    ..GEO_POINT_IN_POLYGON
};

pub(super) static GEO_POLYGON_AREA: Function = Function {
    name: "geo_polygon_area",
    summary: "The area of a GeoJSON polygon, or of what is in one of several, in square meters; null when it is \
              none.",
    params: &[Param::one("polygon", Accepts::Dynamic)],
    returns: "real",
    examples: &[
        Example {
            query: r#"print round(geo_polygon_area(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]})) / 1e6)"#,
            result: "12364.0",
        },
        Example {
            query: r#"print round(geo_polygon_area(dynamic({"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]], [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]]})) / 1e6)"#,
            result: "12364.0",
        },
    ],
    lower: |_, args| Ok(call("geo_polygon_area", Kind::Real, areas, args)),
    ..GEO_POINT_IN_POLYGON
};

pub(super) static GEO_POLYGON_PERIMETER: Function = Function {
    name: "geo_polygon_perimeter",
    summary: "The length of the outline of a GeoJSON polygon, or of what is in one of several, in meters; null when it \
              is none.",
    params: &[Param::one("polygon", Accepts::Dynamic)],
    returns: "real",
    examples: &[Example {
        query: r#"print round(geo_polygon_perimeter(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 0], [0, 0]]]})))"#,
        result: "379640.0",
    }],
    lower: |_, args| Ok(call("geo_polygon_perimeter", Kind::Real, perimeters, args)),
    ..GEO_POINT_IN_POLYGON
};

pub(super) static GEO_POLYGON_CENTROID: Function = Function {
    name: "geo_polygon_centroid",
    summary: "The middle of a GeoJSON polygon, or of what is in one of several, weighted by area, as a GeoJSON point; \
              null when it is none.",
    params: &[Param::one("polygon", Accepts::Dynamic)],
    returns: "dynamic",
    examples: &[Example {
        query: r#"print x = geo_polygon_centroid(dynamic({"type": "Polygon", "coordinates": [[[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]]})).coordinates | project round(todouble(x[0]), 6) == 0, round(todouble(x[1]), 6) == 0"#,
        result: "true | true",
    }],
    lower: |_, args| Ok(call("geo_polygon_centroid", Kind::Dynamic, centroids, args)),
    ..GEO_POINT_IN_POLYGON
};

/// A point, and polygons.
type Asked = (Vector, Vec<Rings>);

/// The point and the polygons of each row.
fn with_points(args: &Args) -> Result<Vec<Option<Asked>>> {
    let (longitudes, latitudes, texts) = (args.reals(0)?, args.reals(1)?, args.texts(2)?);
    let constant = texts.constant().map(|text| polygons(Some(text)));
    let rows = (0..args.rows).map(|row| {
        let known = longitudes.is_valid(row) && latitudes.is_valid(row);
        let point = Vector::at(longitudes.value(row), latitudes.value(row)).filter(|_| known)?;
        let polygons = constant.clone().unwrap_or_else(|| polygons(texts.get(row)))?;
        Some((point, polygons))
    });
    Ok(rows.collect())
}

fn is_within(polygons: &[Rings], point: Vector) -> bool {
    polygons.iter().any(|rings| is_in_polygon(rings, point))
}

fn within(args: &Args) -> Result<ArrayRef> {
    let rows = with_points(args)?;
    Ok(bool_rows(args.rows, |row| rows[row].as_ref().map(|(point, polygons)| is_within(polygons, *point))))
}

/// The place of the polygons that is nearest to a point.
fn place(polygons: &[Rings], point: Vector) -> Option<Vector> {
    if is_within(polygons, point) {
        return Some(point);
    }
    nearest(polygons.iter().flatten().flat_map(|ring| edges(ring)), point)
}

fn distances(args: &Args) -> Result<ArrayRef> {
    let rows = with_points(args)?;
    Ok(real_rows(args.rows, |row| {
        let (point, polygons) = rows[row].as_ref()?;
        Some(place(polygons, *point)?.angle(*point) * RADIUS)
    }))
}

fn nearest_places(args: &Args) -> Result<ArrayRef> {
    let rows = with_points(args)?;
    Ok(text_rows(args.rows, |row| {
        let (point, polygons) = rows[row].as_ref()?;
        Some(point_json(place(polygons, *point)?).to_string())
    }))
}

/// Polygons that do not overlap, of what is in one of several; as they are where they are of more than a part of the Earth,
/// or have too much to compare.
fn united(polygons: Vec<Rings>) -> Vec<Rings> {
    let plane = Plane::around(polygons.iter().flatten().flatten()).filter(|_| polygons.len() > 1);
    plane.and_then(|plane| plane.united(&polygons)).unwrap_or(polygons)
}

/// The area of a polygon without its holes, on the unit sphere. Of a ring's two sides the smaller one is meant.
fn area(rings: &Rings) -> f64 {
    let of_ring = |ring: &Vec<Vector>| signed_area(ring).abs();
    rings.split_first().map_or(0.0, |(outer, holes)| of_ring(outer) - holes.iter().map(of_ring).sum::<f64>())
}

fn areas(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(real_rows(args.rows, |row| {
        Some(united(polygons(texts.get(row))?).iter().map(area).sum::<f64>() * RADIUS * RADIUS)
    }))
}

fn perimeters(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(real_rows(args.rows, |row| {
        let polygons = united(polygons(texts.get(row))?);
        let edges = polygons.iter().flatten().flat_map(|ring| edges(ring));
        Some(edges.map(|(from, to)| from.angle(to)).sum::<f64>() * RADIUS)
    }))
}

/// The integral of the direction over what is left of a ring: half of the sum of each edge's normal times its
/// angle.
fn moment(ring: &[Vector]) -> Vector {
    edges(ring).fold(Vector(0.0, 0.0, 0.0), |sum, (from, to)| {
        let normal = from.cross(to);
        match normal.unit() {
            Some(unit) => sum.plus(unit.times(from.angle(to) / 2.0)),
            None => sum,
        }
    })
}

fn centroids(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let polygons = united(polygons(texts.get(row))?);
        let mut sum = Vector(0.0, 0.0, 0.0);
        for rings in &polygons {
            for (at, ring) in rings.iter().enumerate() {
                let turned = if signed_area(ring) < 0.0 { -1.0 } else { 1.0 };
                let part = if at == 0 { 1.0 } else { -1.0 };
                sum = sum.plus(moment(ring).times(turned * part));
            }
        }
        Some(point_json(sum.unit()?).to_string())
    }))
}
