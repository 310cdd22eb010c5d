//! Reading JSON that operators send: a wrong type or an unknown field is refused with the path of the field.

use super::AdminError;
use serde::de::DeserializeOwned;

/// Parses JSON; the error names the path of the field that is wrong.
pub fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_syntax() || inner.is_eof() {
            return AdminError::invalid("", "invalid_json", format!("the body is not valid JSON: {inner}"));
        }
        wrong_field(&path, &inner.to_string())
    })?;
    deserializer.end().map_err(|error| {
        AdminError::invalid("", "invalid_json", format!("the body is not valid JSON: {error}"))
    })?;
    Ok(value)
}

/// Reads a value that was parsed before; the error names the path of the field that is wrong.
pub fn parse_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, AdminError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        wrong_field(&path, &error.into_inner().to_string())
    })
}

/// Turns serde's message about a field into code, path and sentence.
pub fn wrong_field(path: &str, message: &str) -> AdminError {
    let named = |prefix: &str| {
        let rest = message.split_once(prefix)?.1;
        rest.split('`').next().map(str::to_owned)
    };
    let join = |name: &str| match path.rsplit_once('.') {
        _ if path == "." || path.is_empty() || path == name => name.to_owned(),
        Some((_, last)) if last == name => path.to_owned(),
        _ => format!("{path}.{name}"),
    };
    // serde_json adds the place, which says less than the path.
    let plain = message.split(" at line ").next().unwrap_or(message);
    if let Some(name) = named("unknown field `") {
        return AdminError::invalid(
            join(&name),
            "unknown_field",
            format!("{plain}: remove it or correct its name"),
        );
    }
    if let Some(name) = named("missing field `") {
        return AdminError::invalid(join(&name), "missing_field", format!("{plain}: add it"));
    }
    if let Some(name) = named("duplicate field `") {
        return AdminError::invalid(join(&name), "duplicate_field", format!("{plain}: send it once"));
    }
    let field = if path == "." { "" } else { path };
    if plain.contains("expected a Decimal type") {
        return AdminError::invalid(
            field,
            "invalid_amount",
            format!("{field}: write a number with digits and at most one point, such as 5400 or -500.5"),
        );
    }
    AdminError::invalid(
        field,
        "wrong_type",
        format!("{}: {plain}", if field.is_empty() { "body" } else { field }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Inner {
        name: String,
        #[serde(default)]
        fee: Option<rust_decimal::Decimal>,
        #[serde(default)]
        count: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Outer {
        items: Vec<Inner>,
    }

    fn parts(error: &AdminError) -> (&str, &str) {
        (error.code(), error.field().unwrap_or_default())
    }

    #[test]
    fn wrong_json_names_the_field() {
        for (body, code, field) in [
            (r#"{"items":[{"name":1}]}"#, "wrong_type", "items[0].name"),
            (
                r#"{"items":[{"name":"a","count":300}]}"#,
                "wrong_type",
                "items[0].count",
            ),
            (
                r#"{"items":[{"name":"a","cuont":1}]}"#,
                "unknown_field",
                "items[0].cuont",
            ),
            (r#"{"items":[{}]}"#, "missing_field", "items[0].name"),
            (r#"{"itmes":[]}"#, "unknown_field", "itmes"),
            (r"{}", "missing_field", "items"),
            (r#"{"items":["#, "invalid_json", ""),
            (r#"{"items":[]} x"#, "invalid_json", ""),
            (
                r#"{"items":[{"name":"a","fee":"1,000"}]}"#,
                "invalid_amount",
                "items[0].fee",
            ),
            ("[]", "wrong_type", ""),
        ] {
            let error = parse_json::<Outer>(body.as_bytes()).unwrap_err();
            assert_eq!(parts(&error), (code, field), "{body}: {error}");
        }
    }
}
