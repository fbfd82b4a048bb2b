use super::*;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, GenericImageView, ImageEncoder};

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn gradient(width: u32, height: u32) -> DynamicImage {
    let mut image = image::RgbImage::new(width, height);
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        *pixel = image::Rgb([(x * 7) as u8, (y * 5) as u8, 90]);
    }
    image.into()
}

#[test]
fn every_format_is_read_and_its_head_agrees() {
    let image = gradient(21, 13);
    for format in
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp]
    {
        let bytes = encode(&image, format);
        let raster = decode(&bytes).unwrap();
        let head = head(Cursor::new(&bytes)).unwrap();
        assert_eq!((raster.width, raster.height), (21, 13));
        assert_eq!((head.format, head.width, head.height), (format_name(format), 21, 13));
        let (first, pixel) = (image.get_pixel(3, 0), &raster.data[3 * raster.channels..]);
        assert!(first.0[0].abs_diff(pixel[0]) < 12, "{format:?}: {first:?} {:?}", &pixel[..3]);
        assert!(!is_animated(&bytes));
    }
}

#[test]
fn sixteen_bits_and_grey_with_alpha_become_eight() {
    let mut deep = image::ImageBuffer::<image::Rgb<u16>, _>::new(1, 1);
    deep.put_pixel(0, 0, image::Rgb([0, 0x8080, 0xffff]));
    let raster = decode(&encode(&deep.into(), ImageFormat::Png)).unwrap();
    assert_eq!((raster.channels, raster.data), (3, vec![0, 0x80, 255]));
    let mut veiled = image::GrayAlphaImage::new(1, 1);
    veiled.put_pixel(0, 0, image::LumaA([7, 9]));
    let raster = decode(&encode(&veiled.into(), ImageFormat::Png)).unwrap();
    assert_eq!((raster.channels, &raster.data[..]), (4, &[7, 7, 7, 9][..]));
    assert!(raster.is_transparent() && raster.is_grey());
}

#[test]
fn the_stored_orientation_is_applied() {
    // EXIF, little endian, one entry: orientation (0x0112) = 6, turn by 90 degrees clockwise.
    let exif = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let image = gradient(4, 2).into_rgb8();
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    encoder.write_image(image.as_raw(), 4, 2, ExtendedColorType::Rgb8).unwrap();
    let raster = decode(&bytes).unwrap();
    let head = head(Cursor::new(&bytes)).unwrap();
    assert_eq!((raster.width, raster.height), (2, 4));
    assert_eq!((head.width, head.height), (2, 4));
    assert_eq!(raster.data[..3], image.get_pixel(0, 1).0);
}

#[test]
fn the_orientation_behind_the_pixels_is_applied() {
    let exif = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let mut bytes = encode(&gradient(4, 2), ImageFormat::Png);
    let mut chunk = b"eXIf".to_vec();
    chunk.extend(exif);
    let mut crc = flate2::Crc::new();
    crc.update(&chunk);
    let length = (exif.len() as u32).to_be_bytes();
    let chunk = [&length[..], &chunk, &crc.sum().to_be_bytes()].concat();
    // Before the last chunk, IEND.
    let end = bytes.len() - 12;
    bytes.splice(end..end, chunk);
    let (raster, head) = (decode(&bytes).unwrap(), head(Cursor::new(&bytes)).unwrap());
    assert_eq!(((raster.width, raster.height), (head.width, head.height)), ((2, 4), (2, 4)));
}

#[test]
fn what_follows_a_jpeg_is_no_matter_and_what_lacks_its_end_is_cut() {
    let whole = encode(&gradient(64, 64), ImageFormat::Jpeg);
    for film in [&b"ftypmp42\xff\xda\0\x08 no end"[..], b"\xff\xd9\xff\xda", b"\xff\xd8\xff"] {
        let photograph = [&whole, film].concat();
        assert_eq!(decode(&photograph).unwrap().data, decode(&whole).unwrap().data);
        // Cut before its end, the film has none of its own.
        let cut = [&whole[..whole.len() - 2], film].concat();
        assert_eq!(is_cut_jpeg(&cut), !film.windows(2).any(|pair| pair == [0xff, 0xd9]));
    }
    // A smaller picture among what describes it has an end of its own.
    let mut described = whole.clone();
    let length = (whole.len() as u16 + 2).to_be_bytes();
    described.splice(2..2, [&[0xff, 0xe1], &length[..], &whole[..]].concat());
    assert!(!is_cut_jpeg(&described) && is_cut_jpeg(&described[..described.len() - 2]));
}

#[test]
fn a_cut_file_is_refused_in_every_format() {
    let image = gradient(64, 64);
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp] {
        let bytes = encode(&image, format);
        for keep in [bytes.len() / 2, bytes.len() * 3 / 4] {
            let error = decode(&bytes[..keep]).unwrap_err();
            assert!(error.contains("truncated") || error.contains("decoded"), "{format:?} {error}");
        }
    }
    assert!(decode(b"no picture at all").unwrap_err().contains("is not a PNG"));
    assert!(decode(b"").is_err());
}

/// A PNG whose header declares `side` x `side` pixels and whose checksums are right.
pub(crate) fn png_declaring(side: u32) -> Vec<u8> {
    let mut bytes = encode(&gradient(4, 4), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&side.to_be_bytes());
    bytes[20..24].copy_from_slice(&side.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    bytes
}

#[test]
fn absurd_dimensions_are_refused_from_the_header() {
    for side in [8193, 100_000] {
        let bytes = png_declaring(side);
        for error in [decode(&bytes).unwrap_err(), head(Cursor::new(&bytes)).unwrap_err()] {
            assert!(error.contains("64 megapixels"), "{error}");
        }
    }
    assert!(!decode(&png_declaring(5)).unwrap_err().contains("megapixels"));
}

#[test]
fn the_first_frame_of_an_animation_is_taken() {
    let mut bytes = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        for value in [200u8, 30] {
            let frame = image::RgbaImage::from_pixel(4, 4, image::Rgba([value, 0, 0, 255]));
            encoder.encode_frame(image::Frame::new(frame)).unwrap();
        }
    }
    assert!(is_animated(&bytes));
    assert_eq!(decode(&bytes).unwrap().data[..3], [200, 0, 0]);
}

#[test]
fn the_gate_lets_everyone_through_in_turn() {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for bytes in [1u64, 900 << 20, u64::MAX, 600 << 20] {
                    let _turn = gate::enter(bytes);
                }
            });
        }
    });
}

#[test]
fn frames_are_counted_however_large_they_are_said_to_be() {
    let frame = |side: u16| {
        let [low, high] = side.to_le_bytes();
        // No pixels but the codes for clear and end.
        [0x2c, 0, 0, 0, 0, low, high, low, high, 0, 2, 1, 0x2c, 0]
    };
    let screen = [16, 0, 16, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255];
    let file = |frames: &[u16]| -> Vec<u8> {
        let frames = frames.iter().flat_map(|side| frame(*side));
        b"GIF89a".iter().copied().chain(screen).chain(frames).chain([0x3b]).collect()
    };
    // The second one would take 17 GB.
    assert!(is_animated(&file(&[16, u16::MAX])));
    assert!(!is_animated(&file(&[16])) && !is_animated(&file(&[])));
}
