//! `parse_url(url)`, `parse_urlquery(query)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use serde_json::{Map, Value, json};

use super::percent;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static PARSE_URL: Function = Function {
    name: "parse_url",
    summary: "The parts of a URL as a bag: Scheme, Host, Port, Path, Username, Password, Query Parameters, \
              Fragment. Parts it lacks are empty.",
    params: &[Param::one("url", Accepts::Text)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print parse_url("https://contoso.com:8080/a/b?x=1").Host"#,
            result: "contoso.com",
        },
        Example { query: r#"print parse_url("https://contoso.com:8080/a/b?x=1").Path"#, result: "/a/b" },
        Example {
            query: r#"print parse_url("http://h/p?x=1&y=a%20b#f")["Query Parameters"]"#,
            result: r#"{"x":"1","y":"a b"}"#,
        },
        Example { query: r#"print parse_url("ftp://ann:secret@h").Username"#, result: "ann" },
    ],
    lower: |_, args| Ok(call("parse_url", Kind::Dynamic, rows, args)),
};

pub(super) static PARSE_URLQUERY: Function = Function {
    name: "parse_urlquery",
    summary: "The parameters of a URL's query part, as a bag with the one key Query Parameters.",
    params: &[Param::one("query", Accepts::Text)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[Example {
        query: r#"print parse_urlquery("a=1&b=x%3Dy&c")"#,
        result: r#"{"Query Parameters":{"a":"1","b":"x=y","c":""}}"#,
    }],
    lower: |_, args| Ok(call("parse_urlquery", Kind::Dynamic, query_rows, args)),
};

pub(super) static PARSEURL: Function =
    Function { name: "parseurl", summary: "Old name of parse_url.", ..PARSE_URL };

pub(super) static PARSEURLQUERY: Function =
    Function { name: "parseurlquery", summary: "Old name of parse_urlquery.", ..PARSE_URLQUERY };

fn rows(args: &Args) -> Result<ArrayRef> {
    let urls = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(parse(urls.text(row)).to_string())))
}

fn query_rows(args: &Args) -> Result<ArrayRef> {
    let queries = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let query = queries.text(row);
        let parameters = parameters(query.strip_prefix('?').unwrap_or(query));
        Some(json!({ "Query Parameters": parameters }).to_string())
    }))
}

fn parse(url: &str) -> Value {
    let url = url.trim();
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, Some(rest)),
        _ => ("", None),
    };
    // Without a scheme nothing says where a host would begin.
    let (authority, path) = match rest {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", url),
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (username, password) = user.split_once(':').unwrap_or((user, ""));
    let (host, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => {
            (name, port)
        }
        _ => (host, ""),
    };
    json!({
        "Scheme": scheme,
        "Host": host,
        "Port": port,
        "Path": path,
        "Username": username,
        "Password": password,
        "Query Parameters": parameters(query),
        "Fragment": fragment,
    })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Of a parameter that is given twice, the first value counts.
fn parameters(query: &str) -> Value {
    let mut bag = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        bag.entry(percent::decode(key, true)).or_insert_with(|| Value::String(percent::decode(value, true)));
    }
    Value::Object(bag)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls() {
        for (url, scheme, host, port, path, user, password, fragment) in [
            ("s://u:p@h:12/a/b?k=v#f", "s", "h", "12", "/a/b", "u", "p", "f"),
            ("http://[::1]:80/", "http", "[::1]", "80", "/", "", "", ""),
            ("http://[::1]", "http", "[::1]", "", "", "", "", ""),
            ("https://H.Contoso.com", "https", "H.Contoso.com", "", "", "", "", ""),
            ("http://h?q=http://x/", "http", "h", "", "", "", "", ""),
            ("contoso.com/a", "", "", "", "contoso.com/a", "", "", ""),
            ("http://u@x@h/", "http", "h", "", "/", "u@x", "", ""),
            ("", "", "", "", "", "", "", ""),
        ] {
            let parsed = parse(url);
            for (key, expected) in [
                ("Scheme", scheme),
                ("Host", host),
                ("Port", port),
                ("Path", path),
                ("Username", user),
                ("Password", password),
                ("Fragment", fragment),
            ] {
                assert_eq!(parsed[key], expected, "{key} of {url}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart(url in "[a:/?#@&=%\\[\\]é]{0,20}") {
            let _ = parse(&url);
        }
    }
}
