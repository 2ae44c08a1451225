//! Asking KQL questions.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Client, Result};

/// The rows a query gave, with the names and types of their columns.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HuntAnswer {
    #[serde(default)]
    pub schema: Vec<Field>,
    #[serde(default)]
    pub results: Vec<Map<String, Value>>,
}

/// One column of an answer; types are spelled the .NET way.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Field {
    pub name: String,
    #[serde(rename = "Type")]
    pub kind: String,
}

impl Client {
    /// Runs a query on the server. What is wrong with a query comes as [`crate::ClientError::Api`].
    pub async fn hunt(&self, query: &str) -> Result<HuntAnswer> {
        let body = json!({ "Query": query });
        let mut request = self.request(Method::POST, "/api/advancedqueries/run", Some(&body), true);
        request.timeout = self.settings().hunt_timeout;
        self.send(request).await
    }
}
