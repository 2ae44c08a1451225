//! A server that answers every request with the bytes of one file, over the same TLS as the product: what requests cost
//! without anything behind them. `empty_handler BODY CERTIFICATE KEY` prints the address at which it listens.

use std::net::TcpListener;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum_server::tls_rustls::RustlsConfig;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Fails only when there is one already, which does as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut arguments = std::env::args().skip(1);
    let mut argument =
        || arguments.next().ok_or_else(|| anyhow::anyhow!("usage: empty_handler BODY CERTIFICATE KEY"));
    let body = axum::body::Bytes::from(std::fs::read(argument()?)?);
    let tls = RustlsConfig::from_pem_file(argument()?, argument()?).await?;
    let answer = move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json")], body) }
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    axum_server::from_tcp_rustls(listener, tls)?
        .serve(Router::new().fallback(answer).into_make_service())
        .await?;
    Ok(())
}
