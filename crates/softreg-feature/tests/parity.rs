//! Features of real weights against PyTorch's (`reference/softreg_feature.py`), where the weights are at
//! hand, and the embedded features against themselves.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "all of this is tests")]

use burn::tensor::Device;
use safetensors::SafeTensors;
use softreg_feature::{Definition, Error, Extractor};
use softreg_metric::{Features, Pictures};
use std::path::Path;

fn golden() -> Vec<u8> {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference/golden/softreg_feature.safetensors");
    std::fs::read(path).unwrap()
}

fn pictures<'a>(file: &SafeTensors<'a>) -> Pictures<'a> {
    let view = file.tensor("pictures").unwrap();
    Pictures { channels: 3, height: 32, width: 32, pixels: view.data() }
}

/// `max|a − b| / max|b|`.
fn relative_error(found: &Features, expected: &[f32]) -> f32 {
    assert_eq!(found.values().len(), expected.len());
    let scale = expected.iter().fold(0f32, |most, v| most.max(v.abs()));
    let errors = found.values().iter().zip(expected).map(|(a, b)| (a - b).abs());
    errors.fold(0f32, f32::max) / scale
}

#[test]
fn features_are_those_of_pytorch() {
    let bytes = golden();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/weights"));
    for (name, weights) in [
        ("resnet20", "resnet20-12fca82f"),
        ("resnet56", "resnet56-4bfd9763"),
        ("squeezenet", "squeezenet1.1"),
    ] {
        let path = folder.join(weights).with_added_extension("safetensors");
        if !path.exists() {
            eprintln!("skipped {name}: there is no {}", path.display());
            continue;
        }
        for layer in ["pool", "logits"] {
            let found = Definition::find(path.to_str().unwrap()).unwrap();
            assert_eq!(found.name, name, "the weights tell the network");
            let definition = Definition { layer: layer.to_owned(), ..found };
            let extractor = Extractor::new(definition, &Device::flex()).unwrap();
            let view = file.tensor(&format!("{name}/{layer}")).unwrap();
            let numbers = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
            let expected: Vec<f32> = numbers.collect();
            let error = relative_error(&extractor.features(&pictures(&file)).unwrap(), &expected);
            assert!(error <= 1e-4, "{name} {layer}: {error:e}");
            eprintln!("{name} {layer}: relative error {error:e}");
        }
    }
}

#[test]
fn the_embedded_features_need_nothing_and_tell_pictures_apart() {
    let bytes = golden();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let definition = Definition::find("randconv").unwrap();
    let extractor = Extractor::new(definition, &Device::flex()).unwrap();
    let of_bytes = extractor.features(&pictures(&file)).unwrap();
    assert_eq!((of_bytes.len(), of_bytes.width()), (4, 3 * 32 * 4 + 12));
    // The same as of numbers, and of each picture alone.
    let values: Vec<f32> =
        pictures(&file).pixels.iter().map(|byte| f32::from(*byte) / 127.5 - 1.0).collect();
    let of_floats = extractor.features_of_floats(3, [32, 32], &values).unwrap();
    assert!(relative_error(&of_floats, of_bytes.values()) < 1e-5);
    let one = extractor.features_of_floats(3, [32, 32], &values[..3072]).unwrap();
    assert!(relative_error(&one, of_bytes.row(0)) < 1e-5);
    // Grey is equal red, green and blue; full alpha changes nothing.
    let plane = &pictures(&file).pixels[..1024];
    let of = |channels: usize, pixels: &[u8]| {
        extractor.features(&Pictures { channels, height: 32, width: 32, pixels }).unwrap()
    };
    let (grey, rgb) = (of(1, plane), of(3, &plane.repeat(3)));
    assert_eq!(grey, rgb);
    assert_eq!(of(4, &[plane.repeat(3), vec![255; 1024]].concat()), rgb);
    let apart = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum() };
    assert!((1..4).all(|i| apart(of_bytes.row(0), of_bytes.row(i)) > 1.0));
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let extractor = Extractor::new(Definition::find("randconv").unwrap(), &Device::flex()).unwrap();
    let pixels: Vec<u8> = (0..11 * 3 * 19 * 23).map(|i| (i * i % 251) as u8).collect();
    let pictures = Pictures { channels: 3, height: 19, width: 23, pixels: &pixels };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| extractor.features(&pictures).unwrap())
    };
    let one = with(1);
    assert_eq!(one.len(), 11);
    assert!([2, 3, 16].into_iter().all(|threads| with(threads) == one));
}

#[test]
fn missing_weights_are_named() {
    let resnet = Definition::find("resnet20").unwrap();
    let error = Extractor::new(resnet.clone(), &Device::flex()).err().unwrap();
    assert!(matches!(error, Error::NoWeights { .. }), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.safetensors");
    let zeros = vec![0; 4 * 16 * 27];
    let view =
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![16, 3, 3, 3], &zeros);
    safetensors::serialize_to_file([("conv1.weight", view.unwrap())], None, &path).unwrap();
    let text = |definition: Definition| {
        Extractor::new(definition, &Device::flex()).err().unwrap().to_string()
    };
    let half = text(Definition { weights: Some(path.clone()), ..resnet.clone() });
    assert!(half.contains("`bn1.weight` [16] is missing"), "{half}");
    let unknown = Definition::find(path.to_str().unwrap()).unwrap_err();
    assert!(matches!(unknown, Error::Unrecognised { .. }), "{unknown}");
    let gone = text(Definition { weights: Some(folder.path().join("gone")), ..resnet });
    assert!(gone.starts_with("cannot read"), "{gone}");
    let small = Extractor::new(Definition::find("randconv").unwrap(), &Device::flex()).unwrap();
    let tiny = Pictures { channels: 3, height: 4, width: 9, pixels: &[0; 108] };
    assert!(matches!(small.features(&tiny), Err(Error::Pictures { needed: 8, .. })));
}

/// The numbers that `reference/softreg_inception.py` makes for a tensor.
fn made(name: &str, shape: &[usize]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let start = f64::from(crc32fast::hash(name.as_bytes()) % 9973) / 9973.0;
    let inputs: usize = shape[1..].iter().product();
    let part = name.rsplit('.').next().unwrap();
    let number = |k: usize| {
        let u = ((k + 1) as f64 * 0.618_033_988_749_894_9 + start).fract() - 0.5;
        (match part {
            _ if shape.len() > 1 => u * (24.0 / inputs as f64).sqrt(),
            "weight" => 1.0 + 0.4 * u,
            "running_var" => 1.0 + u,
            _ if name == "fc.bias" => u,
            _ => 0.2 * u,
        }) as f32
    };
    (0..count).map(number).collect()
}

#[test]
fn inception_is_that_of_pytorch_fid() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../reference/golden/softreg_inception.safetensors"
    );
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |name: &str| -> Vec<f32> {
        let view = file.tensor(name).unwrap();
        view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    };
    let mut weights: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for name in file.names().into_iter().filter_map(|name| name.strip_prefix("shape/")) {
        let view = file.tensor(&format!("shape/{name}")).unwrap();
        let shape: Vec<usize> =
            view.data().as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as usize).collect();
        let data = made(name, &shape).iter().flat_map(|v| v.to_le_bytes()).collect();
        weights.push((name.to_owned(), shape, data));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inception.safetensors");
    let write = |leave_out: &str| {
        let views =
            weights.iter().filter(|(name, ..)| name != leave_out).map(|(name, shape, data)| {
                let view = safetensors::tensor::TensorView::new(
                    safetensors::Dtype::F32,
                    shape.clone(),
                    data,
                );
                (name.clone(), view.unwrap())
            });
        safetensors::serialize_to_file(views, None, &path).unwrap();
    };
    write("");
    let golden = golden();
    let known = SafeTensors::deserialize(&golden).unwrap();
    let Pictures { pixels, .. } = pictures(&known);
    let one = Pictures { channels: 3, height: 32, width: 32, pixels: &pixels[..3072] };
    for layer in ["pool", "logits", "logits-unbiased"] {
        let found = Definition::find(path.to_str().unwrap()).unwrap();
        assert_eq!(found.name, "inception", "the weights tell the network");
        let definition = Definition { layer: layer.to_owned(), ..found };
        let features = Extractor::new(definition, &Device::flex()).unwrap().features(&one).unwrap();
        let error = relative_error(&features, &numbers(layer));
        assert!(error <= 1e-4, "{layer}: {error:e}");
        eprintln!("inception {layer}: relative error {error:e}");
    }
    // One missing tensor of several hundred is named.
    write("Mixed_6e.branch7x7dbl_5.bn.running_var");
    let definition = Definition::find("inception").unwrap().with_weights(path.clone()).unwrap();
    let error = Extractor::new(definition, &Device::flex()).err().unwrap().to_string();
    assert!(error.contains("Mixed_6e.branch7x7dbl_5.bn.running_var"), "{error}");
}

/// Written by PyTorch: `torch.save({"conv1.weight": torch.arange(6.).reshape(2, 3)}, …)`.
#[test]
fn weights_as_pytorch_saves_them_are_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference/golden/weights.pth");
    let definition = Definition::find("resnet20").unwrap().with_weights(path.into()).unwrap();
    let error = Extractor::new(definition, &Device::flex()).err().unwrap().to_string();
    // Its tensor is there, with another shape than this network's first one.
    assert!(error.contains("`conv1.weight` is [2, 3]"), "{error}");
    let unknown = Definition::find(path).unwrap_err().to_string();
    assert!(unknown.contains("weights.pth"), "{unknown}");
}

#[test]
fn networks_of_onnx_files_are_run() {
    let bytes = golden();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reference/golden");
    let expected = std::fs::read(Path::new(folder).join("softreg_onnx.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let definition = |layer: &str, weights: &str| {
        let text = format!(
            "name = \"small\"\nnetwork = \"onnx\"\nlayer = \"{layer}\"\nweights = \"{folder}/{weights}\"\n\
             [input]\nsubtract = [100.0, 100.0, 100.0]\ndivide = [50.0, 50.0, 50.0]\n"
        );
        Definition::parse(&text, "small.toml").unwrap()
    };
    for layer in ["features", "cells"] {
        let extractor = Extractor::new(definition(layer, "small.onnx"), &Device::flex()).unwrap();
        let view = expected.tensor(layer).unwrap();
        let expected: Vec<f32> =
            view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let found = extractor.features(&pictures(&file)).unwrap();
        let error = relative_error(&found, &expected);
        assert!(error <= 1e-5, "{layer}: {error:e}");
        // Any number of pictures.
        let three = Pictures { pixels: &pictures(&file).pixels[..3 * 3072], ..pictures(&file) };
        assert!(
            relative_error(&extractor.features(&three).unwrap(), &expected[..3 * found.width()])
                <= 1e-5
        );
    }
    let refused = |definition: Definition| {
        Extractor::new(definition, &Device::flex()).err().unwrap().to_string()
    };
    let layer = refused(definition("feature", "small.onnx"));
    assert!(layer.contains("did you mean `features`?"), "{layer}");
    let broken = refused(definition("features", "weights.pth"));
    assert!(broken.contains("not an ONNX file"), "{broken}");
    let bare = Definition::find("net.onnx").unwrap_err().to_string();
    assert!(bare.contains("write a definition"), "{bare}");
}
