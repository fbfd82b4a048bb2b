//! Pictures of a trained generator, from latents: drawn anew, near others, between two.
//!
//! The page keeps the latents of what it shows and sends them back with the step of their checkpoint, so that the server
//! remembers nothing about a visitor, and a picture is made again for as long as the run keeps that checkpoint.

use crate::painter::Painter;
use crate::problem::{Answer, Problem};
use serde::{Deserialize, Serialize};
use softreg_run::Picture;
use utoipa::ToSchema;

/// Most pictures of one answer.
pub const MOST: usize = 256;
/// How far a latent may be from the middle; drawn ones are within 6.
const FARTHEST: f32 = 100.0;

/// Which pictures to generate.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Wish {
    /// Random pictures from a seed.
    Draw {
        /// Random seed.
        seed: u64,
        /// How many.
        count: usize,
        /// Index of the first one.
        #[serde(default)]
        from: usize,
        /// From 0.01 up: smaller is more typical and less varied.
        #[serde(default)]
        truncation: Option<f32>,
        /// Label by number; each in turn if omitted.
        #[serde(default)]
        label: Option<u32>,
    },
    /// Variations of a picture.
    Near {
        /// Its latent.
        latent: Vec<f32>,
        /// Its label; the first if omitted.
        #[serde(default)]
        label: Option<u32>,
        /// How different: from 0, identical, to 1, unrelated.
        amount: f32,
        /// Random seed.
        seed: u64,
        /// How many.
        count: usize,
    },
    /// Interpolation from one picture to another, both included.
    Mix {
        /// Latent of the first.
        from: Vec<f32>,
        /// Latent of the last.
        to: Vec<f32>,
        /// Label of all of them; the first if omitted.
        #[serde(default)]
        label: Option<u32>,
        /// How many.
        count: usize,
    },
    /// Known pictures again.
    Again {
        /// Their latents.
        latents: Vec<Vec<f32>>,
        /// Their labels; each in turn if omitted.
        #[serde(default)]
        labels: Option<Vec<u32>>,
    },
}

/// Generated pictures, with what is needed to generate them again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Shown {
    /// The step of the checkpoint.
    pub step: u64,
    /// One per picture.
    pub latents: Vec<Vec<f32>>,
    /// One per picture, if the generator is conditional.
    pub labels: Option<Vec<u32>>,
    /// PNG files as data URLs.
    pub pictures: Vec<String>,
}

/// Properties of a generator.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct About {
    /// The step of the checkpoint.
    pub step: u64,
    /// Size of the latent vector.
    pub latent: usize,
    /// Names of labels.
    pub labels: Vec<String>,
    /// Width of a picture.
    pub width: usize,
    /// Its height.
    pub height: usize,
}

/// What can be asked of it.
pub fn about(painter: &dyn Painter) -> About {
    let [_, height, width] = painter.shape();
    About {
        step: painter.step(),
        latent: painter.latent(),
        labels: painter.labels().to_vec(),
        width,
        height,
    }
}

/// Pictures as a generator makes them.
pub(crate) struct Painted {
    pub(crate) latents: Vec<f32>,
    pub(crate) labels: Option<Vec<u32>>,
    /// Planar, one picture after the other.
    pub(crate) bytes: Vec<u8>,
}

impl Painted {
    /// What was wished for.
    pub(crate) fn of(painter: &dyn Painter, wish: &Wish) -> Answer<Self> {
        let (latents, labels) = latents_of(painter, wish)?;
        let labels = (!painter.labels().is_empty()).then_some(labels);
        let bytes = painter.paint(&latents, labels.as_deref());
        Ok(Self { latents, labels, bytes })
    }

    pub(crate) fn pictures(&self, painter: &dyn Painter) -> Answer<Vec<Picture<'_>>> {
        let [channels, height, width] = painter.shape();
        Ok(Picture::batch(channels, height, width, &self.bytes)?)
    }
}

/// Makes what was wished for.
///
/// # Errors
/// 400 for latents of another length, labels that are not there, and numbers out of range.
pub fn show(painter: &dyn Painter, wish: &Wish) -> Answer<Shown> {
    let painted = Painted::of(painter, wish)?;
    let encoded = painted.pictures(painter)?;
    let encoded = encoded.iter().map(|picture| Ok(data_url(&picture.encode_png()?)));
    let pictures = encoded.collect::<Answer<Vec<_>>>()?;
    let latents = painted.latents.chunks(painter.latent()).map(<[f32]>::to_vec).collect();
    Ok(Shown { step: painter.step(), latents, labels: painted.labels, pictures })
}

/// A PNG file that stands in a page.
pub fn data_url(png: &[u8]) -> String {
    use base64::Engine;
    format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(png))
}

fn latents_of(painter: &dyn Painter, wish: &Wish) -> Answer<(Vec<f32>, Vec<u32>)> {
    let counted = |count: usize| match count {
        1..=MOST => Ok(count),
        _ => Err(Problem::wrong(format!("count is {count}: it must be from 1 to {MOST}"))),
    };
    Ok(match wish {
        Wish::Draw { seed, count, from, truncation, label } => {
            let (count, truncation) = (counted(*count)?, checked_truncation(*truncation)?);
            if *from > 1 << 40 {
                return Err(Problem::wrong(format!("from is {from}: it is too large")));
            }
            let latents = painter.latents(*seed, *from, count, truncation);
            let labels = match label {
                Some(label) => vec![checked_label(painter, *label)?; count],
                None => in_turn(painter, *from, count),
            };
            (latents, labels)
        }
        Wish::Near { latent, label, amount, seed, count } => {
            checked_latent(painter, latent)?;
            if !(0.0..=1.0).contains(amount) {
                return Err(Problem::wrong(format!("amount is {amount}: it must be from 0 to 1")));
            }
            let count = counted(*count)?;
            // √(1 − a²)·z + a·ε has the distribution of z, however much of it is new.
            let keep = (1.0 - amount * amount).sqrt();
            let mut latents = painter.latents(*seed, 0, count, None);
            for (x, z) in latents.iter_mut().zip(latent.iter().cycle()) {
                *x = keep * z + amount * *x;
            }
            (latents, vec![checked_label(painter, label.unwrap_or(0))?; count])
        }
        Wish::Mix { from, to, label, count } => {
            checked_latent(painter, from)?;
            checked_latent(painter, to)?;
            let count = counted(*count)?;
            let share = |i: usize| i as f32 / (count - 1).max(1) as f32;
            let latents = (0..count).flat_map(|i| painter.between(from, to, share(i))).collect();
            (latents, vec![checked_label(painter, label.unwrap_or(0))?; count])
        }
        Wish::Again { latents, labels } => {
            counted(latents.len())?;
            latents.iter().try_for_each(|latent| checked_latent(painter, latent))?;
            let labels = match labels {
                None => in_turn(painter, 0, latents.len()),
                Some(labels) if labels.len() == latents.len() => {
                    let checked = labels.iter().map(|label| checked_label(painter, *label));
                    checked.collect::<Answer<_>>()?
                }
                Some(labels) => {
                    return Err(Problem::wrong(format!(
                        "{} labels for {} latents: give one label per latent",
                        labels.len(),
                        latents.len()
                    )));
                }
            };
            (latents.concat(), labels)
        }
    })
}

/// A latent that the generator can take.
pub(crate) fn checked_latent(painter: &dyn Painter, latent: &[f32]) -> Answer<()> {
    let wanted = painter.latent();
    if latent.len() != wanted {
        return Err(Problem::wrong(format!(
            "the latent has {} values, but {wanted} are needed",
            latent.len()
        )));
    }
    match latent.iter().find(|x| x.is_nan() || x.abs() > FARTHEST) {
        Some(x) => Err(Problem::wrong(format!("the latent contains {x}: it is too far from 0"))),
        None => Ok(()),
    }
}

/// A label that the generator knows; any where it knows none.
pub(crate) fn checked_label(painter: &dyn Painter, label: u32) -> Answer<u32> {
    let count = painter.labels().len();
    match count == 0 || (label as usize) < count {
        true => Ok(label),
        false => Err(Problem::wrong(format!(
            "label {label} does not exist: there are {count}, numbered from 0"
        ))),
    }
}

fn checked_truncation(truncation: Option<f32>) -> Answer<Option<f32>> {
    match truncation {
        Some(t) if !(t.is_finite() && t >= 0.01) => {
            Err(Problem::wrong(format!("truncation is {t}: it must be at least 0.01")))
        }
        fine => Ok(fine),
    }
}

fn in_turn(painter: &dyn Painter, from: usize, count: usize) -> Vec<u32> {
    let classes = painter.labels().len().max(1);
    (from..from + count).map(|i| (i % classes) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::painter::plain::Plain;

    #[test]
    fn wishes_become_latents() {
        let shown = show(
            &Plain::GREY,
            &Wish::Draw { seed: 3, count: 2, from: 1, truncation: None, label: None },
        );
        let shown = shown.unwrap();
        assert_eq!(shown.latents, [vec![4.0, 5.0], vec![6.0, 7.0]]);
        assert_eq!((shown.step, shown.pictures.len(), shown.labels), (7, 2, None));
        assert!(shown.pictures[0].starts_with("data:image/png;base64,"));

        let near = |amount| {
            let wish =
                Wish::Near { latent: vec![1.0, 2.0], label: None, amount, seed: 5, count: 1 };
            latents_of(&Plain::GREY, &wish).map(|(latents, _)| latents)
        };
        assert_eq!(near(0.0).unwrap(), [1.0, 2.0]);
        assert_eq!(near(1.0).unwrap(), [5.0, 6.0]);
        assert_eq!(near(0.6).unwrap(), [0.8 * 1.0 + 0.6 * 5.0, 0.8 * 2.0 + 0.6 * 6.0]);
        assert!(near(1.1).is_err() && near(f32::NAN).is_err());

        let (from, to) = (vec![1.0, 0.0], vec![0.0, 1.0]);
        let mix = |count| {
            let wish = Wish::Mix { from: from.clone(), to: to.clone(), label: None, count };
            latents_of(&Plain::GREY, &wish).map(|(latents, _)| latents)
        };
        assert_eq!(mix(3).unwrap(), [1.0, 0.0, 0.5, 0.5, 0.0, 1.0]);
        assert_eq!(mix(1).unwrap(), [1.0, 0.0]);
        assert!(mix(0).is_err() && mix(MOST + 1).is_err());
    }

    #[test]
    fn what_makes_no_picture_is_refused() {
        for latents in [vec![vec![1.0]], vec![vec![1.0, f32::NAN]], vec![vec![1.0, 1e9]], vec![]] {
            assert!(show(&Plain::GREY, &Wish::Again { latents, labels: None }).is_err());
        }
        let again = |labels| Wish::Again { latents: vec![vec![1.0, 2.0]], labels };
        assert!(show(&Plain::GREY, &again(None)).is_ok());
        assert!(show(&Plain::GREY, &again(Some(vec![0, 0]))).is_err());
    }
}
