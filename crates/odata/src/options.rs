//! The query options of one request.

use crate::entity::{EntityType, Property};
use crate::error::{Fault, ODataError, cut, shown};
use crate::filter::Filter;
use crate::limits::{Limits, OverMax, TEXT_BYTES_MAX};
use crate::literal::truth;
use crate::parser;

/// What a request asks of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub filter: Option<Filter>,
    /// The most significant first.
    pub order: Vec<Order>,
    pub top: Option<u64>,
    /// Fits an `i64`.
    pub skip: u64,
    /// The answer should say how many entities pass the filter.
    pub count: bool,
    /// Names out of [`EntityType::expands`], each once.
    pub expand: Vec<&'static str>,
    /// The properties to answer with, each once; all of them when empty.
    pub select: Vec<&'static Property>,
}

/// A property to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub property: &'static Property,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SystemOption {
    Filter,
    OrderBy,
    Top,
    Skip,
    Count,
    Expand,
    Select,
    Format,
}

const OPTIONS: [(&str, SystemOption); 8] = [
    ("$filter", SystemOption::Filter),
    ("$orderby", SystemOption::OrderBy),
    ("$top", SystemOption::Top),
    ("$skip", SystemOption::Skip),
    ("$count", SystemOption::Count),
    ("$expand", SystemOption::Expand),
    ("$select", SystemOption::Select),
    ("$format", SystemOption::Format),
];

/// Options of OData that would change the answer and are not read here.
const REFUSED: [&str; 5] = ["$search", "$apply", "$compute", "$skiptoken", "$deltatoken"];

/// Reads the options among the decoded names and values of a query string.
///
/// The dollar sign may be missing and letter case does not matter. Names that are not OData's are left to
/// the caller.
pub fn parse<N: AsRef<str>, V: AsRef<str>>(
    entity: &'static EntityType,
    pairs: &[(N, V)],
    limits: Limits,
) -> Result<Query, ODataError> {
    let mut query = Query::default();
    let mut seen = Vec::new();
    for (name, text) in pairs {
        let Some((name, option)) = option(name.as_ref())? else { continue };
        let text = text.as_ref();
        let read = if seen.contains(&option) {
            Err(Fault::new("given more than once"))
        } else {
            seen.push(option);
            query.read(entity, option, text, limits)
        };
        read.map_err(|fault| fault.within(name, text))?;
    }
    Ok(query)
}

/// The option of that name, if it is one of OData's.
fn option(name: &str) -> Result<Option<(&'static str, SystemOption)>, ODataError> {
    let name = name.trim();
    let bare = name.strip_prefix('$').unwrap_or(name);
    let is = |option: &str| option[1..].eq_ignore_ascii_case(bare);
    if let Some(found) = OPTIONS.into_iter().find(|(option, _)| is(option)) {
        return Ok(Some(found));
    }
    if let Some(refused) = REFUSED.into_iter().find(|option| is(option)) {
        return Err(Fault::new("this option is not supported").within(refused, ""));
    }
    if name.starts_with('$') {
        let names = OPTIONS.map(|(name, _)| name).join(", ");
        return Err(Fault::new("unknown option").hint(format!("valid: {names}")).within(&cut(name), ""));
    }
    Ok(None)
}

impl Query {
    fn read(
        &mut self,
        entity: &'static EntityType,
        option: SystemOption,
        text: &str,
        limits: Limits,
    ) -> Result<(), Fault> {
        check_len(text)?;
        match option {
            SystemOption::Filter => self.filter = Some(parser::filter(entity, text)?),
            SystemOption::OrderBy => self.order = parser::order(entity, text)?,
            SystemOption::Top => self.top = Some(top(text, limits)?),
            SystemOption::Skip => self.skip = skip(text)?,
            SystemOption::Count => self.count = flag(text)?,
            SystemOption::Expand => self.expand = expand(entity, text)?,
            SystemOption::Select => self.select = select(entity, text)?,
            SystemOption::Format => check_format(text)?,
        }
        Ok(())
    }
}

pub(crate) fn check_len(text: &str) -> Result<(), Fault> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Fault::new(format!("{} bytes long, more than {TEXT_BYTES_MAX}", text.len())));
    }
    Ok(())
}

fn top(text: &str, limits: Limits) -> Result<u64, Fault> {
    let Limits { top_max, over_max } = limits;
    // A number too long for its type is above any maximum.
    let top = whole_number(text)?.unwrap_or(u64::MAX);
    match over_max {
        OverMax::Refuse if top > top_max => {
            let message = format!("{} is above the maximum of {top_max}", shown(text.trim()));
            Err(Fault::new(message).hint("page through the rest with $skip"))
        }
        _ => Ok(top.min(top_max)),
    }
}

fn skip(text: &str) -> Result<u64, Fault> {
    whole_number(text)?
        .filter(|skip| i64::try_from(*skip).is_ok())
        .ok_or_else(|| Fault::new(format!("{} is too large", shown(text.trim()))))
}

/// The number, or nothing when it is too long for its type.
fn whole_number(text: &str) -> Result<Option<u64>, Fault> {
    let digits = text.trim();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::new(format!("expected a whole number from 0, got {}", shown(text))));
    }
    Ok(digits.parse().ok())
}

fn flag(text: &str) -> Result<bool, Fault> {
    truth(text.trim()).ok_or_else(|| Fault::new(format!("expected true or false, got {}", shown(text))))
}

fn expand(entity: &'static EntityType, text: &str) -> Result<Vec<&'static str>, Fault> {
    if let Some(at) = text.find('(') {
        return Err(Fault::new("options inside an expand are not supported")
            .at(at)
            .hint("name the property alone"));
    }
    let mut expand = Vec::new();
    for (name, at) in names(text) {
        let Some(known) = entity.expands.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
            let valid = if entity.expands.is_empty() { "none".to_owned() } else { entity.expands.join(", ") };
            let message = format!("{} cannot be expanded", shown(name));
            return Err(Fault::new(message).at(at).hint(format!("valid: {valid}")));
        };
        if !expand.contains(known) {
            expand.push(*known);
        }
    }
    Ok(expand)
}

fn select(entity: &'static EntityType, text: &str) -> Result<Vec<&'static Property>, Fault> {
    if text.trim() == "*" {
        return Ok(Vec::new());
    }
    let mut select = Vec::new();
    for (name, at) in names(text) {
        let property = entity.property(name).ok_or_else(|| {
            let hint = format!("valid: {}", entity.names(|_| true));
            Fault::new(format!("unknown property {}", shown(name))).at(at).hint(hint)
        })?;
        if !select.contains(&property) {
            select.push(property);
        }
    }
    Ok(select)
}

/// The names of a comma list and where each starts.
fn names(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let is_blank = |char: char| char == '+' || char.is_whitespace();
    let mut start = 0;
    text.split(',').map(move |part| {
        let at = start + part.len() - part.trim_start_matches(is_blank).len();
        start += part.len() + 1;
        (part.trim_matches(is_blank), at)
    })
}

fn check_format(text: &str) -> Result<(), Fault> {
    let media_type = text.split(';').next().unwrap_or_default().trim();
    if ["json", "application/json"].iter().any(|json| json.eq_ignore_ascii_case(media_type)) {
        return Ok(());
    }
    Err(Fault::new(format!("cannot answer as {}", shown(text))).hint("valid: json"))
}
