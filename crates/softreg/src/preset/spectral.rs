use crate::registry::{CONSTANT, Entry, Kind};
use crate::term::Body;

/// [`crate::hard::SpectralNorm`] of the critic.
pub(crate) const ENTRY: Entry = Entry {
    name: "spectral",
    kind: Kind::Hard,
    summary: "no layer of the critic stretches anything by more than the weight",
    formula: "W ← λ·W/σ(W), not a term of the objective",
    weight: 1.0,
    schedule: CONSTANT,
    never_lazy: Some("spectral normalisation is part of the critic and applies at every step: leave out `every`"),
    source: "arXiv 1802.05957, Algorithm 1",
    settings: &[],
    about: "Every weight matrix of the critic is divided by its largest singular value before it is \
used, so that no layer stretches a difference by more than λ, the norm that each layer is given (1 in \
the paper). The singular values come from one power iteration per update of the critic. Kernels are \
treated as matrices of outputs by everything else, as in the paper and in PyTorch. Equalised layers, \
which multiply their weights by a constant, are compensated for it: the norm is that of the layer as it \
runs.

Usually combined with `--loss hinge`. It is a constraint and not a penalty: schedules, `every` and \
`share` have nothing to act on and are rejected, and metrics show no value for it.",
    build: |ask| {
        if ask.weight > 0.0 { Ok(vec![ask.term(Body::Spectral)]) } else { Ok(vec![]) }
    },
};
