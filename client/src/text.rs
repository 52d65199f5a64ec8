//! Text that somebody else wrote, made fit for a terminal and a log.

use std::borrow::Cow;

/// `text` with everything escaped that a terminal obeys instead of showing it, line breaks included: as `\u{1b}` and `\n`.
pub fn legible(text: &str) -> Cow<'_, str> {
	escaped(text, |_| false)
}

/// As [`legible`], of text that may have several lines: line breaks and tabs stay.
pub fn legible_lines(text: &str) -> Cow<'_, str> {
	escaped(text, |character| matches!(character, '\n' | '\t'))
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
	let goes = |character: char| is_obeyed(character) && !stays(character);
	if !text.chars().any(&goes) {
		return Cow::Borrowed(text);
	}
	let mut fit = String::with_capacity(text.len());
	for character in text.chars() {
		if goes(character) {
			fit.extend(character.escape_default());
		} else {
			fit.push(character);
		}
	}
	Cow::Owned(fit)
}

/// Control characters, and those that begin a line or turn the direction of what follows.
fn is_obeyed(character: char) -> bool {
	character.is_control()
		|| matches!(
			character,
			'\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
		)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_a_terminal_would_obey_is_shown() {
		assert_eq!(
			legible("a\u{1b}[2J\u{9b}1m\u{7f}b\r\n\tc"),
			r"a\u{1b}[2J\u{9b}1m\u{7f}b\r\n\tc"
		);
		assert_eq!(legible("photo\u{202e}gpj.exe"), r"photo\u{202e}gpj.exe");
		assert_eq!(legible_lines("a\tb\n\u{1b}c\r"), "a\tb\n\\u{1b}c\\r");
		for plain in ["", "übung ✓", "a \\ \"b\" 'c'", "日本語"] {
			assert!(matches!(legible(plain), Cow::Borrowed(text) if text == plain), "{plain}");
		}
	}
}
