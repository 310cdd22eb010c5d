//! One e-mail over SMTP, to a server whose address is vetted like that of every other destination. The only
//! place that names lettre. Failures are sentences for the operator; the password stands in none of them.

use super::client::Client;
use crate::domain::account::{EmailAlerts, MailSecurity};
use crate::domain::secret::SecretText;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the server may take for each step.
const STEP: Duration = Duration::from_secs(8);

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// An address is none.
    #[error("{address} is no e-mail address; write it as in alerts@example.jp")]
    Address {
        /// What was written.
        address: String,
    },
    /// The server's name or address.
    #[error("{0}")]
    Host(String),
    /// The certificate authorities.
    #[error("the certificate authorities cannot be used: {0}; check delivery.ca_file")]
    Authorities(String),
    /// The mail itself.
    #[error("the mail cannot be written: {0}")]
    Unwritable(String),
    /// The server cannot be reached.
    #[error(
        "the mail server could not be connected to ({0}); check its name and port, and that the network lets this machine send mail"
    )]
    Connect(String),
    /// No answer in time.
    #[error(
        "the mail server did not answer in time; check the port and the kind of protection (587 is STARTTLS, 465 is TLS)"
    )]
    Timeout,
    /// TLS.
    #[error(
        "the TLS connection to the mail server failed ({0}); check the name of the server and the kind of protection (587 is STARTTLS, 465 is TLS)"
    )]
    Tls(String),
    /// The server says no.
    #[error("the mail server refused: {0}")]
    Refused(String),
    /// Something else in the conversation.
    #[error("the mail server was not understood ({0}); is it an SMTP server?")]
    Protocol(String),
}

impl MailError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "address",
            Self::Host(_) => "host",
            Self::Authorities(_) => "authorities",
            Self::Unwritable(_) | Self::Protocol(_) => "protocol",
            Self::Connect(_) => "connect",
            Self::Timeout => "timeout",
            Self::Tls(_) => "tls",
            Self::Refused(_) => "refused",
        }
    }
}

/// A file beside the text of a mail.
#[derive(Debug, Clone)]
pub struct MailFile {
    /// Its name.
    pub name: String,
    /// What it holds: CSV.
    pub bytes: Vec<u8>,
}

impl Client {
    /// Sends a plain text to everyone of the settings, and gives the server's answer. Takes up to half a minute.
    pub fn send_mail(&self, settings: &EmailAlerts, subject: &str, text: &str) -> Result<String, MailError> {
        self.send_mail_with(settings, subject, text, None)
    }

    /// The same with a file.
    ///
    /// # Errors
    /// The mail was not taken.
    pub fn send_mail_with(
        &self,
        settings: &EmailAlerts,
        subject: &str,
        text: &str,
        file: Option<MailFile>,
    ) -> Result<String, MailError> {
        let message = compose(settings, subject, text, file)?;
        let addresses = self
            .mail_addresses(&settings.host, settings.port, Instant::now() + STEP)
            .map_err(|(_, message)| MailError::Host(message))?;
        let tls = self.mail_tls(settings)?;
        let mut last = MailError::Host("the host has no address".into());
        for address in addresses {
            match send_to(address, settings, tls.clone(), &message) {
                Err(error @ (MailError::Connect(_) | MailError::Timeout)) => last = error,
                other => return other,
            }
        }
        Err(last)
    }

    fn mail_tls(&self, settings: &EmailAlerts) -> Result<Tls, MailError> {
        if settings.security == MailSecurity::None {
            return Ok(Tls::None);
        }
        let wrong = |error: &dyn std::fmt::Display| MailError::Authorities(error.to_string());
        let mut parameters = TlsParameters::builder(settings.host.clone());
        if let Some(path) = self.ca_file() {
            let pem = std::fs::read(path).map_err(|error| wrong(&error))?;
            parameters =
                parameters.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| wrong(&error))?);
        }
        let parameters = parameters.build_rustls().map_err(|error| wrong(&error))?;
        Ok(match settings.security {
            MailSecurity::Tls => Tls::Wrapper(parameters),
            MailSecurity::Starttls | MailSecurity::None => Tls::Required(parameters),
        })
    }
}

/// Reads an address as a mail carries it: `alerts@example.jp` or `Name <alerts@example.jp>`.
pub fn check_address(text: &str) -> Result<(), MailError> {
    mailbox(text).map(drop)
}

fn mailbox(text: &str) -> Result<Mailbox, MailError> {
    text.trim()
        .parse()
        .map_err(|_| MailError::Address { address: text.into() })
}

fn compose(
    settings: &EmailAlerts,
    subject: &str,
    text: &str,
    file: Option<MailFile>,
) -> Result<Message, MailError> {
    let mut message = Message::builder()
        .from(mailbox(&settings.from)?)
        .subject(subject)
        .date_now()
        .message_id(None);
    for to in &settings.to {
        message = message.to(mailbox(to)?);
    }
    let unwritable = |error: &dyn std::fmt::Display| MailError::Unwritable(error.to_string());
    let plain = SinglePart::plain(text.to_owned());
    let Some(file) = file else {
        return message.singlepart(plain).map_err(|error| unwritable(&error));
    };
    let csv = ContentType::parse("text/csv; charset=utf-8").map_err(|error| unwritable(&error))?;
    let attached = Attachment::new(file.name).body(file.bytes, csv);
    let parts = MultiPart::mixed().singlepart(plain).singlepart(attached);
    message.multipart(parts).map_err(|error| unwritable(&error))
}

fn send_to(
    address: SocketAddr,
    settings: &EmailAlerts,
    tls: Tls,
    message: &Message,
) -> Result<String, MailError> {
    let mut transport = SmtpTransport::builder_dangerous(address.ip().to_string())
        .port(address.port())
        .timeout(Some(STEP))
        .tls(tls);
    if !settings.user.is_empty() {
        let password = settings.password.as_ref().and_then(SecretText::open);
        let password = password.unwrap_or_default().to_owned();
        transport = transport.credentials(Credentials::new(settings.user.clone(), password));
    }
    let answer = transport.build().send(message).map_err(|error| {
        let reason = std::error::Error::source(&error)
            .map(ToString::to_string)
            .unwrap_or_default();
        match error.status() {
            Some(code) => MailError::Refused(format!("{code} {reason}")),
            None if error.is_timeout() => MailError::Timeout,
            None if error.is_tls() => MailError::Tls(reason),
            None if error.is_client() || error.is_response() => MailError::Protocol(reason),
            None => MailError::Connect(reason),
        }
    })?;
    let lines: Vec<&str> = answer.message().collect();
    Ok(format!("{} {}", answer.code(), lines.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_plain_text_in_any_language_and_takes_no_foreign_header() {
        let settings = EmailAlerts {
            from: "Yamabiko <alerts@example.jp>".into(),
            to: vec!["a@example.jp".into(), "b@example.jp".into()],
            ..EmailAlerts::default()
        };
        let mail = compose(
            &settings,
            "媒体へ届いていません\r\nBcc: x@example.com",
            "一行目\n二行目",
            None,
        )
        .unwrap();
        let text = String::from_utf8(mail.formatted()).unwrap();
        assert!(text.contains("To: a@example.jp, b@example.jp"), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("Bcc:")), "{text}");
        assert!(text.contains("Message-ID: <"), "{text}");
    }

    #[test]
    fn addresses_are_checked() {
        for good in ["a@example.jp", "Name <a@example.jp>", " a@b.co "] {
            check_address(good).unwrap();
        }
        for bad in [
            "",
            "a",
            "a@",
            "a@b c",
            "a@example.jp\nBcc: b@example.jp",
            "a@x.jp, b@x.jp",
        ] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
    }
}
