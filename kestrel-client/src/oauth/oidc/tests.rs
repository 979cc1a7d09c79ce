//! Against a token endpoint that answers what a test says, over real sockets.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Answers connections with `answers`, one each, and gives the requests.
async fn serve(listener: TcpListener, answers: &[&str]) -> Vec<String> {
    let mut requests = Vec::new();
    for answer in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        requests.push(read_request(&mut stream).await);
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    requests
}

/// Reads up to the end of the form, which ends with its last parameter.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = String::new();
    loop {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).await.unwrap();
        request.push_str(str::from_utf8(&piece[..count]).unwrap());
        let body = request.split_once("\r\n\r\n").map(|(_, body)| body);
        if count == 0 || body.is_some_and(|body| body.starts_with("grant_type=")) {
            return request;
        }
    }
}

async fn endpoint() -> (TcpListener, ClientCredentials) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token?a=b", listener.local_addr().unwrap());
    let credentials = ClientCredentials::new(&url, "the id", "opensesame").unwrap();
    (listener, credentials.retry_backoff(Duration::from_millis(1), Duration::from_secs(60)))
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

const TOKEN: &str = r#"{"access_token":"opaque","expires_in":60}"#;

#[tokio::test]
async fn a_token_is_asked_for_with_id_and_secret() {
    let (listener, credentials) = endpoint().await;
    let credentials = credentials.scope("kafka all").extension("pool", "p-1").unwrap();
    let answer = answer("200 OK", TOKEN);
    let answers = [&*answer];
    let (token, requests) = tokio::join!(credentials.token(), serve(listener, &answers));
    let token = token.unwrap();
    assert_eq!((token.text().expose(), token.end().is_some()), ("opaque", true));
    assert_eq!(token.extensions().iter().collect::<Vec<_>>(), [("pool", "p-1")]);
    let request = &requests[0];
    assert!(request.starts_with("POST /token?a=b HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nauthorization: Basic dGhlIGlkOm9wZW5zZXNhbWU=\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\ngrant_type=client_credentials&scope=kafka+all"), "{request}");
}

#[tokio::test]
async fn what_may_pass_is_asked_again_and_what_is_refused_is_not() {
    let (listener, credentials) = endpoint().await;
    let answers = [
        answer("503 Service Unavailable", ""),
        "garbage".to_owned(),
        answer("401 Unauthorized", r#"{"error":"invalid_client"}"#),
    ];
    let answers: Vec<_> = answers.iter().map(String::as_str).collect();
    let (token, requests) = tokio::join!(credentials.token(), serve(listener, &answers));
    assert_eq!(requests.len(), 3);
    let error = token.unwrap_err().to_string();
    assert_eq!(error, "the token endpoint answered 401 Unauthorized: invalid_client");
}

#[tokio::test]
async fn an_endpoint_that_speaks_no_tls_is_named_without_its_query() {
    let (listener, mut credentials) = endpoint().await;
    let url = format!("https://{}/token?a=b", listener.local_addr().unwrap());
    credentials.endpoint = HttpAddress::parse(&url).unwrap();
    let refuse = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    };
    let (token, ()) = tokio::join!(credentials.token(), refuse);
    let error = token.unwrap_err().to_string();
    assert!(error.ends_with("/token cannot be spoken to by TLS"), "{error}");
}

#[test]
fn nothing_that_is_printed_has_the_secret_in_it() {
    let credentials = ClientCredentials::new("https://a/token?b=opensesame", "id", "opensesame").unwrap();
    assert_eq!(
        format!("{credentials:?}"),
        r#"ClientCredentials { endpoint: "https://a:443/token", client_id: "id", scope: None, .. }"#
    );
}
