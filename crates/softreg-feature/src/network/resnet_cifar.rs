//! Residual networks for CIFAR-10: 6n + 2 layers, three stages of 16, 32 and 64 feature maps.
//!
//! Source: arXiv 1512.03385, section 4.2, shortcuts of option A: every second pixel, and feature maps of
//! zeros in equal numbers before and behind, as in the program the weights are from,
//! <https://github.com/akamaster/pytorch_resnet_cifar10>. Layers: `pool`, the 64 means of the last
//! stage; `logits`, the 10 classes.

use super::{Build, Conv, Network, NetworkEntry};
use crate::Error;
use crate::weights::{EPSILON, Weights};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use std::collections::BTreeSet;

pub(super) const RESNET_20: NetworkEntry = NetworkEntry {
    name: "resnet-cifar-20",
    summary: "CIFAR-10 classifier with 20 layers",
    signature: Some(|names| blocks(names) == 3),
    build: Build::Trained(|weights| ResNet::load(weights, 3)),
    ..RESNET
};

pub(super) const RESNET_56: NetworkEntry = NetworkEntry {
    name: "resnet-cifar-56",
    summary: "CIFAR-10 classifier with 56 layers",
    signature: Some(|names| blocks(names) == 9),
    build: Build::Trained(|weights| ResNet::load(weights, 9)),
    ..RESNET
};

const RESNET: NetworkEntry = NetworkEntry {
    name: "",
    summary: "",
    layers: &["pool", "logits"],
    smallest: 8,
    batch: 64,
    signature: None,
    build: Build::Trained(|weights| ResNet::load(weights, 0)),
};

fn blocks(names: &BTreeSet<String>) -> usize {
    let is_there = |i: &usize| names.contains(&format!("layer3.{i}.conv2.weight"));
    match names.contains("linear.weight") {
        true => (0..).take_while(is_there).count(),
        false => 0,
    }
}

struct Block {
    first: Conv,
    second: Conv,
    /// Feature maps that come in, where the block halves the picture and doubles them.
    widens: Option<usize>,
}

struct ResNet {
    picture: Conv,
    blocks: Vec<Block>,
    linear: Tensor<2>,
    bias: Tensor<1>,
}

impl ResNet {
    fn load(weights: &Weights, per_stage: usize) -> Result<Box<dyn Network>, Error> {
        let picture =
            weights.normalised_conv(["conv1", "bn1"], [16, 3, 3, 3], 1, [1; 2], EPSILON)?;
        let mut blocks = Vec::new();
        let mut inputs = 16;
        for (stage, outputs) in [(1, 16), (2, 32), (3, 64)] {
            for i in 0..per_stage {
                let part = |name: &str| format!("layer{stage}.{i}.{name}");
                let conv = |k: usize, inputs: usize, stride: usize| {
                    let names = [part(&format!("conv{k}")), part(&format!("bn{k}"))];
                    let names = [names[0].as_str(), names[1].as_str()];
                    weights.normalised_conv(names, [outputs, inputs, 3, 3], stride, [1; 2], EPSILON)
                };
                let widens = (outputs != inputs).then_some(inputs);
                let stride = if widens.is_some() { 2 } else { 1 };
                blocks.push(Block {
                    first: conv(1, inputs, stride)?,
                    second: conv(2, outputs, 1)?,
                    widens,
                });
                inputs = outputs;
            }
        }
        let (linear, bias) =
            (weights.tensor("linear.weight", [10, 64])?, weights.tensor("linear.bias", [10])?);
        Ok(Box::new(Self { picture, blocks, linear, bias }))
    }
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.second.forward(self.first.rectified(x.clone()));
        let shortcut = match self.widens {
            None => x,
            Some(inputs) => {
                let [n, _, h, w] = y.dims();
                let every_second = x.slice(burn::tensor::s![.., .., 0..;2, 0..;2]);
                let zeros = Tensor::zeros([n, inputs / 2, h, w], &every_second.device());
                Tensor::cat(vec![zeros.clone(), every_second, zeros], 1)
            }
        };
        relu(y + shortcut)
    }
}

impl Network for ResNet {
    fn features(&self, pictures: Tensor<4>, layer: &str) -> Result<Tensor<2>, Error> {
        let x = self.picture.rectified(pictures);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        let pool = x.mean_dims(&[2, 3]).flatten(1, 3);
        Ok(match layer {
            "logits" => {
                pool.matmul(self.linear.clone().transpose()) + self.bias.clone().unsqueeze()
            }
            _ => pool,
        })
    }
}
