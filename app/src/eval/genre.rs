//! Broad genres from what a manifest says in free words, so that figures can be given by genre. Any thread.
//!
//! A corpus of fifty pieces names forty genres; a mean over one piece says nothing. Nine groups do.

/// Where nothing below fits.
pub const OTHER: &str = "other";

/// Groups, each with the words that put a piece into it; the first group with a word in the text has the piece.
const GROUPS: [(&str, &[&str]); 8] = [
    ("drums and percussion alone", &["drums only", "percussion", "tamborim"]),
    ("classical", &["classical", "orchestral", "piano", "strings"]),
    ("synthetic", &["synthetic"]),
    ("blues, jazz, funk", &["blues", "jazz", "funk", "swing"]),
    // Before rock and folk: "pop rock" and "folk pop" are songs.
    ("pop", &["pop"]),
    ("folk", &["folk"]),
    // Before electronic: "electronic rock" has a band.
    ("rock and metal", &["rock", "metal", "doom", "industrial", "punk"]),
    ("electronic", &["electronic", "drum and bass", "techno", "house", "dance"]),
];

/// The group of a genre in free words; `None` where nobody said one.
pub fn group_of(genre: &str) -> Option<&'static str> {
    let genre = genre.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| genre.contains(word));
    let known = GROUPS.iter().find(|(_, words)| has(words)).map(|(name, _)| *name);
    (!genre.trim().is_empty()).then(|| known.unwrap_or(OTHER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_group_with_a_word_has_the_piece() {
        for (genre, group) in [
            ("drums only: rock", "drums and percussion alone"),
            ("drum and bass / electronic", "electronic"),
            ("Classical piano", "classical"),
            ("pop/rock/electronic synthetic", "synthetic"),
            ("folk pop, vocals", "pop"),
            ("folk, no drums", "folk"),
            ("electronic rock", "rock and metal"),
            ("work song / blues", "blues, jazz, funk"),
            ("5/4", OTHER),
        ] {
            assert_eq!(group_of(genre), Some(group), "{genre}");
        }
        assert_eq!((group_of(""), group_of("  ")), (None, None));
    }
}
