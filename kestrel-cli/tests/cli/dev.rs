//! `kestrel dev`: a cluster in the program, used by programs beside it, and stopped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{Program, Run};

/// How long a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Free ports for all parts.
const ANYWHERE: [&str; 6] =
    ["--listen", "127.0.0.1:0", "--registry-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];

/// A cluster that runs, and where it is.
struct Dev {
    process: Child,
    ready: Value,
}

impl Dev {
    /// Starts it, and waits for the line that says where it is.
    fn start(kestrel: &Program, arguments: &[&str]) -> Self {
        let mut command = kestrel.command(&[&["dev", "--output", "json"], &ANYWHERE[..], arguments].concat());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        match serde_json::from_str(&line) {
            Ok(ready) => Self { process, ready },
            Err(_) => panic!("it printed {line:?}: {:?}", process.wait_with_output()),
        }
    }

    fn says(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    /// What it answers over HTTP, head and body.
    fn get(&self, name: &str, path: &str) -> String {
        let authority = self.says(name).strip_prefix("http://").unwrap().split('/').next().unwrap();
        let mut stream = TcpStream::connect(authority).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Ctrl-C, and its end: exit code, and what it wrote on standard error.
    fn interrupt(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.process), Signal::INT).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a deadline of a test")]
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            #[expect(clippy::disallowed_methods, reason = "a deadline of a test")]
            let now = Instant::now();
            assert!(now < deadline, "it does not stop");
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        // Whoever is asked to stop has not failed.
        assert!(!said.contains("ERROR"), "{said}");
        (status.code(), said)
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // A test that has failed leaves nothing behind; one that has ended cannot be killed any more.
        let _ = self.process.kill();
    }
}

#[test]
fn all_parts_serve_and_stop_with_ctrl_c() {
    let kestrel = Program::alone();
    let folder = kestrel.home().join("data");
    let data_dir = ["--data-dir", folder.to_str().unwrap()];
    let dev = Dev::start(&kestrel, &[&["--seed"], &data_dir[..]].concat());

    let bootstrap = dev.says("bootstrap_servers").to_owned();
    let topics = kestrel.json(&["topics", "list", "earthquakes", "--bootstrap", &bootstrap]);
    assert_eq!(topics[0]["partitions"], 4);
    let described = kestrel.json(&["topics", "describe", "earthquakes", "--bootstrap", &bootstrap]);
    assert_eq!(described[0]["records"], 1_707);
    assert!(dev.get("schema_registry_url", "/subjects").contains(r#"["earthquakes-value"]"#));
    assert!(dev.get("metrics_url", "/readyz").starts_with("HTTP/1.1 200"));
    assert!(dev.get("metrics_url", "/metrics").contains("kafka_topic_partition_current_offset{"));

    let (code, said) = dev.interrupt();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1707 earthquakes"), "{said}");
    assert!(folder.join(".kafka_cleanshutdown").is_file(), "the folder was not closed");

    let again = Dev::start(&kestrel, &[&["--seed"], &data_dir[..]].concat());
    assert!(again.get("schema_registry_url", "/subjects").contains("earthquakes-value"));
    let (code, said) = again.interrupt();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("there already"), "{said}");
}

#[test]
fn a_port_that_is_taken_is_named_with_its_option() {
    let kestrel = Program::alone();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (part, option) in
        [("broker", "--listen"), ("registry", "--registry-listen"), ("metrics", "--metrics-listen")]
    {
        let mut arguments = ANYWHERE;
        let at = arguments.iter().position(|&argument| argument == option).unwrap();
        arguments[at + 1] = &address;
        let refused: Run = kestrel.run(&[&["dev", "--ephemeral"], &arguments[..]].concat());
        assert_eq!((refused.code, &*refused.stdout), (1, ""), "{refused:?}");
        assert!(refused.stderr.contains(&format!("cannot listen on {address}")), "{refused:?}");
        assert!(
            refused.stderr.contains(part) && refused.stderr.contains(&format!("{option} HOST:PORT")),
            "{refused:?}"
        );
    }
}

#[test]
fn one_folder_has_one_broker() {
    let kestrel = Program::alone();
    let folder = kestrel.home().join("data");
    let data_dir = ["--data-dir", folder.to_str().unwrap()];
    let dev = Dev::start(&kestrel, &data_dir);
    let refused = kestrel.run(&[&["dev"], &ANYWHERE[..], &data_dir[..]].concat());
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("in use by another broker"), "{refused:?}");
    assert_eq!(dev.interrupt().0, Some(0));
}
