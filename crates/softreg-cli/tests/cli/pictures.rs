//! Picture collections of every kind, made on the spot.

use image::{ImageFormat, Rgba, RgbaImage};
use std::io::{Read, Write};
use std::path::Path;

/// Picture number `i` of a series of blobs; opaque, or on a transparent ground.
pub(crate) fn blob(i: u32, width: u32, height: u32, transparent: bool) -> RgbaImage {
    let (cx, cy) = (width / 2 + i % 3, height / 2 + i % 2);
    RgbaImage::from_fn(width, height, |x, y| {
        let inside = x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2) < (width.min(height) / 3).pow(2);
        match (inside, transparent) {
            (true, _) => Rgba([(200 + i * 7 % 50) as u8, (i * 37 % 255) as u8, 40, 255]),
            (false, true) => Rgba([0, 0, 0, 0]),
            (false, false) => Rgba([240, 240, (i * 11 % 255) as u8, 255]),
        }
    })
}

/// The bytes of a PNG file.
pub(crate) fn png(picture: &RgbaImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A folder of `count` PNG files.
pub(crate) fn folder(path: &Path, count: u32, width: u32, height: u32, transparent: bool) {
    std::fs::create_dir_all(path).unwrap();
    for i in 0..count {
        let bytes = png(&blob(i, width, height, transparent));
        std::fs::write(path.join(format!("{i:03}.png")), bytes).unwrap();
    }
}

/// A zip with two class folders.
pub(crate) fn zip(path: &Path, count: u32) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for i in 0..count {
        let class = ["cat", "owl"][i as usize % 2];
        zip.start_file(format!("{class}/{i:03}.png"), options).unwrap();
        zip.write_all(&png(&blob(i, 20, 20, false))).unwrap();
    }
    zip.finish().unwrap();
}

/// Names and contents of a zip, in its order.
pub(crate) fn unzip(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let count = zip.len();
    let read = |i| {
        let (mut entry, mut content) = (zip.by_index(i).unwrap(), Vec::new());
        entry.read_to_end(&mut content).unwrap();
        (entry.name().unwrap().into_owned(), content)
    };
    (0..count).map(read).collect()
}

/// A CIFAR-10 file.
pub(crate) fn cifar(path: &Path, count: u32) {
    let mut bytes = Vec::new();
    for i in 0..count {
        bytes.push((i % 10) as u8);
        let picture = blob(i, 32, 32, false);
        (0..3).for_each(|c| bytes.extend(picture.pixels().map(|pixel| pixel.0[c])));
    }
    std::fs::write(path, bytes).unwrap();
}

/// An IDX file of grey pictures and its labels.
pub(crate) fn idx(folder: &Path, count: u32) {
    std::fs::create_dir_all(folder).unwrap();
    let mut pictures = vec![0, 0, 8, 3];
    [count, 28, 28].iter().for_each(|n| pictures.extend(n.to_be_bytes()));
    let mut labels = vec![0, 0, 8, 1];
    labels.extend(count.to_be_bytes());
    for i in 0..count {
        pictures.extend(blob(i, 28, 28, false).pixels().map(|pixel| pixel.0[1]));
        labels.push((i % 10) as u8);
    }
    std::fs::write(folder.join("train-images-idx3-ubyte"), pictures).unwrap();
    std::fs::write(folder.join("train-labels-idx1-ubyte"), labels).unwrap();
}

/// A PNG file whose header declares `side` by `side` pixels.
pub(crate) fn png_that_declares(side: u32) -> Vec<u8> {
    let mut bytes = png(&blob(0, 16, 16, false));
    // Signature (8), length (4), "IHDR" (4), then width and height; the checksum covers name and data.
    bytes[16..20].copy_from_slice(&side.to_be_bytes());
    bytes[20..24].copy_from_slice(&side.to_be_bytes());
    let sum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
