//! The API as what a connection talks to.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use futures::FutureExt;
use futures::future::BoxFuture;
use tower::Service;

use crate::Shared;
use crate::serve::serve;

/// Answers every request on the main port, whatever name it calls the host by. Routes are found by the API's own list, so
/// that nothing routes before it.
#[derive(Clone)]
pub struct ApiService {
    shared: Arc<Shared>,
    connected: Option<SocketAddr>,
}

impl ApiService {
    pub(crate) fn new(shared: Arc<Shared>) -> ApiService {
        ApiService { shared, connected: None }
    }

    /// Makes a service for each connection, which knows where its client is.
    pub fn connections(self) -> ApiConnections {
        ApiConnections(self)
    }
}

/// Makes the service of each connection from the address of its client.
#[derive(Clone)]
pub struct ApiConnections(ApiService);

impl Service<SocketAddr> for ApiConnections {
    type Response = ApiService;
    type Error = Infallible;
    type Future = Ready<Result<ApiService, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, client: SocketAddr) -> Self::Future {
        ready(Ok(ApiService { connected: Some(client), ..self.0.clone() }))
    }
}

impl<B> Service<Request<B>> for ApiService
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut request = request.map(Body::new);
        if let Some(client) = self.connected {
            request.extensions_mut().insert(ConnectInfo(client));
        }
        serve(self.shared.clone(), request).map(Ok).boxed()
    }
}
