//! The way out to the issuers that an operator trusts: over TLS, without detours, and inside bounds.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use futures::StreamExt;
use identity::{Egress, EgressRequest};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Client, Url};

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(10);

/// Clients need it to be there, also where the program around the server has not seen to it.
pub(crate) fn provide_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only when another thread has just installed one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

pub(crate) struct HttpsEgress(Client);

impl HttpsEgress {
    /// `ca_file` names certificates to trust besides those of the system.
    pub fn new(ca_file: Option<&Path>) -> anyhow::Result<HttpsEgress> {
        provide_crypto();
        let mut builder = Client::builder()
            .user_agent(concat!("bartizan/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            // Where a document is, is said by the operator, and not by whoever answers.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if let Some(path) = ca_file {
            let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let roots = Certificate::from_pem_bundle(&pem).ok().filter(|roots| !roots.is_empty());
            let roots = roots.with_context(|| format!("{} holds no PEM certificate", path.display()))?;
            builder = builder.tls_certs_merge(roots);
        }
        Ok(HttpsEgress(builder.build().context("cannot make a client for outside issuers")?))
    }
}

/// Https, or http at this computer.
pub(crate) fn check_address(address: &str) -> anyhow::Result<()> {
    let url = Url::parse(address).with_context(|| format!("'{address}' is not an address"))?;
    let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
        bail!("'{address}' is not an https address");
    }
    Ok(())
}

#[async_trait]
impl Egress for HttpsEgress {
    async fn send(&self, request: EgressRequest<'_>, bytes_max: usize) -> Result<Vec<u8>, String> {
        let EgressRequest { url, authorization, form } = request;
        check_address(url).map_err(|error| format!("{error:#}"))?;
        let mut asked = match form {
            Some(form) => {
                let kind = "application/x-www-form-urlencoded";
                self.0.post(url).header(CONTENT_TYPE, kind).body(form.expose().to_owned())
            }
            None => self.0.get(url),
        };
        if let Some(authorization) = authorization {
            let mut value =
                HeaderValue::from_str(authorization.expose()).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            asked = asked.header(AUTHORIZATION, value);
        }
        let asked = asked.header(ACCEPT, "application/json");
        let answer = asked.send().await.map_err(|error| format!("{error:?}"))?;
        if !answer.status().is_success() {
            return Err(format!("{url} answers {}", answer.status()));
        }
        let mut bytes = Vec::new();
        let mut parts = answer.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| format!("{error:?}"))?;
            if bytes.len() + part.len() > bytes_max {
                return Err(format!("{url} answers with more than {bytes_max} bytes"));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_reached_over_tls_but_for_this_computer() {
        for (address, expected) in [
            ("https://idp.example/tenant", true),
            ("http://127.0.0.1:3000", true),
            ("http://localhost:3000/", true),
            ("http://idp.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("file:///etc/passwd", false),
            ("idp.example", false),
        ] {
            assert_eq!(check_address(address).is_ok(), expected, "{address}");
        }
    }
}
