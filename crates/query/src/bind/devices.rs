//! `DeviceFromIP`, `AssignedIPAddresses`, `SeenBy`: which devices had or saw which addresses. They are queries over
//! the tables of events themselves.

use kql::Span;
use kql::ast::{self, ExprKind, Literal};
use model::Kind;

use super::expr::Input;
use super::{Bind, Binder, Value, error};
use crate::relation::Relation;
use crate::typed::Typed;

/// Names of what the queries are given.
const ROWS: &str = "$rows";
const MOMENT: &str = "$moment";
const DEVICE: &str = "$device";

/// The addresses that the adapters of devices had when they were last reported up to a moment.
const REPORTED: &str = "DeviceNetworkInfo | where Timestamp <= $moment \
    | summarize arg_max(Timestamp, DeviceName, NetworkAdapterType, ConnectedNetworks, IPAddresses) \
      by DeviceId, NetworkAdapterName, MacAddress \
    | mv-expand address = parse_json(IPAddresses) \
    | extend IPAddress = tostring(address.IPAddress), IPType = tostring(address.AddressType) \
    | where isnotempty(IPAddress)";

/// Whether this is the name of one of these functions.
pub(super) fn is_of_devices(name: &str) -> bool {
    matches!(name, "DeviceFromIP" | "AssignedIPAddresses" | "SeenBy")
}

impl Binder<'_> {
    /// A function at the start of a query, over the values that it is given.
    pub(super) fn device_table(&mut self, call: &ast::Call, span: Span) -> Bind<Relation> {
        match call.name.name.as_str() {
            "AssignedIPAddresses" => self.assigned_addresses(call, span),
            name => {
                let Some(first) = call.args.first() else {
                    return error(span, format!("{name}() takes rows: put it behind 'invoke'"));
                };
                let value = self.constant(&first.value)?;
                if value.kind != Kind::String {
                    return error(first.value.span, format!("{name}() takes a string"));
                }
                let column = if name == "SeenBy" { "DeviceId" } else { "IP" };
                let rows = self.values(vec![(column.to_owned(), Kind::String)], vec![vec![value]])?;
                let ident = ast::Ident { name: column.to_owned(), span };
                let named = ast::Expr { kind: ExprKind::Name(ident), span };
                let mut args = call.args.clone();
                args[0] = ast::Arg { name: None, value: named };
                let call = ast::Call { name: call.name.clone(), args };
                self.device_rows(rows, &call, span)
            }
        }
    }

    /// A function behind `invoke`.
    pub(super) fn device_rows(&mut self, input: Relation, call: &ast::Call, span: Span) -> Bind<Relation> {
        let name = call.name.name.as_str();
        let usual = match name {
            "DeviceFromIP" => "IP",
            "SeenBy" => "DeviceId",
            _ => return error(span, format!("{name}() takes a device, not rows")),
        };
        let ident = match call.args.first().map(|arg| &arg.value.kind) {
            None => ast::Ident { name: usual.to_owned(), span },
            Some(ExprKind::Name(ident)) => ident.clone(),
            Some(ExprKind::Literal(Literal::String { value, .. })) => {
                ast::Ident { name: value.clone(), span }
            }
            Some(_) => return error(span, format!("{name}() takes the name of a column")),
        };
        let column = self.column(&input, &ident, "invoke")?.clone();
        if column.kind != Kind::String {
            let message = format!("{name}() takes a column of strings, not of {}", column.kind.name());
            return error(ident.span, message);
        }
        let moment = self.moment(call.args.get(1))?;
        let key = kql::literals::quote(&column.name);
        let text = match name {
            "DeviceFromIP" => {
                // A device in the rows keeps its name; who had the address stands behind it.
                let ip = if column.name == "IP" { String::new() } else { format!(" | extend IP = [{key}]") };
                format!(
                    "$rows | join kind=leftouter ({REPORTED} | distinct $had = IPAddress, DeviceId) \
                     on $left.[{key}] == $right.$had | project-away $had{ip}"
                )
            }
            _ => format!(
                "$rows | join kind=leftouter ({REPORTED} \
                   | join kind=inner (DeviceNetworkEvents | where Timestamp <= $moment \
                       | distinct $seer = DeviceId, RemoteIP) on $left.IPAddress == $right.RemoteIP \
                   | where $seer != DeviceId | summarize SeenBy = make_set($seer) by $device = DeviceId) \
                 on $left.[{key}] == $right.$device | project-away $device"
            ),
        };
        let rows = Value::Rows(std::rc::Rc::new(input));
        self.of_text(&text, vec![(ROWS, rows), (MOMENT, Value::Scalar(moment))], span)
    }

    fn assigned_addresses(&mut self, call: &ast::Call, span: Span) -> Bind<Relation> {
        let Some(first) = call.args.first() else {
            return error(span, "AssignedIPAddresses() takes the id or the name of a device");
        };
        let device = self.constant(&first.value)?;
        if device.kind != Kind::String {
            return error(first.value.span, "AssignedIPAddresses() takes the id or the name of a device");
        }
        let moment = self.moment(call.args.get(1))?;
        let text = format!(
            "{REPORTED} | where DeviceId =~ $device or DeviceName =~ $device \
             | summarize arg_max(Timestamp, IPType, NetworkAdapterType, ConnectedNetworks) by IPAddress \
             | project Timestamp, IPAddress, IPType, NetworkAdapterType, ConnectedNetworks"
        );
        self.of_text(&text, vec![(DEVICE, Value::Scalar(device)), (MOMENT, Value::Scalar(moment))], span)
    }

    /// The time that is asked about; now unless it is given.
    fn moment(&mut self, arg: Option<&ast::Arg>) -> Bind<Typed> {
        let Some(arg) = arg else {
            let now = datafusion::common::ScalarValue::Int64(Some(self.context.now.0));
            return Ok(Typed::value(now, Kind::DateTime));
        };
        let moment = self.expr(&arg.value, &mut Input::none())?;
        let moment = crate::constant::fold(moment)?;
        match moment.kind {
            Kind::DateTime => Ok(moment),
            kind => error(arg.value.span, format!("a datetime is taken here, not a {}", kind.name())),
        }
    }

    /// Binds a query of our own with some names in reach.
    fn of_text(&mut self, text: &str, names: Vec<(&str, Value)>, span: Span) -> Bind<Relation> {
        let parsed = kql::parse(text);
        let scope =
            names.into_iter().fold(super::Scope::default(), |scope, (name, value)| scope.with(name, value));
        let bound = self.within(span, scope, |binder| binder.query(&parsed.query.statements));
        match bound {
            Err(super::Stop::Diagnostic(diagnostic)) => error(span, diagnostic.message),
            bound => bound,
        }
    }
}
