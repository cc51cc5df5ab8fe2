//! The admin endpoint: `/live`, `/ready` and `/metrics` over HTTP, for anyone who reaches it, and what commands ask of a
//! running instance, for who has its token. No data of robots is served here.

mod retrying;

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use crate::dead_letters::RETRY_PATH;

pub(crate) use retrying::Retrying;

/// A bound admin endpoint.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    served: Served,
}

#[derive(Debug, Clone)]
struct Served {
    board: Board,
    metrics: PrometheusHandle,
}

impl Admin {
    /// Binds the endpoint; nothing is answered yet.
    pub(crate) async fn bind(address: SocketAddr, board: Board, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| format!("admin endpoint on {address}"))?;
        let address = listener.local_addr().context("admin endpoint")?;
        Ok(Self { listener, address, served: Served { board, metrics } })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`.
    pub(crate) async fn run(self, retrying: Option<Retrying>, stop: CancellationToken) -> anyhow::Result<()> {
        let mut routes = Router::new()
            .route("/live", get(|| async { "live\n" }))
            .route("/ready", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self.served);
        if let Some(retrying) = retrying {
            routes = routes.route(RETRY_PATH, post(retrying::retry).with_state(retrying));
        }
        axum::serve(self.listener, routes)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
            .context("admin endpoint")
    }
}

/// 200 if everything works, else 503; in both cases a line per part.
async fn ready(State(served): State<Served>) -> impl IntoResponse {
    let readiness = served.board.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, readiness.text)
}

async fn metrics(State(served): State<Served>) -> impl IntoResponse {
    served.board.publish_metrics();
    let body = served.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], body)
}
