//! Which bar and which phrase a beat belongs to: counters that go on where the source knows only its place in the bar.
//!
//! A phrase is so many bars; where another section was said to begin, the bar that is then playing is the first of a new phrase.
//! Bars that trigger something every so often are counted from there as well, so that they stay with the music.

/// Counts bars and phrases, beat by beat.
#[derive(Debug, Clone)]
pub struct Places {
    phrase_bars: u16,
    /// Bars begun; 0 before the first known downbeat.
    bar: u64,
    /// Phrases begun.
    phrase: u64,
    /// The bar that is the first of the phrase.
    phrase_start: u64,
    new_section: bool,
}

/// The place of one beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Bars begun; 0 = unknown.
    pub bar: u64,
    /// Bar of the phrase, 1-based; 0 = unknown.
    pub bar_in_phrase: u16,
    /// Phrases begun; 0 = unknown.
    pub phrase: u64,
    /// Bars since the first one of the section, 0-based.
    bars_since: u64,
    is_downbeat: bool,
}

impl Place {
    /// Whether a group of so many bars begins on this beat.
    pub fn begins_every(&self, n_bars: u16) -> bool {
        self.is_downbeat && self.bar > 0 && self.bars_since.is_multiple_of(u64::from(n_bars.max(1)))
    }
}

impl Places {
    /// Before the first beat; phrases of `phrase_bars` bars, at least 1.
    pub fn new(phrase_bars: u16) -> Self {
        Self { phrase_bars: phrase_bars.max(1), bar: 0, phrase: 0, phrase_start: 0, new_section: false }
    }

    /// Another section was said to play.
    pub fn section(&mut self) {
        self.new_section = true;
    }

    /// The next beat, with its position in the bar (1-based, 0 = unknown).
    pub fn beat(&mut self, beat_in_bar: u8) -> Place {
        if self.new_section && self.bar > 0 {
            self.new_section = false;
            // The bar that plays is the first one; a beat that begins a bar belongs to that bar.
            self.phrase_start = if beat_in_bar == 1 { self.bar + 1 } else { self.bar };
            self.phrase += 1;
        }
        let is_downbeat = beat_in_bar == 1;
        if is_downbeat {
            self.bar += 1;
            if self.bar == 1 {
                (self.phrase, self.phrase_start, self.new_section) = (1, 1, false);
            }
        }
        let bars_since = self.bar.saturating_sub(self.phrase_start);
        if is_downbeat && bars_since > 0 && bars_since.is_multiple_of(u64::from(self.phrase_bars)) {
            self.phrase += 1;
        }
        if self.bar == 0 {
            return Place::default();
        }
        let bar_in_phrase = (bars_since % u64::from(self.phrase_bars)) as u16 + 1;
        Place { bar: self.bar, bar_in_phrase, phrase: self.phrase, bars_since, is_downbeat }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(phrase_bars: u16, beats: impl IntoIterator<Item = u8>) -> (Places, Vec<Place>) {
        let mut counter = Places::new(phrase_bars);
        let places = beats.into_iter().map(|beat| counter.beat(beat)).collect();
        (counter, places)
    }

    #[test]
    fn nothing_is_known_before_the_first_downbeat() {
        let (_, got) = places(4, [3, 4, 1]);
        assert_eq!((got[0], got[1].bar), (Place::default(), 0));
        assert_eq!((got[2].bar, got[2].bar_in_phrase, got[2].phrase), (1, 1, 1));
    }

    #[test]
    fn bars_and_phrases_count_downbeats() {
        let (_, got) = places(2, [1, 2, 1, 2, 1, 2]);
        let said: Vec<_> = got.iter().map(|p| (p.bar, p.bar_in_phrase, p.phrase)).collect();
        assert_eq!(said, [(1, 1, 1), (1, 1, 1), (2, 2, 1), (2, 2, 1), (3, 1, 2), (3, 1, 2)]);
    }

    #[test]
    fn groups_begin_on_downbeats_only() {
        let (_, got) = places(8, [1, 2, 1, 2, 1, 2]);
        let every_two: Vec<bool> = got.iter().map(|p| p.begins_every(2)).collect();
        assert_eq!(every_two, [true, false, false, false, true, false]);
    }

    #[test]
    fn a_section_makes_the_present_bar_the_first_of_a_phrase() {
        let (mut counter, _) = places(8, [1, 2, 3, 4, 1, 2]);
        counter.section();
        let place = counter.beat(3);
        assert_eq!((place.bar, place.bar_in_phrase, place.phrase), (2, 1, 2));
        counter.beat(4);
        let next = counter.beat(1);
        assert_eq!((next.bar, next.bar_in_phrase, next.phrase, next.begins_every(8)), (3, 2, 2, false));
    }

    #[test]
    fn a_section_said_just_before_a_downbeat_begins_there() {
        let (mut counter, _) = places(8, [1, 2]);
        counter.section();
        let place = counter.beat(1);
        assert_eq!((place.bar, place.bar_in_phrase, place.phrase, place.begins_every(8)), (2, 1, 2, true));
    }
}
