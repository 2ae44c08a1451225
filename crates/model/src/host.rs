//! The host in a URL.

/// The host in a URL, or in what is left of one when its scheme, port or path was left out.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split_once(':').map_or(host, |(host, _)| host)
}

/// The labels of a host, the last one first, each with a dot behind it: hosts below a domain begin with the
/// domain's labels.
pub fn host_labels(host: &str) -> String {
    let labels = host.trim_end_matches('.').rsplit('.');
    labels.flat_map(|label| [label, "."]).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_a_host_begin_with_those_of_its_domain() {
        assert_eq!(host_labels(host_of("https://CDN.Fabrikam.example:8443/a")), "example.fabrikam.cdn.");
        assert!(host_labels("cdn.fabrikam.example").starts_with(&host_labels("fabrikam.example")));
        assert!(!host_labels("notfabrikam.example").starts_with(&host_labels("fabrikam.example")));
    }
}
