//! `geo_point_to_geohash(longitude, latitude, [accuracy])`, `geo_geohash_to_central_point(geohash)`,
//! `geo_geohash_to_polygon(geohash)`, `geo_geohash_neighbors(geohash)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;
use serde_json::json;

use super::arguments::padded;
use super::arrays::array_of_texts;
use super::geo_sphere::Vector;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static GEO_POINT_TO_GEOHASH: Function = Function {
    name: "geo_point_to_geohash",
    summary: "The geohash of a point, 1 to 18 characters long, 5 unless given. Empty of coordinates or lengths \
              that there are not.",
    params: &[
        Param::one("longitude", Accepts::Number),
        Param::one("latitude", Accepts::Number),
        Param::optional("accuracy", Accepts::Integer),
    ],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print geo_point_to_geohash(-80.195829, 25.802215, 8)", result: "dhwfz15h" },
        Example { query: "print geo_point_to_geohash(200, 1, 8)", result: "" },
    ],
    lower: |_, args| Ok(call("geo_point_to_geohash", Kind::String, hashes, padded(args, 3, Typed::long(5)))),
};

pub(super) static GEO_GEOHASH_TO_CENTRAL_POINT: Function = Function {
    name: "geo_geohash_to_central_point",
    summary: "The middle of a geohash's rectangle, as a GeoJSON point; null when it is no geohash.",
    params: &[Param::one("geohash", Accepts::Text)],
    returns: "dynamic",
    examples: &[
        Example {
            query: r#"print geo_geohash_to_central_point("sunny").coordinates"#,
            result: "[42.47314453125,23.70849609375]",
        },
        Example { query: r#"print isnull(geo_geohash_to_central_point("a"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("geo_geohash_to_central_point", Kind::Dynamic, middles, args)),
    ..GEO_POINT_TO_GEOHASH
};

pub(super) static GEO_GEOHASH_TO_POLYGON: Function = Function {
    name: "geo_geohash_to_polygon",
    summary: "A geohash's rectangle, as a GeoJSON polygon; null when it is no geohash.",
    params: &[Param::one("geohash", Accepts::Text)],
    returns: "dynamic",
    examples: &[Example {
        query: r#"print geo_geohash_to_polygon("s").coordinates"#,
        result: "[[[0.0,0.0],[45.0,0.0],[45.0,45.0],[0.0,45.0],[0.0,0.0]]]",
    }],
    lower: |_, args| Ok(call("geo_geohash_to_polygon", Kind::Dynamic, outlines, args)),
    ..GEO_POINT_TO_GEOHASH
};

pub(super) static GEO_GEOHASH_NEIGHBORS: Function = Function {
    name: "geo_geohash_neighbors",
    summary: "The geohashes around one; null when it is none.",
    params: &[Param::one("geohash", Accepts::Text)],
    returns: "dynamic",
    examples: &[Example {
        query: r#"print geo_geohash_neighbors("sunny")"#,
        result: r#"["sunnt","sunpj","sunnx","sunpn","sunnv","sunpp","sunnz","sunnw"]"#,
    }],
    lower: |_, args| Ok(call("geo_geohash_neighbors", Kind::Dynamic, neighbors, args)),
    ..GEO_POINT_TO_GEOHASH
};

const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
const LENGTH_MAX: usize = 18;

/// Half-open ranges of longitude and latitude.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rectangle {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Rectangle {
    const ALL: Rectangle = Rectangle { west: -180.0, east: 180.0, south: -90.0, north: 90.0 };

    fn parse(hash: &str) -> Option<Rectangle> {
        if hash.is_empty() || hash.len() > LENGTH_MAX {
            return None;
        }
        let mut rectangle = Rectangle::ALL;
        let mut is_longitude = true;
        for byte in hash.bytes() {
            let digit = DIGITS.iter().position(|known| *known == byte.to_ascii_lowercase())?;
            for bit in (0..5).rev() {
                rectangle.halve(is_longitude, digit >> bit & 1 == 1);
                is_longitude = !is_longitude;
            }
        }
        Some(rectangle)
    }

    fn halve(&mut self, is_longitude: bool, is_upper: bool) {
        let (low, high) = match is_longitude {
            true => (&mut self.west, &mut self.east),
            false => (&mut self.south, &mut self.north),
        };
        let middle = (*low + *high) / 2.0;
        if is_upper { *low = middle } else { *high = middle }
    }

    fn middle(&self) -> [f64; 2] {
        [(self.west + self.east) / 2.0, (self.south + self.north) / 2.0]
    }
}

fn encode(longitude: f64, latitude: f64, length: usize) -> String {
    let mut rectangle = Rectangle::ALL;
    let mut is_longitude = true;
    let digits = (0..length).map(|_| {
        let mut digit = 0;
        for _ in 0..5 {
            let [middle_longitude, middle_latitude] = rectangle.middle();
            let is_upper =
                if is_longitude { longitude >= middle_longitude } else { latitude >= middle_latitude };
            rectangle.halve(is_longitude, is_upper);
            digit = digit << 1 | usize::from(is_upper);
            is_longitude = !is_longitude;
        }
        char::from(DIGITS[digit])
    });
    digits.collect()
}

fn hashes(args: &Args) -> Result<ArrayRef> {
    let (longitudes, latitudes, lengths) = (args.reals(0)?, args.reals(1)?, args.longs(2)?);
    Ok(text_rows(args.rows, |row| {
        let hash = || {
            let (longitude, latitude) = (longitudes.value(row), latitudes.value(row));
            Vector::at(longitude, latitude)
                .filter(|_| longitudes.is_valid(row) && latitudes.is_valid(row))?;
            let length = usize::try_from(lengths.get(row)?).ok()?;
            (1..=LENGTH_MAX).contains(&length).then(|| encode(longitude, latitude, length))
        };
        Some(hash().unwrap_or_default())
    }))
}

fn middles(args: &Args) -> Result<ArrayRef> {
    let hashes = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let middle = Rectangle::parse(hashes.text(row))?.middle();
        Some(json!({ "type": "Point", "coordinates": middle }).to_string())
    }))
}

fn outlines(args: &Args) -> Result<ArrayRef> {
    let hashes = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let Rectangle { west, east, south, north } = Rectangle::parse(hashes.text(row))?;
        let outline = [[west, south], [east, south], [east, north], [west, north], [west, south]];
        Some(json!({ "type": "Polygon", "coordinates": [outline] }).to_string())
    }))
}

fn neighbors(args: &Args) -> Result<ArrayRef> {
    let hashes = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let hash = hashes.text(row);
        let rectangle = Rectangle::parse(hash)?;
        let [longitude, latitude] = rectangle.middle();
        let (width, height) = (rectangle.east - rectangle.west, rectangle.north - rectangle.south);
        // In the order in which the language gives them.
        let places = [(-1, -1), (-1, 1), (1, -1), (0, 1), (-1, 0), (1, 1), (1, 0), (0, -1)];
        let beside = places.into_iter().filter_map(|(right, above)| {
            let latitude = latitude + f64::from(above) * height;
            let longitude = longitude + f64::from(right) * width;
            let longitude = (longitude + 180.0).rem_euclid(360.0) - 180.0;
            (latitude.abs() <= 90.0).then(|| encode(longitude, latitude, hash.len()))
        });
        Some(array_of_texts(beside))
    }))
}
