//! Object stores of providers: S3 and what speaks its protocol, and Azure Blob Storage.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::limit::LimitStore;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, Certificate, ClientOptions, ObjectStore, RetryConfig};

use crate::LakeError;

/// Requests that are under way at the same time.
const REQUESTS_MAX: usize = 64;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// More attempts than fit into the time for retries: that is the bound.
const ATTEMPTS_MAX: usize = 100;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Text that is not to be shown.
#[derive(Clone)]
pub struct HiddenText(pub String);

impl fmt::Debug for HiddenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Where an object store is, and how to get in.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// `s3://bucket/prefix` or `az://container/prefix`; the prefix can be left out.
    pub url: String,
    /// The address of the service, when it is not the provider's own.
    pub endpoint: Option<String>,
    /// Of S3.
    pub region: Option<String>,
    /// The storage account of Azure.
    pub account: Option<String>,
    /// Of S3; it goes with `secret_key`.
    pub access_key_id: Option<String>,
    /// The secret access key of S3, or the key of the storage account of Azure.
    pub secret_key: Option<HiddenText>,
    /// More authorities that the service's certificate may be of, as PEM.
    pub authorities: Option<Vec<u8>>,
    /// Whether the service may be spoken to without TLS.
    pub allow_http: bool,
    /// A request that takes longer is given up and sent again.
    pub timeout: Duration,
    /// What fails for so long is an error.
    pub retry: Duration,
    /// Memory for what was read lately, in bytes.
    pub cache_bytes: usize,
    /// The variables that providers' tools take settings and credentials from. What is set above wins.
    pub environment: Vec<(String, HiddenText)>,
}

/// A parsed URL.
struct Place<'a> {
    provider: Provider,
    /// Bucket or container.
    bucket: &'a str,
    prefix: Path,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    S3,
    Azure,
}

impl RemoteConfig {
    /// Says what is wrong, as far as that can be told without the environment and the service.
    pub fn check(&self) -> Result<(), LakeError> {
        self.checked_place().map(drop).map_err(|reason| self.error(reason))
    }

    fn error(&self, reason: String) -> LakeError {
        LakeError::ObjectStore { store: self.url.clone(), reason }
    }

    fn checked_place(&self) -> Result<Place<'_>, String> {
        let place = self.place()?;
        let scheme =
            self.endpoint.as_ref().map(|endpoint| endpoint.split_once("://").map(|(scheme, _)| scheme));
        match scheme {
            None | Some(Some("https")) => {}
            Some(Some("http")) if self.allow_http => {}
            Some(Some("http")) => {
                return Err("its endpoint is without TLS, and that is not allowed".to_owned());
            }
            Some(_) => return Err("its endpoint takes an https address".to_owned()),
        }
        if place.provider == Provider::S3 && self.access_key_id.is_some() != self.secret_key.is_some() {
            return Err("access key id and secret key go together: one is missing".to_owned());
        }
        Ok(place)
    }

    fn place(&self) -> Result<Place<'_>, String> {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let provider = match scheme {
            "s3" => Provider::S3,
            "az" => Provider::Azure,
            _ => return Err("it takes s3://bucket/prefix or az://container/prefix".to_owned()),
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if bucket.is_empty() || !bucket.bytes().all(is_allowed) {
            return Err(format!("'{bucket}' is no name of a bucket or container"));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let prefix = Path::parse(prefix).map_err(|error| format!("'{prefix}' is no prefix: {error}"))?;
        Ok(Place { provider, bucket, prefix })
    }

    fn client_options(&self) -> Result<ClientOptions, String> {
        let mut options = ClientOptions::new()
            .with_allow_http(self.allow_http)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_timeout(self.timeout);
        if let Some(pem) = &self.authorities {
            let certificates = Certificate::from_pem_bundle(pem);
            let certificates = certificates.map_err(|error| format!("the authorities: {error}"))?;
            if certificates.is_empty() {
                return Err("the authorities: there is no certificate in PEM".to_owned());
            }
            options = certificates.into_iter().fold(options, ClientOptions::with_root_certificate);
        }
        Ok(options)
    }

    fn retries(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: LONGEST_PAUSE, base: 2. },
            max_retries: ATTEMPTS_MAX,
            retry_timeout: self.retry,
        }
    }

    fn s3(&self, bucket: &str) -> Result<Box<dyn ObjectStore>, String> {
        let mut builder = AmazonS3Builder::new();
        for (name, HiddenText(value)) in &self.environment {
            let name = name.to_ascii_lowercase();
            let Ok(key) = name.parse::<AmazonS3ConfigKey>() else { continue };
            let is_ours = matches!(key, AmazonS3ConfigKey::Client(_) | AmazonS3ConfigKey::Bucket);
            if name.starts_with("aws_") && !is_ours {
                builder = builder.with_config(key, value);
            }
        }
        builder = builder
            .with_bucket_name(bucket)
            .with_client_options(self.client_options()?)
            .with_retry(self.retries())
            .with_allow_http(self.allow_http);
        if let Some(endpoint) = &self.endpoint {
            // Wins over both names that the environment has for it.
            builder = builder
                .with_config(AmazonS3ConfigKey::S3Endpoint, endpoint)
                .with_config(AmazonS3ConfigKey::Endpoint, endpoint);
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        if let (Some(id), Some(HiddenText(key))) = (&self.access_key_id, &self.secret_key) {
            builder = builder.with_access_key_id(id).with_secret_access_key(key);
        }
        Ok(Box::new(builder.build().map_err(|error| error.to_string())?))
    }

    fn azure(&self, container: &str) -> Result<Box<dyn ObjectStore>, String> {
        let mut builder = MicrosoftAzureBuilder::new();
        for (name, HiddenText(value)) in &self.environment {
            let name = name.to_ascii_lowercase();
            if name == "msi_endpoint" {
                builder = builder.with_msi_endpoint(value);
            }
            let Ok(key) = name.parse::<AzureConfigKey>() else { continue };
            let is_ours = matches!(
                key,
                AzureConfigKey::Client(_) | AzureConfigKey::ContainerName | AzureConfigKey::UseEmulator
            );
            if name.starts_with("azure_") && !is_ours {
                builder = builder.with_config(key, value);
            }
        }
        builder = builder
            .with_container_name(container)
            .with_client_options(self.client_options()?)
            .with_retry(self.retries())
            .with_allow_http(self.allow_http);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint.clone());
        }
        if let Some(account) = &self.account {
            builder = builder.with_account(account);
        }
        if let Some(HiddenText(key)) = &self.secret_key {
            builder = builder.with_access_key(key);
        }
        Ok(Box::new(builder.build().map_err(|error| error.to_string())?))
    }

    fn open(&self) -> Result<Arc<dyn ObjectStore>, String> {
        let Place { provider, bucket, prefix } = self.checked_place()?;
        let store = match provider {
            Provider::S3 => self.s3(bucket)?,
            Provider::Azure => self.azure(bucket)?,
        };
        Ok(Arc::new(LimitStore::new(PrefixStore::new(store, prefix), REQUESTS_MAX)))
    }
}

/// Opens a store. Nothing is asked of the service yet.
pub(super) fn open(config: &RemoteConfig) -> Result<Arc<dyn ObjectStore>, LakeError> {
    config.open().map_err(|reason| config.error(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> RemoteConfig {
        RemoteConfig {
            url: url.to_owned(),
            endpoint: None,
            region: None,
            account: None,
            access_key_id: None,
            secret_key: None,
            authorities: None,
            allow_http: false,
            timeout: Duration::from_secs(1),
            retry: Duration::from_secs(1),
            cache_bytes: 0,
            environment: Vec::new(),
        }
    }

    #[track_caller]
    fn check(url: &str, expected: Result<&str, &str>) {
        let config = config(url);
        let place = config.place();
        let place = place.map(|place| format!("{:?} {} {}", place.provider, place.bucket, place.prefix));
        match expected {
            Ok(expected) => assert_eq!(place.unwrap(), expected),
            Err(said) => assert!(place.unwrap_err().contains(said), "{url}"),
        }
    }

    #[test]
    fn urls_name_provider_bucket_and_prefix() {
        check("s3://events", Ok("S3 events "));
        check("s3://events/prod/siem/", Ok("S3 events prod/siem"));
        check("az://events/prod", Ok("Azure events prod"));
        check("gs://events", Err("s3://bucket/prefix"));
        check("events", Err("s3://bucket/prefix"));
        check("s3:///prod", Err("no name of a bucket"));
        check("s3://user:secret@events/prod", Err("no name of a bucket"));
        check("s3://events/a//b", Err("no prefix"));
    }

    #[track_caller]
    fn check_refused(config: RemoteConfig, said: &str) {
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }

    #[test]
    fn what_cannot_be_is_refused_before_the_service_is_asked() {
        let at =
            |endpoint: &str| RemoteConfig { endpoint: Some(endpoint.to_owned()), ..config("s3://events") };
        check_refused(at("http://127.0.0.1"), "without TLS");
        check_refused(at("127.0.0.1"), "https address");
        at("https://s3.example").check().unwrap();
        RemoteConfig { allow_http: true, ..at("http://127.0.0.1") }.check().unwrap();
        check_refused(
            RemoteConfig { access_key_id: Some("id".to_owned()), ..config("s3://events") },
            "one is missing",
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let hidden = || HiddenText("c2VjcmV0".to_owned());
        let environment = |name: &str| vec![(name.to_owned(), hidden())];
        let stores = [
            RemoteConfig {
                access_key_id: Some("id".to_owned()),
                secret_key: Some(hidden()),
                ..config("s3://events/prefix")
            },
            RemoteConfig {
                access_key_id: Some("id".to_owned()),
                secret_key: Some(hidden()),
                environment: environment("AWS_SESSION_TOKEN"),
                ..config("s3://events")
            },
            RemoteConfig {
                account: Some("account".to_owned()),
                environment: environment("AZURE_STORAGE_ACCOUNT_KEY"),
                ..config("az://events")
            },
        ];
        for config in stores {
            let files = crate::Files::open_remote(config.clone()).unwrap();
            let shown = format!("{config:?} {:?} {}", files.store(), files.store());
            assert!(!shown.contains("c2VjcmV0"), "{shown}");
        }
    }

    #[test]
    fn the_environment_fills_what_is_not_set() {
        let named = |name: &str, value: &str| (name.to_owned(), HiddenText(value.to_owned()));
        let without = config("az://events");
        let error = super::open(&without).unwrap_err().to_string();
        assert!(error.contains("Account must be specified"), "{error}");
        let environment = vec![named("AZURE_STORAGE_ACCOUNT_NAME", "account"), named("HOME", "/")];
        super::open(&RemoteConfig { environment, ..without }).unwrap();
        let environment =
            vec![named("AWS_ENDPOINT_URL", "https://other.example"), named("AWS_BUCKET", "other")];
        let s3 = RemoteConfig { environment, ..config("s3://events") }.s3("events").unwrap();
        assert_eq!(s3.to_string(), "AmazonS3(events)");
    }
}
