//! `geo_info_from_ip_address(address)`

use std::net::IpAddr;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringViewBuilder};
use datafusion::error::{DataFusionError, Result};
use model::Kind;
use tracing::warn;

use super::arguments::exactly;
use crate::GeoDatabase;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call_holding};
use crate::typed::Typed;

/// The examples are of the database that the tests make; what a server answers depends on the operator's.
pub(super) static GEO_INFO_FROM_IP_ADDRESS: Function = Function {
    name: "geo_info_from_ip_address",
    summary: "Where an IPv4 or IPv6 address is, as a bag: country, state, city, latitude, longitude. Names that \
              are not known are empty, coordinates null. Null where nothing is known of the address, as of a \
              private one, where it is not to be read, and where the server has no database of places.",
    params: &[Param::one("address", Accepts::Text)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print geo_info_from_ip_address("203.0.113.7")"#,
            result: r#"{"country":"Australia","state":"New South Wales","city":"Sydney","latitude":-33.8715,"longitude":151.2006}"#,
        },
        Example { query: r#"print geo_info_from_ip_address("2001:db8::7").city"#, result: "Utrecht" },
        Example { query: r#"print isnull(geo_info_from_ip_address("10.0.0.1"))"#, result: "true" },
    ],
    lower: |context, args| {
        let [address] = exactly(args)?;
        let Some(database) = context.geo.clone() else {
            context.geo_missed.call_once(|| {
                warn!(
                    "a query asks where addresses are: it is told null, as hunting.geo_database is not set"
                );
            });
            return Ok(Typed::absent(Kind::Dynamic));
        };
        let eval = Arc::new(move |args: &Args| rows(&database, args));
        Ok(call_holding("geo_info_from_ip_address", Kind::Dynamic, eval, vec![address]))
    },
};

fn rows(database: &GeoDatabase, args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    let mut builder = StringViewBuilder::with_capacity(args.rows);
    for row in 0..args.rows {
        builder.append_option(place(database, texts.text(row))?);
    }
    Ok(Arc::new(builder.finish()))
}

fn place(database: &GeoDatabase, text: &str) -> Result<Option<String>> {
    let Ok(address) = text.trim().parse::<IpAddr>() else { return Ok(None) };
    let place = database.place(address).map_err(|error| DataFusionError::External(Box::new(error)))?;
    let json = place.map(|place| serde_json::to_string(&place)).transpose();
    json.map_err(|error| DataFusionError::External(Box::new(error)))
}
