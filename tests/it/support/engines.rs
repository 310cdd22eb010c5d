//! Engines that exist, to which raw data goes: ClickHouse's and DuckDB, from PyPI. `tests/run` installs them.

use super::client::Client;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The Python that has them; `None`: they are not installed.
pub fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/engines/bin/python");
    python.exists().then_some(python)
}

/// ClickHouse's engine behind HTTP. It is killed when dropped; what it holds is in its directory.
pub struct ClickHouse {
    child: Child,
    pub address: SocketAddr,
}

impl ClickHouse {
    /// `port`: 0 for any.
    pub fn start(python: &Path, dir: &Path, port: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clickhouse_http.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(dir)
            .arg(port.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("clickhouse_http.py");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout");
        BufReader::new(stdout).read_line(&mut line).expect("the port");
        let port = line.trim().parse().expect("a port");
        Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    /// What a statement gives, tab-separated.
    pub fn query(&self, sql: &str) -> String {
        let query: String = url::form_urlencoded::byte_serialize(sql.as_bytes()).collect();
        let answer = Client::new(self.address).send("POST", &format!("/?query={query}"), &[], b"");
        assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
        answer.text()
    }

    /// Where rows of a table are inserted, as the setting wants it.
    pub fn insert_url(&self, table: &str) -> String {
        let address = self.address;
        format!("http://{address}/?query=INSERT%20INTO%20{table}%20FORMAT%20JSONEachRow")
    }
}

impl Drop for ClickHouse {
    fn drop(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }
}
