//! `softreg plan`: what regularizers cost, before anything is trained.

use super::choices::{self, Choices};
use crate::terminal::{Row, Table, line_to_stdout};
use clap::Args;
use serde_json::{Value, json};
use softreg::plan::ExtraPass;
use softreg_train::cost::StepCost;

/// Show the passes and operations of a training step, with and without regularizers.
///
/// Regularizers that need the same partner share its pass. Nothing is trained or written.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Examples:
  softreg plan                                         the default run
  softreg plan --reg none --reg consistency --reg balanced
  softreg plan --reg none --reg r1,every=16
  softreg plan --reg none --reg 'noise(0.05) l2 slope real weight=0.1 every=4 share=0.25'"
)]
pub(crate) struct Plan {
    #[command(flatten)]
    choices: Choices,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = self.choices.over(self.choices.recipe()?)?;
        config.check_without_pictures()?;
        self.choices.check_source(&config)?;
        let mut note = |text: &str| crate::terminal::line_to_stderr(text);
        let (checked, _) = choices::with_pictures(config, &mut note)?;
        let cost = StepCost::of(&checked);
        let text =
            if self.json { serde_json::to_string_pretty(&object(&cost))? } else { text(&cost) };
        Ok(line_to_stdout(&text)?)
    }
}

fn object(cost: &StepCost) -> Value {
    let pass = |pass: &ExtraPass| {
        json!({
            "network": pass.network.to_string(), "sees": pass.sees, "forward": pass.forward,
            "backward": pass.backward, "for": pass.terms,
            "operations": cost.operations(std::slice::from_ref(pass)),
        })
    };
    let sum = |passes: &[ExtraPass]| cost.operations(passes);
    json!({
        "batch": cost.batch,
        "passes": cost.loss.iter().chain(&cost.regularizers).map(pass).collect::<Vec<_>>(),
        "operations": {
            "without": sum(&cost.loss),
            "unshared": sum(&cost.loss) + sum(&cost.unshared),
            "planned": sum(&cost.loss) + sum(&cost.regularizers),
        },
    })
}

fn text(cost: &StepCost) -> String {
    let row = |pass: &ExtraPass| Row {
        cells: vec![
            pass.network.to_string(),
            number(pass.forward),
            number(pass.backward),
            format!("{:.1}", cost.operations(std::slice::from_ref(pass)) / 1e6),
            format!("{}: {}", pass.terms.join(", "), pass.sees),
        ],
        below: Vec::new(),
    };
    let heads = ["NETWORK", "FORWARD", "BACKWARD", "MFLOP", "FOR"].map(str::to_owned).into();
    let rows = cost.loss.iter().chain(&cost.regularizers).map(row).collect();
    let (loss, planned, unshared) = (
        cost.operations(&cost.loss),
        cost.operations(&cost.regularizers),
        cost.operations(&cost.unshared),
    );
    let line = |name: &str, extra: f64| {
        let (all, share) = ((loss + extra) / 1e9, 100.0 * extra / loss);
        format!("{name:<28}{all:>8.3} GFLOP  {share:>+6.1} %\n")
    };
    let mut text = format!("{}\nOne step of {} pictures:\n", Table { heads, rows }, cost.batch);
    text += &line("without regularizers", 0.0);
    if (unshared - planned).abs() > 1e-6 * loss {
        text += &line("each with passes of its own", unshared);
    }
    text += &line("as planned", planned);
    text += "\nPasses cover the whole batch, averaged over steps; a backward pass through weights \
        and inputs\ncounts as two. Partners within the batch need no extra pass.";
    text
}

fn number(passes: f64) -> String {
    let text = format!("{passes:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
