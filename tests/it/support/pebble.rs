//! Let's Encrypt's server for tests, with its faults turned on, and the name server that leads every name here.

use super::proxy::free_address;
use super::tls::Authority;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Running; both programs end when it is dropped.
pub struct Pebble {
    children: Vec<Child>,
    dir: tempfile::TempDir,
    address: SocketAddr,
    management: SocketAddr,
}

impl Pebble {
    /// One that looks for proofs at the two addresses; `None` when the programs are not installed.
    pub fn start(http: SocketAddr, tls: SocketAddr) -> Option<Self> {
        let is_there = |program: &str| Command::new(program).arg("-h").output().is_ok();
        if !is_there("pebble") || !is_there("pebble-challtestsrv") {
            return None;
        }
        let dir = tempfile::tempdir().expect("directory");
        let (address, management, names) = (free_address(), free_address(), free_address());
        let authority = Authority::new();
        let identity = authority.certify("127.0.0.1", (2020, 2040));
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("ca.pem"), authority.pem()).expect("write");
        std::fs::write(at("cert.pem"), identity.certificate_pem()).expect("write");
        std::fs::write(at("key.pem"), identity.key_pem()).expect("write");
        let config = serde_json::json!({"pebble": {
            "listenAddress": address.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": at("cert.pem"),
            "privateKey": at("key.pem"),
            "httpPort": http.port(),
            "tlsPort": tls.port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        std::fs::write(at("config.json"), config.to_string()).expect("write");
        let log = std::fs::File::create(at("log")).expect("log");
        let resolver = Command::new("pebble-challtestsrv")
            .args([
                "-defaultIPv4",
                "127.0.0.1",
                "-defaultIPv6",
                "",
                "-http01",
                "",
                "-https01",
                "",
            ])
            .args(["-tlsalpn01", "", "-management", &free_address().to_string()])
            .args(["-dns01", &names.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pebble-challtestsrv");
        let server = Command::new("pebble")
            .arg("-config")
            .arg(at("config.json"))
            .args(["-dnsserver", &names.to_string()])
            // One nonce in four is refused, and looking takes a moment.
            .env("PEBBLE_WFE_NONCEREJECT", "25")
            .env("PEBBLE_VA_SLEEPTIME", "1")
            // Each order has to be proved.
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdout(log.try_clone().expect("log"))
            .stderr(log)
            .spawn()
            .expect("pebble");
        super::eventually("pebble listens", Duration::from_secs(60), || {
            TcpStream::connect(address).ok()
        });
        Some(Self {
            children: vec![resolver, server],
            dir,
            address,
            management,
        })
    }

    /// For `acme.directory`.
    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    /// For `delivery.ca_file`: who vouches for the server itself.
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The authority of the certificates that it issues.
    pub fn root(&self) -> PathBuf {
        let file = self.dir.path().join("root.pem");
        let fetched = Command::new("curl")
            .args(["-sS", "--cacert"])
            .arg(self.ca_file())
            .arg("-o")
            .arg(&file)
            .arg(format!("https://{}/roots/0", self.management))
            .status();
        assert!(fetched.expect("curl").success());
        file
    }

    /// Orders that it was asked for, those with a refused nonce not counted.
    pub fn orders(&self) -> usize {
        let log = std::fs::read_to_string(self.log()).expect("log");
        log.matches("Added order").count()
    }

    pub fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.children {
            child.kill().expect("kill");
            child.wait().expect("wait");
        }
    }
}

/// What curl gets from a name that leads to an address.
pub struct Got {
    pub status: u16,
    pub version: String,
    pub location: String,
}

/// Asks with curl, which judges the certificate by `root`; `None`: no connection that it accepts.
pub fn curl(root: &Path, url: &str, name: &str, address: SocketAddr) -> Option<Got> {
    let output = Command::new("curl")
        .args([
            "-sS",
            "-m",
            "10",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{http_version} %{redirect_url}",
        ])
        .args(["-A", super::scene::BROWSER])
        .arg("--cacert")
        .arg(root)
        .args([
            "--resolve",
            &format!("{name}:{}:{}", address.port(), address.ip()),
            url,
        ])
        .output()
        .expect("curl");
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.split(' ');
    let mut next = || words.next().unwrap_or_default().trim().to_owned();
    Some(Got {
        status: next().parse().ok()?,
        version: next(),
        location: next(),
    })
}
