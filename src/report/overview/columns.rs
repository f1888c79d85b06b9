//! A table of text, never wider than a terminal.

use anstyle::Style;
use textwrap::core::display_width;

use crate::report::show::WIDTH;

/// The space between two columns.
const GAP: usize = 2;
/// No column is made narrower than this.
const NARROWEST: usize = 8;
/// A longer word is taken apart like any text.
const LONGEST: usize = 25;

/// What stands in one field. The text has no colour of its own.
#[derive(Debug, Clone, Default)]
pub struct Field {
    pub text: String,
    pub style: Style,
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), style: Style::new() }
    }
}

/// The rows under each other; each has a field for every column. What is too wide goes on below.
pub fn columns(rows: &[Vec<Field>]) -> String {
    let widths = widths(rows);
    rows.iter().map(|row| lines(row, &widths)).collect()
}

/// How wide the columns are: as their fields need it. If that is too much the widest give way, first those whose fields
/// are of several words.
fn widths(rows: &[Vec<Field>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest = |column: usize, measure: fn(&str) -> usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|field| measure(&field.text)).max().unwrap_or_default()
    };
    let mut widths: Vec<usize> = (0..columns).map(|column| widest(column, display_width)).collect();
    let words: Vec<usize> = (0..columns).map(|column| widest(column, longest_word)).collect();
    while widths.iter().sum::<usize>() + GAP * columns.saturating_sub(1) > WIDTH {
        let of_words = (0..columns).filter(|&column| widths[column] > words[column].max(NARROWEST));
        let of_all = (0..columns).filter(|&column| widths[column] > NARROWEST);
        let gives_way = of_words.max_by_key(|&column| widths[column]).or(of_all.max_by_key(|&column| widths[column]));
        match gives_way {
            Some(column) => widths[column] -= 1,
            None => break,
        }
    }
    widths
}

/// How wide the longest part of a text is that is better not taken apart.
fn longest_word(text: &str) -> usize {
    text.split_inclusive([' ', '-']).map(|word| display_width(word.trim_end())).max().unwrap_or_default().min(LONGEST)
}

/// One row: as many lines as its tallest field.
fn lines(row: &[Field], widths: &[usize]) -> String {
    let wrapped = |(field, width): (&Field, &usize)| -> Vec<String> {
        textwrap::wrap(&field.text, (*width).max(1)).into_iter().map(|line| line.trim_end().to_owned()).collect()
    };
    let fields: Vec<Vec<String>> = row.iter().zip(widths).map(wrapped).collect();
    let height = fields.iter().map(Vec::len).max().unwrap_or_default();
    let mut text = String::new();
    for line in 0..height {
        let mut padding = 0;
        for ((field, parts), width) in row.iter().zip(&fields).zip(widths) {
            let part = parts.get(line).map_or("", String::as_str);
            if !part.is_empty() {
                let style = field.style;
                text += &format!("{}{style}{part}{style:#}", " ".repeat(padding));
                padding = 0;
            }
            padding += width.saturating_sub(display_width(part)) + GAP;
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&[&str]]) -> String {
        columns(&rows.iter().map(|row| row.iter().map(|text| Field::from(*text)).collect()).collect::<Vec<_>>())
    }

    #[test]
    fn fields_stand_under_each_other_and_no_line_ends_in_space() {
        assert_eq!(
            table(&[&["a", "long", ""], &["four", "b", "c"], &["", "", "d"]]),
            "a     long\nfour  b     c\n            d\n"
        );
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn what_is_too_wide_goes_on_below() {
        let long = format!("target/trees/{}", "x".repeat(120));
        let text = table(&[&[&long, "6.1.0-50-powerpc64le", "✔ 399 held"], &["short", "b", "c"]]);
        assert!(text.lines().all(|line| display_width(line) <= WIDTH), "{text}");
        assert_eq!(text.lines().count(), 4, "{text}");
        let wide = "幅".repeat(90);
        assert!(table(&[&[&wide, &long, &wide]]).lines().all(|line| display_width(line) <= WIDTH));
    }

    #[test]
    fn what_has_several_words_gives_way_first() {
        let kernel = "6.12.117+deb13-cloud-amd64 and more of it";
        let place = "p".repeat(24);
        let columns = [place.as_str(), kernel, "✔ 399 held", "✔ 399 held", "x", "x", "user-emulated"];
        let text = table(&[&columns]);
        assert!(text.starts_with(&format!("{place}  6.12.117+deb13-cloud-")), "{text}");
        assert!(text.contains("  ✔ 399 held  ✔ 399 held  x  x  user-emulated\n"), "{text}");
    }

    #[test]
    fn colour_takes_no_room() {
        let green = anstyle::AnsiColor::Green.on_default();
        let field = |text: &str| Field { text: text.to_owned(), style: green };
        let text = columns(&[vec![field("held"), field("x")], vec![field("a"), field("y")]]);
        assert!(text.contains('\u{1b}'));
        assert_eq!(anstream::adapter::strip_str(&text).to_string(), "held  x\na     y\n");
    }
}
