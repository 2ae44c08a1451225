//! The way out for webhooks: over HTTPS to public addresses, without detours, and inside bounds. The operator can
//! name hosts of his own network.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};
use webhooks::{Post, Posted};

use crate::egress::provide_crypto;
use crate::external::{innermost, is_public};

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);

pub(crate) struct WebhookPost {
    http: Client,
    private_hosts: Arc<[String]>,
}

impl WebhookPost {
    /// `private_hosts` may be at addresses that are not public, and may be sent to without encryption.
    pub fn new(private_hosts: &[String]) -> anyhow::Result<WebhookPost> {
        let private_hosts: Arc<[String]> = private_hosts.iter().map(|host| plain(host)).collect();
        provide_crypto();
        let http = Client::builder()
            .user_agent(concat!("bartizan/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Guarded(private_hosts.clone())))
            .build();
        Ok(WebhookPost { http: http.context("cannot make a client for webhooks")?, private_hosts })
    }
}

impl Post for WebhookPost {
    fn check(&self, url: &str) -> Result<(), String> {
        check(url, &self.private_hosts)
    }

    fn post(&self, message: Posted) -> BoxFuture<'_, Result<u16, String>> {
        async move {
            // The operator may have taken a host back since.
            self.check(&message.url)?;
            let mut request = self.http.post(&message.url).body(message.body);
            for (name, value) in message.headers {
                request = request.header(name, value);
            }
            let answer = request.send().await;
            let answer = answer.map_err(|error| innermost(&error.without_url()))?;
            Ok(answer.status().as_u16())
        }
        .boxed()
    }
}

fn check(url: &str, private_hosts: &[String]) -> Result<(), String> {
    let url = Url::parse(url).map_err(|_| "it takes an address such as https://host/path".to_owned())?;
    let host = plain(url.host_str().unwrap_or_default());
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it takes an address without a user name".to_owned());
    }
    if private_hosts.contains(&host) {
        return match url.scheme() {
            "https" | "http" => Ok(()),
            _ => Err("it takes an address that begins with https:// or http://".to_owned()),
        };
    }
    if url.scheme() != "https" {
        return Err("it takes an address that begins with https://".to_owned());
    }
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) if !is_public(address) => Err("the address is not public".to_owned()),
        _ => Ok(()),
    }
}

fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Finds hosts; those that the operator did not name at public addresses alone.
struct Guarded(Arc<[String]>);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let is_private = self.0.contains(&plain(name.as_str()));
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> = found.filter(|at| is_private || is_public(at.ip())).collect();
            if usable.is_empty() {
                return Err("the host has no public address".into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_to_the_open_network_and_to_hosts_of_the_operator() {
        let own = ["soar.corp.example".to_owned(), "10.0.0.9".to_owned()];
        for (url, expected) in [
            ("https://hooks.example/a", true),
            ("https://203.0.114.7/a", true),
            ("http://hooks.example/a", false),
            ("https://10.0.0.5/a", false),
            ("https://127.0.0.1:8443/a", false),
            ("https://169.254.169.254/latest", false),
            ("https://[::1]/a", false),
            ("https://[::ffff:10.0.0.5]/a", false),
            ("https://0x7f000001/", false),
            ("https://me:secret@hooks.example/a", false),
            ("http://SOAR.corp.example./a", true),
            ("http://10.0.0.9:8080/a", true),
            ("ftp://soar.corp.example/a", false),
            ("file:///etc/passwd", false),
            ("hooks.example", false),
        ] {
            assert_eq!(check(url, &own).is_ok(), expected, "{url}: {:?}", check(url, &own));
        }
    }

    #[tokio::test]
    async fn a_name_that_means_this_machine_is_not_sent_to_unless_it_is_named() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let message = |scheme| Posted {
            url: format!("{scheme}://localhost:{port}/"),
            headers: vec![],
            body: "{}".into(),
        };
        let refused = WebhookPost::new(&[]).unwrap().post(message("https")).await.unwrap_err();
        assert!(refused.contains("no public address"), "{refused}");
        let served = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4_096];
            let count = stream.read(&mut request).await.unwrap();
            let answer = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        let named = WebhookPost::new(&["localhost".to_owned()]).unwrap();
        // A detour is an answer, and is not taken.
        assert_eq!(named.post(message("http")).await, Ok(302));
        assert!(served.await.unwrap().starts_with("POST / HTTP/1.1"));
    }
}
