//! A server that answers requests by a script, in their order, on however many connections they come.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What is done with a request.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// It is answered with this status and body.
    Answer(u16, &'static str),
    /// So too, and the connection is closed behind the answer.
    AnswerAndClose(u16, &'static str),
    /// The connection is closed without an answer.
    Close,
    /// Nothing, for ever.
    Hang,
    /// These bytes are sent.
    Send(&'static str),
}

/// Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    acts: VecDeque<Act>,
    requests: Vec<Request>,
    connections: usize,
}

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    /// Method and path.
    pub(super) line: String,
    /// In lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| &**value)
    }
}

impl Script {
    pub(super) async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        Self::behind("http", acts, |tcp| std::future::ready(Ok(tcp))).await
    }

    /// One whose connections are made ready by `accept`.
    pub(super) async fn behind<S, F>(
        scheme: &str,
        acts: impl IntoIterator<Item = Act>,
        accept: impl Fn(TcpStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let state = State { acts: acts.into_iter().collect(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, accept, Arc::clone(&state)));
        Self { url, state, _tasks: tasks }
    }

    /// Answers this to one request.
    pub(super) async fn answering(body: &'static str) -> Self {
        Self::start([Act::Answer(200, body)]).await
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.state.lock().requests.clone()
    }

    /// Methods and paths of the requests.
    pub(super) fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }

    pub(super) fn connections(&self) -> usize {
        self.state.lock().connections
    }

    pub(super) fn acts_left(&self) -> usize {
        self.state.lock().acts.len()
    }
}

async fn serve<S, F>(listener: TcpListener, accept: impl Fn(TcpStream) -> F, state: Arc<Mutex<State>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        state.lock().connections += 1;
        let (accepted, state) = (accept(stream), Arc::clone(&state));
        connections.spawn(async move {
            if let Ok(stream) = accepted.await {
                drop(follow(stream, &state).await);
            }
        });
    }
}

async fn follow(stream: impl AsyncRead + AsyncWrite + Unpin, state: &Mutex<State>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await? {
        let act = {
            let mut state = state.lock();
            state.requests.push(request);
            state.acts.pop_front()
        };
        match act.unwrap_or(Act::Answer(500, "the script has ended")) {
            Act::Answer(status, body) => stream.write_all(answer(status, body, "").as_bytes()).await?,
            Act::AnswerAndClose(status, body) => {
                return stream.write_all(answer(status, body, "connection: close\r\n").as_bytes()).await;
            }
            Act::Close => return Ok(()),
            Act::Hang => std::future::pending().await,
            Act::Send(bytes) => return stream.write_all(bytes.as_bytes()).await,
        }
    }
    Ok(())
}

fn answer(status: u16, body: &str, header: &str) -> String {
    let media = "application/vnd.schemaregistry.v1+json";
    format!(
        "HTTP/1.1 {status} x\r\ncontent-type: {media}\r\ncontent-length: {}\r\n{header}\r\n{body}",
        body.len()
    )
}

async fn read(stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>) -> io::Result<Option<Request>> {
    let mut request = Request::default();
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    request.line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        request.headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    request.body = String::from_utf8(body).unwrap();
    Ok(Some(request))
}
