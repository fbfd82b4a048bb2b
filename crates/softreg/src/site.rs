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

/// An output that is compared between a sample and its partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// The critic's scores of real pictures, `[n, 1]`.
    RealScore,
    /// The critic's scores of generated pictures, `[n, 1]`.
    FakeScore,
    /// The generated pictures, `[n, channels, height, width]` in −1..1.
    Image,
    /// The output of a model outside adversarial training.
    Output,
}

/// All sites, with name and meaning, sorted by name.
pub const SITES: &[(&str, Site, &str)] = &[
    ("fake-score", Site::FakeScore, "the critic's scores of generated pictures"),
    ("image", Site::Image, "the generated pictures"),
    ("output", Site::Output, "the output of any other model"),
    ("real-score", Site::RealScore, "the critic's scores of real pictures"),
];

impl Site {
    /// The network that the gradient reaches; `None` for [`Site::Output`], which knows no players.
    pub fn player(self) -> Option<Player> {
        match self {
            Site::RealScore | Site::FakeScore => Some(Player::Critic),
            Site::Image => Some(Player::Generator),
            Site::Output => None,
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
            Site::Output => "output",
        }
    }

    /// The name of this site.
    pub fn name(self) -> &'static str {
        SITES.iter().find(|(_, site, _)| *site == self).map_or("", |(name, ..)| name)
    }
}
