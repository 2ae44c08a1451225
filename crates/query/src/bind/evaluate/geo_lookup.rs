//! `geo_polygon_lookup(table, polygon, longitude, latitude, radius, ...)`: rows of a table whose polygon holds the
//! point, or is near it; `geo_line_lookup` likewise.

use datafusion::common::{JoinType, ScalarValue};
use datafusion::logical_expr::LogicalPlanBuilder;
use kql::Span;
use kql::ast::{self, BinaryOp, ExprKind};
use model::Kind;

use super::super::{Bind, Binder, error};
use crate::relation::Relation;
use crate::typed::Typed;
use crate::{constant, convert, functions, operators};

/// What may stand behind the table, the shape and the point, by name or in this order.
const OPTIONS: [&str; 4] = ["radius", "return_unmatched", "lookup_area_radius", "return_lookup_key"];

/// The shapes of a table.
pub(super) struct Shapes {
    name: &'static str,
    /// Says whether a point is in a shape; without it there must be a radius.
    holds: Option<&'static str>,
    distance: &'static str,
}

pub(super) static LINES: Shapes =
    Shapes { name: "geo_line_lookup", holds: None, distance: "geo_distance_point_to_line" };

pub(super) static POLYGONS: Shapes = Shapes {
    name: "geo_polygon_lookup",
    holds: Some("geo_point_in_polygon"),
    distance: "geo_distance_point_to_polygon",
};

impl Binder<'_> {
    pub(super) fn geo_lookup(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        shapes: &Shapes,
        span: Span,
    ) -> Bind<Relation> {
        let name = shapes.name;
        let usage =
            format!("{name}() takes a table, its column of shapes, a longitude, a latitude and a radius");
        let [table, shape, longitude, latitude, options @ ..] = evaluate.call.args.as_slice() else {
            return error(span, usage);
        };
        let [radius, keeps_unmatched, _, keeps_shape] = self.geo_options(name, options)?;
        let table = self.table_expr(&table.value)?;
        let mut right = self.renamed(table)?;
        let named = |arg: &ast::Arg| match &arg.value.kind {
            ExprKind::Name(ident) => Ok(ident.clone()),
            _ => error(arg.value.span, usage.clone()),
        };
        let shape = named(shape)?;
        let point = [named(longitude)?, named(latitude)?];
        let mut args = Vec::with_capacity(3);
        for ident in &point {
            args.push(self.column(&input, ident, "evaluate")?.typed());
        }
        args.push(self.column(&right, &shape, "evaluate")?.typed());
        let function = if radius.is_some() { Some(shapes.distance) } else { shapes.holds };
        let Some(function) = function.and_then(functions::find) else {
            return error(span, format!("{name}() needs a radius"));
        };
        let found = function.call(self.context, args);
        let found = self.at(span, found)?;
        let condition = match radius {
            Some(radius) => self.at(span, operators::binary(BinaryOp::LessOrEqual, found, radius))?,
            None => found,
        };
        if !is_true(keeps_shape.as_ref()) {
            right.fields.retain(|field| field.name != shape.name);
        }
        let join_type = if is_true(keeps_unmatched.as_ref()) { JoinType::Left } else { JoinType::Inner };
        let left = Relation { hidden: Vec::new(), ..input };
        let plan = LogicalPlanBuilder::from(left.plan.clone())
            .join_on(right.plan.clone(), join_type, [condition.expr])?
            .build()?;
        self.joined(plan, left, right, join_type)
    }

    /// The options, each in its place.
    fn geo_options(&mut self, name: &str, given: &[ast::Arg]) -> Bind<[Option<Typed>; 4]> {
        let mut options = [const { None }; 4];
        for (at, arg) in given.iter().enumerate() {
            let place = match &arg.name {
                Some(named) => OPTIONS.iter().position(|option| *option == named.name),
                None => Some(at),
            };
            let Some((place, option)) = place.and_then(|place| Some((place, options.get_mut(place)?))) else {
                let message = format!("{name}() has the options {}", OPTIONS.join(", "));
                return error(arg.value.span, message);
            };
            let value = self.constant(&arg.value)?;
            let is_radius = matches!(OPTIONS[place], "radius" | "lookup_area_radius");
            let value = if is_radius { constant::fold(convert::to_real(value))? } else { value };
            let fits = match value.literal() {
                Some(ScalarValue::Float64(Some(radius))) => is_radius && radius.is_finite(),
                Some(ScalarValue::Boolean(Some(_))) => !is_radius,
                _ => false,
            };
            if !fits || option.is_some() {
                let kind = if is_radius { Kind::Real } else { Kind::Bool };
                return error(
                    arg.value.span,
                    format!("{name}(): '{}' is one {}", OPTIONS[place], kind.name()),
                );
            }
            *option = Some(value);
        }
        Ok(options)
    }
}

fn is_true(option: Option<&Typed>) -> bool {
    option.and_then(Typed::literal) == Some(&ScalarValue::Boolean(Some(true)))
}
