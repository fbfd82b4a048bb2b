//! Pages for the browser: one file each, with its pictures inside, that needs no network.

use base64::Engine;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// One look for every page; follows the light or dark of the system, and folds on narrow screens.
const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --strong: #0a7d5a; }
@media (prefers-color-scheme: dark) { :root { --strong: #3fd0a0; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .8rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } thead th { border-bottom-width: 2px; }
.best { font-weight: 700; color: var(--strong); } .note { opacity: .75; max-width: 60rem; }
figure { margin: 1.2rem 0; } figcaption { font-weight: 600; margin-bottom: .3rem; }
img { max-width: 100%; image-rendering: pixelated; border-radius: 4px; }
img.chart { image-rendering: auto; background: #fff; }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; border-radius: 4px; }
";

/// A whole page.
pub(crate) fn page(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "softreg " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { h1 { (title) } (body) }
        }
    }
    .into_string()
}

/// What a picture shows: pixels stay sharp in pictures, lines smooth in charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Generated pictures.
    Pictures,
    /// A chart.
    Chart,
}

/// A PNG picture inside the page.
pub(crate) fn figure(png: &[u8], caption: &str, shown: Shown) -> Markup {
    let data = base64::engine::general_purpose::STANDARD.encode(png);
    let class = match shown {
        Shown::Pictures => "pictures",
        Shown::Chart => "chart",
    };
    html! {
        figure {
            figcaption { (caption) }
            img class=(class) alt=(caption) src={ "data:image/png;base64," (data) };
        }
    }
}

/// A cell of a table.
pub(crate) struct Cell {
    /// Its text.
    pub text: String,
    /// Whether it is the best of its column.
    pub best: bool,
}

/// A table whose first column names the rows.
pub(crate) fn table(heads: &[String], rows: &[Vec<Cell>]) -> Markup {
    html! {
        div class="scroll" tabindex="0" {
            table {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (i, cell) in row.iter().enumerate() {
                                @if i == 0 { th scope="row" { (cell.text) } }
                                @else { td class=[cell.best.then_some("best")] { (cell.text) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The same table as Markdown.
pub(crate) fn markdown(heads: &[String], rows: &[Vec<Cell>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let escaped = |text: &str| text.replace('|', "\\|");
    let rule = |i: usize| if i == 0 { "---" } else { "---:" }.to_owned();
    let mut text = line(heads.iter().map(|head| escaped(head)).collect());
    text += &line((0..heads.len()).map(rule).collect());
    for row in rows {
        let cell = |cell: &Cell| match cell.best {
            true => format!("**{}**", escaped(&cell.text)),
            false => escaped(&cell.text),
        };
        text += &line(row.iter().map(cell).collect());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_nothing_is_fetched() {
        let cell = |text: &str| Cell { text: text.to_owned(), best: text == "1" };
        let heads = ["ARM".to_owned(), "<b>".to_owned()];
        let body = table(&heads, &[vec![cell("a & b"), cell("1")]]);
        let text = page("1 < 2", &html! { (body) (figure(b"png", "so", Shown::Pictures)) });
        assert!(text.starts_with("<!DOCTYPE html>") && text.contains("<title>1 &lt; 2</title>"));
        assert!(text.contains("&lt;b&gt;") && text.contains("a &amp; b"));
        assert!(text.contains(r#"<td class="best">1</td>"#) && text.contains("base64,cG5n"));
        assert!(!text.contains("http"), "{text}");
    }
}
