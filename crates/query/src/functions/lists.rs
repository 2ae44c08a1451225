//! Every function: one line here, one file beside.

use super::Function;

#[path = "abs.rs"]
mod abs;
#[path = "addresses.rs"]
mod addresses;
#[path = "ago.rs"]
mod ago;
#[path = "arguments.rs"]
mod arguments;
#[path = "array_concat.rs"]
mod array_concat;
#[path = "array_iff.rs"]
mod array_iff;
#[path = "array_index_of.rs"]
mod array_index_of;
#[path = "array_length.rs"]
mod array_length;
#[path = "array_reverse.rs"]
mod array_reverse;
#[path = "array_slice.rs"]
mod array_slice;
#[path = "array_sort.rs"]
mod array_sort;
#[path = "array_sum.rs"]
mod array_sum;
#[path = "arrays.rs"]
mod arrays;
#[path = "bag_has_key.rs"]
mod bag_has_key;
#[path = "bag_keys.rs"]
mod bag_keys;
#[path = "bag_merge.rs"]
mod bag_merge;
#[path = "bag_pack.rs"]
mod bag_pack;
#[path = "bag_remove_keys.rs"]
mod bag_remove_keys;
#[path = "base64_text.rs"]
mod base64_text;
#[path = "bin.rs"]
mod bin;
#[path = "bin_at.rs"]
mod bin_at;
#[path = "binary.rs"]
mod binary;
#[path = "branches.rs"]
mod branches;
#[path = "calendar.rs"]
mod calendar;
#[path = "case.rs"]
mod case;
#[path = "ceiling.rs"]
mod ceiling;
#[path = "characters.rs"]
mod characters;
#[path = "coalesce.rs"]
mod coalesce;
#[path = "countof.rs"]
mod countof;
#[path = "datetime_add.rs"]
mod datetime_add;
#[path = "datetime_diff.rs"]
mod datetime_diff;
#[path = "datetime_part.rs"]
mod datetime_part;
#[path = "dayofweek.rs"]
mod dayofweek;
#[path = "dynamic_to_json.rs"]
mod dynamic_to_json;
#[path = "endof.rs"]
mod endof;
#[path = "extract.rs"]
mod extract;
#[path = "extract_all.rs"]
mod extract_all;
#[path = "extract_json.rs"]
mod extract_json;
#[path = "format_datetime.rs"]
mod format_datetime;
#[path = "format_timespan.rs"]
mod format_timespan;
#[path = "geo_info_from_ip_address.rs"]
mod geo_info_from_ip_address;
#[path = "gettype.rs"]
mod gettype;
#[path = "has_any_index.rs"]
mod has_any_index;
#[path = "iff.rs"]
mod iff;
#[path = "indexof.rs"]
mod indexof;
#[path = "ip_compare.rs"]
mod ip_compare;
#[path = "ip_in_range.rs"]
mod ip_in_range;
#[path = "ipv4_is_private.rs"]
mod ipv4_is_private;
#[path = "isempty.rs"]
mod isempty;
#[path = "isnan.rs"]
mod isnan;
#[path = "isnull.rs"]
mod isnull;
#[path = "json_path.rs"]
mod json_path;
#[path = "make_datetime.rs"]
mod make_datetime;
#[path = "make_timespan.rs"]
mod make_timespan;
#[path = "mathematics.rs"]
mod mathematics;
#[path = "max_of.rs"]
mod max_of;
#[path = "not.rs"]
mod not;
#[path = "now.rs"]
mod now;
#[path = "pack_array.rs"]
mod pack_array;
#[path = "parse_command_line.rs"]
mod parse_command_line;
#[path = "parse_csv.rs"]
mod parse_csv;
#[path = "parse_ipv4.rs"]
mod parse_ipv4;
#[path = "parse_json.rs"]
mod parse_json;
#[path = "parse_path.rs"]
mod parse_path;
#[path = "parse_url.rs"]
mod parse_url;
#[path = "parse_version.rs"]
mod parse_version;
#[path = "percent.rs"]
mod percent;
#[path = "range.rs"]
mod range;
#[path = "repeat.rs"]
mod repeat;
#[path = "replace.rs"]
mod replace;
#[path = "reverse.rs"]
mod reverse;
#[path = "round.rs"]
mod round;
#[path = "set_has_element.rs"]
mod set_has_element;
#[path = "set_operations.rs"]
mod set_operations;
#[path = "split.rs"]
mod split;
#[path = "startof.rs"]
mod startof;
#[path = "strcat.rs"]
mod strcat;
#[path = "strcat_array.rs"]
mod strcat_array;
#[path = "strcat_delim.rs"]
mod strcat_delim;
#[path = "strcmp.rs"]
mod strcmp;
#[path = "strlen.rs"]
mod strlen;
#[path = "strrep.rs"]
mod strrep;
#[path = "substring.rs"]
mod substring;
#[path = "time_format.rs"]
mod time_format;
#[path = "time_parts.rs"]
mod time_parts;
#[path = "tobool.rs"]
mod tobool;
#[path = "todatetime.rs"]
mod todatetime;
#[path = "todouble.rs"]
mod todouble;
#[path = "toguid.rs"]
mod toguid;
#[path = "tohex.rs"]
mod tohex;
#[path = "toint.rs"]
mod toint;
#[path = "tolong.rs"]
mod tolong;
#[path = "tolower.rs"]
mod tolower;
#[path = "tostring.rs"]
mod tostring;
#[path = "totimespan.rs"]
mod totimespan;
#[path = "toupper.rs"]
mod toupper;
#[path = "translate.rs"]
mod translate;
#[path = "trim.rs"]
mod trim;
#[path = "unixtime.rs"]
mod unixtime;
#[path = "url_decode.rs"]
mod url_decode;
#[path = "url_encode.rs"]
mod url_encode;
#[path = "zip.rs"]
mod zip;

/// Sorted by name.
pub static FUNCTIONS: &[&Function] = &[
    &abs::ABS,
    &ago::AGO,
    &array_concat::ARRAY_CONCAT,
    &array_iff::ARRAY_IFF,
    &array_iff::ARRAY_IIF,
    &array_index_of::ARRAY_INDEX_OF,
    &array_length::ARRAY_LENGTH,
    &array_reverse::ARRAY_REVERSE,
    &array_slice::ARRAY_SLICE,
    &array_sort::ARRAY_SORT_ASC,
    &array_sort::ARRAY_SORT_DESC,
    &array_sum::ARRAY_SUM,
    &bag_has_key::BAG_HAS_KEY,
    &bag_keys::BAG_KEYS,
    &bag_merge::BAG_MERGE,
    &bag_pack::BAG_PACK,
    &bag_remove_keys::BAG_REMOVE_KEYS,
    &base64_text::BASE64_DECODE_TOSTRING,
    &base64_text::BASE64_ENCODE_TOSTRING,
    &bin::BIN,
    &bin_at::BIN_AT,
    &binary::BINARY_AND,
    &binary::BINARY_NOT,
    &binary::BINARY_OR,
    &binary::BINARY_SHIFT_LEFT,
    &binary::BINARY_SHIFT_RIGHT,
    &binary::BINARY_XOR,
    &case::CASE,
    &ceiling::CEILING,
    &coalesce::COALESCE,
    &countof::COUNTOF,
    &datetime_add::DATETIME_ADD,
    &datetime_diff::DATETIME_DIFF,
    &datetime_part::DATETIME_PART,
    &time_parts::DAYOFMONTH,
    &dayofweek::DAYOFWEEK,
    &time_parts::DAYOFYEAR,
    &dynamic_to_json::DYNAMIC_TO_JSON,
    &endof::ENDOFDAY,
    &endof::ENDOFMONTH,
    &endof::ENDOFWEEK,
    &endof::ENDOFYEAR,
    &mathematics::EXP,
    &extract::EXTRACT,
    &extract_all::EXTRACT_ALL,
    &extract_json::EXTRACT_JSON,
    &extract_json::EXTRACTJSON,
    &bin::FLOOR,
    &format_datetime::FORMAT_DATETIME,
    &parse_ipv4::FORMAT_IPV4,
    &parse_ipv4::FORMAT_IPV4_MASK,
    &format_timespan::FORMAT_TIMESPAN,
    &geo_info_from_ip_address::GEO_INFO_FROM_IP_ADDRESS,
    &time_parts::GETMONTH,
    &gettype::GETTYPE,
    &time_parts::GETYEAR,
    &has_any_index::HAS_ANY_INDEX,
    &time_parts::HOUROFDAY,
    &iff::IFF,
    &iff::IIF,
    &indexof::INDEXOF,
    &ip_compare::IPV4_COMPARE,
    &ip_in_range::IPV4_IS_IN_ANY_RANGE,
    &ip_in_range::IPV4_IS_IN_RANGE,
    &ip_compare::IPV4_IS_MATCH,
    &ipv4_is_private::IPV4_IS_PRIVATE,
    &parse_ipv4::IPV4_NETMASK_SUFFIX,
    &ip_compare::IPV6_COMPARE,
    &ip_in_range::IPV6_IS_IN_ANY_RANGE,
    &ip_in_range::IPV6_IS_IN_RANGE,
    &ip_compare::IPV6_IS_MATCH,
    &isempty::ISEMPTY,
    &isnan::ISFINITE,
    &isnan::ISINF,
    &isnan::ISNAN,
    &isempty::ISNOTEMPTY,
    &isnull::ISNOTNULL,
    &isnull::ISNULL,
    &mathematics::LOG,
    &mathematics::LOG10,
    &mathematics::LOG2,
    &make_datetime::MAKE_DATETIME,
    &make_timespan::MAKE_TIMESPAN,
    &max_of::MAX_OF,
    &max_of::MIN_OF,
    &time_parts::MONTHOFYEAR,
    &not::NOT,
    &isempty::NOTEMPTY,
    &isnull::NOTNULL,
    &now::NOW,
    &bag_pack::PACK,
    &pack_array::PACK_ARRAY,
    &bag_pack::PACK_DICTIONARY,
    &parse_command_line::PARSE_COMMAND_LINE,
    &parse_csv::PARSE_CSV,
    &parse_ipv4::PARSE_IPV4,
    &parse_ipv4::PARSE_IPV4_MASK,
    &parse_json::PARSE_JSON,
    &parse_path::PARSE_PATH,
    &parse_url::PARSE_URL,
    &parse_url::PARSE_URLQUERY,
    &parse_version::PARSE_VERSION,
    &parse_json::PARSEJSON,
    &mathematics::POW,
    &range::RANGE,
    &repeat::REPEAT,
    &replace::REPLACE,
    &replace::REPLACE_REGEX,
    &replace::REPLACE_STRING,
    &reverse::REVERSE,
    &round::ROUND,
    &set_operations::SET_DIFFERENCE,
    &set_has_element::SET_HAS_ELEMENT,
    &set_operations::SET_INTERSECT,
    &set_operations::SET_UNION,
    &mathematics::SIGN,
    &split::SPLIT,
    &mathematics::SQRT,
    &startof::STARTOFDAY,
    &startof::STARTOFMONTH,
    &startof::STARTOFWEEK,
    &startof::STARTOFYEAR,
    &strcat::STRCAT,
    &strcat_array::STRCAT_ARRAY,
    &strcat_delim::STRCAT_DELIM,
    &strcmp::STRCMP,
    &strlen::STRLEN,
    &strrep::STRREP,
    &substring::SUBSTRING,
    &tobool::TOBOOL,
    &tobool::TOBOOLEAN,
    &todatetime::TODATETIME,
    &todouble::TODOUBLE,
    &parse_json::TODYNAMIC,
    &toguid::TOGUID,
    &tohex::TOHEX,
    &toint::TOINT,
    &tolong::TOLONG,
    &tolower::TOLOWER,
    &parse_json::TOOBJECT,
    &todouble::TOREAL,
    &tostring::TOSTRING,
    &totimespan::TOTIME,
    &totimespan::TOTIMESPAN,
    &toupper::TOUPPER,
    &translate::TRANSLATE,
    &trim::TRIM,
    &trim::TRIM_END,
    &trim::TRIM_START,
    &unixtime::MICROSECONDS,
    &unixtime::MILLISECONDS,
    &unixtime::NANOSECONDS,
    &unixtime::SECONDS,
    &url_decode::URL_DECODE,
    &url_encode::URL_ENCODE,
    &url_encode::URL_ENCODE_COMPONENT,
    &time_parts::WEEK_OF_YEAR,
    &time_parts::WEEKOFYEAR,
    &zip::ZIP,
];
