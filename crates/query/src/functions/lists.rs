//! Every function: one line here, one file beside.

use super::{Function, Several};

#[path = "abs.rs"]
mod abs;
#[path = "addresses.rs"]
mod addresses;
#[path = "ago.rs"]
mod ago;
#[path = "arguments.rs"]
mod arguments;
#[path = "around.rs"]
mod around;
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
#[path = "array_shift.rs"]
mod array_shift;
#[path = "array_slice.rs"]
mod array_slice;
#[path = "array_sort.rs"]
mod array_sort;
#[path = "array_split.rs"]
mod array_split;
#[path = "array_sum.rs"]
mod array_sum;
#[path = "arrays.rs"]
mod arrays;
#[path = "assert.rs"]
mod assert;
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
#[path = "bag_set_key.rs"]
mod bag_set_key;
#[path = "bag_zip.rs"]
mod bag_zip;
#[path = "base64_bytes.rs"]
mod base64_bytes;
#[path = "base64_text.rs"]
mod base64_text;
#[path = "bin.rs"]
mod bin;
#[path = "bin_at.rs"]
mod bin_at;
#[path = "binary.rs"]
mod binary;
#[path = "bitset_count_ones.rs"]
mod bitset_count_ones;
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
#[path = "column.rs"]
pub(crate) mod column;
#[path = "compression.rs"]
mod compression;
#[path = "convert_units.rs"]
mod convert_units;
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
#[path = "digest.rs"]
pub(crate) mod digest;
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
#[path = "format_bytes.rs"]
mod format_bytes;
#[path = "format_datetime.rs"]
mod format_datetime;
#[path = "format_timespan.rs"]
mod format_timespan;
#[path = "fourier.rs"]
mod fourier;
#[path = "geo_buffer.rs"]
mod geo_buffer;
#[path = "geo_cells.rs"]
mod geo_cells;
#[path = "geo_densify.rs"]
mod geo_densify;
#[path = "geo_from_wkt.rs"]
mod geo_from_wkt;
#[path = "geo_geohash.rs"]
mod geo_geohash;
#[path = "geo_h3.rs"]
mod geo_h3;
#[path = "geo_info_from_ip_address.rs"]
mod geo_info_from_ip_address;
#[path = "geo_intersection.rs"]
mod geo_intersection;
#[path = "geo_intersects.rs"]
mod geo_intersects;
#[path = "geo_lines.rs"]
mod geo_lines;
#[path = "geo_plane.rs"]
mod geo_plane;
#[path = "geo_points.rs"]
mod geo_points;
#[path = "geo_polygons.rs"]
mod geo_polygons;
#[path = "geo_s2.rs"]
mod geo_s2;
#[path = "geo_simplify.rs"]
mod geo_simplify;
#[path = "geo_sphere.rs"]
mod geo_sphere;
#[path = "geo_union.rs"]
mod geo_union;
#[path = "gettype.rs"]
mod gettype;
#[path = "has_any_index.rs"]
mod has_any_index;
#[path = "has_ipv4.rs"]
mod has_ipv4;
#[path = "hash.rs"]
mod hash;
#[path = "hash_digest.rs"]
mod hash_digest;
#[path = "iff.rs"]
mod iff;
#[path = "indexof.rs"]
mod indexof;
#[path = "indexof_regex.rs"]
mod indexof_regex;
#[path = "ip_compare.rs"]
mod ip_compare;
#[path = "ip_in_range.rs"]
mod ip_in_range;
#[path = "ipv4_is_private.rs"]
mod ipv4_is_private;
#[path = "isascii.rs"]
mod isascii;
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
#[path = "outliers.rs"]
mod outliers;
#[path = "pack_array.rs"]
mod pack_array;
#[path = "parse_command_line.rs"]
mod parse_command_line;
#[path = "parse_csv.rs"]
mod parse_csv;
#[path = "parse_ipv4.rs"]
mod parse_ipv4;
#[path = "parse_ipv6.rs"]
mod parse_ipv6;
#[path = "parse_json.rs"]
mod parse_json;
#[path = "parse_path.rs"]
mod parse_path;
#[path = "parse_url.rs"]
mod parse_url;
#[path = "parse_user_agent.rs"]
mod parse_user_agent;
#[path = "parse_version.rs"]
mod parse_version;
#[path = "parse_xml.rs"]
mod parse_xml;
#[path = "percent.rs"]
mod percent;
#[path = "polynomial.rs"]
mod polynomial;
#[path = "punycode.rs"]
mod punycode;
#[path = "random.rs"]
mod random;
#[path = "range.rs"]
mod range;
#[path = "regex_quote.rs"]
mod regex_quote;
#[path = "repeat.rs"]
mod repeat;
#[path = "replace.rs"]
mod replace;
#[path = "replace_strings.rs"]
mod replace_strings;
#[path = "reverse.rs"]
mod reverse;
#[path = "round.rs"]
mod round;
#[path = "s2.rs"]
mod s2;
#[path = "seasons.rs"]
mod seasons;
#[path = "series.rs"]
mod series;
#[path = "series_binary.rs"]
mod series_binary;
#[path = "series_decompose.rs"]
mod series_decompose;
#[path = "series_fft.rs"]
mod series_fft;
#[path = "series_fill.rs"]
mod series_fill;
#[path = "series_filter.rs"]
mod series_filter;
#[path = "series_fit.rs"]
mod series_fit;
#[path = "series_outliers.rs"]
mod series_outliers;
#[path = "series_periods.rs"]
mod series_periods;
#[path = "series_reduction.rs"]
mod series_reduction;
#[path = "series_stats.rs"]
mod series_stats;
#[path = "series_unary.rs"]
mod series_unary;
#[path = "set_comparison.rs"]
mod set_comparison;
#[path = "set_has_element.rs"]
mod set_has_element;
#[path = "set_operations.rs"]
mod set_operations;
#[path = "sketch.rs"]
mod sketch;
#[path = "special.rs"]
mod special;
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
#[path = "string_size.rs"]
mod string_size;
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
#[path = "time_zones.rs"]
mod time_zones;
#[path = "tobool.rs"]
mod tobool;
#[path = "todatetime.rs"]
mod todatetime;
#[path = "todecimal.rs"]
mod todecimal;
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
#[path = "treepath.rs"]
mod treepath;
#[path = "trigonometry.rs"]
mod trigonometry;
#[path = "trim.rs"]
mod trim;
#[path = "tuples.rs"]
mod tuples;
#[path = "unicode_codepoints.rs"]
mod unicode_codepoints;
#[path = "units.rs"]
mod units;
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
    &trigonometry::ACOS,
    &ago::AGO,
    &around::AROUND,
    &array_concat::ARRAY_CONCAT,
    &array_iff::ARRAY_IFF,
    &array_iff::ARRAY_IIF,
    &array_index_of::ARRAY_INDEX_OF,
    &array_length::ARRAY_LENGTH,
    &array_reverse::ARRAY_REVERSE,
    &array_shift::ARRAY_ROTATE_LEFT,
    &array_shift::ARRAY_ROTATE_RIGHT,
    &array_shift::ARRAY_SHIFT_LEFT,
    &array_shift::ARRAY_SHIFT_RIGHT,
    &array_slice::ARRAY_SLICE,
    &array_sort::ARRAY_SORT_ASC,
    &array_sort::ARRAY_SORT_DESC,
    &array_split::ARRAY_SPLIT,
    &strcat_array::ARRAY_STRCAT,
    &array_sum::ARRAY_SUM,
    &array_length::ARRAYLENGTH,
    &trigonometry::ASIN,
    &assert::ASSERT,
    &trigonometry::ATAN,
    &trigonometry::ATAN2,
    &bag_has_key::BAG_HAS_KEY,
    &bag_keys::BAG_KEYS,
    &bag_merge::BAG_MERGE,
    &bag_pack::BAG_PACK,
    &bag_remove_keys::BAG_REMOVE_KEYS,
    &bag_set_key::BAG_SET_KEY,
    &bag_zip::BAG_ZIP,
    &base64_bytes::BASE64_DECODE_TOARRAY,
    &base64_bytes::BASE64_DECODE_TOGUID,
    &base64_text::BASE64_DECODE_TOSTRING,
    &base64_text::BASE64_DECODESTRING,
    &base64_bytes::BASE64_ENCODE_FROMARRAY,
    &base64_bytes::BASE64_ENCODE_FROMGUID,
    &base64_text::BASE64_ENCODE_TOSTRING,
    &base64_text::BASE64_ENCODESTRING,
    &special::BETA_CDF,
    &special::BETA_INV,
    &special::BETA_PDF,
    &bin::BIN,
    &bin_at::BIN_AT,
    &binary::BINARY_AND,
    &binary::BINARY_NOT,
    &binary::BINARY_OR,
    &binary::BINARY_SHIFT_LEFT,
    &binary::BINARY_SHIFT_RIGHT,
    &binary::BINARY_XOR,
    &bitset_count_ones::BITSET_COUNT_ONES,
    &case::CASE,
    &ceiling::CEILING,
    &coalesce::COALESCE,
    &convert_units::CONVERT_ANGLE,
    &convert_units::CONVERT_ENERGY,
    &convert_units::CONVERT_FORCE,
    &convert_units::CONVERT_LENGTH,
    &convert_units::CONVERT_MASS,
    &convert_units::CONVERT_SPEED,
    &convert_units::CONVERT_TEMPERATURE,
    &convert_units::CONVERT_VOLUME,
    &trigonometry::COS,
    &trigonometry::COT,
    &countof::COUNTOF,
    &datetime_part::DATEPART,
    &datetime_add::DATETIME_ADD,
    &datetime_diff::DATETIME_DIFF,
    &time_zones::DATETIME_LIST_TIMEZONES,
    &time_zones::DATETIME_LOCAL_TO_UTC,
    &datetime_part::DATETIME_PART,
    &time_zones::DATETIME_UTC_TO_LOCAL,
    &time_parts::DAYOFMONTH,
    &dayofweek::DAYOFWEEK,
    &time_parts::DAYOFYEAR,
    &sketch::DCOUNT_HLL,
    &trigonometry::DEGREES,
    &dynamic_to_json::DYNAMIC_TO_JSON,
    &endof::ENDOFDAY,
    &endof::ENDOFMONTH,
    &endof::ENDOFWEEK,
    &endof::ENDOFYEAR,
    &special::ERF,
    &special::ERFC,
    &mathematics::EXP,
    &trigonometry::EXP10,
    &trigonometry::EXP2,
    &extract::EXTRACT,
    &extract_all::EXTRACT_ALL,
    &extract_json::EXTRACT_JSON,
    &extract_all::EXTRACTALL,
    &extract_json::EXTRACTJSON,
    &bin::FLOOR,
    &format_bytes::FORMAT_BYTES,
    &format_datetime::FORMAT_DATETIME,
    &parse_ipv4::FORMAT_IPV4,
    &parse_ipv4::FORMAT_IPV4_MASK,
    &format_timespan::FORMAT_TIMESPAN,
    &special::GAMMA,
    &geo_points::GEO_ANGLE,
    &geo_points::GEO_AZIMUTH,
    &geo_lines::GEO_CLOSEST_POINT_ON_LINE,
    &geo_polygons::GEO_CLOSEST_POINT_ON_POLYGON,
    &geo_points::GEO_DISTANCE_2POINTS,
    &geo_lines::GEO_DISTANCE_POINT_TO_LINE,
    &geo_polygons::GEO_DISTANCE_POINT_TO_POLYGON,
    &geo_from_wkt::GEO_FROM_WKT,
    &geo_geohash::GEO_GEOHASH_NEIGHBORS,
    &geo_geohash::GEO_GEOHASH_TO_CENTRAL_POINT,
    &geo_geohash::GEO_GEOHASH_TO_POLYGON,
    &geo_h3::GEO_H3CELL_CHILDREN,
    &geo_h3::GEO_H3CELL_LEVEL,
    &geo_h3::GEO_H3CELL_NEIGHBORS,
    &geo_h3::GEO_H3CELL_PARENT,
    &geo_h3::GEO_H3CELL_RINGS,
    &geo_h3::GEO_H3CELL_TO_CENTRAL_POINT,
    &geo_h3::GEO_H3CELL_TO_POLYGON,
    &geo_info_from_ip_address::GEO_INFO_FROM_IP_ADDRESS,
    &geo_lines::GEO_INTERSECTION_2LINES,
    &geo_intersection::GEO_INTERSECTION_2POLYGONS,
    &geo_intersection::GEO_INTERSECTION_LINE_WITH_POLYGON,
    &geo_lines::GEO_INTERSECTS_2LINES,
    &geo_intersects::GEO_INTERSECTS_2POLYGONS,
    &geo_intersects::GEO_INTERSECTS_LINE_WITH_POLYGON,
    &geo_buffer::GEO_LINE_BUFFER,
    &geo_lines::GEO_LINE_CENTROID,
    &geo_densify::GEO_LINE_DENSIFY,
    &geo_lines::GEO_LINE_INTERPOLATE_POINT,
    &geo_lines::GEO_LINE_LENGTH,
    &geo_lines::GEO_LINE_LOCATE_POINT,
    &geo_simplify::GEO_LINE_SIMPLIFY,
    &geo_cells::GEO_LINE_TO_S2CELLS,
    &geo_buffer::GEO_POINT_BUFFER,
    &geo_points::GEO_POINT_IN_CIRCLE,
    &geo_polygons::GEO_POINT_IN_POLYGON,
    &geo_geohash::GEO_POINT_TO_GEOHASH,
    &geo_h3::GEO_POINT_TO_H3CELL,
    &geo_s2::GEO_POINT_TO_S2CELL,
    &geo_polygons::GEO_POLYGON_AREA,
    &geo_buffer::GEO_POLYGON_BUFFER,
    &geo_polygons::GEO_POLYGON_CENTROID,
    &geo_densify::GEO_POLYGON_DENSIFY,
    &geo_polygons::GEO_POLYGON_PERIMETER,
    &geo_simplify::GEO_POLYGON_SIMPLIFY,
    &geo_cells::GEO_POLYGON_TO_H3CELLS,
    &geo_cells::GEO_POLYGON_TO_S2CELLS,
    &geo_s2::GEO_S2CELL_NEIGHBORS,
    &geo_s2::GEO_S2CELL_TO_CENTRAL_POINT,
    &geo_s2::GEO_S2CELL_TO_POLYGON,
    &geo_simplify::GEO_SIMPLIFY_POLYGONS_ARRAY,
    &geo_union::GEO_UNION_LINES_ARRAY,
    &geo_union::GEO_UNION_POLYGONS_ARRAY,
    &time_parts::GETMONTH,
    &gettype::GETTYPE,
    &time_parts::GETYEAR,
    &compression::GZIP_COMPRESS,
    &compression::GZIP_DECOMPRESS,
    &has_any_index::HAS_ANY_INDEX,
    &has_ipv4::HAS_ANY_IPV4,
    &has_ipv4::HAS_ANY_IPV4_PREFIX,
    &has_ipv4::HAS_IPV4,
    &has_ipv4::HAS_IPV4_PREFIX,
    &hash::HASH,
    &hash::HASH_COMBINE,
    &hash::HASH_MANY,
    &hash_digest::HASH_MD5,
    &hash_digest::HASH_SHA1,
    &hash_digest::HASH_SHA256,
    &hash::HASH_XXHASH64,
    &sketch::HLL_ISVALID,
    &sketch::HLL_MERGE,
    &time_parts::HOUROFDAY,
    &iff::IFF,
    &iff::IIF,
    &indexof::INDEXOF,
    &indexof_regex::INDEXOF_REGEX,
    &ip_compare::IPV4_COMPARE,
    &ip_in_range::IPV4_IS_IN_ANY_RANGE,
    &ip_in_range::IPV4_IS_IN_RANGE,
    &ip_compare::IPV4_IS_MATCH,
    &ipv4_is_private::IPV4_IS_PRIVATE,
    &parse_ipv4::IPV4_NETMASK_SUFFIX,
    &parse_ipv6::IPV4_RANGE_TO_CIDR_LIST,
    &ip_compare::IPV6_COMPARE,
    &ip_in_range::IPV6_IS_IN_ANY_RANGE,
    &ip_in_range::IPV6_IS_IN_RANGE,
    &ip_compare::IPV6_IS_MATCH,
    &isascii::ISASCII,
    &isempty::ISEMPTY,
    &isnan::ISFINITE,
    &isnan::ISINF,
    &isnan::ISNAN,
    &isempty::ISNOTEMPTY,
    &isnull::ISNOTNULL,
    &isnull::ISNULL,
    &isascii::ISUTF8,
    &set_comparison::JACCARD_INDEX,
    &mathematics::LOG,
    &mathematics::LOG10,
    &mathematics::LOG2,
    &special::LOGGAMMA,
    &make_datetime::MAKE_DATETIME,
    &unicode_codepoints::MAKE_STRING,
    &make_timespan::MAKE_TIMESPAN,
    &max_of::MAX_OF,
    &digest::MERGE_TDIGEST,
    &max_of::MIN_OF,
    &time_parts::MONTHOFYEAR,
    &random::NEW_GUID,
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
    &parse_ipv6::PARSE_IPV6,
    &parse_ipv6::PARSE_IPV6_MASK,
    &parse_json::PARSE_JSON,
    &parse_path::PARSE_PATH,
    &parse_url::PARSE_URL,
    &parse_url::PARSE_URLQUERY,
    &parse_user_agent::PARSE_USER_AGENT,
    &parse_version::PARSE_VERSION,
    &parse_xml::PARSE_XML,
    &parse_json::PARSEJSON,
    &parse_url::PARSEURL,
    &parse_url::PARSEURLQUERY,
    &digest::PERCENTILE_TDIGEST,
    &digest::PERCENTILES_ARRAY_TDIGEST,
    &digest::PERCENTRANK_TDIGEST,
    &trigonometry::PI,
    &mathematics::POW,
    &punycode::PUNYCODE_DOMAIN_FROM_STRING,
    &punycode::PUNYCODE_DOMAIN_TO_STRING,
    &punycode::PUNYCODE_FROM_STRING,
    &punycode::PUNYCODE_TO_STRING,
    &trigonometry::RADIANS,
    &random::RAND,
    &range::RANGE,
    &digest::RANK_TDIGEST,
    &regex_quote::REGEX_QUOTE,
    &repeat::REPEAT,
    &replace::REPLACE,
    &replace::REPLACE_REGEX,
    &replace::REPLACE_STRING,
    &replace_strings::REPLACE_STRINGS,
    &reverse::REVERSE,
    &round::ROUND,
    &series_unary::SERIES_ABS,
    &series_unary::SERIES_ACOS,
    &series_binary::SERIES_ADD,
    &series_unary::SERIES_ASIN,
    &series_unary::SERIES_ATAN,
    &series_unary::SERIES_CEILING,
    &series_unary::SERIES_COS,
    &series_reduction::SERIES_COSINE_SIMILARITY,
    &series_decompose::SERIES_DECOMPOSE,
    &series_decompose::SERIES_DECOMPOSE_ANOMALIES,
    &series_decompose::SERIES_DECOMPOSE_FORECAST,
    &series_binary::SERIES_DIVIDE,
    &series_reduction::SERIES_DOT_PRODUCT,
    &series_binary::SERIES_EQUALS,
    &series_unary::SERIES_EXP,
    &series_fft::SERIES_FFT,
    &series_fill::SERIES_FILL_BACKWARD,
    &series_fill::SERIES_FILL_CONST,
    &series_fill::SERIES_FILL_FORWARD,
    &series_fill::SERIES_FILL_LINEAR,
    &series_filter::SERIES_FIR,
    &series_fit::SERIES_FIT_2LINES,
    &series_fit::SERIES_FIT_2LINES_DYNAMIC,
    &series_fit::SERIES_FIT_LINE,
    &series_fit::SERIES_FIT_LINE_DYNAMIC,
    &series_fit::SERIES_FIT_POLY,
    &series_unary::SERIES_FLOOR,
    &series_binary::SERIES_GREATER,
    &series_binary::SERIES_GREATER_EQUALS,
    &series_fft::SERIES_IFFT,
    &series_filter::SERIES_IIR,
    &series_binary::SERIES_LESS,
    &series_binary::SERIES_LESS_EQUALS,
    &series_unary::SERIES_LOG,
    &series_reduction::SERIES_MAGNITUDE,
    &series_binary::SERIES_MULTIPLY,
    &series_binary::SERIES_NOT_EQUALS,
    &series_outliers::SERIES_OUTLIERS,
    &series_reduction::SERIES_PEARSON_CORRELATION,
    &series_periods::SERIES_PERIODS_DETECT,
    &series_periods::SERIES_PERIODS_VALIDATE,
    &series_binary::SERIES_POW,
    &series_reduction::SERIES_PRODUCT,
    &series_periods::SERIES_SEASONAL,
    &series_unary::SERIES_SIGN,
    &series_unary::SERIES_SIN,
    &series_stats::SERIES_STATS,
    &series_stats::SERIES_STATS_DYNAMIC,
    &series_binary::SERIES_SUBTRACT,
    &series_reduction::SERIES_SUM,
    &series_unary::SERIES_TAN,
    &set_operations::SET_DIFFERENCE,
    &set_comparison::SET_EQUALS,
    &set_has_element::SET_HAS_ELEMENT,
    &set_operations::SET_INTERSECT,
    &set_operations::SET_UNION,
    &mathematics::SIGN,
    &trigonometry::SIN,
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
    &string_size::STRING_SIZE,
    &strlen::STRLEN,
    &strrep::STRREP,
    &substring::SUBSTRING,
    &trigonometry::TAN,
    &digest::TDIGEST_ISVALID,
    &digest::TDIGEST_MERGE,
    &unicode_codepoints::TO_UTF8,
    &tobool::TOBOOL,
    &tobool::TOBOOLEAN,
    &todatetime::TODATETIME,
    &todecimal::TODECIMAL,
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
    &treepath::TREEPATH,
    &trim::TRIM,
    &trim::TRIM_END,
    &trim::TRIM_START,
    &unicode_codepoints::UNICODE_CODEPOINTS_FROM_STRING,
    &unicode_codepoints::UNICODE_CODEPOINTS_TO_STRING,
    &unixtime::MICROSECONDS,
    &unixtime::MILLISECONDS,
    &unixtime::NANOSECONDS,
    &unixtime::SECONDS,
    &url_decode::URL_DECODE,
    &url_encode::URL_ENCODE,
    &url_encode::URL_ENCODE_COMPONENT,
    &time_parts::WEEK_OF_YEAR,
    &time_parts::WEEKOFYEAR,
    &special::WELCH_TEST,
    &zip::ZIP,
    &compression::ZLIB_COMPRESS,
    &compression::ZLIB_DECOMPRESS,
];

/// Those that give several values, sorted by name.
pub(super) static SEVERAL: &[(&str, &Several)] = &[
    ("series_decompose", &series_decompose::SERIES_DECOMPOSE_COLUMNS),
    ("series_decompose_anomalies", &series_decompose::SERIES_DECOMPOSE_ANOMALIES_COLUMNS),
    ("series_fft", &series_fft::SERIES_FFT_COLUMNS),
    ("series_fit_2lines", &series_fit::SERIES_FIT_2LINES_COLUMNS),
    ("series_fit_line", &series_fit::SERIES_FIT_LINE_COLUMNS),
    ("series_fit_poly", &series_fit::SERIES_FIT_POLY_COLUMNS),
    ("series_ifft", &series_fft::SERIES_IFFT_COLUMNS),
    ("series_periods_detect", &series_periods::SERIES_PERIODS_DETECT_COLUMNS),
    ("series_periods_validate", &series_periods::SERIES_PERIODS_VALIDATE_COLUMNS),
    ("series_stats", &series_stats::SERIES_STATS_COLUMNS),
];
