//! The contact sheet on paper: pages of A4 with a number, and where there is one a label, below each picture.
//!
//! Why enlarged here: viewers and printers smooth small pictures, each in its own way, so every pixel becomes a
//! square of many dots before they get it.

use crate::{Error, Picture, Result};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use std::io::Write;

/// A4 in points, 1/72 inch.
const PAGE_PT: [f32; 2] = [595.28, 841.89];
/// White around everything.
const MARGIN_PT: f32 = 42.0;
/// Above the first row: the title.
const HEAD_PT: f32 = 34.0;
/// Between pictures, side by side.
const GAP_PT: f32 = 10.0;
/// Below a picture, for its caption.
const CAPTION_PT: f32 = 18.0;
/// Pictures side by side: as few of these as bring all onto one page.
const COLUMNS: std::ops::RangeInclusive<usize> = 4..=8;
/// Pictures side by side where one page is not enough.
const COLUMNS_OF_MANY: usize = 6;
/// A picture has at least about so many dots from side to side.
const DOTS: u32 = 320;
/// What shows through transparent pictures.
const PAPER: u8 = 255;
/// Most times as high as wide: higher ones would not fit on a page.
const HIGHEST_RATIO: f32 = 4.0;

/// A PDF of pictures of one size, `title` on each page, each picture with its number, by which it is also known elsewhere, and its
/// caption (an empty one is left out). Letters that Western European fonts lack become question marks.
///
/// # Errors
/// [`Error::Draw`] without pictures, with numbers or captions for more or fewer of them, with pictures of several sizes, or
/// more than 4 times as high as wide.
pub fn contact_sheet_pdf(
    title: &str,
    pictures: &[Picture<'_>],
    numbers: &[u64],
    captions: &[String],
) -> Result<Vec<u8>> {
    let Some(first) = pictures.first() else {
        return Err(Error::draw("a contact sheet needs at least one picture"));
    };
    if numbers.len() != pictures.len() || captions.len() != pictures.len() {
        let (numbers, captions, pictures) = (numbers.len(), captions.len(), pictures.len());
        return Err(Error::draw(format!(
            "{numbers} numbers and {captions} captions for {pictures} pictures"
        )));
    }
    let ratio = first.height() as f32 / first.width() as f32;
    let size = (first.width(), first.height());
    if ratio > HIGHEST_RATIO || pictures.iter().any(|p| (p.width(), p.height()) != size) {
        return Err(Error::draw(
            "all pictures of a printed sheet must have the same size, at most 4 times as high as wide",
        ));
    }
    let grid = |columns: usize| {
        let gaps = (columns - 1) as f32 * GAP_PT;
        let width = (PAGE_PT[0] - 2.0 * MARGIN_PT - gaps) / columns as f32;
        let room = PAGE_PT[1] - 2.0 * MARGIN_PT - HEAD_PT;
        let rows = ((room / (width * ratio + CAPTION_PT)) as usize).max(1);
        (columns, rows, width)
    };
    let one_page = COLUMNS.map(grid).find(|(columns, rows, _)| columns * rows >= pictures.len());
    let (columns, rows, width) = one_page.unwrap_or_else(|| grid(COLUMNS_OF_MANY));
    let height = width * ratio;
    let scale = DOTS.div_ceil(first.width()).max(1);

    let mut pdf = Pdf::new();
    let mut next = 0;
    let mut new = || {
        next += 1;
        Ref::new(next)
    };
    let (catalog, tree, font, about) = (new(), new(), new(), new());
    pdf.catalog(catalog).pages(tree);
    pdf.document_info(about).title(TextStr(title)).creator(TextStr("softreg"));
    pdf.type1_font(font)
        .base_font(Name(b"Helvetica"))
        .encoding_predefined(Name(b"WinAnsiEncoding"));
    let count = pictures.len().div_ceil(rows * columns);
    let pages: Vec<Ref> = (0..count).map(|_| new()).collect();
    pdf.pages(tree).kids(pages.iter().copied()).count(count as i32);
    let shown: Vec<_> = pictures.iter().zip(numbers).zip(captions).collect();
    for (number, (page, part)) in pages.iter().zip(shown.chunks(rows * columns)).enumerate() {
        let mut content = Content::new();
        let top = PAGE_PT[1] - MARGIN_PT;
        text(&mut content, 14.0, [MARGIN_PT, top - 12.0], title);
        let foot = format!("{} / {count}", number + 1);
        text(&mut content, 8.0, [PAGE_PT[0] - MARGIN_PT - 20.0, MARGIN_PT / 2.0], &foot);
        let mut images = Vec::new();
        for (i, ((picture, nth), caption)) in part.iter().enumerate() {
            let x = MARGIN_PT + (i % columns) as f32 * (width + GAP_PT);
            let row = (i / columns) as f32;
            let y = top - HEAD_PT - row * (height + CAPTION_PT) - height;
            let (image, name) = (new(), format!("P{i}"));
            content.save_state().transform([width, 0.0, 0.0, height, x, y]);
            content.x_object(Name(name.as_bytes())).restore_state();
            let below = match caption.is_empty() {
                true => nth.to_string(),
                false => format!("{nth}  {caption}"),
            };
            // About what fits below a picture.
            let below: String = below.chars().take((width / 4.0) as usize).collect();
            text(&mut content, 7.0, [x, y - 9.0], &below);
            let drawn = picture.to_rgb_on(scale, PAPER);
            let data = deflate(drawn.as_raw())?;
            let mut object = pdf.image_xobject(image, &data);
            object.filter(Filter::FlateDecode);
            object.width(drawn.width() as i32).height(drawn.height() as i32);
            object.color_space().device_rgb();
            object.bits_per_component(8);
            object.finish();
            images.push((name, image));
        }
        let (written, drawn) = (new(), deflate(content.finish().as_slice())?);
        pdf.stream(written, &drawn).filter(Filter::FlateDecode);
        let mut page = pdf.page(*page);
        page.media_box(Rect::new(0.0, 0.0, PAGE_PT[0], PAGE_PT[1])).parent(tree).contents(written);
        let mut resources = page.resources();
        resources.fonts().pair(FONT, font);
        resources.x_objects().pairs(images.iter().map(|(name, id)| (Name(name.as_bytes()), *id)));
    }
    Ok(pdf.finish())
}

const FONT: Name<'static> = Name(b"F");

/// A line of text, `at` where its first letter stands.
fn text(content: &mut Content, size: f32, at: [f32; 2], text: &str) {
    // WinAnsi has the letters of Latin-1 at their own numbers.
    let byte = |c: char| match u32::from(c) {
        code @ (0x20..=0x7e | 0xa0..=0xff) => code as u8,
        _ => b'?',
    };
    let bytes: Vec<u8> = text.chars().map(byte).collect();
    content.begin_text().set_font(FONT, size).next_line(at[0], at[1]);
    content.show(Str(&bytes)).end_text();
}

fn deflate(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(Error::draw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// What stands between `stream` and `endstream`, decompressed.
    fn streams(pdf: &[u8]) -> Vec<Vec<u8>> {
        let mark = |from: usize, word: &[u8]| {
            pdf[from..].windows(word.len()).position(|w| w == word).map(|at| from + at)
        };
        let (mut found, mut from) = (Vec::new(), 0);
        while let Some(start) = mark(from, b">>\nstream\n") {
            let end = mark(start, b"\nendstream").unwrap();
            let mut bytes = Vec::new();
            flate2::read::ZlibDecoder::new(&pdf[start + 10..end]).read_to_end(&mut bytes).unwrap();
            found.push(bytes);
            from = end;
        }
        found
    }

    fn counted(count: usize) -> Vec<u64> {
        (1..=count as u64).collect()
    }

    fn pages(pdf: &[u8]) -> usize {
        String::from_utf8_lossy(pdf).matches("/Type /Page\n").count()
    }

    #[test]
    fn as_many_as_fit_are_on_one_page() {
        for (count, expected) in [(1, 1), (64, 1), (72, 1), (73, 2)] {
            let planes = vec![9; count];
            let pictures = Picture::batch(1, 1, 1, &planes).unwrap();
            let pdf =
                contact_sheet_pdf("", &pictures, &counted(count), &vec![String::new(); count])
                    .unwrap();
            assert_eq!(pages(&pdf), expected, "{count}");
        }
    }

    #[test]
    fn every_picture_is_on_a_page_pixel_by_pixel_with_its_caption() {
        let count = 100;
        let planes: Vec<u8> = (0..count * 4).map(|i| i as u8).collect();
        let pictures = Picture::batch(1, 2, 2, &planes).unwrap();
        let captions: Vec<String> = (0..count).map(|i| format!("kind {i} ü✓")).collect();
        let pdf = contact_sheet_pdf("A title (1)", &pictures, &counted(count), &captions).unwrap();
        assert!(pdf.starts_with(b"%PDF-") && pdf.trim_ascii_end().ends_with(b"%%EOF"));
        let whole = String::from_utf8_lossy(&pdf).into_owned();
        let images = whole.matches("/Subtype /Image").count();
        assert_eq!((images, pages(&pdf)), (count, 3));
        let streams = streams(&pdf);
        let drawn: Vec<_> = streams.iter().filter(|s| s.len() == 320 * 320 * 3).collect();
        assert_eq!(drawn.len(), count);
        for (picture, pixels) in planes.chunks(4).zip(drawn) {
            for (i, value) in picture.iter().enumerate() {
                let (x, y) = (i % 2 * 319, i / 2 * 319);
                assert_eq!(pixels[(y * 320 + x) * 3..][..3], [*value; 3]);
            }
        }
        let texts: Vec<u8> =
            streams.iter().filter(|s| s.starts_with(b"BT")).flatten().copied().collect();
        let has = |wanted: &[u8]| texts.windows(wanted.len()).any(|w| w == wanted);
        assert!(has(b"kind 99 \xfc?") && has(b"A title \\(1\\)") || has(b"A title (1)"));
        assert!(has(b"3 / 3"));
        // Side by side in rows, from the top: 42 of 6 in a row on a full page.
        let content =
            String::from_utf8_lossy(streams.iter().find(|s| s.starts_with(b"BT")).unwrap());
        let places: Vec<(f32, f32)> = content
            .lines()
            .filter_map(|line| {
                let numbers = line.strip_suffix(" cm")?.split(' ').map(|n| n.parse().unwrap());
                let [.., x, y] = numbers.collect::<Vec<f32>>()[..] else { return None };
                Some((x, y))
            })
            .collect();
        assert_eq!(places.len(), 42);
        for (i, (x, y)) in places.iter().enumerate() {
            assert_eq!((*x, *y), (places[i % 6].0, places[i / 6 * 6].1));
            assert!(i % 6 == 0 || *x > places[i - 1].0 + 70.0);
            assert!(i < 6 || *y < places[i - 6].1 - 70.0);
        }
    }

    #[test]
    fn a_picture_bears_the_number_that_it_has() {
        let planes = [9, 9];
        let two = Picture::batch(1, 1, 1, &planes).unwrap();
        let pdf = contact_sheet_pdf("", &two, &[12, 7], &["owl".into(), String::new()]).unwrap();
        let content = streams(&pdf).into_iter().find(|s| s.starts_with(b"BT")).unwrap();
        let content = String::from_utf8_lossy(&content).into_owned();
        let at = |text: &str| content.find(text).unwrap_or_else(|| panic!("{text}: {content}"));
        assert!(at("(12  owl)") < at("(7)") && !content.contains("(1)"), "{content}");
    }

    #[test]
    fn paper_shows_through_what_is_transparent() {
        let clear = Picture::new(4, 1, 1, &[0; 4]).unwrap();
        let pdf = contact_sheet_pdf("", &[clear], &[1], &[String::new()]).unwrap();
        let drawn = streams(&pdf).into_iter().find(|s| s.len() == 320 * 320 * 3).unwrap();
        assert!(drawn.iter().all(|value| *value == 255));
    }

    #[test]
    fn what_cannot_be_printed_is_refused() {
        let planes = [0; 8];
        let two = Picture::batch(1, 2, 2, &planes).unwrap();
        let high = [Picture::new(1, 8, 1, &planes).unwrap()];
        let captions = |n| vec![String::new(); n];
        assert!(contact_sheet_pdf("", &two, &[1, 2], &captions(2)).is_ok());
        for refused in [
            contact_sheet_pdf("", &[], &[], &[]),
            contact_sheet_pdf("", &two, &[1, 2], &captions(1)),
            contact_sheet_pdf("", &two, &[1], &captions(2)),
            contact_sheet_pdf("", &high, &[1], &captions(1)),
            contact_sheet_pdf("", &[two[0], high[0]], &[1, 2], &captions(2)),
        ] {
            assert!(matches!(refused, Err(Error::Draw { .. })));
        }
    }
}
