//! The proxies of `packaging/proxy`, as real programs before a server. What a test has to change of the shipped
//! files is replaced by name, so that a file that no longer holds it fails the test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A running proxy; it ends when dropped.
pub struct Proxy {
    child: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Proxy {
    /// nginx without TLS.
    pub fn nginx(server: SocketAddr) -> Self {
        let dir = tempfile::tempdir().expect("directory");
        let address = free_address();
        let config = shipped("nginx.conf")
            .replaced("127.0.0.1:8080", &server.to_string())
            .replaced("listen 443 ssl http2;", &format!("listen {address};"))
            .without("listen [::]")
            .without("ssl_certificate")
            .replaced("listen 80;", &format!("listen {};", free_address()));
        let file = nginx_file(dir.path(), config);
        let child = nginx(dir.path(), &file).args(["-g", "daemon off;"]).spawn();
        Self::ready(child.expect("nginx, of the package nginx-light"), address, dir)
    }

    /// Caddy without TLS.
    pub fn caddy(server: SocketAddr) -> Self {
        let dir = tempfile::tempdir().expect("directory");
        let address = free_address();
        let config = shipped("Caddyfile")
            .replaced("127.0.0.1:8080", &server.to_string())
            .replaced("track.example.jp {", &format!("http://{address} {{"));
        let file = dir.path().join("Caddyfile");
        std::fs::write(&file, format!("{{\n\tadmin off\n}}\n{}", config.0)).expect("write");
        let child = caddy(dir.path(), &["run", "--adapter", "caddyfile", "--config"], &file).spawn();
        Self::ready(child.expect("caddy, of the package caddy"), address, dir)
    }

    fn ready(child: Child, address: SocketAddr, dir: tempfile::TempDir) -> Self {
        super::eventually("the proxy listens", Duration::from_secs(60), || {
            TcpStream::connect(address).ok()
        });
        Self {
            child,
            address,
            _dir: dir,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx's first process ends its workers when it is asked, not when it is killed.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if asked.is_ok_and(|status| status.success()) {
            self.child.wait().expect("wait");
        }
    }
}

/// What nginx says of the shipped file as it is, with a certificate of the test.
pub fn check_nginx(certificate: &Path, key: &Path) -> Output {
    let dir = tempfile::tempdir().expect("directory");
    let live = "/etc/letsencrypt/live/track.example.jp";
    let config = shipped("nginx.conf")
        .replaced(
            &format!("{live}/fullchain.pem"),
            &certificate.display().to_string(),
        )
        .replaced(&format!("{live}/privkey.pem"), &key.display().to_string())
        .replaced(
            "listen 443 ssl http2;",
            &format!("listen {} ssl http2;", free_address()),
        )
        .replaced("listen 80;", &format!("listen {};", free_address()))
        .without("listen [::]");
    let file = nginx_file(dir.path(), config);
    nginx(dir.path(), &file)
        .arg("-t")
        .stderr(Stdio::piped())
        .output()
        .expect("nginx, of the package nginx-light")
}

/// What Caddy says of the shipped file as it is.
pub fn check_caddy() -> Output {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("Caddyfile");
    std::fs::write(&file, shipped("Caddyfile").0).expect("write");
    caddy(
        dir.path(),
        &["validate", "--adapter", "caddyfile", "--config"],
        &file,
    )
    .stderr(Stdio::piped())
    .output()
    .expect("caddy, of the package caddy")
}

/// A file of `packaging/proxy`.
struct Shipped(String);

fn shipped(name: &str) -> Shipped {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("packaging/proxy")
        .join(name);
    Shipped(std::fs::read_to_string(path).expect("shipped file"))
}

impl Shipped {
    fn replaced(self, what: &str, with: &str) -> Self {
        assert!(self.0.contains(what), "the shipped file no longer says {what:?}");
        Self(self.0.replace(what, with))
    }

    fn without(self, beginning: &str) -> Self {
        let is_kept = |line: &&str| !line.trim_start().starts_with(beginning);
        Self(
            self.0
                .lines()
                .filter(is_kept)
                .map(|line| format!("{line}\n"))
                .collect(),
        )
    }
}

/// The file inside the smallest whole configuration, with everything that nginx writes below `dir`.
fn nginx_file(dir: &Path, config: Shipped) -> PathBuf {
    let config = config
        .replaced("/var/log/nginx/", &format!("{}/", dir.display()))
        .0;
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", dir.display()))
        .concat();
    let user = if rustix::process::geteuid().is_root() {
        "user root;\n"
    } else {
        ""
    };
    let whole = format!(
        "{user}worker_processes 2;\npid {}/pid;\nevents {{ worker_connections 1024; }}\nhttp {{\n{paths}{config}}}\n",
        dir.display()
    );
    let file = dir.join("nginx.conf");
    std::fs::write(&file, whole).expect("write");
    file
}

fn nginx(dir: &Path, file: &Path) -> Command {
    // Debian keeps it where only root's PATH looks.
    let debian = Path::new("/usr/sbin/nginx");
    let mut command = Command::new(if debian.exists() {
        debian
    } else {
        Path::new("nginx")
    });
    command
        .arg("-p")
        .arg(dir)
        .arg("-c")
        .arg(file)
        .args(["-e", "stderr"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn caddy(dir: &Path, arguments: &[&str], file: &Path) -> Command {
    let mut command = Command::new("caddy");
    command.args(arguments).arg(file);
    command
        .env("HOME", dir)
        .env("XDG_DATA_HOME", dir)
        .env("XDG_CONFIG_HOME", dir);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// An address of loopback on which nothing listened a moment ago.
/// An address that nobody listens on now.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    listener.local_addr().expect("address")
}
