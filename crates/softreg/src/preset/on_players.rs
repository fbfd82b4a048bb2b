//! The setting that hard regularizers share: whose weights they limit.

use crate::hard::WeightPenalty;
use crate::registry::{Ask, Weighted};
use crate::setting::Setting;
use crate::site::Player;
use crate::term::Body;
use std::sync::Arc;

pub(super) const SETTINGS: &[Setting] =
    &[Setting::choice("player", "whose weights are penalised", &["both", "critic", "generator"])];

pub(super) fn terms(ask: &Ask<'_>, penalty: impl Fn() -> Arc<dyn WeightPenalty>) -> Vec<Weighted> {
    let players: &[Player] = match ask.settings.word("player") {
        "critic" => &[Player::Critic],
        "generator" => &[Player::Generator],
        _ => &[Player::Critic, Player::Generator],
    };
    let term = |player: &Player| ask.term(Body::Weights { penalty: penalty(), player: *player });
    players.iter().map(term).collect()
}
