//! The setting that hard regularizers share: whose weights they limit.

use crate::hard::WeightPenalty;
use crate::registry::{Setting, SettingKind, Settings, word};
use crate::site::Player;
use crate::spec::Body;
use std::sync::Arc;

pub(super) const SETTINGS: &[Setting] = &[Setting {
    name: "player",
    summary: "whose weights are limited",
    kind: SettingKind::Choice { default: "both", of: &["both", "critic", "generator"] },
}];

pub(super) fn bodies(
    settings: &Settings,
    penalty: impl Fn() -> Arc<dyn WeightPenalty>,
) -> Vec<Body> {
    let players: &[Player] = match word(settings, "player") {
        "critic" => &[Player::Critic],
        "generator" => &[Player::Generator],
        _ => &[Player::Critic, Player::Generator],
    };
    players.iter().map(|player| Body::Hard { penalty: penalty(), player: *player }).collect()
}
