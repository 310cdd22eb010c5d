//! A closed payout statement by e-mail, through the mail server of the alerts: the figures as text, the lines as a file.
//! What the mail server said is told; whether the mail was read nobody knows.

use super::save::{Actor, Note, audit};
use super::{AdminError, check};
use crate::domain::account::EmailAlerts;
use crate::domain::alert::text::{Language, Message};
use crate::domain::ids::PartnerId;
use crate::domain::statement::Month;
use crate::domain::statement::letter::letter;
use crate::recorder::Recorder;
use crate::reports::View;
use crate::reports::export::{self, Encoding, List, Style};
use crate::reports::statements::{self, StatementQuery};
use crate::reports::words;
use crate::store::{JsonRecord, StoreError, keys};
use crate::wire::client::Client;
use crate::wire::mail::{self, MailFile};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Recipients of one mail.
const MOST_RECIPIENTS: usize = 10;
/// Characters of the operator's own sentence.
const MOST_NOTE: usize = 2_000;

/// Which statement is sent to whom.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementMail {
    /// Whose.
    pub partner: PartnerId,
    /// For which month.
    pub month: Month,
    /// Who is written to, at most 10; remembered for the partner.
    pub to: Vec<String>,
    /// A sentence of one's own before the figures.
    #[serde(default)]
    pub note: String,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MailSent {
    /// Whether the mail server took it.
    pub is_ok: bool,
    /// What kind of outcome: a stable code.
    pub code: &'static str,
    /// What the mail server said, or why it did not come that far.
    pub message: String,
}

/// Who a partner's statements were sent to the last time, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LastRecipients {
    /// Addresses.
    pub to: Vec<String>,
}

impl JsonRecord for LastRecipients {}

/// Who a partner's statements can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Recipients {
    /// As it was sent the last time.
    pub to: Vec<String>,
    /// Whether there is a mail server.
    pub is_set_up: bool,
}

/// Who the statements of a partner were sent to the last time, and whether there is a mail server.
///
/// # Errors
/// The store cannot be read.
pub fn recipients(recorder: &Recorder, partner: &PartnerId) -> Result<Recipients, AdminError> {
    let known: Option<LastRecipients> = recorder.reader().load(&keys::statement_recipients(partner))?;
    Ok(Recipients {
        is_set_up: !recorder.catalog().settings.alerts.email.host.is_empty(),
        to: known.unwrap_or_default().to,
    })
}

/// A mail that is ready.
#[derive(Debug)]
pub struct Ready {
    settings: EmailAlerts,
    message: Message,
    file: MailFile,
}

/// Writes the mail.
///
/// # Errors
/// There is no mail server, an address is none, or the statement is not closed.
pub fn write(view: &View, request: &StatementMail) -> Result<Ready, AdminError> {
    let alerts = &view.catalog.settings.alerts;
    if alerts.email.host.is_empty() {
        return Err(AdminError::State {
            code: "no_mail_server",
            message: "enter the mail server under Settings, Alerts first".into(),
        });
    }
    if request.to.is_empty() {
        return Err(AdminError::invalid("to", "empty", "name at least one recipient"));
    }
    check::at_most("to", &request.to, MOST_RECIPIENTS)?;
    for (n, to) in request.to.iter().enumerate() {
        let checked = mail::check_address(to);
        checked
            .map_err(|error| AdminError::invalid(format!("to[{n}]"), "invalid_email", error.to_string()))?;
    }
    check::text_up_to("note", &request.note, MOST_NOTE)?;
    let query = StatementQuery {
        partner: request.partner.clone(),
        month: request.month,
        version: None,
    };
    let Some(closed) = statements::closed(view, &query)? else {
        return Err(AdminError::State {
            code: "statement_open",
            message: "close the statement first: an open one may still change".into(),
        });
    };
    let settings = &view.catalog.settings;
    let language = Language::of(if alerts.language.is_empty() {
        &settings.language
    } else {
        &alerts.language
    });
    let code = if language == Language::Ja { "ja" } else { "en" };
    let style = Style {
        encoding: Encoding::Utf8,
        words: words::named(code),
        zone: check::time_zone("time_zone", &closed.time_zone)?,
    };
    let mut bytes = Vec::new();
    export::write(view, List::Statement(query), &style, &mut |part| {
        bytes.extend_from_slice(&part);
        ControlFlow::Continue(())
    })?;
    Ok(Ready {
        settings: EmailAlerts {
            to: request.to.iter().map(|to| to.trim().to_owned()).collect(),
            ..alerts.email.clone()
        },
        message: letter(&closed, request.note.trim(), language),
        file: MailFile {
            name: format!("statement-{}-{}.csv", closed.partner, closed.month),
            bytes,
        },
    })
}

/// Sends it. Takes up to half a minute.
#[must_use]
pub fn send(client: &Client, ready: Ready) -> MailSent {
    let Ready {
        settings,
        message,
        file,
    } = ready;
    match client.send_mail_with(&settings, &message.subject, &message.text, Some(file)) {
        Ok(answer) => MailSent {
            is_ok: true,
            code: "sent",
            message: answer,
        },
        Err(error) => MailSent {
            is_ok: false,
            code: error.code(),
            message: error.to_string(),
        },
    }
}

/// Writes down what became of it, and who it went to for the next time.
///
/// # Errors
/// It cannot be recorded.
pub async fn note(
    recorder: &Recorder,
    actor: Actor,
    request: StatementMail,
    is_ok: bool,
) -> Result<(), AdminError> {
    let done = recorder.try_run(move |group| -> Result<(), StoreError> {
        let subject = format!("{} {}", request.partner, request.month);
        let result = if is_ok { "sent" } else { "failed" };
        let detail = format!("{result}: {}", request.to.join(", "));
        audit(group, &actor, Note::new("statement.mail", subject).detail(detail))?;
        if is_ok {
            let known = LastRecipients { to: request.to };
            group.save(keys::statement_recipients(&request.partner), &known)?;
        }
        Ok(())
    });
    Ok(done.await??)
}
