//! Favourites as files of their own, in one ZIP archive.
//!
//! The same favourites give the same bytes: entries are in order of their numbers, bear no time, and are stored, since
//! PNG files do not become smaller. Only one picture at a time is in memory in full.

use crate::painter::Painter;
use crate::print::LARGEST_SIDE;
use crate::problem::{Answer, Problem};
use crate::takeaway::{Favourite, Shown, png};
use axum::body::Bytes;
use image::{ImageBuffer, ImageFormat};
use softreg_run::{Colour, encode_png};
use std::io::{Cursor, Write};
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

/// Most pixels of all pictures together: as many favourites as there can be, large enough to print.
const MOST_PIXELS: u64 = 1 << 30;
/// Most bytes of an archive, which is in memory as a whole.
const MOST_BYTES: usize = 256 << 20;

/// A ZIP archive of what was kept, each pixel a square of `scale`.
///
/// # Errors
/// 400 for a scale out of range, and for favourites that the generator cannot make.
pub fn archive(name: &str, painter: &dyn Painter, kept: &[Favourite], scale: u32) -> Answer<Bytes> {
    let [_, height, width] = painter.shape();
    let side = u64::from(scale).saturating_mul(height.max(width) as u64);
    if scale == 0 || side > u64::from(LARGEST_SIDE) {
        return Err(Problem::wrong(format!(
            "scale {scale} makes {side} pixels a side: it must be from 1 to {LARGEST_SIDE}"
        )));
    }
    let shown = Shown::of(painter, kept)?;
    let each = height as u64 * width as u64 * u64::from(scale).pow(2);
    let pixels = each.saturating_mul(shown.pictures.len() as u64);
    if pixels > MOST_PIXELS {
        return Err(Problem::wrong(format!(
            "scale {scale} makes {} megapixels of {} pictures: at most {} are possible, so use a smaller scale",
            pixels >> 20,
            shown.pictures.len(),
            MOST_PIXELS >> 20
        )));
    }
    let mut numbered: Vec<(u64, &String)> =
        shown.ids.iter().copied().zip(&shown.pictures).collect();
    numbered.sort_by_key(|(id, _)| *id);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut bytes = 0;
    for (id, url) in numbered {
        let file = enlarged(png(painter, url)?, scale)?;
        bytes += file.len();
        if bytes > MOST_BYTES {
            return Err(Problem::wrong(format!(
                "scale {scale} makes more than {} MB of pictures: use a smaller scale",
                MOST_BYTES >> 20
            )));
        }
        zip.start_file(format!("{name}-{id:04}.png"), options).map_err(Problem::failed)?;
        zip.write_all(&file).map_err(Problem::failed)?;
    }
    Ok(zip.finish().map_err(Problem::failed)?.into_inner().into())
}

/// A PNG file, each pixel a square; at its own size, the very bytes that were kept.
fn enlarged(png: Vec<u8>, scale: u32) -> Answer<Vec<u8>> {
    if scale == 1 {
        return Ok(png);
    }
    let read = image::load_from_memory_with_format(&png, ImageFormat::Png);
    let read = read.map_err(Problem::failed)?;
    let png = match read.color().has_alpha() {
        true => encode_png(&squares(&read.into_rgba8(), scale)),
        false => encode_png(&squares(&read.into_rgb8(), scale)),
    };
    Ok(png?)
}

fn squares<P: Colour>(one: &ImageBuffer<P, Vec<u8>>, scale: u32) -> ImageBuffer<P, Vec<u8>> {
    let (width, height) = one.dimensions();
    ImageBuffer::from_fn(width * scale, height * scale, |x, y| *one.get_pixel(x / scale, y / scale))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{self, Wish};
    use crate::painter::plain::{Plain, corners};
    use crate::print::{Print, print};
    use std::io::Read;
    use zip::ZipArchive;

    fn favourite(painter: &Plain, id: u64, value: f32) -> Favourite {
        let latent = vec![value, 0.0];
        let wish = Wish::Again { latents: vec![latent.clone()], labels: None };
        let picture = Some(explore::show(painter, &wish).unwrap().pictures.concat());
        Favourite { id, latent, label: None, step: Some(painter.step), picture }
    }

    /// Names and contents in order.
    fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut archive = ZipArchive::new(Cursor::new(archive)).unwrap();
        let count = archive.len();
        let read = |i| {
            let mut entry = archive.by_index(i).unwrap();
            assert_eq!(entry.compression(), CompressionMethod::Stored);
            assert_eq!(entry.last_modified(), Some(DateTime::default()));
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.name().unwrap().into_owned(), bytes)
        };
        (0..count).map(read).collect()
    }

    #[test]
    fn the_same_favourites_are_the_same_bytes_in_order() {
        let painter = Plain::veiled(3);
        let kept = [12, 2, 7].map(|id| favourite(&painter, id, 2.0 * id as f32));
        let made = archive("one", &painter, &kept, 1).unwrap();
        assert_eq!(made, archive("one", &painter, &kept, 1).unwrap());
        let entries = entries(&made);
        let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["one-0002.png", "one-0007.png", "one-0012.png"]);
        // The file that was kept, not one that is made of it.
        assert_eq!(kept[1].picture, Some(explore::data_url(&entries[0].1)));
    }

    #[test]
    fn a_picture_is_that_which_is_printed() {
        for (painter, value) in [(Plain::CLEAR, 20.0), (Plain::veiled(3), 90.0), (Plain::GREY, 9.0)]
        {
            let kept = [favourite(&painter, 1, value)];
            for scale in [1, 16] {
                let made = archive("one", &painter, &kept, scale).unwrap();
                let wanted = Print { latent: vec![value, 0.0], label: None, scale, repeat: 1 };
                assert_eq!(entries(&made)[0].1, print(&painter, &wanted).unwrap());
            }
        }
        let kept = [favourite(&Plain::CLEAR, 1, 20.0)];
        let made = archive("one", &Plain::CLEAR, &kept, 16).unwrap();
        assert_eq!(corners(&entries(&made)[0].1), ((32, 16), [255, 0]));
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let refused = |painter: &Plain, kept: &[Favourite], scale| {
            archive("one", painter, kept, scale).unwrap_err().error
        };
        for scale in [0, LARGEST_SIDE + 1, u32::MAX] {
            assert!(refused(&Plain::GREY, &[], scale).contains("pixels a side"), "{scale}");
        }
        // Without favourites there are drawn ones, as in a gallery.
        assert_eq!(entries(&archive("one", &Plain::GREY, &[], 1).unwrap()).len(), 64);
        assert!(refused(&Plain::GREY, &[], LARGEST_SIDE).contains("megapixels of 64 pictures"));
    }
}
