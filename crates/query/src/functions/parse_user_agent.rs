//! `parse_user_agent(text, what)`

use std::sync::LazyLock;

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use regex::Regex;
use serde_json::{Map, Value, json};

use super::arguments::{exactly, padded};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;
use crate::{convert, json as texts};

pub(super) static PARSE_USER_AGENT: Function = Function {
    name: "parse_user_agent",
    summary: "What a browser's User-Agent says of it: Browser, OperatingSystem and Device, or those of \"browser\", \
              \"os\" and \"device\" that are asked for, one or several in an array. What is not known is `Other`, its \
              versions empty.",
    params: &[Param::one("user_agent", Accepts::Text), Param::optional("look_for", Accepts::Any)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print parse_user_agent("Mozilla/5.0 (Windows; U; en-US) AppleWebKit/531.9 (KHTML, like Gecko) AdobeAIR/2.5.1", "browser")"#,
            result: r#"{"Browser":{"Family":"AdobeAIR","MajorVersion":"2","MinorVersion":"5","Patch":"1"}}"#,
        },
        Example {
            query: r#"print parse_user_agent("Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1", dynamic(["os","device"]))"#,
            result: r#"{"OperatingSystem":{"Family":"iOS","MajorVersion":"17","MinorVersion":"4","Patch":"","PatchMinor":""},"Device":{"Family":"iPhone","Brand":"Apple","Model":"iPhone"}}"#,
        },
        Example { query: r#"print parse_user_agent("curl/8.5.0").Browser.Family"#, result: "curl" },
    ],
    lower: |_, args| {
        let [agent, wanted] = exactly(padded(args, 2, Typed::text("")))?;
        let wanted = match wanted.kind {
            Kind::String | Kind::Dynamic => convert::to_text(wanted),
            kind => return Err(format!("what is looked for is a string or an array, not a {}", kind.name())),
        };
        Ok(call("parse_user_agent", Kind::Dynamic, rows, vec![agent, wanted]))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (agents, wanted) = (args.texts(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| Some(parsed(agents.text(row), wanted.text(row)))))
}

fn parsed(agent: &str, wanted: &str) -> String {
    let names: Vec<String> = match texts::elements(wanted) {
        Some(elements) => elements.iter().map(|element| texts::to_text(element).to_lowercase()).collect(),
        None => vec![wanted.to_lowercase()],
    };
    let is_wanted = |name: &str| wanted.is_empty() || names.iter().any(|wanted| wanted == name);
    let mut bag = Map::new();
    if is_wanted("browser") {
        let (family, versions) = first_of(&BROWSERS, agent);
        bag.insert(
            "Browser".to_owned(),
            versioned(&family, &versions, &["MajorVersion", "MinorVersion", "Patch"]),
        );
    }
    if is_wanted("os") {
        let (family, versions) = first_of(&SYSTEMS, agent);
        let (family, versions) = named_windows(family, versions);
        let parts = ["MajorVersion", "MinorVersion", "Patch", "PatchMinor"];
        bag.insert("OperatingSystem".to_owned(), versioned(&family, &versions, &parts));
    }
    if is_wanted("device") {
        bag.insert("Device".to_owned(), device(agent));
    }
    Value::Object(bag).to_string()
}

/// A family and how it is recognised: groups are the parts of its version. `$1` in the family is the first group.
type Rules = Vec<(&'static str, Regex)>;

fn rules(list: &[(&'static str, &str)]) -> Rules {
    list.iter().filter_map(|(family, pattern)| Some((*family, Regex::new(pattern).ok()?))).collect()
}

static BROWSERS: LazyLock<Rules> = LazyLock::new(|| {
    rules(&[
        ("AdobeAIR", r"AdobeAIR/(\d+)\.(\d+)(?:\.(\d+))?"),
        ("Nokia OSS Browser", r"Series60/(\d+)\.(\d+)"),
        (
            "$1",
            r"\b(Googlebot|bingbot|AdsBot-Google|YandexBot|Baiduspider|DuckDuckBot|facebookexternalhit|Twitterbot|AhrefsBot|SemrushBot|Applebot|Slackbot)(?:-\w+)?/(\d+)\.(\d+)(?:\.(\d+))?",
        ),
        ("Edge", r"\b(?:Edge|Edg|EdgA|EdgiOS)/(\d+)\.(\d+)(?:\.(\d+))?"),
        ("Opera", r"\b(?:OPR|Opera)[/ ](\d+)\.(\d+)(?:\.(\d+))?"),
        ("Samsung Internet", r"SamsungBrowser/(\d+)\.(\d+)"),
        ("Yandex Browser", r"YaBrowser/(\d+)\.(\d+)(?:\.(\d+))?"),
        ("Vivaldi", r"Vivaldi/(\d+)\.(\d+)(?:\.(\d+))?"),
        ("Electron", r"Electron/(\d+)\.(\d+)(?:\.(\d+))?"),
        ("Firefox iOS", r"FxiOS/(\d+)\.(\d+)"),
        ("Firefox Mobile", r"(?:Mobile|Tablet);.*Firefox/(\d+)\.(\d+)"),
        ("Firefox", r"Firefox/(\d+)\.(\d+)(?:\.(\d+))?"),
        ("Chrome Mobile iOS", r"CriOS/(\d+)\.(\d+)(?:\.(\d+))?"),
        ("HeadlessChrome", r"HeadlessChrome/(\d+)\.(\d+)(?:\.(\d+))?"),
        ("Chrome Mobile", r"Chrome/(\d+)\.(\d+)(?:\.(\d+))?(?:\.\d+)? Mobile"),
        ("Chrome", r"(?:Chrome|Chromium)/(\d+)\.(\d+)(?:\.(\d+))?"),
        ("Mobile Safari", r"Version/(\d+)\.(\d+)(?:\.(\d+))?.*Mobile.*Safari/"),
        ("Safari", r"Version/(\d+)\.(\d+)(?:\.(\d+))?.*Safari/"),
        ("IE", r"MSIE (\d+)\.(\d+)"),
        ("IE", r"Trident/.*rv:(\d+)\.(\d+)"),
        ("Python Requests", r"python-requests/(\d+)\.(\d+)(?:\.(\d+))?"),
        (
            "$1",
            r"\b(curl|Wget|Go-http-client|okhttp|axios|node-fetch|PostmanRuntime|aiohttp|httpx|WindowsPowerShell|PowerShell|Java|Microsoft BITS|Microsoft-CryptoAPI|Windows-Update-Agent|libwww-perl|Apache-HttpClient|Python-urllib|sqlmap)/v?(\d+)\.?(\d+)?(?:\.(\d+))?",
        ),
    ])
});

static SYSTEMS: LazyLock<Rules> = LazyLock::new(|| {
    rules(&[
        ("Windows Phone", r"Windows Phone(?: OS)? (\d+)\.(\d+)"),
        ("Windows NT", r"Windows NT (\d+)\.(\d+)"),
        ("Windows", r"Windows"),
        ("iOS", r"(?:iPhone OS|CPU OS) (\d+)[_.](\d+)(?:[_.](\d+))?"),
        ("Mac OS X", r"Mac OS X (\d+)[_.](\d+)(?:[_.](\d+))?"),
        ("Mac OS X", r"Macintosh|Darwin/"),
        ("Android", r"Android (\d+)(?:\.(\d+))?(?:\.(\d+))?"),
        ("Android", r"Android"),
        ("Chrome OS", r"CrOS \w+ (\d+)\.(\d+)(?:\.(\d+))?"),
        ("Symbian OS", r"SymbianOS/(\d+)\.(\d+)"),
        ("Ubuntu", r"Ubuntu(?:[/ ](\d+)\.(\d+))?"),
        ("FreeBSD", r"FreeBSD"),
        ("Linux", r"Linux"),
    ])
});

/// The family of the first rule that fits, and the parts of its version.
fn first_of(rules: &Rules, agent: &str) -> (String, Vec<String>) {
    for (family, pattern) in rules {
        let Some(found) = pattern.captures(agent) else { continue };
        let mut groups =
            found.iter().skip(1).map(|group| group.map_or("", |group| group.as_str()).to_owned());
        let family = if *family == "$1" { groups.next().unwrap_or_default() } else { (*family).to_owned() };
        return (family, groups.collect());
    }
    ("Other".to_owned(), Vec::new())
}

/// The name that a version of Windows NT was sold under.
fn named_windows(family: String, versions: Vec<String>) -> (String, Vec<String>) {
    if family != "Windows NT" {
        return (family, versions);
    }
    let number: Vec<&str> = versions.iter().map(String::as_str).collect();
    let sold = match number.as_slice() {
        ["6", "4"] => vec!["10"],
        ["6", "3"] => vec!["8", "1"],
        ["6", "2"] => vec!["8"],
        ["6", "1"] => vec!["7"],
        ["6", "0"] => vec!["Vista"],
        ["5", "1" | "2"] => vec!["XP"],
        [major, ..] => vec![*major],
        [] => Vec::new(),
    };
    ("Windows".to_owned(), sold.into_iter().map(str::to_owned).collect())
}

fn versioned(family: &str, versions: &[String], parts: &[&str]) -> Value {
    let mut bag = Map::new();
    bag.insert("Family".to_owned(), json!(family));
    for (at, part) in parts.iter().enumerate() {
        bag.insert((*part).to_owned(), json!(versions.get(at).map_or("", String::as_str)));
    }
    Value::Object(bag)
}

fn device(agent: &str) -> Value {
    static ANDROID: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"Android [\d.]+; (?:[a-z]{2}-[a-z]{2}; )?([^;)]+?)(?: Build/[^;)]*)?[;)]").ok()
    });
    static NOKIA: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"Nokia ?(\w+(?:-\w+)?)").ok());
    let named =
        |family: &str, brand: &str, model: &str| json!({"Family": family, "Brand": brand, "Model": model});
    let group = |pattern: &LazyLock<Option<Regex>>| {
        Some(pattern.as_ref()?.captures(agent)?.get(1)?.as_str().trim().to_owned())
    };
    let lower = agent.to_ascii_lowercase();
    if ["bot", "spider", "crawl"].iter().any(|word| lower.contains(word)) {
        return named("Spider", "Spider", "Desktop");
    }
    for apple in ["iPhone", "iPad", "iPod"] {
        if agent.contains(apple) {
            return named(apple, "Apple", apple);
        }
    }
    if agent.contains("Macintosh") {
        return named("Mac", "Apple", "Mac");
    }
    if let Some(model) = group(&NOKIA) {
        return named(&format!("Nokia {model}"), "Nokia", &model);
    }
    match group(&ANDROID) {
        Some(model) if model != "K" && model != "Mobile" => {
            let brand = [("SM-", "Samsung"), ("Pixel", "Google"), ("Redmi", "XiaoMi"), ("moto", "Motorola")];
            let brand = brand
                .iter()
                .find(|(start, _)| model.starts_with(start))
                .map_or("Generic_Android", |(_, b)| *b);
            let family = if brand == "Samsung" { format!("Samsung {model}") } else { model.clone() };
            named(&family, brand, &model)
        }
        Some(_) => named("Generic Smartphone", "Generic", "Smartphone"),
        None => named("Other", "", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_told_apart() {
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.1.2 Safari/537.36";
        for (agent, browser, system, device_family) in [
            (windows.to_owned(), "Chrome", "Windows 10", "Other"),
            (format!("{windows} Edg/124.0.2478.51"), "Edge", "Windows 10", "Other"),
            ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko".to_owned(), "IE", "Windows 7", "Other"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0".to_owned(), "Firefox", "Linux ", "Other"),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-S901B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Mobile Safari/537.36".to_owned(),
                "Chrome Mobile",
                "Android 13",
                "Samsung SM-S901B",
            ),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)".to_owned(), "Googlebot", "Other ", "Spider"),
            (
                "Mozilla/5.0 (SymbianOS/9.2; U; Series60/3.1 NokiaN81-3/10.0.032 Profile/MIDP-2.0) AppleWebKit/413 (KHTML, like Gecko) Safari/4".to_owned(),
                "Nokia OSS Browser",
                "Symbian OS 9",
                "Nokia N81-3",
            ),
            ("Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1".to_owned(), "WindowsPowerShell", "Windows 10", "Other"),
            (String::new(), "Other", "Other ", "Other"),
        ] {
            let bag: Value = serde_json::from_str(&parsed(&agent, "")).unwrap();
            let os = &bag["OperatingSystem"];
            let os = format!("{} {}", os["Family"].as_str().unwrap(), os["MajorVersion"].as_str().unwrap());
            assert_eq!(bag["Browser"]["Family"], browser, "{agent}");
            assert_eq!((os.as_str(), bag["Device"]["Family"].as_str().unwrap()), (system, device_family), "{agent}");
        }
    }
}
