//! `convert_angle(value, from, to)`, `convert_energy`, `convert_force`, `convert_length`, `convert_mass`,
//! `convert_speed`, `convert_temperature`, `convert_volume`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use super::arguments::exactly;
use super::units::{self, Unit};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, real_rows};
use crate::typed::Typed;

pub(super) static CONVERT_ANGLE: Function = Function {
    name: "convert_angle",
    summary: "An angle in another unit. Null of an unknown unit.",
    params: &[
        Param::one("value", Accepts::Number),
        Param::one("from", Accepts::Text),
        Param::one("to", Accepts::Text),
    ],
    returns: "real",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print round(convert_angle(1.2, "Degree", "Arcminute"), 6)"#, result: "72.0" },
        Example { query: r#"print isnull(convert_angle(1.2, "Degree", "Meter"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("convert_angle", Kind::Real, |args| rows(args, units::ANGLE), reals(args)?)),
};

pub(super) static CONVERT_ENERGY: Function = Function {
    name: "convert_energy",
    summary: "An energy in another unit. Null of an unknown unit.",
    examples: &[Example {
        query: r#"print round(convert_energy(1.2, "Joule", "BritishThermalUnit"), 9)"#,
        result: "0.001137381",
    }],
    lower: |_, args| Ok(call("convert_energy", Kind::Real, |args| rows(args, units::ENERGY), reals(args)?)),
    ..CONVERT_ANGLE
};

pub(super) static CONVERT_FORCE: Function = Function {
    name: "convert_force",
    summary: "A force in another unit. Null of an unknown unit.",
    examples: &[Example { query: r#"print convert_force(1.2, "Newton", "Decanewton")"#, result: "0.12" }],
    lower: |_, args| Ok(call("convert_force", Kind::Real, |args| rows(args, units::FORCE), reals(args)?)),
    ..CONVERT_ANGLE
};

pub(super) static CONVERT_LENGTH: Function = Function {
    name: "convert_length",
    summary: "A length in another unit. Null of an unknown unit.",
    examples: &[Example {
        query: r#"print round(convert_length(1.2, "Meter", "Foot"), 6)"#,
        result: "3.937008",
    }],
    lower: |_, args| Ok(call("convert_length", Kind::Real, |args| rows(args, units::LENGTH), reals(args)?)),
    ..CONVERT_ANGLE
};

pub(super) static CONVERT_MASS: Function = Function {
    name: "convert_mass",
    summary: "A mass in another unit. Null of an unknown unit.",
    examples: &[Example {
        query: r#"print round(convert_mass(1.2, "Kilogram", "Pound"), 6)"#,
        result: "2.645547",
    }],
    lower: |_, args| Ok(call("convert_mass", Kind::Real, |args| rows(args, units::MASS), reals(args)?)),
    ..CONVERT_ANGLE
};

pub(super) static CONVERT_SPEED: Function = Function {
    name: "convert_speed",
    summary: "A speed in another unit. Null of an unknown unit.",
    examples: &[Example {
        query: r#"print round(convert_speed(1.2, "MeterPerSecond", "CentimeterPerHour"))"#,
        result: "432000.0",
    }],
    lower: |_, args| Ok(call("convert_speed", Kind::Real, |args| rows(args, units::SPEED), reals(args)?)),
    ..CONVERT_ANGLE
};

pub(super) static CONVERT_TEMPERATURE: Function = Function {
    name: "convert_temperature",
    summary: "A temperature in another unit. Null of an unknown unit.",
    examples: &[
        Example {
            query: r#"print round(convert_temperature(1.2, "Kelvin", "DegreeCelsius"), 6)"#,
            result: "-271.95",
        },
        Example {
            query: r#"print round(convert_temperature(212, "DegreeFahrenheit", "DegreeCelsius"), 6)"#,
            result: "100.0",
        },
    ],
    lower: |_, args| {
        Ok(call("convert_temperature", Kind::Real, |args| rows(args, units::TEMPERATURE), reals(args)?))
    },
    ..CONVERT_ANGLE
};

pub(super) static CONVERT_VOLUME: Function = Function {
    name: "convert_volume",
    summary: "A volume in another unit. Null of an unknown unit.",
    examples: &[Example {
        query: r#"print round(convert_volume(1.2, "CubicMeter", "AcreFoot"), 7)"#,
        result: "0.0009729",
    }],
    lower: |_, args| Ok(call("convert_volume", Kind::Real, |args| rows(args, units::VOLUME), reals(args)?)),
    ..CONVERT_ANGLE
};

fn reals(args: Vec<Typed>) -> std::result::Result<Vec<Typed>, String> {
    let [value, from, to] = exactly(args)?;
    Ok(vec![convert::to_real(value), from, to])
}

fn rows(args: &Args, known: &'static [Unit]) -> Result<ArrayRef> {
    let (values, from, to) = (args.reals(0)?, args.texts(1)?, args.texts(2)?);
    let find = |name: &str| known.iter().find(|unit| unit.name == name);
    let (constant_from, constant_to) = (from.constant().map(find), to.constant().map(find));
    Ok(real_rows(args.rows, |row| {
        let from = constant_from.unwrap_or_else(|| find(from.text(row)))?;
        let to = constant_to.unwrap_or_else(|| find(to.text(row)))?;
        values.is_valid(row).then(|| (values.value(row) * from.scale + from.offset - to.offset) / to.scale)
    }))
}
