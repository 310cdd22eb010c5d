//! The real binary, on port 0, with a directory of its own. It is killed when dropped.

use super::client::Client;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a server is started.
#[derive(Clone)]
pub struct Setup {
    pub data_dir: PathBuf,
    pub environment: Vec<(String, String)>,
    pub arguments: Vec<String>,
    /// Descriptors that the server may open at most; as the test itself unless set.
    pub descriptors: Option<u32>,
    /// A socket that outlives the server and is handed over to each, as systemd does.
    pub socket: Option<Arc<TcpListener>>,
    /// Words of a command that serves in place of the binary's `serve`.
    pub served_by: Option<Vec<String>>,
}

impl Setup {
    /// A server over `data_dir` that may call loopback addresses.
    pub fn new(data_dir: &Path) -> Self {
        let environment = [
            ("YAMABIKO_DELIVERY_ALLOW_NETWORKS", "127.0.0.0/8"),
            ("YAMABIKO_LOG_FORMAT", "json"),
            ("YAMABIKO_STORE_BALLAST_MB", "1"),
            ("YAMABIKO_STORE_JOURNAL_SEGMENT_MB", "4"),
        ];
        Self {
            data_dir: data_dir.to_owned(),
            environment: environment
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
            arguments: Vec::new(),
            descriptors: None,
            socket: None,
            served_by: None,
        }
    }

    /// The same with a socket that is handed over, so that connections wait in it while no server runs.
    pub fn activated(mut self) -> Self {
        self.socket = Some(Arc::new(TcpListener::bind("127.0.0.1:0").expect("bind")));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The same with another command that serves; where to listen stands in its environment.
    pub fn served_by(mut self, words: Vec<String>) -> Self {
        self.served_by = Some(words);
        self
    }

    pub fn start(&self) -> Server {
        Server::start(self)
    }

    /// Runs another command of the binary over the same data directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_yamabiko");
        let command = match self.descriptors {
            None => Command::new(binary),
            Some(most) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\""), binary]);
                shell
            }
        };
        self.over_the_directory(command, arguments)
    }

    fn serving(&self) -> Command {
        match &self.served_by {
            None => self.command(&["serve", "--listen", "127.0.0.1:0"]),
            Some(words) => self.over_the_directory(Command::new(&words[0]), &words[1..]),
        }
    }

    fn over_the_directory<S: AsRef<std::ffi::OsStr>>(
        &self,
        mut command: Command,
        arguments: &[S],
    ) -> Command {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.environment.iter().map(|(k, v)| (k, v)));
        command.env("YAMABIKO_DATA_DIR", &self.data_dir).args(arguments);
        command
    }
}

/// A running server.
pub struct Server {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    setup: Setup,
}

impl Server {
    fn start(setup: &Setup) -> Self {
        let mut command = setup.serving();
        command.args(&setup.arguments);
        let mut stdin = Stdio::null();
        if let Some(socket) = &setup.socket {
            command = handed_over(&command);
            stdin = std::os::fd::OwnedFd::from(socket.try_clone().expect("socket")).into();
        }
        command.stdout(Stdio::null()).stderr(Stdio::piped()).stdin(stdin);
        let mut child = command.spawn().expect("start yamabiko");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = log.clone();
        let stderr = child.stderr.take().expect("stderr");
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.lock().expect("log").push(line);
            }
        });
        let mut server = Self {
            child,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            log,
            setup: setup.clone(),
        };
        server.address = super::eventually("the server listens", Duration::from_secs(60), || {
            if let Ok(Some(status)) = server.child.try_wait() {
                panic!("the server ended with {status}:\n{}", server.log());
            }
            let log = server.log.lock().expect("log");
            log.iter().find_map(|line| listening_address(line))
        });
        server
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        self.log.lock().expect("log").join("\n")
    }

    /// A client without credentials.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// A client with an API token of the widest scope.
    pub fn admin(&self) -> Client {
        let output = self
            .setup
            .command(&["token", "create", "--name", "test", "--scope", "admin"])
            .output()
            .expect("token");
        assert!(
            output.status.success(),
            "token: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        self.client()
            .with_header("Authorization", &format!("Bearer {token}"))
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// SIGTERM; gives the exit code.
    pub fn terminate(mut self) -> Option<i32> {
        self.signal("TERM");
        let status = super::eventually("the server ends", Duration::from_secs(60), || {
            self.child.try_wait().expect("wait")
        });
        status.code()
    }

    /// Ends it with SIGTERM and starts it anew over the same directory, on another port.
    pub fn restart(&mut self) {
        self.signal("TERM");
        super::eventually("the server ends", Duration::from_secs(60), || {
            self.child.try_wait().expect("wait")
        });
        *self = Self::start(&self.setup.clone());
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill").success());
    }

    /// Processor time so far, microseconds, in steps of ten thousand.
    pub fn cpu_us(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("stat");
        let (_, after_name) = stat.rsplit_once(')').expect("the name in brackets");
        // Fields 14 and 15 of proc(5); the one after the name is the third.
        let ticks = after_name.split_whitespace().skip(11).take(2);
        ticks
            .map(|ticks| ticks.parse::<u64>().expect("ticks"))
            .sum::<u64>()
            * 10_000
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).expect("statm");
        statm
            .split_whitespace()
            .nth(1)
            .and_then(|pages| pages.parse::<u64>().ok())
            .expect("pages")
            * 4096
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().expect("kill");
            self.child.wait().expect("wait");
        }
    }
}

/// The command with its standard input as the first socket that systemd would hand over.
fn handed_over(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"",
    ]);
    shell
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    shell.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    shell
}

/// The address in the log line that says where the tracking endpoints listen.
pub fn listening_address(line: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line.get("message")?.as_str()? == "listening").then_some(())?;
    line.get("address")?.as_str()?.parse().ok()
}
