//! Where a regularizer looks: which output of which network, and so whom its gradient reaches.
//!
//! Nothing here cuts a graph: whoever computes the critic's scores of generated pictures detaches the
//! pictures first, or the gradient goes on into the generator.

/// The two networks of adversarial training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Player {
    /// Turns noise into pictures.
    Generator,
    /// Scores pictures; also called discriminator.
    Critic,
}

impl std::fmt::Display for Player {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Player::Generator => "generator",
            Player::Critic => "critic",
        })
    }
}

/// What the regularized function is applied to: where samples and partners are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Input {
    /// Real pictures.
    Real,
    /// Generated pictures, cut off from the generator.
    Fake,
    /// Latents.
    Latent,
    /// The inputs of a model outside adversarial training.
    Own,
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Input::Real => "real pictures",
            Input::Fake => "generated pictures",
            Input::Latent => "latents",
            Input::Own => "inputs",
        })
    }
}

/// What sort of numbers an output holds: which distances make sense there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// One score without bounds per sample.
    Score,
    /// Pixels in −1..1.
    Pixels,
    /// Activations of a hidden layer.
    Features,
    /// Whatever a model of the user's puts out; it must know for itself.
    Any,
}

/// An output that is compared between a sample and its partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// The critic's scores of real pictures, `[n, 1]`.
    RealScore,
    /// The critic's scores of generated pictures, `[n, 1]`.
    FakeScore,
    /// The critic's last features of real pictures, `[n, features]`.
    RealFeatures,
    /// The critic's last features of generated pictures, `[n, features]`.
    FakeFeatures,
    /// The critic's scores of the pictures made of latents, `D(G(z))`, as a function of the latent;
    /// the gradient stops at the generator. `[n, 1]`.
    LatentScore,
    /// The generated pictures, `[n, channels, height, width]` in −1..1.
    Image,
    /// The critic's last features of generated pictures, as a function of the latent; the critic is
    /// frozen. `[n, features]`.
    ImageFeatures,
    /// The output of a model outside adversarial training.
    Output,
}

/// All sites, with name and meaning, sorted by name.
pub const SITES: &[(&str, Site, &str)] = &[
    ("fake-features", Site::FakeFeatures, "the critic's features of generated pictures"),
    ("fake-score", Site::FakeScore, "the critic's scores of generated pictures"),
    ("image", Site::Image, "the generated pictures"),
    (
        "image-features",
        Site::ImageFeatures,
        "the critic's features of generated pictures, to train the generator",
    ),
    (
        "latent-score",
        Site::LatentScore,
        "the critic's scores of the pictures generated from latents",
    ),
    ("output", Site::Output, "the output of any other model"),
    ("real-features", Site::RealFeatures, "the critic's features of real pictures"),
    ("real-score", Site::RealScore, "the critic's scores of real pictures"),
];

impl Site {
    /// The network that the gradient reaches; `None` for [`Site::Output`], which knows no players.
    pub fn player(self) -> Option<Player> {
        match self {
            Site::RealScore
            | Site::FakeScore
            | Site::RealFeatures
            | Site::FakeFeatures
            | Site::LatentScore => Some(Player::Critic),
            Site::Image | Site::ImageFeatures => Some(Player::Generator),
            Site::Output => None,
        }
    }

    /// What the regularized function is applied to.
    pub fn input(self) -> Input {
        match self {
            Site::RealScore | Site::RealFeatures => Input::Real,
            Site::FakeScore | Site::FakeFeatures => Input::Fake,
            Site::LatentScore | Site::Image | Site::ImageFeatures => Input::Latent,
            Site::Output => Input::Own,
        }
    }

    /// What sort of numbers the output holds.
    pub fn values(self) -> Values {
        match self {
            Site::RealScore | Site::FakeScore | Site::LatentScore => Values::Score,
            Site::RealFeatures | Site::FakeFeatures | Site::ImageFeatures => Values::Features,
            Site::Image => Values::Pixels,
            Site::Output => Values::Any,
        }
    }

    /// The site called `name`.
    pub fn named(name: &str) -> Option<Site> {
        SITES.iter().find(|(n, ..)| *n == name).map(|(_, site, _)| *site)
    }

    /// What is looked at, in one word that tells the terms of one player apart.
    pub fn subject(self) -> &'static str {
        match self {
            Site::RealScore => "real",
            Site::FakeScore => "fake",
            Site::Image => "image",
            other => other.name(),
        }
    }

    /// The name of this site.
    pub fn name(self) -> &'static str {
        SITES.iter().find(|(_, site, _)| *site == self).map_or("", |(name, ..)| name)
    }
}
