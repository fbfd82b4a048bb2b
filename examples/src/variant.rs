//! The ways to regularize that are compared.

use softreg::Composition;
use softreg::hard::WeightPenalty;
use std::sync::Arc;

/// A network trained in one way; everything else (weights, data, order) is the same.
#[derive(Clone, Debug, Default)]
pub struct Variant {
    /// Name in the table.
    pub name: &'static str,
    /// Rate of the model's dropout.
    pub dropout: f64,
    /// Soft regularizers and their λ.
    pub soft: Vec<(f64, Composition)>,
    /// A penalty on the weights and its λ.
    pub hard: Option<(f64, Arc<dyn WeightPenalty>)>,
}

impl Variant {
    /// Nothing at all.
    pub fn none() -> Self {
        Self { name: "none", ..Self::default() }
    }

    /// What it adds, as text: each λ, or the dropout rate.
    pub fn strength(&self) -> String {
        let soft = self.soft.iter().map(|(weight, _)| weight.to_string());
        let hard = self.hard.iter().map(|(weight, _)| weight.to_string());
        let all: Vec<String> = soft.chain(hard).collect();
        match (all.is_empty(), self.dropout > 0.0) {
            (true, true) => format!("p {}", self.dropout),
            (true, false) => "—".to_owned(),
            _ => all.join(" + "),
        }
    }
}
