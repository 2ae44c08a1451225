//! Where addresses are, by a database in the format of MaxMind that the operator brings.

use std::collections::HashSet;
use std::net::IpAddr;

use maxminddb::{MaxMindDbError, Reader, WithinOptions};
use serde::{Deserialize, Serialize};

use crate::QueryError;

/// A database of places by address, held in memory.
#[derive(Debug)]
pub struct GeoDatabase {
    reader: Reader<Vec<u8>>,
}

/// What hunting tells of an address, in the order and by the names of the query language.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Place<'a> {
    country: &'a str,
    state: &'a str,
    city: &'a str,
    latitude: Option<f64>,
    longitude: Option<f64>,
}

/// The parts of a record that are read; the rest is skipped.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    country: Named<'a>,
    #[serde(borrow, default)]
    subdivisions: Vec<Named<'a>>,
    #[serde(borrow, default)]
    city: Named<'a>,
    #[serde(default)]
    location: Location,
}

#[derive(Default, Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    names: Names<'a>,
}

#[derive(Default, Deserialize)]
struct Names<'a> {
    #[serde(borrow, default)]
    en: &'a str,
}

#[derive(Default, Deserialize)]
struct Location {
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
}

/// The format has several types of numbers, and those who make databases choose differently.
#[derive(Deserialize)]
#[serde(untagged)]
enum Degrees {
    Number(f64),
}

impl GeoDatabase {
    /// Takes the bytes of a database and reads every record once, so that what is broken, or is of another kind,
    /// shows now and not in a query.
    pub fn new(bytes: Vec<u8>) -> Result<GeoDatabase, QueryError> {
        let unusable = |error: MaxMindDbError| QueryError::GeoDatabase { reason: error.to_string() };
        let database = GeoDatabase { reader: Reader::from_source(bytes).map_err(unusable)? };
        if database.has_places().map_err(unusable)? {
            return Ok(database);
        }
        let reason = format!("'{}' names no country, city or coordinates of any address", database.name());
        Err(QueryError::GeoDatabase { reason })
    }

    /// What the database calls itself, such as `GeoLite2-City`.
    pub fn name(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// The place of an address; none when nothing is known of it.
    pub(crate) fn place(&self, address: IpAddr) -> Result<Option<Place<'_>>, MaxMindDbError> {
        // An IPv4 address that was written as IPv6 is looked up as what it is.
        let address = address.to_canonical();
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(None);
        }
        let record = self.reader.lookup(address)?.decode::<Record>()?;
        Ok(record.and_then(Record::place))
    }

    /// Reads every record; whether one of them tells of a place.
    fn has_places(&self) -> Result<bool, MaxMindDbError> {
        // A tree has one leaf more than nodes. Where branches are shared, or lead back, a walk may never end.
        let leaves_max = (self.reader.metadata().node_count as usize).saturating_mul(3);
        let mut read = HashSet::new();
        let mut has_places = false;
        let leaves = self.reader.networks(WithinOptions::default().include_networks_without_data())?;
        for (count, leaf) in leaves.enumerate() {
            if count > leaves_max {
                let problem = "its search tree has leaves more than its nodes account for";
                return Err(MaxMindDbError::invalid_database(problem));
            }
            let leaf = leaf?;
            if leaf.offset().is_some_and(|offset| read.insert(offset)) {
                has_places |= leaf.decode::<Record>()?.and_then(Record::place).is_some();
            }
        }
        Ok(has_places)
    }
}

impl<'a> Record<'a> {
    fn place(self) -> Option<Place<'a>> {
        let degrees = |Degrees::Number(degrees)| degrees;
        let place = Place {
            country: self.country.names.en,
            // Subdivisions go from the largest to the smallest.
            state: self.subdivisions.last().map(|state| state.names.en).unwrap_or_default(),
            city: self.city.names.en,
            latitude: self.location.latitude.map(degrees),
            longitude: self.location.longitude.map(degrees),
        };
        (place != Place::default()).then_some(place)
    }
}
