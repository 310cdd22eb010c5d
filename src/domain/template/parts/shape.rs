//! What the value of a placeholder has to be, where a rule says so.

/// What a value has to be, said before the names: `{number:cp_qty}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// As the catalogue says; text of parameters.
    #[default]
    Usual,
    /// A number; anything else is no data.
    Number,
    /// JSON, such as a list as it was sent; anything else is no data.
    Json,
}

impl Shape {
    /// Whether a value is what it has to be.
    pub(super) fn admits(self, value: &str) -> bool {
        match self {
            Self::Usual => true,
            Self::Number => {
                !value.contains(char::is_whitespace)
                    && serde_json::from_str::<serde_json::Number>(value).is_ok()
            }
            Self::Json => serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok(),
        }
    }
}
