//! Moving pictures of a walk through latent space, or of a sheet as training goes on.
//!
//! Why four forms: a GIF plays everywhere in 256 colours a frame, an APNG and a WebP keep every
//! colour, the WebP in the smaller file, a strip can be printed.

use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageBuffer, ImageEncoder, Rgb, RgbImage, imageops};

use crate::picture::Colour;
use crate::{Error, Result};

/// A frame: RGB, or RGB and alpha.
type Frame<P> = ImageBuffer<P, Vec<u8>>;

/// How thoroughly colours are chosen when a frame has more than 256: 1 (best) to 30 (fastest).
const PALETTE_SPEED: i32 = 3;
/// Viewers play a GIF with shorter delays at a slow speed of their own.
const SHORTEST_GIF_DELAY_CS: u64 = 2;

/// An endlessly repeating GIF. Frames of at most 256 colours keep them exactly; others get the
/// 256 that suit them best. Delays are rounded to hundredths of a second such that the whole
/// keeps its length, and are at least 20 ms. A GIF knows no half transparency: pixels are seen from
/// half of it on.
///
/// # Errors
/// [`Error::Draw`] without frames, with frames of several sizes, or with sides over 65,535.
pub fn gif<P: Colour>(frames: &[Frame<P>], delay_ms: u32) -> Result<Vec<u8>> {
    let (width, height) = size(frames)?;
    let side = |side: u32| {
        u16::try_from(side)
            .map_err(|_| Error::draw(format!("a GIF cannot be {side} pixels wide or high")))
    };
    let (width, height) = (side(width)?, side(height)?);
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &[]).map_err(Error::draw)?;
    encoder.set_repeat(gif::Repeat::Infinite).map_err(Error::draw)?;
    let end_cs = |frames: u64| (frames * u64::from(delay_ms) + 5) / 10;
    for (index, image) in (0u64..).zip(frames) {
        let mut frame = gif_frame(image, width, height);
        let delay_cs = (end_cs(index + 1) - end_cs(index)).max(SHORTEST_GIF_DELAY_CS);
        frame.delay = u16::try_from(delay_cs).unwrap_or(u16::MAX);
        encoder.write_frame(&frame).map_err(Error::draw)?;
    }
    drop(encoder);
    Ok(bytes)
}

/// Chooses the colours of a frame.
fn gif_frame<P: Colour>(image: &Frame<P>, width: u16, height: u16) -> gif::Frame<'static> {
    if P::TYPE != ExtendedColorType::Rgba8 {
        return gif::Frame::from_rgb_speed(width, height, image.as_raw(), PALETTE_SPEED);
    }
    let clear = |pixel: &[u8]| pixel[3] < 128;
    let mut pixels = image.as_raw().clone();
    for pixel in pixels.chunks_exact_mut(4) {
        if clear(pixel) {
            pixel.fill(0);
        }
    }
    let mut frame = gif::Frame::from_rgba_speed(width, height, &mut pixels, PALETTE_SPEED);
    // The next frame must not show this one through its own holes.
    frame.dispose = gif::DisposalMethod::Background;
    // Among more than 256 colours a dark one may have been given the place of none at all.
    if let (Some(none), Some(palette)) = (frame.transparent, &frame.palette) {
        let distance = |colour: &[u8], pixel: &[u8]| -> u32 {
            colour.iter().zip(pixel).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
        };
        for (index, pixel) in frame.buffer.to_mut().iter_mut().zip(image.as_raw().chunks_exact(4)) {
            if *index == none && !clear(pixel) {
                let others = (0u8..=255).zip(palette.chunks_exact(3)).filter(|(i, _)| *i != none);
                let nearest = others.min_by_key(|(_, colour)| distance(colour, pixel));
                *index = nearest.map_or(none, |(i, _)| i);
            }
        }
    }
    frame
}

/// An endlessly repeating APNG with every colour as given.
///
/// # Errors
/// [`Error::Draw`] without frames, with frames of several sizes, or with a delay over 65,535 ms.
pub fn apng<P: Colour>(frames: &[Frame<P>], delay_ms: u32) -> Result<Vec<u8>> {
    let (width, height) = size(frames)?;
    let delay_ms = u16::try_from(delay_ms)
        .map_err(|_| Error::draw(format!("a frame cannot last {delay_ms} ms; at most 65535")))?;
    let count = u32::try_from(frames.len()).map_err(Error::draw)?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(match P::TYPE {
        ExtendedColorType::Rgba8 => png::ColorType::Rgba,
        _ => png::ColorType::Rgb,
    });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_animated(count, 0).map_err(Error::draw)?;
    encoder.set_frame_delay(delay_ms, 1000).map_err(Error::draw)?;
    let mut writer = encoder.write_header().map_err(Error::draw)?;
    for frame in frames {
        writer.write_image_data(frame.as_raw()).map_err(Error::draw)?;
    }
    writer.finish().map_err(Error::draw)?;
    Ok(bytes)
}

/// An endlessly repeating WebP with every colour as given.
///
/// The frames are of lossless WebP, put together as the container's description has it (RFC 9649,
/// section 2.7).
///
/// # Errors
/// [`Error::Draw`] without frames, with frames of several sizes, with sides over 16,384, or with a
/// delay of 2²⁴ ms or more.
pub fn webp<P: Colour>(frames: &[Frame<P>], delay_ms: u32) -> Result<Vec<u8>> {
    /// A number of three bytes, the lowest first.
    fn short(number: u32) -> [u8; 3] {
        let [a, b, c, _] = number.to_le_bytes();
        [a, b, c]
    }
    fn chunk(name: [u8; 4], content: &[u8], to: &mut Vec<u8>) -> Result<()> {
        let length = u32::try_from(content.len()).map_err(Error::draw)?;
        to.extend(name);
        to.extend(length.to_le_bytes());
        to.extend(content);
        // Chunks are of even length.
        to.extend(std::iter::repeat_n(0, content.len() % 2));
        Ok(())
    }
    let (width, height) = size(frames)?;
    if delay_ms >= 1 << 24 {
        return Err(Error::draw(format!("a frame cannot last {delay_ms} ms; at most 16777215")));
    }
    let mut body = b"WEBP".to_vec();
    let area = [short(width - 1), short(height - 1)].concat();
    // Flags: it is an animation, with transparency or without.
    let alpha = if P::TYPE == ExtendedColorType::Rgba8 { 0b1_0000 } else { 0 };
    chunk(*b"VP8X", &[&[0b10 | alpha, 0, 0, 0], area.as_slice()].concat(), &mut body)?;
    // A white ground, repeated without end.
    chunk(*b"ANIM", &[255, 255, 255, 255, 0, 0], &mut body)?;
    for frame in frames {
        let mut still = Vec::new();
        WebPEncoder::new_lossless(&mut still)
            .write_image(frame.as_raw(), width, height, P::TYPE)
            .map_err(Error::draw)?;
        // Behind RIFF, its length and WEBP stands the picture as a chunk of its own.
        let picture = still.get(12..).filter(|chunk| chunk.starts_with(b"VP8L"));
        let picture = picture.ok_or_else(|| Error::draw("a WebP picture of an unknown kind"))?;
        // At the left upper corner, in the place of the frame before it.
        let head = [&[0; 6], area.as_slice(), &short(delay_ms), &[0b10]].concat();
        chunk(*b"ANMF", &[head.as_slice(), picture].concat(), &mut body)?;
    }
    let mut bytes = Vec::with_capacity(body.len() + 8);
    chunk(*b"RIFF", &body, &mut bytes)?;
    Ok(bytes)
}

/// All frames side by side, `gap_px` white pixels between them.
///
/// # Errors
/// [`Error::Draw`] without frames or with frames of several sizes.
pub fn strip(frames: &[RgbImage], gap_px: u32) -> Result<RgbImage> {
    let (width, height) = size(frames)?;
    let pitch = width + gap_px;
    let total = u64::from(pitch) * frames.len() as u64 - u64::from(gap_px);
    let total = u32::try_from(total)
        .map_err(|_| Error::draw(format!("a strip cannot be {total} pixels wide")))?;
    let mut strip = RgbImage::from_pixel(total, height, Rgb([255; 3]));
    for (index, frame) in (0i64..).zip(frames) {
        imageops::replace(&mut strip, frame, index * i64::from(pitch), 0);
    }
    Ok(strip)
}

/// The one size that all frames have.
fn size<P: Colour>(frames: &[Frame<P>]) -> Result<(u32, u32)> {
    let first = frames.first().ok_or_else(|| Error::draw("an animation needs frames"))?;
    match frames.iter().find(|f| f.dimensions() != first.dimensions()) {
        _ if first.width() == 0 || first.height() == 0 => {
            Err(Error::draw("the frames have no pixels"))
        }
        Some(other) => Err(Error::draw(format!(
            "all frames of an animation must have the same size, but there are {:?} and {:?}",
            first.dimensions(),
            other.dimensions()
        ))),
        None => Ok(first.dimensions()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(count: u8, side: u32) -> Vec<RgbImage> {
        let frame = |i| RgbImage::from_fn(side, side, move |x, y| Rgb([i * 20, x as u8, y as u8]));
        (0..count).map(frame).collect()
    }

    fn decode_gif(bytes: &[u8]) -> (gif::Repeat, Vec<(u16, Vec<u8>)>) {
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut decoder = options.read_info(bytes).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            frames.push((
                frame.delay,
                frame.buffer.chunks(4).flat_map(|p| p[..3].to_vec()).collect(),
            ));
        }
        (decoder.repeat(), frames)
    }

    #[test]
    fn a_gif_of_few_colours_is_exact_and_as_long_as_asked() {
        let given = frames(4, 16);
        let (repeat, read) = decode_gif(&gif(&given, 65).unwrap());
        assert_eq!(repeat, gif::Repeat::Infinite);
        assert_eq!(read.iter().map(|f| f.0).sum::<u16>(), 26);
        for (frame, (_, pixels)) in given.iter().zip(&read) {
            assert_eq!(frame.as_raw(), pixels);
        }
        let (_, fast) = decode_gif(&gif(&given, 1).unwrap());
        assert!(fast.iter().all(|f| f.0 == 2));
    }

    #[test]
    fn a_gif_of_many_colours_is_close() {
        let given = frames(2, 64);
        let (_, read) = decode_gif(&gif(&given, 50).unwrap());
        for (frame, (_, pixels)) in given.iter().zip(&read) {
            let distance = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b));
            let mean = frame.as_raw().iter().zip(pixels).map(distance).sum::<f64>();
            assert!(mean / (pixels.len() as f64) < 2.0, "{mean}");
        }
    }

    #[test]
    fn an_apng_keeps_every_colour() {
        let given = frames(3, 64);
        let bytes = apng(&given, 65).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let control = *reader.info().animation_control().unwrap();
        assert_eq!((control.num_frames, control.num_plays), (3, 0));
        for frame in &given {
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
            assert_eq!(frame.as_raw(), &pixels);
            let control = reader.info().frame_control().unwrap();
            assert_eq!((control.delay_num, control.delay_den), (65, 1000));
        }
        assert!(apng(&given, 70_000).is_err());
    }

    #[test]
    fn a_webp_keeps_every_colour() {
        use image::AnimationDecoder;
        for side in [1, 7, 64] {
            let given = frames(3, side);
            let bytes = webp(&given, 65).unwrap();
            let decoder = image::codecs::webp::WebPDecoder::new(std::io::Cursor::new(&bytes));
            let decoder = decoder.unwrap();
            assert!(decoder.has_animation());
            let read = decoder.into_frames().collect_frames().unwrap();
            assert_eq!(read.len(), 3);
            for (frame, read) in given.iter().zip(read) {
                assert_eq!(read.delay().numer_denom_ms(), (65, 1));
                let pixels = image::DynamicImage::from(read.into_buffer()).into_rgb8();
                assert!(*frame == pixels);
            }
        }
        assert!(webp(&frames(1, 4), 1 << 24).is_err());
    }

    #[test]
    fn transparency_is_kept() {
        use image::{AnimationDecoder, Rgba, RgbaImage};
        // More colours than a palette holds, dark ones among them, and a hole that moves.
        let frame = |i: u32| {
            RgbaImage::from_fn(32, 32, |x, y| match x {
                x if x == i => Rgba([0; 4]),
                x => {
                    Rgba([x as u8 * 8, y as u8 * 8, (x * y) as u8, if y == 0 { 140 } else { 255 }])
                }
            })
        };
        let given: Vec<RgbaImage> = (0..3).map(frame).collect();
        let read = |frames: image::Frames<'_>| {
            let frames = frames.collect_frames().unwrap();
            frames.into_iter().map(image::Frame::into_buffer).collect::<Vec<RgbaImage>>()
        };
        let bytes = std::io::Cursor::new(webp(&given, 50).unwrap());
        let webp = image::codecs::webp::WebPDecoder::new(bytes).unwrap();
        assert!(read(webp.into_frames()) == given);
        let bytes = std::io::Cursor::new(apng(&given, 50).unwrap());
        let apng = image::codecs::png::PngDecoder::new(bytes).unwrap().apng().unwrap();
        assert!(read(apng.into_frames()) == given);
        let bytes = std::io::Cursor::new(gif(&given, 50).unwrap());
        let gif = image::codecs::gif::GifDecoder::new(bytes).unwrap();
        let seen = |frame: &RgbaImage| frame.pixels().map(|p| p.0[3] >= 128).collect::<Vec<_>>();
        for (given, read) in given.iter().zip(read(gif.into_frames())) {
            assert_eq!(seen(given), seen(&read));
        }
    }

    #[test]
    fn a_strip_stands_in_order_and_odd_frames_are_refused() {
        let given = frames(3, 4);
        let strip = strip(&given, 2).unwrap();
        assert_eq!(strip.dimensions(), (16, 4));
        assert_eq!(strip.get_pixel(13, 2), given[2].get_pixel(1, 2));
        assert_eq!(strip.get_pixel(5, 2).0, [255; 3]);
        let mixed = [given[0].clone(), RgbImage::new(4, 5)];
        let none: [RgbImage; 0] = [];
        for error in
            [gif(&none, 50), gif(&mixed, 50), apng(&mixed, 50), apng(&none, 50), webp(&none, 50)]
        {
            assert!(matches!(error, Err(Error::Draw { .. })));
        }
        assert!(super::strip(&[], 0).is_err());
    }
}
