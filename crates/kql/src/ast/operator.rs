//! Tabular operators, in alphabetical order.

use super::{
    Call, Column, ColumnDecl, Expr, GraphMarkComponents, GraphMatch, GraphToTable, Ident, MakeGraph, Param,
    Parameter, Pipeline, ScalarType,
};
use crate::Span;

/// An operator of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    pub kind: OperatorKind,
    /// From the operator's name to its last word, without the `|`.
    pub span: Span,
}

/// What an operator does.
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorKind {
    As(As),
    AssertSchema(OutputSchema),
    /// Reads the rows and gives none.
    Consume(Vec<Parameter>),
    Count,
    Distinct(Distinct),
    Evaluate(Evaluate),
    Extend(Vec<Column>),
    Facet(Facet),
    Find(Find),
    Fork(Vec<ForkBranch>),
    GetSchema,
    GraphMarkComponents(GraphMarkComponents),
    GraphMatch(GraphMatch),
    GraphToTable(GraphToTable),
    Invoke(Call),
    Join(Join),
    Lookup(Lookup),
    MakeGraph(MakeGraph),
    MakeSeries(Box<MakeSeries>),
    MvApply(MvApply),
    MvExpand(MvExpand),
    Parse(Parse),
    ParseKv(ParseKv),
    Partition(Partition),
    /// Empty for `project` alone, which gives no columns.
    Project(Vec<Column>),
    ProjectAway(Vec<ColumnPattern>),
    ProjectByNames(Vec<Expr>),
    ProjectKeep(Vec<ColumnPattern>),
    ProjectRename(Vec<Rename>),
    ProjectReorder(Vec<Reorder>),
    Reduce(Reduce),
    Render(Render),
    Sample(Expr),
    SampleDistinct(SampleDistinct),
    Scan(Scan),
    Search(Search),
    Serialize(Vec<Column>),
    /// `sort by`, `order by`
    Sort(Vec<SortKey>),
    Summarize(Summarize),
    /// `take`, `limit`
    Take(Expr),
    Top(Top),
    TopHitters(TopHitters),
    TopNested(Vec<TopNestedLevel>),
    Union(Union),
    /// `where`, `filter`
    Where(Expr),
    /// An unknown operator, or one that is not supported yet; a diagnostic says which.
    Unknown(Ident),
}

/// `as name`
#[derive(Clone, Debug, PartialEq)]
pub struct As {
    pub hints: Vec<Parameter>,
    pub name: Ident,
}

/// `distinct a, b`; `distinct *` is one column with [`ExprKind::Star`](super::ExprKind::Star).
#[derive(Clone, Debug, PartialEq)]
pub struct Distinct {
    pub hints: Vec<Parameter>,
    pub columns: Vec<Column>,
}

/// `evaluate plugin(args) : (*, name: type)`
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluate {
    pub hints: Vec<Parameter>,
    pub call: Call,
    pub schema: Option<OutputSchema>,
}

/// The columns a plugin is said to give; `keeps_input` is the leading `*`.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputSchema {
    pub keeps_input: bool,
    pub columns: Vec<ColumnDecl>,
}

/// `facet by a, b with (operators)`: a table of counts for each column, and one of the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    pub by: Vec<Ident>,
    /// Empty when not written.
    pub with: Vec<Operator>,
}

/// `name = (operators)` of `fork`, which gives a table for each of them.
#[derive(Clone, Debug, PartialEq)]
pub struct ForkBranch {
    pub name: Option<Ident>,
    pub body: Vec<Operator>,
}

/// `find withsource = name in (tables) where predicate project columns`
#[derive(Clone, Debug, PartialEq)]
pub struct Find {
    pub with_source: Option<Ident>,
    pub hints: Vec<Parameter>,
    /// Empty for all tables.
    pub tables: Vec<Expr>,
    pub predicate: Expr,
    /// `None` for `project-smart` and when nothing is written.
    pub project: Option<Vec<FindColumn>>,
    pub span: Span,
}

/// A column of the result of `find`, with the type to turn it into.
#[derive(Clone, Debug, PartialEq)]
pub struct FindColumn {
    pub name: Ident,
    pub ty: Option<ScalarType>,
}

/// `join kind = inner (right) on a, $left.b == $right.c`
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// `None` when not written, which means `innerunique`.
    pub kind: Option<JoinKind>,
    pub hints: Vec<Parameter>,
    /// A name, call or [`ExprKind::Pipeline`](super::ExprKind::Pipeline).
    pub right: Expr,
    pub on: Vec<JoinCondition>,
}

/// Which rows a join gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    InnerUnique,
    Inner,
    LeftOuter,
    RightOuter,
    FullOuter,
    /// `leftanti`, `anti`, `leftantisemi`
    LeftAnti,
    /// `rightanti`, `rightantisemi`
    RightAnti,
    LeftSemi,
    RightSemi,
}

impl JoinKind {
    /// Every spelling; the first of each kind is the canonical one.
    pub const NAMES: &[(&str, JoinKind)] = &[
        ("innerunique", JoinKind::InnerUnique),
        ("inner", JoinKind::Inner),
        ("leftouter", JoinKind::LeftOuter),
        ("rightouter", JoinKind::RightOuter),
        ("fullouter", JoinKind::FullOuter),
        ("leftanti", JoinKind::LeftAnti),
        ("anti", JoinKind::LeftAnti),
        ("leftantisemi", JoinKind::LeftAnti),
        ("rightanti", JoinKind::RightAnti),
        ("rightantisemi", JoinKind::RightAnti),
        ("leftsemi", JoinKind::LeftSemi),
        ("rightsemi", JoinKind::RightSemi),
    ];

    /// The kind with this spelling.
    pub fn from_name(name: &str) -> Option<JoinKind> {
        Self::NAMES.iter().find(|(spelling, _)| *spelling == name).map(|(_, kind)| *kind)
    }

    /// The canonical spelling.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(spelling, _)| spelling)
    }
}

/// One pair of equal columns; `a` alone is `$left.a == $right.a`, and both idents are the same then.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinCondition {
    pub left: Ident,
    pub right: Ident,
    pub span: Span,
}

/// `lookup kind = leftouter (right) on a`
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// `leftouter` or `inner`; `None` when not written, which means `leftouter`.
    pub kind: Option<JoinKind>,
    pub hints: Vec<Parameter>,
    pub right: Expr,
    pub on: Vec<JoinCondition>,
}

/// `make-series count() default = 0 on Timestamp from a to b step c by d`
#[derive(Clone, Debug, PartialEq)]
pub struct MakeSeries {
    /// `kind = nonempty`, hints.
    pub params: Vec<Parameter>,
    pub aggregates: Vec<SeriesAggregate>,
    pub axis: Column,
    pub from: Option<Expr>,
    pub to: Option<Expr>,
    pub step: Expr,
    pub by: Vec<Column>,
}

/// An aggregate of a series, and its value where there are no rows.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesAggregate {
    pub column: Column,
    pub default: Option<Expr>,
}

/// `mv-apply item = items to typeof(string) on (where item has "x" | count)`
#[derive(Clone, Debug, PartialEq)]
pub struct MvApply {
    pub item_index: Option<Ident>,
    pub columns: Vec<MvColumn>,
    pub limit: Option<Expr>,
    pub body: Vec<Operator>,
}

/// `mv-expand kind = array with_itemindex = i name = expr to typeof(long), ... limit 10`
#[derive(Clone, Debug, PartialEq)]
pub struct MvExpand {
    /// Written `mvexpand`, the old form, which gives at most 128 rows for each row.
    pub is_legacy: bool,
    /// `kind = array` or `bagexpansion = array`: bags expand to `[key, value]`.
    pub bags_as_arrays: bool,
    pub item_index: Option<Ident>,
    pub columns: Vec<MvColumn>,
    pub limit: Option<Expr>,
}

/// What to expand, and the type of its elements.
#[derive(Clone, Debug, PartialEq)]
pub struct MvColumn {
    pub column: Column,
    pub ty: Option<ScalarType>,
}

/// `parse kind = regex flags = i input with * "text" name: type *`, and `parse-where`
#[derive(Clone, Debug, PartialEq)]
pub struct Parse {
    pub kind: ParseKind,
    pub flags: Option<String>,
    pub input: Expr,
    pub pattern: Vec<ParsePart>,
    /// `parse-where`: rows that do not match are dropped.
    pub drops_unmatched: bool,
}

/// How the texts of a pattern match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseKind {
    Simple,
    Regex,
    Relaxed,
}

/// A part of the pattern of `parse`.
#[derive(Clone, Debug, PartialEq)]
pub enum ParsePart {
    /// `*`
    Any(Span),
    Text {
        value: String,
        span: Span,
    },
    Column {
        name: Ident,
        ty: Option<ScalarType>,
    },
}

/// `parse-kv input as (name: type, ...) with (pair_delimiter = ",")`
#[derive(Clone, Debug, PartialEq)]
pub struct ParseKv {
    pub input: Expr,
    pub columns: Vec<ColumnDecl>,
    pub properties: Vec<Parameter>,
}

/// `partition by column (operators)` or `partition by column { pipeline }`
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    pub hints: Vec<Parameter>,
    pub by: Ident,
    pub body: PartitionBody,
}

/// What is done to the rows of each partition.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionBody {
    Operators(Vec<Operator>),
    Pipeline(Box<Pipeline>),
}

/// A column by name, or a pattern with `*` that stands for several.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnPattern {
    pub name: Ident,
    pub is_wildcard: bool,
}

/// `new = old`
#[derive(Clone, Debug, PartialEq)]
pub struct Rename<T = Ident> {
    pub new: Ident,
    pub old: T,
}

/// A column or pattern to put first, and how to order what a pattern matches.
#[derive(Clone, Debug, PartialEq)]
pub struct Reorder {
    pub pattern: ColumnPattern,
    pub order: Option<ReorderBy>,
}

/// How to order the columns that a pattern matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReorderBy {
    Asc,
    Desc,
    GrannyAsc,
    GrannyDesc,
}

impl ReorderBy {
    /// Every order with its spelling.
    pub const NAMES: &[(&str, ReorderBy)] = &[
        ("asc", ReorderBy::Asc),
        ("desc", ReorderBy::Desc),
        ("granny-asc", ReorderBy::GrannyAsc),
        ("granny-desc", ReorderBy::GrannyDesc),
    ];
}

/// `reduce by expr with threshold = 0.1, characters = "X"`
#[derive(Clone, Debug, PartialEq)]
pub struct Reduce {
    pub params: Vec<Parameter>,
    pub by: Expr,
    pub properties: Vec<Parameter>,
}

/// `render timechart with (title = "x")`: how a portal draws the rows, which stay as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Render {
    pub chart: Ident,
    pub properties: Vec<RenderProperty>,
}

/// `name = value`, or `ycolumns = a, b`
#[derive(Clone, Debug, PartialEq)]
pub struct RenderProperty {
    pub name: Ident,
    pub values: Vec<Expr>,
}

/// `sample-distinct 10 of column`
#[derive(Clone, Debug, PartialEq)]
pub struct SampleDistinct {
    pub count: Expr,
    pub of: Expr,
}

/// `scan with_match_id = id declare (name: type = value) with (step name: condition => column = value; ...)`
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    pub hints: Vec<Parameter>,
    pub match_id: Option<Ident>,
    pub declared: Vec<Param>,
    pub steps: Vec<ScanStep>,
}

/// A step of a sequence: which rows belong to it, and what it sets then.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanStep {
    pub name: Ident,
    pub is_optional: bool,
    pub output: ScanOutput,
    pub condition: Expr,
    pub assignments: Vec<Rename<Expr>>,
    pub span: Span,
}

/// Which rows of a step are in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScanOutput {
    All,
    Last,
    None,
}

impl ScanOutput {
    /// Every choice with its spelling.
    pub const NAMES: &[(&str, ScanOutput)] =
        &[("all", ScanOutput::All), ("last", ScanOutput::Last), ("none", ScanOutput::None)];
}

/// `search kind = case_sensitive in (tables) predicate`
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    pub is_case_sensitive: bool,
    /// Empty for all tables, or for the input rows when it is an operator.
    pub tables: Vec<Expr>,
    /// String literals alone are terms to find in any column; `column : "term"` is
    /// [`BinaryOp::SearchTerm`](super::BinaryOp::SearchTerm).
    pub predicate: Expr,
    pub span: Span,
}

/// `expr asc nulls first`
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    pub expr: Expr,
    /// `None` when not written, which means descending.
    pub order: Option<SortOrder>,
    /// `None` when not written: first if ascending, last if descending.
    pub nulls: Option<NullsOrder>,
}

/// The direction of a sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortOrder {
    Asc,
    Desc,
}

/// Where nulls stand in a sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NullsOrder {
    First,
    Last,
}

/// `summarize count() by a`
#[derive(Clone, Debug, PartialEq)]
pub struct Summarize {
    pub hints: Vec<Parameter>,
    pub aggregates: Vec<Column>,
    pub by: Vec<Column>,
}

/// `top 10 by a desc`
#[derive(Clone, Debug, PartialEq)]
pub struct Top {
    pub count: Expr,
    pub by: SortKey,
}

/// `top-hitters 3 of column by weight`
#[derive(Clone, Debug, PartialEq)]
pub struct TopHitters {
    pub count: Expr,
    pub of: Column,
    /// `None` to count rows.
    pub by: Option<Column>,
}

/// `top-nested 3 of column with others = "x" by count() desc`
#[derive(Clone, Debug, PartialEq)]
pub struct TopNestedLevel {
    /// `None` for all values.
    pub count: Option<Expr>,
    pub of: Column,
    pub others: Option<Expr>,
    pub by: Column,
    pub order: Option<SortOrder>,
}

/// `union kind = outer withsource = name isfuzzy = true tables`
#[derive(Clone, Debug, PartialEq)]
pub struct Union {
    /// `kind = inner`: only the columns that all tables have.
    pub is_inner: bool,
    pub with_source: Option<Ident>,
    pub is_fuzzy: bool,
    pub hints: Vec<Parameter>,
    /// Names, [`ExprKind::Wildcard`](super::ExprKind::Wildcard)s and pipelines. As an operator the
    /// input rows come before them.
    pub tables: Vec<Expr>,
    pub span: Span,
}
