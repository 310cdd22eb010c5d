//! User accounts and API tokens, for owners.

use crate::admin::tokens::{self, IssuedToken, NewToken, TokenDto};
use crate::admin::users::{self, UserDto};
use crate::http::State;
use crate::http::auth::Owner;
use crate::http::extract::{Json, Query};
use crate::http::problem::ApiError;
use crate::reports::page::{ConfigQuery, Ordered, Page, holds};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};

/// Lists users, newest first.
#[utoipa::path(tag = "users", params(ConfigQuery), responses((status = 200, body = Page<UserDto>)))]
#[get("/users")]
pub async fn list_users(
    state: Data<State>,
    _owner: Owner,
    query: Query<ConfigQuery>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let word = query.0.word();
    let all = catalog
        .users
        .values()
        .filter(|u| holds(&u.login, word) || holds(&u.name, word))
        .map(|u| Ordered {
            at_ms: u.created_at_ms,
            id: u.id.to_string(),
            item: UserDto::from(&**u),
        });
    Ok(HttpResponse::Ok().json(query.0.page(all)?))
}

/// Reads one user.
#[utoipa::path(tag = "users", responses((status = 200, body = UserDto)))]
#[get("/users/{id}")]
pub async fn get_user(
    state: Data<State>,
    _owner: Owner,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(UserDto::from(users::find(&state.recorder.catalog(), &path)?)))
}

/// Makes a user.
#[utoipa::path(tag = "users", responses((status = 201, body = UserDto)))]
#[post("/users")]
pub async fn create_user(
    state: Data<State>,
    owner: Owner,
    body: Json<UserDto>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let (shown, save) = users::create(body.0, &catalog, &state.auth.hasher, state.now_ms()).await?;
    save.commit(&state.recorder, owner.0.actor()).await?;
    Ok(HttpResponse::Created().json(shown))
}

/// Replaces a user. A new password, another role or other partners end every login of the user.
#[utoipa::path(tag = "users", responses((status = 200, body = UserDto)))]
#[put("/users/{id}")]
pub async fn replace_user(
    state: Data<State>,
    owner: Owner,
    path: Path<String>,
    body: Json<UserDto>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let replaced = users::replace(&path, body.0, &catalog, &state.auth.hasher, state.now_ms());
    let (shown, save) = replaced.await?;
    save.commit(&state.recorder, owner.0.actor()).await?;
    Ok(HttpResponse::Ok().json(shown))
}

/// Removes a user; the last owner stays.
#[utoipa::path(tag = "users", responses((status = 204)))]
#[delete("/users/{id}")]
pub async fn delete_user(
    state: Data<State>,
    owner: Owner,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let save = users::remove(&path, &state.recorder.catalog())?;
    save.commit(&state.recorder, owner.0.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists API tokens, newest first.
#[utoipa::path(tag = "tokens", params(ConfigQuery), responses((status = 200, body = Page<TokenDto>)))]
#[get("/tokens")]
pub async fn list_tokens(
    state: Data<State>,
    _owner: Owner,
    query: Query<ConfigQuery>,
) -> Result<HttpResponse, ApiError> {
    let catalog = state.recorder.catalog();
    let word = query.0.word();
    let all = catalog
        .tokens
        .values()
        .filter(|t| holds(&t.name, word))
        .map(|t| Ordered {
            at_ms: t.created_at_ms,
            id: t.id.to_string(),
            item: TokenDto::from(&**t),
        });
    Ok(HttpResponse::Ok().json(query.0.page(all)?))
}

/// Makes an API token; its secret is shown once.
#[utoipa::path(tag = "tokens", responses((status = 201, body = IssuedToken)))]
#[post("/tokens")]
pub async fn create_token(
    state: Data<State>,
    owner: Owner,
    body: Json<NewToken>,
) -> Result<HttpResponse, ApiError> {
    let (issued, save) = tokens::issue(body.0, &owner.0.actor, state.now_ms())?;
    save.commit(&state.recorder, owner.0.actor()).await?;
    Ok(HttpResponse::Created().json(issued))
}

/// Ends an API token at once.
#[utoipa::path(tag = "tokens", responses((status = 204)))]
#[delete("/tokens/{id}")]
pub async fn delete_token(
    state: Data<State>,
    owner: Owner,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let save = tokens::revoke(&path, &state.recorder.catalog())?;
    save.commit(&state.recorder, owner.0.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}
