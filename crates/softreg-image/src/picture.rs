//! One picture file → eight-bit pixels, without trusting the file.
//!
//! A picture is refused by what its header declares, before memory is set aside for it, and the
//! large ones take turns: a folder of huge or hostile files costs time, never all the memory.

pub(crate) mod enlargement;
mod gate;
mod raster;

use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

pub use raster::Raster;

/// The most pixels a picture may declare: 8192 x 8192, 64 megapixels.
pub const MAX_PIXELS: u64 = 64 << 20;
/// The most bytes one picture file may have: 256 MiB.
pub const MAX_FILE_BYTES: u64 = 256 << 20;
/// The most bytes a decoder may set aside for one picture: sixteen-bit RGBA at [`MAX_PIXELS`].
const MAX_DECODE_BYTES: u64 = MAX_PIXELS * 8;

/// File endings (lower case, without the dot) that are taken for pictures.
pub const EXTENSIONS: &[&str] = &["png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp"];

/// What the header of a picture declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The name of the file format, "PNG" for example.
    pub format: &'static str,
    /// Width in pixels after the orientation stored in the file is applied.
    pub width: u32,
    /// Height in pixels after the orientation stored in the file is applied.
    pub height: u32,
}

fn format_name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::WebP => "WebP",
        ImageFormat::Gif => "GIF",
        ImageFormat::Bmp => "BMP",
        _ => "other",
    }
}

fn reason(error: &ImageError) -> String {
    match error {
        ImageError::Limits(_) => "needs more memory than a picture may use".to_owned(),
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the file ends before the picture does (truncated)".to_owned()
        }
        error => format!("cannot be decoded: {error}"),
    }
}

fn decoder<'a, R: BufRead + Seek + 'a>(
    reader: R,
) -> Result<(ImageFormat, impl ImageDecoder + 'a), String> {
    let mut reader = ImageReader::new(reader)
        .with_guessed_format()
        .map_err(|error| format!("cannot be read: {error}"))?;
    let format = reader
        .format()
        .filter(|format| format.reading_enabled())
        .ok_or("is not a PNG, JPEG, WebP, GIF or BMP picture, whatever its name says")?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODE_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| reason(&error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "declares {width} x {height} pixels, more than the 64 megapixels a picture may have"
        ));
    }
    if width == 0 || height == 0 {
        return Err(format!("declares {width} x {height} pixels, which is not a valid size"));
    }
    Ok((format, decoder))
}

/// Format and size from the header alone.
///
/// # Errors
/// A clause about the file ("is not …", "declares …") for a list of unreadable pictures.
pub fn head<'a>(mut reader: impl BufRead + Seek + 'a) -> Result<Head, String> {
    let late = late_orientation(&mut reader);
    let (format, mut decoder) = decoder(reader)?;
    let (width, height) = decoder.dimensions();
    let turned = matches!(
        orientation(&mut decoder, late),
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width, height) = if turned { (height, width) } else { (width, height) };
    Ok(Head { format: format_name(format), width, height })
}

/// Decodes a whole picture file: the first frame, upright, eight bits per channel.
///
/// Palettes are expanded, sixteen bits rounded to eight, CMYK converted. Colour profiles are not
/// applied.
///
/// # Errors
/// A clause about the file, as for [`head`].
pub fn decode(bytes: &[u8]) -> Result<Raster, String> {
    let (format, mut decoder) = decoder(Cursor::new(bytes))?;
    if format == ImageFormat::Jpeg && is_cut_jpeg(bytes) {
        return Err("the file ends before the picture does (truncated)".to_owned());
    }
    let orientation = orientation(&mut decoder, late_orientation(&mut Cursor::new(bytes)));
    // The decoder's own buffer and the eight-bit copy of it.
    let _turn = gate::enter(decoder.total_bytes().saturating_mul(2));
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| reason(&error))?;
    image.apply_orientation(orientation);
    Ok(Raster::from(image))
}

/// How the picture is to be turned.
fn orientation(decoder: &mut impl ImageDecoder, late: Option<Orientation>) -> Orientation {
    let early = decoder.orientation().ok().filter(|early| *early != Orientation::NoTransforms);
    early.or(late).unwrap_or(Orientation::NoTransforms)
}

/// The orientation in the Exif chunk of a PNG, which may also stand behind the pixels, where the decoder has not been yet
/// when it is asked. The reader is back at the start then.
fn late_orientation(reader: &mut (impl Read + Seek)) -> Option<Orientation> {
    let found = exif_of_png(reader);
    // What cannot be rewound cannot be decoded, and the decoder says so.
    let _ = reader.rewind();
    Orientation::from_exif_chunk(&found?)
}

fn exif_of_png(reader: &mut (impl Read + Seek)) -> Option<Vec<u8>> {
    const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
    let mut signature = [0; 8];
    reader.read_exact(&mut signature).ok().filter(|()| signature == SIGNATURE)?;
    loop {
        let (mut length, mut kind) = ([0; 4], [0; 4]);
        reader.read_exact(&mut length).ok()?;
        reader.read_exact(&mut kind).ok()?;
        let length = u32::from_be_bytes(length);
        match &kind {
            b"eXIf" => {
                // The format's largest.
                let mut exif = Vec::new();
                reader.take(u64::from(length.min(65_535))).read_to_end(&mut exif).ok()?;
                return Some(exif);
            }
            b"IEND" => return None,
            // Its checksum too.
            _ => reader.seek(SeekFrom::Current(i64::from(length) + 4)).ok()?,
        };
    }
}

/// Whether a JPEG ends before its end-of-image marker. What stands behind it, such as the film of a phone's photograph, is
/// no matter.
///
/// The decoder fills the missing rows with grey and reports success.
fn is_cut_jpeg(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // Fill bytes, and what should not be there, lead to the next marker.
        let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xff);
        let Some(ahead) = bytes.get(at..).and_then(|rest| rest.windows(2).position(is_marker))
        else {
            return true;
        };
        let marker = bytes[at + ahead + 1];
        at += ahead + 2;
        match marker {
            0xd9 => return false,
            // Restarts, which stand between the pixels, and what has no length either.
            0xd0..=0xd8 | 0x01 => {}
            _ => {
                let Some([high, low]) = bytes.get(at..at + 2) else { return true };
                at += usize::from(u16::from_be_bytes([*high, *low]));
            }
        }
    }
}

/// Whether the file holds more than one frame. Training takes the first.
pub fn is_animated(bytes: &[u8]) -> bool {
    use image::codecs::{png::PngDecoder, webp::WebPDecoder};
    let reader = || Cursor::new(bytes);
    match image::guess_format(bytes) {
        Ok(ImageFormat::Gif) => {
            // Frames are counted and not decoded: they may be larger than the picture, and need any memory.
            let mut options = gif::DecodeOptions::new();
            options.skip_frame_decoding(true);
            options.read_info(reader()).is_ok_and(|mut gif| {
                (0..2).all(|_| gif.next_frame_info().is_ok_and(|frame| frame.is_some()))
            })
        }
        Ok(ImageFormat::WebP) => WebPDecoder::new(reader()).is_ok_and(|webp| webp.has_animation()),
        Ok(ImageFormat::Png) => {
            PngDecoder::new(reader()).is_ok_and(|png| png.is_apng().unwrap_or(false))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
