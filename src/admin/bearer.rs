//! Bearer tokens of the server-to-server endpoints: an offer's, and those of a partner that claims installs or
//! reports costs.

use super::random::{random_text, sha256_hex};
use super::resource::{Saving, find};
use super::save::{Note, Save, saved_at};
use super::{AdminError, Resource, Showing, check};
use crate::domain::offer::{BearerToken, Offer, TrustPolicy, TrustScope};
use crate::domain::partner::Partner;
use serde::Deserialize;

/// An object that says who may send for it.
pub trait Trusting: Resource {
    /// Who may.
    fn trust_mut(&mut self) -> &mut TrustPolicy;
    /// Notes the time of its last save, unix milliseconds.
    fn set_updated_at(&mut self, at_ms: i64);
}

impl Trusting for Offer {
    fn trust_mut(&mut self) -> &mut TrustPolicy {
        &mut self.trust
    }
    fn set_updated_at(&mut self, at_ms: i64) {
        self.updated_at_ms = at_ms;
    }
}

impl Trusting for Partner {
    fn trust_mut(&mut self) -> &mut TrustPolicy {
        &mut self.trust
    }
    fn set_updated_at(&mut self, at_ms: i64) {
        self.updated_at_ms = at_ms;
    }
}

/// What a new bearer token is called and good for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBearer {
    /// Unique within the offer or partner.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What it is good for; empty means everything.
    #[serde(default)]
    pub scopes: Vec<TrustScope>,
}

/// Adds a token to a policy; gives its secret, of which only the hash is kept.
fn add(trust: &mut TrustPolicy, new: &NewBearer) -> Result<String, AdminError> {
    check::name("name", &new.name)?;
    if trust.bearer_tokens.iter().any(|token| token.name == new.name) {
        return Err(AdminError::invalid(
            "name",
            "duplicate",
            "another token has this name: choose another one",
        ));
    }
    let secret = format!("ybs_{}", random_text()?);
    trust.bearer_tokens.push(BearerToken {
        name: new.name.clone(),
        sha256: sha256_hex(secret.as_bytes()),
        scopes: new.scopes.clone(),
        enabled: true,
    });
    Ok(secret)
}

/// Takes a token out of a policy.
fn take_out(trust: &mut TrustPolicy, name: &str) -> Result<(), AdminError> {
    let before = trust.bearer_tokens.len();
    trust.bearer_tokens.retain(|token| token.name != name);
    if trust.bearer_tokens.len() == before {
        return Err(AdminError::not_found("bearer token", name));
    }
    Ok(())
}

/// Makes a token for an offer or partner. Gives its secret, the object as it will be shown, and the change.
pub fn issue<R: Trusting>(
    id: &str,
    new: &NewBearer,
    saving: &Saving<'_>,
) -> Result<(String, R::Form, Save), AdminError> {
    let mut object: R = find::<R>(saving.catalog, id)?.clone();
    let secret = add(object.trust_mut(), new)?;
    let note = Note::new(format!("{}.bearer_token", R::KIND), object.id().to_string()).detail(&new.name);
    let save = change(&mut object, saving.now_ms, note);
    let shown = object.show(Showing::saved(saving.catalog, saving.origin));
    Ok((secret, shown, save))
}

/// The change that revokes a token of an offer or partner.
pub fn revoke<R: Trusting>(id: &str, name: &str, saving: &Saving<'_>) -> Result<Save, AdminError> {
    let mut object: R = find::<R>(saving.catalog, id)?.clone();
    take_out(object.trust_mut(), name)?;
    let action = format!("{}.bearer_token_revoked", R::KIND);
    let note = Note::new(action, object.id().to_string()).detail(name);
    Ok(change(&mut object, saving.now_ms, note))
}

fn change<R: Trusting>(object: &mut R, now_ms: i64, note: Note) -> Save {
    let read_at_ms = object.updated_at_ms();
    object.set_updated_at(saved_at(now_ms, read_at_ms));
    Save::replace(read_at_ms, object.clone().into_object(), note)
}
