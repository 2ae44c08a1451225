//! `geo_distance_2points(longitude1, latitude1, longitude2, latitude2)`, `geo_azimuth`,
//! `geo_angle(longitude1, latitude1, longitude2, latitude2, longitude3, latitude3)`,
//! `geo_point_in_circle(longitude, latitude, center_longitude, center_latitude, radius)`

use model::Kind;

use super::arguments::Reals;
use super::geo_sphere::{RADIUS, Vector};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call, real_rows};

pub(super) static GEO_DISTANCE_2POINTS: Function = Function {
    name: "geo_distance_2points",
    summary: "The shortest way between two points on the Earth, in meters. Null of coordinates that there are \
              not.",
    params: &[
        Param::one("longitude1", Accepts::Number),
        Param::one("latitude1", Accepts::Number),
        Param::one("longitude2", Accepts::Number),
        Param::one("latitude2", Accepts::Number),
    ],
    returns: "real",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print round(geo_distance_2points(-122.4, 47.6, -118.3, 34.0))",
            result: "1550541.0",
        },
        Example { query: "print isnull(geo_distance_2points(300, 1, 1, 1))", result: "true" },
    ],
    lower: |_, args| {
        let rows = |args: &Args| {
            let values = Reals::of(args)?;
            Ok(real_rows(args.rows, |row| {
                let [longitude1, latitude1, longitude2, latitude2] = values.get(row)?;
                let (from, to) = (Vector::at(longitude1, latitude1)?, Vector::at(longitude2, latitude2)?);
                Some(from.angle(to) * RADIUS)
            }))
        };
        Ok(call("geo_distance_2points", Kind::Real, rows, args))
    },
};

pub(super) static GEO_AZIMUTH: Function = Function {
    name: "geo_azimuth",
    summary: "The angle at the first point between north and the way to the second, clockwise, in radians. Null \
              where they are the same.",
    examples: &[
        Example { query: "print round(geo_azimuth(5, 10, 10, -40), 6)", result: "3.054599" },
        Example { query: "print isnull(geo_azimuth(5, 10, 5, 10))", result: "true" },
    ],
    lower: |_, args| {
        let rows = |args: &Args| {
            let values = Reals::of(args)?;
            Ok(real_rows(args.rows, |row| {
                let [longitude1, latitude1, longitude2, latitude2] = values.get(row)?;
                Vector::at(longitude1, latitude1)
                    .filter(|from| Vector::at(longitude2, latitude2) != Some(*from))?;
                Vector::at(longitude2, latitude2)?;
                let (from, to) = (latitude1.to_radians(), latitude2.to_radians());
                let turn = (longitude2 - longitude1).to_radians();
                let east = turn.sin() * to.cos();
                let north = from.cos() * to.sin() - from.sin() * to.cos() * turn.cos();
                Some(east.atan2(north).rem_euclid(std::f64::consts::TAU))
            }))
        };
        Ok(call("geo_azimuth", Kind::Real, rows, args))
    },
    ..GEO_DISTANCE_2POINTS
};

pub(super) static GEO_ANGLE: Function = Function {
    name: "geo_angle",
    summary: "The clockwise angle at the second of three points, from the way to the first to that to the third, \
              in radians. Null where two are the same.",
    params: &[
        Param::one("longitude1", Accepts::Number),
        Param::one("latitude1", Accepts::Number),
        Param::one("longitude2", Accepts::Number),
        Param::one("latitude2", Accepts::Number),
        Param::one("longitude3", Accepts::Number),
        Param::one("latitude3", Accepts::Number),
    ],
    examples: &[
        Example { query: "print round(geo_angle(0, 10, 0, 5, 3, -10), 6)", result: "2.944938" },
        Example { query: "print isnull(geo_angle(0, 10, 0, 10, 3, -10))", result: "true" },
    ],
    lower: |_, args| {
        let rows = |args: &Args| {
            let values = Reals::of(args)?;
            Ok(real_rows(args.rows, |row| {
                let [longitude1, latitude1, longitude2, latitude2, longitude3, latitude3] =
                    values.get(row)?;
                let (first, corner) =
                    (Vector::at(longitude1, latitude1)?, Vector::at(longitude2, latitude2)?);
                let third = Vector::at(longitude3, latitude3)?;
                let (one, other) = (corner.cross(first).unit()?, corner.cross(third).unit()?);
                let counterclockwise = one.cross(other).dot(corner).atan2(one.dot(other));
                Some((-counterclockwise).rem_euclid(std::f64::consts::TAU))
            }))
        };
        Ok(call("geo_angle", Kind::Real, rows, args))
    },
    ..GEO_DISTANCE_2POINTS
};

pub(super) static GEO_POINT_IN_CIRCLE: Function = Function {
    name: "geo_point_in_circle",
    summary: "Whether a point is within a radius, in meters, around another. Null of coordinates that there are \
              not, or a negative radius.",
    params: &[
        Param::one("longitude", Accepts::Number),
        Param::one("latitude", Accepts::Number),
        Param::one("center_longitude", Accepts::Number),
        Param::one("center_latitude", Accepts::Number),
        Param::one("radius", Accepts::Number),
    ],
    returns: "bool",
    examples: &[
        Example {
            query: "print geo_point_in_circle(-122.143564, 47.535677, -122.100896, 47.527351, 3500)",
            result: "true",
        },
        Example { query: "print isnull(geo_point_in_circle(200, 1, 1, 1, 1))", result: "true" },
    ],
    lower: |_, args| {
        let rows = |args: &Args| {
            let values = Reals::of(args)?;
            Ok(bool_rows(args.rows, |row| {
                let [longitude, latitude, center_longitude, center_latitude, radius] = values.get(row)?;
                let point = Vector::at(longitude, latitude)?;
                let center = Vector::at(center_longitude, center_latitude)?;
                (radius >= 0.0).then(|| point.angle(center) * RADIUS <= radius)
            }))
        };
        Ok(call("geo_point_in_circle", Kind::Bool, rows, args))
    },
    ..GEO_DISTANCE_2POINTS
};
