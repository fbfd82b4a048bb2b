//! What a step costs: its passes through the networks, and the floating-point operations that they take.

use crate::config::Checked;
use softreg::plan::ExtraPass;
use softreg::site::Player;
use softreg_net::Cost;

/// The passes of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepCost {
    /// Those that the loss needs.
    pub loss: Vec<ExtraPass>,
    /// Those that regularizers add, each partner drawn and seen once.
    pub regularizers: Vec<ExtraPass>,
    /// Those that regularizers would add if each made its own.
    pub unshared: Vec<ExtraPass>,
    /// Of one picture, forwards.
    pub picture: Cost,
    /// Pictures per step.
    pub batch: usize,
}

impl StepCost {
    /// Of a run with this configuration.
    pub fn of(checked: &Checked) -> Self {
        let config = checked.config();
        let updates = config.training.critic_steps as f64;
        let per_step = |passes: Vec<ExtraPass>| {
            let times = |pass: ExtraPass| match critics(checked, &pass) {
                true => ExtraPass {
                    forward: pass.forward * updates,
                    backward: pass.backward * updates,
                    ..pass
                },
                false => pass,
            };
            passes.into_iter().map(times).collect()
        };
        Self {
            loss: loss(checked, updates),
            regularizers: per_step(checked.plan().passes()),
            unshared: per_step(checked.plan().passes_unshared()),
            picture: Cost::of(checked.shape()),
            batch: config.training.batch,
        }
    }

    /// Floating-point operations of some passes over the whole batch.
    pub fn operations(&self, passes: &[ExtraPass]) -> f64 {
        let one = |pass: &ExtraPass| {
            let picture = match pass.network {
                Player::Generator => self.picture.generator,
                Player::Critic => self.picture.critic,
            };
            picture * (pass.forward + pass.backward) * self.batch as f64
        };
        passes.iter().map(one).sum()
    }
}

/// Whether a pass belongs to the critic's update, which may come several times a step.
fn critics(checked: &Checked, pass: &ExtraPass) -> bool {
    let of_critic = |name: &String| {
        let term = checked.terms().iter().find(|term| term.name == *name);
        term.is_some_and(|term| term.body.player() == Some(Player::Critic))
    };
    pass.terms.iter().all(of_critic)
}

/// The passes of the loss alone; a backward pass through weights and inputs counts twice.
fn loss(checked: &Checked, updates: f64) -> Vec<ExtraPass> {
    let pass = |network, sees: &str, forward, backward| ExtraPass {
        network,
        sees: sees.to_owned(),
        forward,
        backward,
        terms: vec!["loss".to_owned()],
    };
    let mut passes = vec![
        pass(Player::Generator, "latents", updates, 2.0),
        pass(Player::Critic, "real pictures", updates, 2.0 * updates),
        pass(Player::Critic, "generated pictures", updates, 2.0 * updates),
        pass(Player::Critic, "generated pictures, for the generator", 1.0, 1.0),
    ];
    if checked.loss().pairs_players() {
        passes.push(pass(Player::Critic, "real pictures, for the generator", 1.0, 0.0));
    }
    passes
}
