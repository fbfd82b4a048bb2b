//! The Fréchet distance of two sets of feature vectors in a file, and how long it took: see `frechet.py`.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use anyhow::Context;
use safetensors::SafeTensors;
use softreg_metric::{Features, Gaussian, frechet};
use std::time::Instant;

fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).context("give a safetensors file with `a` and `b`")?;
    let bytes = std::fs::read(path)?;
    let file = SafeTensors::deserialize(&bytes)?;
    let features = |name: &str| -> anyhow::Result<Features> {
        let view = file.tensor(name)?;
        let values = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Ok(Features::new(view.shape()[1], values)?)
    };
    let (a, b) = (features("a")?, features("b")?);
    let start = Instant::now();
    let fitted = [Gaussian::of(&a)?, Gaussian::of(&b)?];
    let statistics = start.elapsed().as_secs_f64();
    let value = frechet::distance(&fitted[0], &fitted[1])?;
    println!("{value} {statistics} {}", start.elapsed().as_secs_f64());
    Ok(())
}
