//! What offers, partners, links and rules have in common for those who manage them: they are found, listed, shown,
//! made, replaced and removed by the same code, whoever asks: the API, a document that is taken over, a command.
//!
//! A [`Resource`] is an object of the configuration together with its form, which is how operators see and send it.

use super::save::{Note, Save, as_read, difference, saved_at, to_json};
use super::{AdminError, ServerLimits, check};
use crate::reports::PartnerScope;
use crate::reports::page::{ConfigQuery, Ordered};
use crate::store::catalog::{Catalog, ConfigKey, ConfigObject};
use crate::tracking::link_names::LinkNames;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;

/// An object of the configuration that operators make, see, replace and remove.
pub trait Resource: Clone + Sized + 'static {
    /// The word for it in messages and in the audit log.
    const KIND: &'static str;
    /// What names it.
    type Id: FromStr + Display + Clone;
    /// How operators see and send it.
    type Form: Serialize + DeserializeOwned + 'static;

    /// Every one that is saved.
    fn all(catalog: &Catalog) -> impl Iterator<Item = &Self>;
    /// The one of an id.
    fn get<'a>(catalog: &'a Catalog, id: &Self::Id) -> Option<&'a Self>;
    /// Its id.
    fn id(&self) -> &Self::Id;
    /// Its name for people.
    fn name(&self) -> &str;
    /// When it was last saved, unix milliseconds.
    fn updated_at_ms(&self) -> i64;
    /// The time that lists are ordered by, unix milliseconds.
    fn listed_at_ms(&self) -> i64;
    /// Its name in the catalog.
    fn key(&self) -> ConfigKey;
    /// Itself as the catalog takes it.
    fn into_object(self) -> ConfigObject;

    /// Whether somebody who is limited to partners sees it.
    fn is_seen(&self, catalog: &Catalog, scope: &PartnerScope) -> bool;
    /// Whether a list with this filter has it.
    fn is_listed(&self, filter: &ConfigQuery) -> bool;

    /// The id that a form names, if it names one.
    fn id_of(form: &Self::Form) -> Option<&Self::Id>;
    /// When the object of a form was last saved, as its sender read it.
    fn read_at_ms(form: &Self::Form) -> Option<i64>;
    /// Checks a form against the configuration and gives what is stored; `before` is what it replaces.
    fn check(
        form: Self::Form,
        before: Option<&Self>,
        catalog: &Catalog,
        saved_at_ms: i64,
    ) -> Result<Self, AdminError>;
    /// Refuses what this server's own settings do not allow.
    fn refuse(&self, limits: ServerLimits<'_>) -> Result<(), AdminError>;

    /// Its form as it is shown.
    fn show(&self, showing: Showing<'_>) -> Self::Form;
    /// Takes out of a form that comes from elsewhere what proves something only there, and tells its fields.
    fn adopt(_form: &mut Self::Form, _before: Option<&Self>) -> Vec<String> {
        Vec::new()
    }
    /// Takes out of a form what is only for the advertiser's own people.
    fn redact(form: &mut Self::Form);
}

/// What a form shows besides the object itself.
#[derive(Clone, Copy)]
pub struct Showing<'a> {
    /// What the object refers to.
    pub catalog: &'a Catalog,
    /// `scheme://host` of addresses to be copied, where neither the link nor the settings have one.
    pub origin: &'a str,
    /// How many names are known below links, where that is shown.
    pub link_names: Option<&'a LinkNames>,
}

impl<'a> Showing<'a> {
    /// Only what is saved.
    pub fn saved(catalog: &'a Catalog, origin: &'a str) -> Self {
        Self {
            catalog,
            origin,
            link_names: None,
        }
    }
}

/// What a save is made with.
#[derive(Clone, Copy)]
pub struct Saving<'a> {
    /// The configuration as it stands.
    pub catalog: &'a Catalog,
    /// What this server allows.
    pub limits: ServerLimits<'a>,
    /// `scheme://host` of addresses to be copied, where neither the link nor the settings have one.
    pub origin: &'a str,
    /// Unix milliseconds.
    pub now_ms: i64,
}

impl<'a> Saving<'a> {
    fn showing(&self) -> Showing<'a> {
        Showing::saved(self.catalog, self.origin)
    }
}

/// The object of an id as it was typed.
pub fn find<'a, R: Resource>(catalog: &'a Catalog, text: &str) -> Result<&'a R, AdminError> {
    let id = check::id(R::KIND, text)?;
    R::get(catalog, &id).ok_or_else(|| AdminError::not_found(R::KIND, text))
}

fn seen<R: Resource>(object: &R, scope: &PartnerScope, showing: Showing<'_>) -> R::Form {
    let mut form = object.show(showing);
    if !scope.is_all() {
        R::redact(&mut form);
    }
    form
}

/// What somebody sees of those that a filter finds.
pub fn list<'a, R: Resource>(
    scope: &'a PartnerScope,
    filter: &'a ConfigQuery,
    showing: Showing<'a>,
) -> impl Iterator<Item = Ordered<R::Form>> + 'a {
    R::all(showing.catalog)
        .filter(|object| object.is_seen(showing.catalog, scope) && object.is_listed(filter))
        .map(move |object| Ordered {
            at_ms: object.listed_at_ms(),
            id: object.id().to_string(),
            item: seen(object, scope, showing),
        })
}

/// What somebody sees of one; what they may not see is not there.
pub fn read<R: Resource>(
    text: &str,
    scope: &PartnerScope,
    showing: Showing<'_>,
) -> Result<R::Form, AdminError> {
    let object: &R = find(showing.catalog, text)?;
    if object.is_seen(showing.catalog, scope) {
        Ok(seen(object, scope, showing))
    } else {
        Err(AdminError::not_found(R::KIND, text))
    }
}

/// Checks a new object. Gives it as it will be shown, and the change that saves it.
pub fn create<R: Resource>(form: R::Form, saving: &Saving<'_>) -> Result<(R::Form, Save), AdminError> {
    let object = R::check(form, None, saving.catalog, saved_at(saving.now_ms, 0))?;
    object.refuse(saving.limits)?;
    let shown = object.show(saving.showing());
    let note = note::<R>("create", &object).detail(to_json(&shown).to_string());
    Ok((shown, Save::insert(object.into_object(), note)))
}

/// Checks what is to replace an object. Gives it as it will be shown, and the change that saves it.
pub fn replace<R: Resource>(
    text: &str,
    form: R::Form,
    saving: &Saving<'_>,
) -> Result<(R::Form, Save), AdminError> {
    let before: &R = find(saving.catalog, text)?;
    let read_at_ms = as_read(R::read_at_ms(&form))?;
    let saved_at_ms = saved_at(saving.now_ms, before.updated_at_ms());
    let object = R::check(form, Some(before), saving.catalog, saved_at_ms)?;
    object.refuse(saving.limits)?;
    let (was, shown) = (before.show(saving.showing()), object.show(saving.showing()));
    let note = note::<R>("update", &object).detail(difference(&to_json(&was), &to_json(&shown)));
    Ok((shown, Save::replace(read_at_ms, object.into_object(), note)))
}

/// The change that removes an object.
pub fn remove<R: Resource>(catalog: &Catalog, text: &str) -> Result<Save, AdminError> {
    let object: &R = find(catalog, text)?;
    Ok(Save::remove(object.key(), note::<R>("delete", object)))
}

fn note<R: Resource>(what: &'static str, object: &R) -> Note {
    Note::new(format!("{}.{what}", R::KIND), object.id().to_string())
}
