//! A mail server.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

/// A mail server that takes everything, and keeps the commands and mails of each connection.
pub struct MailServer {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub fn start(refusal: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keep = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let say = |text: &str| (&stream).write_all(format!("{text}\r\n").as_bytes()).unwrap();
                let mut conversation = String::new();
                let mut is_data = false;
                say("220 mail.test ESMTP");
                while let Some(Ok(line)) = lines.next() {
                    conversation += &format!("{line}\n");
                    match line.as_str() {
                        "." if is_data => {
                            is_data = false;
                            say("250 2.0.0 queued as 42");
                        }
                        _ if is_data => {}
                        "DATA" => {
                            is_data = true;
                            say("354 go on");
                        }
                        "QUIT" => {
                            say("221 bye");
                            break;
                        }
                        line if line.starts_with("RCPT") => say(refusal.unwrap_or("250 ok")),
                        _ => say("250 ok"),
                    }
                }
                keep.lock().unwrap().push(conversation);
            }
        });
        Self { address, heard }
    }

    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub fn settings(&self) -> Value {
        json!({
            "host": "127.0.0.1", "port": self.address.port(), "security": "none", "user": "", "password": null,
            "from": "Yamabiko <alerts@example.jp>", "to": ["owner@example.jp", "second@example.jp"],
        })
    }
}
