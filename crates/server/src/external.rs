//! Files that `externaldata` may read: over HTTPS, from hosts that the operator names, at public addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use futures::future::BoxFuture;
use query::ExternalFiles;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Url};

const REDIRECTS_MAX: usize = 5;
const CONNECT: Duration = Duration::from_secs(10);
/// How many times larger a file may become when it is decompressed.
const UNPACKED_TIMES: usize = 8;

/// Fetches files from some hosts.
pub(crate) struct AllowedHosts {
    http: Client,
    rules: Arc<Rules>,
    bytes_max: usize,
    timeout: Duration,
}

/// Who may be asked.
struct Rules {
    /// In lower case; `*.` in front stands for the hosts below.
    hosts: Vec<String>,
    /// Tests ask the machine they run on, without encryption.
    is_test: bool,
}

impl AllowedHosts {
    /// None when no host is named.
    pub fn of(
        hosts: &[String],
        bytes_max: usize,
        timeout: Duration,
    ) -> anyhow::Result<Option<Arc<dyn ExternalFiles>>> {
        if hosts.is_empty() {
            return Ok(None);
        }
        let rules =
            Rules { hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(), is_test: false };
        Ok(Some(Arc::new(AllowedHosts::with_rules(rules, bytes_max, timeout)?)))
    }

    fn with_rules(rules: Rules, bytes_max: usize, timeout: Duration) -> anyhow::Result<AllowedHosts> {
        let rules = Arc::new(rules);
        let followed = rules.clone();
        let follow = move |attempt: Attempt<'_>| {
            if attempt.previous().len() > REDIRECTS_MAX {
                return attempt.error("it is redirected too often");
            }
            match followed.check(attempt.url()) {
                Ok(()) => attempt.follow(),
                Err(reason) => attempt.error(reason),
            }
        };
        let http = Client::builder()
            .redirect(Policy::custom(follow))
            .dns_resolver(Arc::new(PublicAddresses { is_test: rules.is_test }))
            // A proxy of the environment would look up names by itself.
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT)
            .timeout(timeout)
            .build()
            .context("cannot set up what fetches files for externaldata")?;
        Ok(AllowedHosts { http, rules, bytes_max, timeout })
    }

    async fn get(&self, uri: &str) -> Result<Vec<u8>, String> {
        let url = self.rules.parse(uri)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        // The text of errors may hold the address, and so what is secret in it.
        let failed = |error: reqwest::Error| {
            let error = error.without_url();
            let reason = innermost(&error);
            match error.is_timeout() {
                true => format!("{host} did not answer within {} seconds", self.timeout.as_secs()),
                false => format!("{host} cannot be read from: {reason}"),
            }
        };
        let answer = self.http.get(url).send().await.map_err(failed)?;
        if !answer.status().is_success() {
            return Err(format!("{host} answered {}", answer.status().as_u16()));
        }
        let too_large = || format!("the file of {host} has more than {} bytes", self.bytes_max);
        if answer.content_length().is_some_and(|length| length > self.bytes_max as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        let mut parts = answer.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(failed)?;
            if body.len() + part.len() > self.bytes_max {
                return Err(too_large());
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }
}

impl ExternalFiles for AllowedHosts {
    fn check(&self, uri: &str) -> Result<(), String> {
        self.rules.parse(uri).map(drop)
    }

    fn fetch<'a>(&'a self, uri: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(self.get(uri))
    }

    fn unpacked_bytes_max(&self) -> usize {
        self.bytes_max.saturating_mul(UNPACKED_TIMES)
    }
}

impl Rules {
    fn parse(&self, uri: &str) -> Result<Url, String> {
        let url = Url::parse(uri)
            .map_err(|_| "an address cannot be read; it takes https://host/path".to_owned())?;
        self.check(&url)?;
        Ok(url)
    }

    fn check(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        let is_named = self.hosts.iter().any(|allowed| match allowed.strip_prefix("*.") {
            Some(domain) => {
                host.strip_suffix(domain).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
            None => host == *allowed,
        });
        if !is_named {
            return Err(format!("reading from {host} is not allowed: the operator names the hosts that are"));
        }
        if self.is_test {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(format!("reading from {host} is not allowed but by https"));
        }
        if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            return Err(format!("reading from {host} is not allowed: a host is named, not an address"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("the address at {host} has a user name or password in it"));
        }
        Ok(())
    }
}

/// Finds hosts, and keeps to addresses of the open network: a name that means a machine behind ours is not found.
struct PublicAddresses {
    is_test: bool,
}

impl Resolve for PublicAddresses {
    fn resolve(&self, name: Name) -> Resolving {
        let is_test = self.is_test;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|at| is_test || is_public(at.ip())).collect();
            if public.is_empty() {
                return Err("the host has no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => is_public_v4(address),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_for_protocols = a == 192 && b == 0 && c == 0;
    let is_for_measuring = a == 198 && (18..20).contains(&b);
    !(a == 0
        || a >= 224
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || is_shared
        || is_for_protocols
        || is_for_measuring)
}

/// Of the addresses that are given out to the open network, those that do not hold one of the other family.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_global = (0x2000..0x4000).contains(&a);
    let is_special = a == 0x2001 && (b < 0x0200 || b == 0x0db8) || a == 0x2002 || a == 0x3fff;
    is_global && !is_special
}

pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn rules(is_test: bool) -> Rules {
        let hosts = ["feeds.example", "*.lists.example", "localhost", "10.0.0.1"];
        Rules { hosts: hosts.map(str::to_owned).to_vec(), is_test }
    }

    #[test]
    fn only_named_hosts_are_asked_and_only_by_https() {
        for (uri, is_allowed) in [
            ("https://feeds.example/a.csv?sig=1", true),
            ("https://FEEDS.example./a.csv", true),
            ("https://a.lists.example/", true),
            ("https://lists.example/", false),
            ("https://evillists.example/", false),
            ("https://feeds.example.evil.example/", false),
            ("https://evil.example/feeds.example", false),
            ("https://feeds.example@evil.example/", false),
            ("https://user:pw@feeds.example/", false),
            ("http://feeds.example/", false),
            ("https://10.0.0.1/", false),
            ("https://[::1]/", false),
            ("ftp://feeds.example/", false),
            ("file:///etc/passwd", false),
            ("feeds.example", false),
        ] {
            assert_eq!(rules(false).parse(uri).is_ok(), is_allowed, "{uri}");
        }
        let refused = rules(false).parse("https://user:pw@evil.example/?sig=x").unwrap_err();
        assert!(
            refused.contains("evil.example") && !refused.contains("pw") && !refused.contains("sig"),
            "{refused}"
        );
    }

    #[test]
    fn addresses_behind_ours_are_not_public() {
        for (address, expected) in [
            ("8.8.8.8", true),
            ("198.51.101.7", true),
            ("2606:4700::1111", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("198.18.0.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("fe80::1", false),
            ("fc00::1", false),
            ("64:ff9b::a00:1", false),
            ("2002:a00:1::", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_means_a_machine_behind_ours_is_not_found() {
        let resolver = PublicAddresses { is_test: false };
        assert!(resolver.resolve("localhost".parse().unwrap()).await.is_err());
    }

    /// Answers every request in turn with one of these, which are whole answers.
    async fn serve(answers: Vec<String>) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        port
    }

    fn answer(head: &str, body: &str) -> String {
        format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    async fn fetch(answers: Vec<String>) -> Result<String, String> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let port = serve(answers).await;
        let hosts = AllowedHosts::with_rules(rules(true), 20, Duration::from_secs(5)).unwrap();
        let body = hosts.fetch(&format!("http://localhost:{port}/a.csv")).await?;
        Ok(String::from_utf8(body).unwrap())
    }

    #[tokio::test]
    async fn files_are_fetched_inside_the_bounds() {
        assert_eq!(fetch(vec![answer("200 OK", "a,1")]).await, Ok("a,1".to_owned()));
        let long = "x".repeat(21);
        let refused = fetch(vec![answer("200 OK", &long)]).await.unwrap_err();
        assert!(refused.contains("more than 20 bytes"), "{refused}");
        let unsaid = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{long}");
        assert!(fetch(vec![unsaid]).await.unwrap_err().contains("more than 20 bytes"));
        assert!(fetch(vec![answer("404 Not Found", "")]).await.unwrap_err().contains("404"));
    }

    #[tokio::test]
    async fn a_redirection_elsewhere_is_not_followed() {
        let away = answer("302 Found\r\nLocation: https://evil.example/?secret", "");
        let refused = fetch(vec![away]).await.unwrap_err();
        assert!(refused.contains("evil.example is not allowed") && !refused.contains("secret"), "{refused}");
        let turning: Vec<String> = (0..10).map(|_| answer("302 Found\r\nLocation: /again", "")).collect();
        assert!(fetch(turning).await.unwrap_err().contains("too often"));
    }
}
