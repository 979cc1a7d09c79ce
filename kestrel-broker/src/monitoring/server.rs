//! The server of metrics and health checks: HTTP/1.1 on a port of its own, to be read only.
//!
//! A connection has one request and a limited time, whatever its client does: a scraper comes every few seconds, and who connects and
//! is silent, or does not read, keeps its place from others for that long at most.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::facts::Facts;
use super::negotiation::wanted;
use super::reply::{self, Page, Reply};
use super::standing::{Standing, Subject};
use super::text::exposition;
use crate::api::State;
use crate::config::{Detail, MetricsSettings};
use crate::net::bind;

/// The connections at a time; further ones wait to be accepted.
const CONNECTIONS: usize = 64;
/// How many connections wait to be accepted.
const BACKLOG: u32 = 128;
/// How long the head of a request may take.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may take altogether: longer than scrapers wait.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 16 * 1024;
/// The pause before another connection is accepted, when the system refuses one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The server, from the start of a broker to its stop. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Monitor {
    service: Arc<Service>,
    address: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What every connection works with.
#[derive(Debug)]
struct Service {
    detail: Detail,
    standing: Mutex<Standing>,
    /// Facts are gathered by one at a time.
    gathering: Arc<Semaphore>,
}

impl Monitor {
    /// Listens, and says of the broker that it is starting.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub(crate) async fn start(settings: &MetricsSettings) -> io::Result<Self> {
        let listener = bind(&settings.listen, BACKLOG).await?;
        let address = listener.local_addr()?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let standing = Mutex::new(Standing::Starting);
        let gathering = Arc::new(Semaphore::new(1));
        let service = Arc::new(Service { detail: settings.detail, standing, gathering });
        info!("metrics are at http://{address}/metrics, for whoever can connect");
        tasks.spawn(serve(Arc::clone(&service), listener, tasks.clone(), stop.clone()));
        Ok(Self { service, address, tasks, stop })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The broker serves from now on; `failure` tells what has ended it, if anything has.
    pub(crate) fn serving(
        &self,
        state: Arc<State>,
        failure: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) {
        *self.service.standing.lock() = Standing::Serving(Subject { state, failure: Arc::new(failure) });
    }

    /// The broker is stopping: when this returns, nothing of its rooms is held any more.
    pub(crate) async fn stopping(&self) {
        *self.service.standing.lock() = Standing::Stopping;
        drop(self.service.gathering.acquire().await);
    }

    /// Closes the port.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Serves connections, each a task among `tasks`, until it is stopped.
async fn serve(service: Arc<Service>, listener: TcpListener, tasks: TaskTracker, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepting = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
            listener.accept().await.map(|(stream, _)| (stream, place))
        };
        let Some(accepted) = stop.run_until_cancelled(accepting).await else { return };
        match accepted {
            Ok((stream, place)) => {
                let serving = serve_connection(Arc::clone(&service), stream);
                let stop = stop.clone();
                tasks.spawn(async move {
                    let _place = place;
                    stop.run_until_cancelled(serving).await
                });
            }
            Err(error) => {
                warn!("cannot accept a connection for metrics: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(service: Arc<Service>, stream: TcpStream) {
    let calls = service_fn(|request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.reply(request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    builder.keep_alive(false).max_buf_size(LARGEST_HEAD);
    match timeout(CONNECTION_PATIENCE, builder.serve_connection(TokioIo::new(stream), calls)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!("a connection for metrics ended: {error}"),
        Err(_) => debug!("a connection for metrics took longer than {CONNECTION_PATIENCE:?}"),
    }
}

impl Service {
    async fn reply(&self, request: Request<Incoming>) -> Reply {
        match Page::asked(request.method(), request.uri().path()) {
            Ok(Page::Metrics) => {
                let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
                self.metrics(accept).await
            }
            Ok(Page::Life) => reply::check(self.standing().check_life()),
            Ok(Page::Service) => reply::check(self.standing().check_service()),
            Err(why) => reply::refused(why),
        }
    }

    async fn metrics(&self, accept: Option<&str>) -> Reply {
        let (detail, format) = (self.detail, wanted(accept));
        let turn = Arc::clone(&self.gathering).acquire_owned().await.expect("nobody closes it");
        let subject = match self.standing().subject() {
            Ok(subject) => subject.clone(),
            Err(why) => return reply::check::<()>(Err(why)),
        };
        let gathering = spawn_blocking(move || {
            let facts = Facts::gather(&subject.state);
            // The turn comes after the rooms: who waits for it finds nothing of them held.
            drop(subject);
            drop(turn);
            exposition(&facts, detail, format)
        });
        match gathering.await {
            Ok(text) => reply::metrics(text, format),
            Err(panicked) => {
                warn!("metrics could not be gathered: {panicked}");
                reply::line(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be gathered")
            }
        }
    }

    fn standing(&self) -> Standing {
        self.standing.lock().clone()
    }
}
