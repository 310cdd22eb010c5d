//! Set-up: who reads the one-time token at the server may claim the instance as its first owner.

use super::identity::{Identity, Place};
use super::passwords::Lane;
use super::save::{Actor, Note, Save};
use super::sign_in::SignedIn;
use super::users::{NewUser, check_account};
use super::{AdminError, Auth, check, logins, passwords};
use crate::config::Config;
use crate::domain::account::{Role, Settings};
use crate::recorder::Recorder;
use crate::store::catalog::{Change, ConfigObject, Precondition};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};

/// A link under which the instance can be claimed, for whoever can read the server's output or its files.
#[derive(Debug)]
pub struct SetupLink {
    /// The one-time token.
    pub token: String,
    /// The address of the set-up page. The token stands in its fragment: browsers never send it.
    pub url: String,
}

/// Makes a link that is good for 30 minutes and ends the one before; `admin_address` is where the admin side listens.
pub fn issue_link(
    auth: &Auth,
    recorder: &Recorder,
    config: &Config,
    admin_address: SocketAddr,
) -> Result<SetupLink, AdminError> {
    let catalog = recorder.catalog();
    if !catalog.users.is_empty() {
        return Err(AdminError::AlreadySetUp);
    }
    let token = auth.setup.issue(recorder.clock().now_ms())?;
    let base = admin_origin(&catalog.settings, config, admin_address);
    let url = format!("{base}/setup#{token}");
    Ok(SetupLink { token, url })
}

/// Opens signing in without encryption for 30 minutes, on the word of whoever sits at the server; gives the address of
/// the page.
pub fn open_http(auth: &Auth, recorder: &Recorder, config: &Config, admin_address: SocketAddr) -> String {
    auth.http.open(recorder.clock().now_ms());
    admin_origin(&recorder.catalog().settings, config, admin_address)
}

/// `scheme://host` under which a browser reaches the admin side, as far as the server can tell.
fn admin_origin(settings: &Settings, config: &Config, mut address: SocketAddr) -> String {
    let public = Some(settings.public_url.clone()).filter(|url| !url.is_empty());
    if config.admin.listen.is_none()
        && let Some(url) = public.or_else(|| config.public_url.clone())
    {
        return url.trim_end_matches('/').to_owned();
    }
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::from([127, 0, 0, 1]));
    }
    let has_tls = config.has_tls();
    format!("{}://{address}", if has_tls { "https" } else { "http" })
}

/// Refuses everybody once there is an owner, and whoever does not have the token: asked before anything else.
pub fn may_set_up(
    auth: &Auth,
    recorder: &Recorder,
    token: Option<&str>,
    place: &Place,
) -> Result<(), AdminError> {
    if !recorder.catalog().users.is_empty() {
        return Err(AdminError::AlreadySetUp);
    }
    if let Err(error) = auth.setup.check(token, recorder.clock().now_ms()) {
        auth.tokens.failed(place.ip)?;
        return Err(error);
    }
    Ok(())
}

/// The first owner.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Sign-in name.
    #[schema(min_length = 1, max_length = 200)]
    pub login: String,
    /// At least 12 characters.
    #[schema(min_length = 12, max_length = 256)]
    pub password: String,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// `en` or `ja`.
    #[serde(default)]
    pub language: Option<String>,
}

/// Makes the first owner and signs them in. Of several claims exactly one wins.
///
/// `host` is the name under which the claim came: who holds the token says by it what this server is called.
pub async fn claim(
    auth: &Auth,
    recorder: &Recorder,
    claim: Claim,
    place: &Place,
    host: &str,
) -> Result<SignedIn, AdminError> {
    check_account(&claim.login, &claim.name, claim.language.as_deref())?;
    passwords::check("password", &claim.password, &claim.login)?;
    let now_ms = recorder.clock().now_ms();
    let owner = NewUser {
        login: claim.login,
        name: claim.name,
        password_hash: auth.hasher.hash(Lane::Known, claim.password).await?,
        role: Role::Owner,
        language: claim.language,
    }
    .made(now_ms)?;
    let (text, login) = logins::new(&owner, &place.ip.to_string(), &place.user_agent, now_ms)?;
    let actor = Actor {
        name: format!("user {}", owner.login),
        from: place.ip.to_string(),
    };
    let (user, name) = (owner.clone(), check::host_name(host));
    let claimed = recorder.try_run(move |group| {
        let mut save = Save {
            preconditions: vec![Precondition::NoUsers],
            changes: vec![Change::Put(ConfigObject::User(user.clone()))],
            notes: vec![Note::new("setup.claim", user.login)],
        };
        let mut settings = (*group.catalog().settings).clone();
        if let Some(name) = name.filter(|name| !settings.admin_hosts.contains(name)) {
            settings.admin_hosts.push(name);
            save.changes.push(Change::Put(ConfigObject::Settings(settings)));
        }
        save.write(group, &actor)?;
        logins::insert(group, &login).map_err(AdminError::from)
    });
    claimed.await??;
    auth.setup.spend();
    let identity = Identity::of_login(&owner, String::new(), place.ip);
    let browser = auth.browsers.issue(place.browser.as_deref(), &owner.id, now_ms)?;
    Ok(SignedIn {
        text,
        browser,
        identity,
    })
}
